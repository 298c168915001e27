//! Brings the server back when it ends on its own: killed for want of memory, or by a hand that slipped.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::account::Account;
use super::place::Place;
use super::postmaster::{self, State};
use super::{Error, Running, Settings, rise, turn};

/// Pause between two looks at a server that should run.
const PACE: Duration = Duration::from_secs(1);

/// Longest pause between two tries to start one that does not come up.
const LONGEST: Duration = Duration::from_secs(60);

/// Everything that starting the server again needs.
pub(super) struct Keeper {
    pub settings: Settings,
    pub account: Account,
    pub place: Place,
    pub turn: std::path::PathBuf,
}

impl Keeper {
    /// Looks every second, for as long as the console runs. Never ends by itself.
    pub(super) async fn keep(self, running: std::sync::Arc<Mutex<Running>>) {
        let mut pause = PACE;
        loop {
            tokio::time::sleep(pause).await;
            pause = match self.look(&running).await {
                Ok(false) => PACE,
                Ok(true) => {
                    tracing::error!(log = %self.place.log.display(), "the private PostgreSQL server had ended; it was started again");
                    PACE
                }
                Err(error) => {
                    tracing::error!(%error, "the private PostgreSQL server has ended and does not start");
                    (pause * 2).min(LONGEST)
                }
            };
        }
    }

    /// Answers whether the server had to be started.
    async fn look(&self, running: &Mutex<Running>) -> Result<bool, Error> {
        if !running.lock().unwrap_or_else(PoisonError::into_inner).has_ended(&self.place)? {
            return Ok(false);
        }
        let _turn = turn::take(&self.turn).await?;
        // Another process of ours may have been quicker.
        let was_up = matches!(postmaster::look(&self.place.data())?, State::Up(_));
        let (postmaster, child, connection) = rise(&self.settings, &self.place, &self.account).await?;
        drop(connection);
        *running.lock().unwrap_or_else(PoisonError::into_inner) = Running { postmaster, child };
        Ok(!was_up)
    }
}
