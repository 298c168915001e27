//! Everything a service needs, built once by the roof or by a test.

use std::sync::Arc;

use sqlx::PgPool;
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::{
    clock::Clock,
    config::Config,
    crypto::seal::KeyRing,
    notifiers::Notifier,
    shares::{Share, Shares},
    store::certificates::NameSample,
};

/// Shared by all doors and jobs; cheap to clone.
#[derive(Clone)]
pub struct App {
    /// What the process was started with.
    pub config: Arc<Config>,
    /// The database as the application's role, for requests and job handlers.
    pub pool: PgPool,
    /// A small pool of its own for claiming jobs, so that busy handlers cannot starve it.
    pub queue_pool: PgPool,
    /// The present.
    pub clock: Arc<dyn Clock>,
    /// Seal secrets before they reach a row.
    pub keys: Arc<KeyRing>,
    /// Sends mail; `None` while no relay is configured.
    pub mail: Option<Arc<dyn Notifier>>,
    /// Bounds the Argon2 work that runs at once, so that a flood of sign-ins leaves the rest of the console quick (S1).
    pub password_slots: Arc<Semaphore>,
    /// Bounds the files from outside that are read at once, for the same reason.
    pub reading_slots: Arc<Semaphore>,
    /// How common texts are among the names, which decides how a search is done.
    pub names: Arc<NameSample>,
    /// Bounds the exports that run at once: each holds a connection for as long as its reader reads (S31).
    pub export_slots: Arc<Semaphore>,
    /// How much of them one person may take.
    pub people: Arc<People>,
}

/// What one person may hold of what all need (S31). The command line and the worker are not counted.
#[derive(Debug)]
pub struct People {
    /// Files being read, or waiting for it.
    pub reading: Shares,
    /// Exports.
    pub exports: Shares,
}

impl Default for People {
    fn default() -> Self {
        Self {
            reading: Shares::new("files of one person", usize::MAX, 8),
            exports: Shares::new("exports of one person", usize::MAX, 2),
        }
    }
}

impl People {
    /// One of `shares` for this person, held until it is dropped.
    ///
    /// # Errors
    /// The sentence that says that they have enough of `what` already.
    pub fn take(shares: &Shares, person: Option<i64>, what: &str) -> Result<Share, String> {
        let person = person.map(|person| person.to_string());
        shares
            .take(person.as_deref())
            .ok_or_else(|| format!("you have several {what} at once already; try again when one has ended"))
    }
}

impl App {
    /// The present, UTC.
    pub fn now(&self) -> OffsetDateTime {
        self.clock.now()
    }
}
