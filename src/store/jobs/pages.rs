//! The queue as people see it: lists by state, one job with its runs.

use serde_json::Value;
use sqlx::{FromRow, PgPool, QueryBuilder};
use time::OffsetDateTime;

use crate::store::{Result, after::After};

/// A job as a list shows it.
#[derive(Debug, Clone, PartialEq, FromRow)]
pub struct Job {
    /// Its id.
    pub id: i64,
    /// What is to be done.
    pub kind: String,
    /// What people call the thing it is about.
    pub label: String,
    /// The team whose people may see it.
    pub team_id: Option<i64>,
    /// Which.
    pub payload: Value,
    /// `queued`, `running`, `parked`, `done` or `cancelled`.
    pub state: String,
    /// Not before.
    pub run_at: OffsetDateTime,
    /// Tries so far.
    pub attempts: i32,
    /// Tries before it is parked.
    pub max_attempts: i32,
    /// Who runs it.
    pub worker: Option<String>,
    /// When the present or last run began.
    pub started_at: Option<OffsetDateTime>,
    /// Why the last run failed.
    pub cause: Option<String>,
    /// What the last run said.
    pub log: String,
    /// When it was enqueued.
    pub created_at: OffsetDateTime,
    /// When it ended.
    pub finished_at: Option<OffsetDateTime>,
}

/// A view of the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Parked, or failed and waiting for the next try; the newest first.
    Failing,
    /// Running now; the newest first.
    Running,
    /// Waiting, none failed so far; the next first.
    Waiting,
    /// Done or cancelled; the last ended first.
    Finished,
}

/// A run of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// Its id.
    pub id: i64,
    /// The try, from 1.
    pub attempt: i32,
    /// Who ran it.
    pub worker: String,
    /// `done`, `retry`, `parked`, `released` or `lost`.
    pub outcome: String,
    /// Why it failed.
    pub cause: Option<String>,
    /// What it said.
    pub log: String,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// For how long, in milliseconds.
    pub duration_ms: i64,
    /// When the next try was set for.
    pub next_at: Option<OffsetDateTime>,
}

const COLUMNS: &str = "select id, kind, label, team_id, payload, state, run_at, attempts, max_attempts, worker, started_at, cause, log, created_at, finished_at from jobs where ";

impl View {
    fn condition(self) -> &'static str {
        match self {
            View::Failing => "(state = 'parked' or (state = 'queued' and cause is not null))",
            View::Running => "state = 'running'",
            View::Waiting => "state = 'queued' and cause is null",
            View::Finished => "state in ('done', 'cancelled')",
        }
    }

    /// How the view goes on behind a place, and its order: both by the same index.
    fn order(self) -> (&'static str, &'static str) {
        match self {
            View::Failing | View::Running => ("id < ", " order by id desc"),
            View::Waiting => ("(run_at, id) > ", " order by run_at, id"),
            View::Finished => ("(finished_at, id) < ", " order by finished_at desc, id desc"),
        }
    }
}

/// Jobs of a view that `teams` may see (`None` = all), at most `limit`.
pub async fn list(
    pool: &PgPool,
    view: View,
    teams: Option<&[i64]>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Job>> {
    let (beyond, order) = view.order();
    let mut query = QueryBuilder::new(COLUMNS);
    query.push(view.condition());
    if let Some(teams) = teams {
        query.push(" and team_id = any(").push_bind(teams.to_vec()).push(")");
    }
    match (view, after) {
        (_, None) => {}
        (View::Failing | View::Running, Some(after)) => {
            query.push(" and ").push(beyond).push_bind(after.id);
        }
        (_, Some(after)) => {
            query
                .push(" and ")
                .push(beyond)
                .push("(")
                .push_bind(after.at)
                .push(", ")
                .push_bind(after.id)
                .push(")");
        }
    }
    query.push(order).push(" limit ").push_bind(limit);
    Ok(query.build_query_as::<Job>().fetch_all(pool).await?)
}

/// One job, if `teams` may see it.
pub async fn find(pool: &PgPool, id: i64, teams: Option<&[i64]>) -> Result<Option<Job>> {
    Ok(sqlx::query_as!(
        Job,
        "select id, kind, label, team_id, payload, state, run_at, attempts, max_attempts, worker, started_at, cause, log, created_at, finished_at
        from jobs
        where id = $1 and ($2::bigint[] is null or team_id = any($2))",
        id,
        teams,
    )
    .fetch_optional(pool)
    .await?)
}

/// The last runs of a job, the newest first.
pub async fn runs(pool: &PgPool, job: i64, limit: i64) -> Result<Vec<PastRun>> {
    Ok(sqlx::query_as!(
        PastRun,
        "select id, attempt, worker, outcome, cause, log, started_at, duration_ms, next_at
        from job_runs
        where job_id = $1
        order by id desc
        limit $2",
        job,
        limit,
    )
    .fetch_all(pool)
    .await?)
}
