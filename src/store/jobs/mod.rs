//! The queue's rows: what is to be done, by whom, since when, and how it went.
//!
//! Two clocks are kept apart. *Business time* (`run_at`, `started_at`, backoff) is the application's `now`, bound as a parameter. *Leases*
//! are counted by `clock_timestamp()` of the database: several processes must agree on when one ends, also one that was paused in between.
//!
//! A claim raises the job's `fence`. Every later write about that run names it and does nothing when it has moved on, so a worker that
//! wakes up after its lease cannot overwrite its successor. Queue bookkeeping is nobody's decision and carries no audit event; a retry or
//! cancellation by a person does.

pub mod claims;
pub mod pages;
pub mod parked;
pub mod timetable;
pub mod workers;

use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;

use super::{Result, Tx};

/// The channel on which an enqueue wakes the workers.
pub const CHANNEL: &str = "notafter_jobs";

/// Tries of a job unless it says otherwise: with the default backoff about a day and a half.
pub const MAX_ATTEMPTS: i32 = 12;

/// How urgent a job is; the more urgent is claimed first, however old the others are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Housekeeping.
    Low,
    /// The usual.
    Normal,
    /// Somebody waits for it.
    High,
}

impl Priority {
    fn as_i16(self) -> i16 {
        match self {
            Priority::Low => -10,
            Priority::Normal => 0,
            Priority::High => 10,
        }
    }
}

/// Work to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// What is to be done; a kind that `jobs::kinds()` knows.
    pub kind: &'static str,
    /// At most one queued or running job of a kind has this key.
    pub key: Option<String>,
    /// What people call the thing it is about.
    pub label: String,
    /// The team whose people may see it; `None` = those who see everything.
    pub team: Option<i64>,
    /// A JSON object that says which; never a secret.
    pub payload: Value,
    /// Not before this instant.
    pub run_at: OffsetDateTime,
    /// How urgent.
    pub priority: Priority,
    /// Tries before it is parked.
    pub max_attempts: i32,
}

impl NewJob {
    /// Work of `kind` to be done as soon as possible after `run_at`.
    pub fn new(kind: &'static str, payload: Value, run_at: OffsetDateTime) -> Self {
        Self {
            kind,
            key: None,
            label: String::new(),
            team: None,
            payload,
            run_at,
            priority: Priority::Normal,
            max_attempts: MAX_ATTEMPTS,
        }
    }

    /// Joins a live job of the same kind and key instead of standing beside it.
    pub fn keyed(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Says what it is about, and whose.
    pub fn about(mut self, label: impl Into<String>, team: Option<i64>) -> Self {
        self.label = label.into();
        self.team = team;
        self
    }

    /// Changes the urgency.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Changes the number of tries.
    pub fn attempts(mut self, max: i32) -> Self {
        self.max_attempts = max.max(1);
        self
    }
}

/// What became of an enqueue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enqueued {
    /// A new job.
    New(i64),
    /// A job of that key was waiting, or runs and will run once more.
    Joined(i64),
}

impl Enqueued {
    /// The job's id.
    pub fn id(self) -> i64 {
        match self {
            Enqueued::New(id) | Enqueued::Joined(id) => id,
        }
    }
}

/// Proof of holding a job: valid until another claim raises the fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Lease {
    /// The job.
    pub job: i64,
    /// The number of this claim.
    pub fence: i64,
}

/// Adds work in the caller's transaction: it exists if and only if the transaction commits, and the workers are woken then.
///
/// Joining locks the waiting job until the caller commits, so that it cannot start without seeing what the caller wrote: enqueue last.
pub async fn enqueue(conn: &mut PgConnection, job: &NewJob, now: OffsetDateTime) -> Result<Enqueued> {
    let row = sqlx::query!(
        r#"insert into jobs (kind, key, label, team_id, payload, priority, run_at, max_attempts, created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        on conflict (kind, key) where state in ('queued', 'running') do update
        set rerun_at = case when jobs.state = 'running'
                then least(coalesce(jobs.rerun_at, excluded.run_at), excluded.run_at) end,
            run_at = case when jobs.state = 'queued' and jobs.attempts = 0
                then least(jobs.run_at, excluded.run_at) else jobs.run_at end,
            priority = greatest(jobs.priority, excluded.priority)
        returning id, xmax = 0 as "is_new!""#,
        job.kind,
        job.key,
        job.label,
        job.team,
        job.payload,
        job.priority.as_i16(),
        job.run_at,
        job.max_attempts,
        now,
    )
    .fetch_one(&mut *conn)
    .await?;
    if job.run_at <= now {
        wake(conn).await?;
    }
    Ok(if row.is_new { Enqueued::New(row.id) } else { Enqueued::Joined(row.id) })
}

/// Adds many jobs in the caller's transaction with one statement. Those whose kind and key are live already are left as they are.
///
/// Answers how many were added.
pub async fn enqueue_all(conn: &mut PgConnection, jobs: &[NewJob], now: OffsetDateTime) -> Result<u64> {
    let column = |pick: fn(&NewJob) -> &str| jobs.iter().map(|job| pick(job).to_owned()).collect::<Vec<_>>();
    let keys: Vec<Option<String>> = jobs.iter().map(|job| job.key.clone()).collect();
    let teams: Vec<Option<i64>> = jobs.iter().map(|job| job.team).collect();
    let payloads: Vec<Value> = jobs.iter().map(|job| job.payload.clone()).collect();
    let priorities: Vec<i16> = jobs.iter().map(|job| job.priority.as_i16()).collect();
    let run_ats: Vec<OffsetDateTime> = jobs.iter().map(|job| job.run_at).collect();
    let max_attempts: Vec<i32> = jobs.iter().map(|job| job.max_attempts).collect();
    let added = sqlx::query!(
        "insert into jobs (kind, key, label, team_id, payload, priority, run_at, max_attempts, created_at)
        select kind, key, label, team_id, payload, priority, run_at, max_attempts, $9
        from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::jsonb[], $6::smallint[], $7::timestamptz[], $8::integer[])
            as new (kind, key, label, team_id, payload, priority, run_at, max_attempts)
        on conflict (kind, key) where state in ('queued', 'running') do nothing",
        &column(|job| job.kind),
        &keys as &[Option<String>],
        &column(|job| &job.label),
        &teams as &[Option<i64>],
        &payloads,
        &priorities,
        &run_ats,
        &max_attempts,
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    if added > 0 {
        wake(conn).await?;
    }
    Ok(added)
}

/// Tells the workers, when the transaction commits, that there is something to claim.
pub(super) async fn wake(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!("select pg_notify($1, '')", CHANNEL).fetch_one(conn).await?;
    Ok(())
}

/// Makes the rest of `tx` depend on still holding the job: refuses with [`super::Error::Lost`] when another worker has it, and keeps it from
/// being taken over until `tx` ends. Every keep-beat of a job begins with this.
pub async fn hold(tx: &mut Tx, lease: Lease) -> Result<()> {
    let held = sqlx::query_scalar!(
        "select id from jobs where id = $1 and fence = $2 and state = 'running' for update",
        lease.job,
        lease.fence,
    )
    .fetch_optional(tx.conn())
    .await?;
    held.map(|_| ()).ok_or(super::Error::Lost(lease.job))
}

/// Puts a parked, cancelled or failing job back in line, with a fresh count of tries and its history kept.
///
/// # Errors
/// [`super::Error::Conflict`] when another job of its key is live. `false`: there is no such job in such a state.
pub async fn retry_by_hand(tx: &mut Tx, id: i64, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update jobs
        set state = 'queued', run_at = $2, attempts = 0, finished_at = null
        where id = $1 and (state in ('parked', 'cancelled') or (state = 'queued' and cause is not null))",
        id,
        now,
    )
    .execute(tx.conn())
    .await?
    .rows_affected();
    wake(tx.conn()).await?;
    Ok(done > 0)
}

/// Puts every parked and failing job that `teams` may see (`None` = all) back in line; answers how many.
///
/// One whose key is live again, or twice among them, stays: its newest twin does the work.
pub async fn retry_all(tx: &mut Tx, teams: Option<&[i64]>, now: OffsetDateTime) -> Result<u64> {
    let done = sqlx::query!(
        "update jobs
        set state = 'queued', run_at = $2, attempts = 0, finished_at = null
        where (state = 'parked' or (state = 'queued' and cause is not null))
            and ($1::bigint[] is null or team_id = any($1))
            and (state = 'queued' or key is null or not exists (
                select 1 from jobs twin
                where twin.kind = jobs.kind and twin.key = jobs.key and twin.id <> jobs.id
                    and (twin.state in ('queued', 'running') or (twin.state = 'parked' and twin.id > jobs.id))
            ))",
        teams,
        now,
    )
    .execute(tx.conn())
    .await?
    .rows_affected();
    wake(tx.conn()).await?;
    Ok(done)
}

/// Ends a job that is not finished; one that runs loses its fence, so whatever it still does is not kept.
pub async fn cancel(tx: &mut Tx, id: i64, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "update jobs
        set state = 'cancelled', fence = fence + 1, worker = null, lease_until = null, rerun_at = null, finished_at = $2
        where id = $1 and state in ('queued', 'running', 'parked')",
        id,
        now,
    )
    .execute(tx.conn())
    .await?
    .rows_affected();
    Ok(done > 0)
}
