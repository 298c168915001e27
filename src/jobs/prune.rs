//! Forgets what nobody needs any more: ended sessions and links, old counters of wrong tries, places of sign-in that are no longer known,
//! old runs and finished jobs.

use time::Duration;

use crate::{
    app::App,
    store::{housekeeping, idempotency},
};

use super::{Claimed, Outcome};

/// The kind of job.
pub const KIND: &str = "prune";

/// How long finished work with its runs and places of sign-in are kept.
pub const KEPT: Duration = Duration::days(30);

/// Removes in small steps, so that no lock is held for long; running it again removes nothing twice.
pub async fn run(app: &App, _job: &Claimed) -> Outcome {
    let now = app.now();
    let pruned = async {
        let sessions = housekeeping::prune_sessions(&app.pool, app.clock.ahead()).await?;
        let links = housekeeping::prune_links(&app.pool, now - Duration::DAY).await?;
        let counters = housekeeping::prune_throttles(&app.pool, now - Duration::days(2)).await?;
        let places = housekeeping::prune_places(&app.pool, now - KEPT).await?;
        let answers = housekeeping::prune_idempotency_keys(&app.pool, now - idempotency::KEPT).await?;
        let jobs = housekeeping::prune_jobs(&app.pool, now - KEPT).await?;
        let workers = housekeeping::prune_workers(&app.pool).await?;
        Ok::<_, crate::store::Error>(format!(
            "removed {sessions} sessions, {links} links, {counters} counters, {places} places of sign-in, {answers} answers, {jobs} finished jobs, {workers} silent workers"
        ))
    };
    match pruned.await {
        Ok(log) => Outcome::Done(log),
        Err(error) => Outcome::backoff(error),
    }
}
