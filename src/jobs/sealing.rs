//! Seals the audit log within a second of each act, and anchors its head outside the database every hour and at a stop.
//!
//! Not a job: it would write a row a second to say that nothing happened. Any number of processes may do it at once.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::{app::App, services::audit};

/// From an act to its seal, at most about this long.
const PACE: Duration = Duration::from_secs(1);

/// From one anchor to the next.
const ANCHOR_PACE: Duration = Duration::from_secs(3_600);

/// Seals and anchors until the worker ends.
pub(super) async fn keep(app: App) {
    let mut anchored: Option<Instant> = None;
    let mut failing = false;
    loop {
        match audit::seal(&app).await {
            Ok(_) => failing = false,
            Err(error) if !failing => {
                tracing::warn!(%error, "the audit log is not sealed; trying until it is");
                failing = true;
            }
            Err(_) => {}
        }
        if !failing && anchored.is_none_or(|last| last.elapsed() >= ANCHOR_PACE) {
            anchor(&app).await;
            anchored = Some(Instant::now());
        }
        sleep(PACE).await;
    }
}

/// The last word before a stop.
pub(super) async fn last(app: &App) {
    if let Err(error) = audit::seal(app).await {
        tracing::warn!(%error, "the end of the audit log is not sealed; the next start does it");
    }
    anchor(app).await;
}

async fn anchor(app: &App) {
    if let Err(error) = audit::anchors::note(app).await {
        tracing::error!(%error, "the audit log's head was not anchored");
    }
}
