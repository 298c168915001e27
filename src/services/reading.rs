//! Reading files that came from outside: costly, so on threads of its own and only a few at once, however many are sent.

use std::time::Duration;

use crate::app::{App, People};

use super::{Error, Result};

/// How long a file waits for its turn before it is sent back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `work` for this person once there is room. Work that has begun keeps its room until it ends, even when nobody waits for it any more.
///
/// # Errors
/// `Unavailable` when other files take all the room for ten seconds, or the reader has eight in hand.
pub(super) async fn off_thread<T: Send + 'static>(
    app: &App,
    reader: Option<i64>,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let share = People::take(&app.people.reading, reader, "files being read").map_err(Error::Unavailable)?;
    let slot = tokio::time::timeout(PATIENCE, app.reading_slots.clone().acquire_owned())
        .await
        .map_err(|_| Error::Unavailable("many files are being read just now; try again".into()))?
        .map_err(Error::internal)?;
    let done = tokio::task::spawn_blocking(move || {
        let _held = (slot, share);
        work()
    });
    done.await.map_err(Error::internal)
}
