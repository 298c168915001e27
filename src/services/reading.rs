//! Reading files that came from outside: costly, so on threads of its own and only a few at once, however many are sent.

use std::time::Duration;

use crate::app::App;

use super::{Error, Result};

/// How long a file waits for its turn before it is sent back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `work` once there is room. Work that has begun keeps its room until it ends, even when nobody waits for it any more.
///
/// # Errors
/// `Unavailable` when other files take all the room for ten seconds.
pub(super) async fn off_thread<T: Send + 'static>(
    app: &App,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    let slot = tokio::time::timeout(PATIENCE, app.reading_slots.clone().acquire_owned())
        .await
        .map_err(|_| Error::Unavailable("many files are being read just now; try again".into()))?
        .map_err(Error::internal)?;
    let done = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        work()
    });
    done.await.map_err(Error::internal)
}
