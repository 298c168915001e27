//! `jobs`: background work, cause first.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    routes::{Access, Routes},
    services::{Error, Permission, jobs},
    store::jobs::pages::{Job, PastRun, View},
};

use super::{
    cursor::Part,
    error::Problem,
    extract::{Caller, Id, Query},
};

/// The addresses of this noun.
pub(super) fn routes() -> Routes {
    let (read, write) = (Access::Needs(Permission::JobsRead), Access::Needs(Permission::JobsWrite));
    Routes::new()
        .get("/api/v1/jobs", read, list)
        .get("/api/v1/jobs/{id}", read, show)
        .post("/api/v1/jobs/{id}/retry", write, retry)
        .post("/api/v1/jobs/{id}/cancel", write, cancel)
}

/// A piece of background work.
#[derive(Serialize, ToSchema)]
pub(super) struct JobObject {
    id: i64,
    /// Such as `send_alert`.
    kind: String,
    /// What it is about.
    label: String,
    /// `queued`, `running`, `parked`, `done` or `cancelled`.
    state: String,
    /// Why the last run failed.
    cause: Option<String>,
    /// What the last run said.
    log: String,
    attempts: i32,
    max_attempts: i32,
    /// Not before.
    #[serde(with = "time::serde::rfc3339")]
    run_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    finished_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<Job> for JobObject {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            label: job.label,
            state: job.state,
            cause: job.cause,
            log: job.log,
            attempts: job.attempts,
            max_attempts: job.max_attempts,
            run_at: job.run_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            created_at: job.created_at,
        }
    }
}

/// One run of a job.
#[derive(Serialize, ToSchema)]
pub(super) struct RunObject {
    /// From 1.
    attempt: i32,
    worker: String,
    /// `done`, `retry`, `parked`, `released` or `lost`.
    outcome: String,
    cause: Option<String>,
    log: String,
    #[serde(with = "time::serde::rfc3339")]
    started_at: OffsetDateTime,
    duration_ms: i64,
    /// When the next try was set for.
    #[serde(with = "time::serde::rfc3339::option")]
    next_at: Option<OffsetDateTime>,
}

impl From<PastRun> for RunObject {
    fn from(run: PastRun) -> Self {
        let PastRun { attempt, worker, outcome, cause, log, started_at, duration_ms, next_at, .. } = run;
        Self { attempt, worker, outcome, cause, log, started_at, duration_ms, next_at }
    }
}

/// A job with its runs.
#[derive(Serialize, ToSchema)]
pub(super) struct JobDetail {
    #[serde(flatten)]
    job: JobObject,
    /// The latest first.
    runs: Vec<RunObject>,
}

/// Which jobs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct JobFilter {
    /// `failing` (the default), `running`, `waiting` or `finished`
    state: String,
    /// `next` of the page before
    after: String,
    /// Rows of a page: 1 to 200, 50 unless given
    limit: Option<i64>,
}

/// A page of jobs.
#[derive(Serialize, ToSchema)]
pub(super) struct JobPage {
    items: Vec<JobObject>,
    /// Give it as `after` for the next page; null on the last.
    next: Option<String>,
}

/// List jobs
#[utoipa::path(get, path = "/api/v1/jobs", tag = "jobs", params(JobFilter),
    responses((status = 200, body = JobPage), (status = 422, body = Problem)))]
pub(super) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(given): Query<JobFilter>,
) -> Result<axum::Json<JobPage>, Problem> {
    let view = view(&given.state)?;
    let part = Part { after: given.after, limit: given.limit };
    let after = part.place()?;
    let page = jobs::list(&app, &actor, view, after, usize::try_from(part.limit()).unwrap_or(50)).await?;
    let next = page.next.map(|place| place.to_string());
    Ok(axum::Json(JobPage { items: page.jobs.into_iter().map(JobObject::from).collect(), next }))
}

fn view(word: &str) -> Result<View, Error> {
    match word {
        "" | "failing" => Ok(View::Failing),
        "running" => Ok(View::Running),
        "waiting" => Ok(View::Waiting),
        "finished" => Ok(View::Finished),
        _ => Err(Error::invalid("state", "the state is one of failing, running, waiting, finished")),
    }
}

/// Show a job and its runs
#[utoipa::path(get, path = "/api/v1/jobs/{id}", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = JobDetail), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
) -> Result<axum::Json<JobDetail>, Problem> {
    let (job, runs) = jobs::find(&app, &actor, id).await?;
    Ok(axum::Json(JobDetail { job: job.into(), runs: runs.into_iter().map(RunObject::from).collect() }))
}

/// Try a failed job again
#[utoipa::path(post, path = "/api/v1/jobs/{id}/retry", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = JobDetail), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn retry(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<axum::Json<JobDetail>, Problem> {
    jobs::retry(&app, &caller.0, id).await?;
    show(State(app), caller, Id(id)).await
}

/// Cancel a job that is not done
#[utoipa::path(post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", params(("id" = i64, Path)),
    responses((status = 200, body = JobDetail), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
) -> Result<axum::Json<JobDetail>, Problem> {
    jobs::cancel(&app, &caller.0, id).await?;
    show(State(app), caller, Id(id)).await
}
