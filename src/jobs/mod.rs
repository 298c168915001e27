//! The worker's door: what kinds of work there are, what a run may answer, and the loop that runs them.
//!
//! A handler is a plain function named in [`KINDS`]; it must be able to run again after a crash at any line. It begins each write that
//! depends on still holding the job with [`store::jobs::hold`](crate::store::jobs::hold), so that a run that lost its lease keeps nothing.

pub mod count_check;
pub mod prune;
pub mod clock_check;
pub mod sweep_alerts;
pub mod send_alert;
pub mod tell_parked;
pub mod schedule;
pub mod sealing;
pub mod attempt;
pub mod worker;

use futures_util::future::BoxFuture;
use time::OffsetDateTime;
use tokio::sync::watch;

use crate::app::App;

pub use self::{
    attempt::{drain, run_until_empty},
    worker::Worker,
};
pub use crate::store::jobs::claims::Claimed;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done; the text is kept as the log of the run.
    Done(String),
    /// Failed; whoever refused said when to come back.
    RetryAt {
        /// What went wrong, for people.
        cause: String,
        /// Not before.
        at: OffsetDateTime,
    },
    /// Failed; trying again later may help.
    Backoff {
        /// What went wrong, for people.
        cause: String,
    },
    /// Failed for good until somebody changes something.
    Park {
        /// What went wrong and what to do, for people.
        cause: String,
    },
}

impl Outcome {
    /// A failure that time may cure.
    pub fn backoff(cause: impl ToString) -> Self {
        Outcome::Backoff { cause: cause.to_string() }
    }
}

/// Runs one job.
pub type Handler = for<'a> fn(&'a App, &'a Claimed) -> BoxFuture<'a, Outcome>;

/// A kind of work.
#[derive(Clone, Copy)]
pub struct Kind {
    /// As in the row.
    pub name: &'static str,
    /// What it does.
    pub handler: Handler,
}

/// Every kind of work that this console can do. Jobs of other kinds wait for a worker that knows them.
pub const KINDS: &[Kind] = &[
    Kind { name: count_check::KIND, handler: |app, job| Box::pin(count_check::run(app, job)) },
    Kind { name: prune::KIND, handler: |app, job| Box::pin(prune::run(app, job)) },
    Kind { name: clock_check::KIND, handler: |app, job| Box::pin(clock_check::run(app, job)) },
    Kind { name: sweep_alerts::KIND, handler: |app, job| Box::pin(sweep_alerts::run(app, job)) },
    Kind { name: tell_parked::KIND, handler: |app, job| Box::pin(tell_parked::run(app, job)) },
    Kind { name: send_alert::KIND, handler: |app, job| Box::pin(send_alert::run(app, job)) },
];

/// Works until `stopped` turns true, then gives back what it cannot finish.
pub async fn run(app: App, stopped: watch::Receiver<bool>) {
    sweep_alerts::at_start(&app).await;
    Worker::default().run(app, stopped).await;
}
