//! The worker: claims jobs, runs them, keeps the timetable.

/// Works until `stopped` turns true.
pub async fn run(_app: crate::app::App, mut stopped: tokio::sync::watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}
