//! Background work for people: what runs, what fails and why, try again, stop.

use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    store::{self, Tx, after::After, alerts::sending, jobs::pages},
};

use super::{Actor, Error, Permission, Result};

pub use crate::store::jobs::{
    pages::{Job, PastRun, View},
    workers::Counts,
};

/// Runs of one job that its page shows.
const RUNS: i64 = 50;

/// A worker that was silent for longer is gone.
const SILENCE: Duration = Duration::MINUTE;

/// A page of a view.
pub struct Page {
    /// In the view's order.
    pub jobs: Vec<Job>,
    /// Where the next page begins, if there is one.
    pub next: Option<After>,
}

/// What a kind is called: `sweep_alerts` reads `Sweep alerts`.
pub fn title(kind: &str) -> String {
    let words = kind.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Jobs of a view. Whoever is limited to teams sees what concerns those.
pub async fn list(app: &App, actor: &Actor, view: View, after: Option<After>, limit: usize) -> Result<Page> {
    actor.require(Permission::JobsRead)?;
    let limit = limit.clamp(1, 500);
    let wanted = i64::try_from(limit).unwrap_or(500) + 1;
    let mut jobs = pages::list(&app.pool, view, actor.reach().as_sql(), after, wanted).await?;
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs.last().filter(|_| more).map(|last| After { at: place(view, last), id: last.id });
    Ok(Page { jobs, next })
}

fn place(view: View, job: &Job) -> OffsetDateTime {
    match view {
        View::Finished => job.finished_at.unwrap_or(job.run_at),
        View::Failing | View::Running | View::Waiting => job.run_at,
    }
}

/// How many jobs there are by state, of those that `list` shows.
pub async fn counts(app: &App, actor: &Actor) -> Result<Counts> {
    actor.require(Permission::JobsRead)?;
    Ok(store::jobs::workers::counts(&app.pool, actor.reach().as_sql()).await?)
}

/// One job with its last runs.
pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<(Job, Vec<PastRun>)> {
    actor.require(Permission::JobsRead)?;
    let job = visible(app, actor, id).await?;
    let runs = pages::runs(&app.pool, id, RUNS).await?;
    Ok((job, runs))
}

/// Runs a failed job again as soon as possible, with a fresh count of tries; its history stays.
pub async fn retry(app: &App, actor: &Actor, id: i64) -> Result<Job> {
    actor.require(Permission::JobsWrite)?;
    let job = visible(app, actor, id).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    match store::jobs::retry_by_hand(&mut tx, id, app.now()).await {
        Ok(true) => {}
        Ok(false) => {
            return Err(Error::Conflict(format!(
                "job {id} is {}, so there is nothing to try again",
                job.state
            )));
        }
        Err(store::Error::Conflict(_)) => {
            return Err(Error::Conflict(format!(
                "job {id} need not run again: another one does the same work"
            )));
        }
        Err(other) => return Err(other.into()),
    }
    tx.commit(event(actor, "job.retried", &job)).await?;
    Ok(job)
}

/// Runs everything that failed again; answers how many jobs.
pub async fn retry_all(app: &App, actor: &Actor) -> Result<u64> {
    actor.require(Permission::JobsWrite)?;
    let mut tx = Tx::begin(&app.pool).await?;
    let retried = store::jobs::retry_all(&mut tx, actor.reach().as_sql(), app.now()).await?;
    if retried > 0 {
        let event =
            actor.event("job.retried", "all failing jobs").with(serde_json::json!({ "jobs": retried }));
        tx.commit(event).await?;
    }
    Ok(retried)
}

/// Ends a job that is not finished; what it does at this moment is not kept.
pub async fn cancel(app: &App, actor: &Actor, id: i64) -> Result<Job> {
    actor.require(Permission::JobsWrite)?;
    let job = visible(app, actor, id).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    if !store::jobs::cancel(&mut tx, id, app.now()).await? {
        return Err(Error::Conflict(format!("job {id} is {} already", job.state)));
    }
    // Otherwise the next sweep would find the mail waiting and begin another job for it.
    sending::abandon(&mut tx, id, app.now()).await?;
    tx.commit(event(actor, "job.cancelled", &job)).await?;
    Ok(job)
}

/// Whether any worker was alive within the last minute.
pub async fn is_worker_alive(app: &App) -> Result<bool> {
    let silence = store::jobs::workers::silence(&app.pool).await?;
    Ok(silence.is_some_and(|silence| silence <= SILENCE))
}

async fn visible(app: &App, actor: &Actor, id: i64) -> Result<Job> {
    pages::find(&app.pool, id, actor.reach().as_sql()).await?.ok_or(Error::NotFound("job"))
}

fn event(actor: &Actor, act: &'static str, job: &Job) -> store::audit::Event {
    let name = format!("{} {}", title(&job.kind), job.label);
    actor.event(act, name.trim_end()).on(job.id).of_team(job.team_id)
}
