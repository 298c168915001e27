//! One run of one job: the handler behind a wall that a panic does not pass, then the outcome by the fence.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::{
    app::App,
    store::{
        self,
        jobs::claims::{self, Claimed, Run},
    },
};

use super::{KINDS, Kind, Outcome, tell_parked};

/// The longest text of a log or cause that a row keeps.
const LONGEST_TEXT: usize = 8_000;

/// Who runs jobs that a test drains.
const DRAIN: &str = "drain";

/// Runs every job that is runnable at the application's clock, also those that the runs enqueue, and answers how many runs that were.
///
/// What backs off waits for the clock. For tests and for the command line; a console has a [`super::Worker`].
///
/// # Errors
/// The database's.
pub async fn run_until_empty(app: &App) -> store::Result<usize> {
    drain(app, KINDS).await
}

/// As [`run_until_empty`], for these kinds only.
///
/// # Errors
/// The database's.
pub async fn drain(app: &App, table: &[Kind]) -> store::Result<usize> {
    let kinds: Vec<String> = table.iter().map(|kind| kind.name.to_owned()).collect();
    let mut runs = 0;
    loop {
        claims::reclaim(&app.queue_pool, app.now()).await?;
        let lease = Duration::from_secs(60);
        let claimed = claims::claim(&app.queue_pool, DRAIN, &kinds, 1, lease, app.now()).await?;
        let Some(job) = claimed.first() else { return Ok(runs) };
        run(app, table, DRAIN, job).await?;
        runs += 1;
    }
}

/// Runs `job` and keeps its outcome. Answers `false` when the job was no longer ours and nothing was kept.
///
/// # Errors
/// The database's, while the outcome was to be kept: the lease will run out, and the job runs again.
pub async fn run(app: &App, kinds: &[Kind], worker: &str, job: &Claimed) -> store::Result<bool> {
    let started = Instant::now();
    let outcome = match kinds.iter().find(|kind| kind.name == job.kind) {
        Some(kind) => {
            AssertUnwindSafe(async { (kind.handler)(app, job).await }).catch_unwind().await.unwrap_or_else(
                |_| Outcome::backoff("the work broke off by a fault of the console; its log has the place"),
            )
        }
        None => Outcome::Park { cause: format!("this console does not know the work `{}`", job.kind) },
    };
    keep(app, worker, job, outcome, started.elapsed()).await
}

async fn keep(
    app: &App,
    worker: &str,
    job: &Claimed,
    outcome: Outcome,
    duration: Duration,
) -> store::Result<bool> {
    let now = app.now();
    let pool = &app.queue_pool;
    let (cause, at) = match outcome {
        Outcome::Done(log) => {
            return claims::finish(pool, job, &Run { worker, log: &cut(log), duration }, now).await;
        }
        Outcome::RetryAt { cause, at } => (cause, Some(at.max(now))),
        Outcome::Backoff { cause } => (cause, Some(now + claims::backoff(job.lease.job, job.attempt))),
        Outcome::Park { cause } => (cause, None),
    };
    let (cause, run) = (cut(cause), Run { worker, log: "", duration });
    match at {
        Some(at) if job.attempt < job.max_attempts => {
            tracing::warn!(
                job = job.lease.job,
                kind = job.kind,
                attempt = job.attempt,
                cause,
                "job failed, will be tried again"
            );
            claims::retry(pool, job, &run, &cause, at).await
        }
        _ => {
            tracing::error!(job = job.lease.job, kind = job.kind, attempt = job.attempt, cause, "job parked");
            let kept = claims::park(pool, job, &run, &cause, now).await?;
            if kept {
                tell_parked::ask(app, &job.kind).await;
            }
            Ok(kept)
        }
    }
}

fn cut(mut text: String) -> String {
    let end = text.floor_char_boundary(LONGEST_TEXT);
    text.truncate(end);
    text.replace('\0', "\u{fffd}")
}
