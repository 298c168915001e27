//! Brings the server back when it ends on its own: killed for want of memory, or by a hand that slipped.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::account::Account;
use super::place::Place;
use super::postmaster::{self, State};
use super::{Error, Rising, Running, Settings, rise, turn};

/// Pause between two looks at a server that should run.
const PACE: Duration = Duration::from_secs(1);

/// Longest pause between two tries to start one that does not come up.
const LONGEST: Duration = Duration::from_secs(60);

/// Everything that starting the server again needs.
pub(super) struct Keeper {
    pub settings: Settings,
    pub account: Account,
    pub place: Place,
    pub turn: PathBuf,
    pub running: Arc<Mutex<Running>>,
}

/// A keeper at work.
#[derive(Debug)]
pub(super) struct Kept {
    task: JoinHandle<()>,
    dismissed: Arc<(AtomicBool, Notify)>,
}

impl Kept {
    /// Tells it to end, without waiting.
    pub(super) fn dismiss(&self) {
        self.dismissed.0.store(true, Ordering::Relaxed);
        self.dismissed.1.notify_one();
    }

    /// Tells it to end and waits: a server that it was just starting has ended as well.
    pub(super) async fn finish(self) {
        self.dismiss();
        // Its only other end is a panic, after which there is nothing to wait for.
        let _ended = self.task.await;
    }
}

impl Keeper {
    /// Looks every second until it is dismissed.
    pub(super) fn start(self) -> Kept {
        let dismissed = Arc::new((AtomicBool::new(false), Notify::new()));
        Kept { task: tokio::spawn(self.keep(dismissed.clone())), dismissed }
    }

    async fn keep(self, dismissed: Arc<(AtomicBool, Notify)>) {
        let mut pause = PACE;
        loop {
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = dismissed.1.notified() => {}
            }
            if dismissed.0.load(Ordering::Relaxed) {
                return;
            }
            match self.has_ended() {
                Ok(false) => pause = PACE,
                Ok(true) => pause = self.raise(&dismissed.0, pause).await,
                Err(error) => {
                    tracing::warn!(%error, "the private PostgreSQL server could not be looked at");
                    pause = longer(pause);
                }
            }
        }
    }

    fn has_ended(&self) -> Result<bool, Error> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).has_ended(&self.place)
    }

    /// Starts the server; answers when to look again.
    async fn raise(&self, dismissed: &AtomicBool, pause: Duration) -> Duration {
        // Another process of ours may be at it, or have been quicker.
        let _turn = match turn::take_if_free(&self.turn) {
            Ok(Some(turn)) => turn,
            Ok(None) => return PACE,
            Err(error) => {
                tracing::error!(%error, "the private PostgreSQL server has ended and cannot be started");
                return longer(pause);
            }
        };
        let was_up = postmaster::look(&self.place.data()).is_ok_and(|state| matches!(state, State::Up(_)));
        let rising =
            Rising { settings: &self.settings, place: &self.place, account: &self.account, may_make: false };
        match rise(rising, dismissed).await {
            Ok((postmaster, child, connection)) => {
                drop(connection);
                *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Running { postmaster, child };
                if !was_up {
                    let log = self.place.log.display();
                    tracing::error!(%log, "the private PostgreSQL server had ended; it was started again");
                }
                PACE
            }
            Err(Error::Dismissed) => PACE,
            Err(error) => {
                tracing::error!(%error, "the private PostgreSQL server has ended and does not start");
                longer(pause)
            }
        }
    }
}

fn longer(pause: Duration) -> Duration {
    (pause * 2).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::super::place;
    use super::*;

    #[tokio::test]
    async fn nothing_is_made_in_the_place_of_a_database_that_is_gone() {
        let folder = std::env::temp_dir().join(format!("notafter-keeper-{}", std::process::id()));
        let settings = Settings::new(folder.join("data"));
        let data_dir = place::data_dir(&settings.data_dir).unwrap();
        let account = Account::choose(&data_dir, &place::recorded_cluster(&data_dir).unwrap()).unwrap();
        let place = place::prepare(&data_dir, &account).unwrap();
        let rising = Rising { settings: &settings, place: &place, account: &account, may_make: false };
        let refused = rise(rising, &AtomicBool::new(false)).await;
        assert!(matches!(refused, Err(Error::DataGone { .. })));
        assert!(!place.data().exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
