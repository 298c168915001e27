//! One run of a job: claim, renew, and the outcome, each by the fence.

use serde_json::Value;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::Lease;
use crate::store::Result;

/// A job in our hands.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// Proof of holding it.
    pub lease: Lease,
    /// What is to be done.
    pub kind: String,
    /// Which.
    pub payload: Value,
    /// This try, from 1.
    pub attempt: i32,
    /// Tries before it is parked.
    pub max_attempts: i32,
    /// When the claim was made, business time.
    pub started_at: OffsetDateTime,
    priority: i16,
    run_at: OffsetDateTime,
}

/// How a run ended, and for how long it ran.
#[derive(Debug, Clone, PartialEq)]
pub struct Run<'a> {
    /// Who ran it.
    pub worker: &'a str,
    /// What it said on its way.
    pub log: &'a str,
    /// By a clock that never steps.
    pub duration: std::time::Duration,
}

/// Takes up to `limit` runnable jobs of `kinds`, the most urgent and oldest first; never one that somebody else is taking.
pub async fn claim(
    pool: &PgPool,
    worker: &str,
    kinds: &[String],
    limit: i64,
    lease: std::time::Duration,
    now: OffsetDateTime,
) -> Result<Vec<Claimed>> {
    let rows = sqlx::query_as!(
        Row,
        "with runnable as (
            select id
            from jobs
            where state = 'queued' and run_at <= $4 and kind = any($2)
            order by priority desc, run_at, id
            limit $3
            for update skip locked
        )
        update jobs
        set state = 'running', worker = $1, fence = jobs.fence + 1, attempts = jobs.attempts + 1, started_at = $4,
            lease_until = clock_timestamp() + make_interval(secs => $5)
        from runnable
        where jobs.id = runnable.id
        returning jobs.id, jobs.kind, jobs.payload, jobs.attempts, jobs.max_attempts, jobs.fence, jobs.priority, jobs.run_at",
        worker,
        kinds,
        limit,
        now,
        lease.as_secs_f64(),
    )
    .fetch_all(pool)
    .await?;
    let mut claimed: Vec<Claimed> = rows.into_iter().map(|row| row.claimed(now)).collect();
    claimed.sort_by_key(|job| (-job.priority, job.run_at, job.lease.job));
    Ok(claimed)
}

/// What a claim answers.
struct Row {
    id: i64,
    kind: String,
    payload: Value,
    attempts: i32,
    max_attempts: i32,
    fence: i64,
    priority: i16,
    run_at: OffsetDateTime,
}

impl Row {
    fn claimed(self, started_at: OffsetDateTime) -> Claimed {
        Claimed {
            lease: Lease { job: self.id, fence: self.fence },
            kind: self.kind,
            payload: self.payload,
            attempt: self.attempts,
            max_attempts: self.max_attempts,
            started_at,
            priority: self.priority,
            run_at: self.run_at,
        }
    }
}

/// Puts jobs whose lease has run out back at their old place; one that used up its tries is parked, unless it was asked for again
/// meanwhile. Answers when to look again: at the end of the next lease.
///
/// Rows that a keep-beat holds at this moment are passed over, for a second: their holder is alive.
pub async fn reclaim(pool: &PgPool, now: OffsetDateTime) -> Result<Option<std::time::Duration>> {
    let seconds = sqlx::query_scalar!(
        r#"with expired as (
            select id, attempts, worker, started_at, attempts >= max_attempts as spent, rerun_at is not null as asked
            from jobs
            where state = 'running' and lease_until < clock_timestamp()
            order by lease_until
            limit 500
            for update skip locked
        ), kept as (
            insert into job_runs (job_id, attempt, worker, outcome, cause, started_at, duration_ms)
            select id, attempts, coalesce(worker, ''), 'lost', 'the worker stopped in the middle of it', coalesce(started_at, $1),
                greatest(0, (extract(epoch from $1 - coalesce(started_at, $1)) * 1000)::bigint)
            from expired
        ), put_back as (
            update jobs
            set state = case when spent and not asked then 'parked' else 'queued' end, told_at = null, worker = null, lease_until = null,
                attempts = case when spent and asked then 0 else expired.attempts end, rerun_at = null,
                cause = 'the worker stopped in the middle of it', finished_at = case when spent and not asked then $1 end
            from expired
            where jobs.id = expired.id
        )
        select extract(epoch from min(
            case when lease_until > clock_timestamp() then lease_until - clock_timestamp() else interval '1 second' end
        ))::double precision
        from jobs
        where state = 'running'"#,
        now,
    )
    .fetch_one(pool)
    .await?;
    Ok(seconds.map(|seconds| std::time::Duration::from_secs_f64(seconds.max(0.0))))
}

/// What became of a renewal. A lease in neither list is held by a keep-beat of ours at this moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Renewal {
    /// Prolonged.
    pub renewed: Vec<Lease>,
    /// No longer ours: whoever works on them must stop.
    pub lost: Vec<Lease>,
}

/// Prolongs the leases that are still ours.
pub async fn renew(pool: &PgPool, leases: &[Lease], lease: std::time::Duration) -> Result<Renewal> {
    let ids: Vec<i64> = leases.iter().map(|lease| lease.job).collect();
    let fences: Vec<i64> = leases.iter().map(|lease| lease.fence).collect();
    let rows = sqlx::query!(
        r#"with named as (
            select id, fence from unnest($1::bigint[], $2::bigint[]) as named (id, fence)
        ), mine as (
            select jobs.id
            from jobs
            join named on named.id = jobs.id and named.fence = jobs.fence
            where jobs.state = 'running'
            for update of jobs skip locked
        ), renewed as (
            update jobs
            set lease_until = clock_timestamp() + make_interval(secs => $3)
            from mine
            where jobs.id = mine.id
            returning jobs.id, jobs.fence
        )
        select id as "id!", fence as "fence!", true as "ours!" from renewed
        union all
        select named.id, named.fence, false
        from named
        where not exists (
            select 1 from jobs where jobs.id = named.id and jobs.fence = named.fence and jobs.state = 'running'
        )"#,
        &ids,
        &fences,
        lease.as_secs_f64(),
    )
    .fetch_all(pool)
    .await?;
    let mut renewal = Renewal::default();
    for row in rows {
        let lease = Lease { job: row.id, fence: row.fence };
        if row.ours { renewal.renewed.push(lease) } else { renewal.lost.push(lease) }
    }
    Ok(renewal)
}

/// The job is done; or, when it was asked for again while it ran, waits to run once more.
///
/// Answers whether the outcome was kept: `false` = the job is no longer ours and nothing was written.
pub async fn finish(pool: &PgPool, job: &Claimed, run: &Run<'_>, now: OffsetDateTime) -> Result<bool> {
    let kept = sqlx::query_scalar!(
        "with mine as (
            update jobs
            set state = case when rerun_at is null then 'done' else 'queued' end,
                run_at = coalesce(rerun_at, run_at), attempts = case when rerun_at is null then attempts else 0 end,
                finished_at = case when rerun_at is null then $3::timestamptz end, rerun_at = null,
                worker = null, lease_until = null, cause = null, log = $4
            where id = $1 and fence = $2 and state = 'running'
            returning id
        )
        insert into job_runs (job_id, attempt, worker, outcome, log, started_at, duration_ms)
        select id, $5, $6, 'done', $4, $7, $8 from mine
        returning job_id",
        job.lease.job,
        job.lease.fence,
        now,
        run.log,
        job.attempt,
        run.worker,
        job.started_at,
        millis(run.duration),
    )
    .fetch_optional(pool)
    .await?;
    Ok(kept.is_some())
}

/// The run failed; the job runs again at `at`. Answers whether the outcome was kept.
pub async fn retry(
    pool: &PgPool,
    job: &Claimed,
    run: &Run<'_>,
    cause: &str,
    at: OffsetDateTime,
) -> Result<bool> {
    let kept = sqlx::query_scalar!(
        "with mine as (
            update jobs
            set state = 'queued', run_at = $3, worker = null, lease_until = null, rerun_at = null, cause = $4, log = $5
            where id = $1 and fence = $2 and state = 'running'
            returning id
        )
        insert into job_runs (job_id, attempt, worker, outcome, cause, log, started_at, duration_ms, next_at)
        select id, $6, $7, 'retry', $4, $5, $8, $9, $3 from mine
        returning job_id",
        job.lease.job,
        job.lease.fence,
        at,
        cause,
        run.log,
        job.attempt,
        run.worker,
        job.started_at,
        millis(run.duration),
    )
    .fetch_optional(pool)
    .await?;
    Ok(kept.is_some())
}

/// The job is given up until a person looks at it; or, when it was asked for again while it ran, waits to run once more. Answers whether
/// the outcome was kept.
pub async fn park(
    pool: &PgPool,
    job: &Claimed,
    run: &Run<'_>,
    cause: &str,
    now: OffsetDateTime,
) -> Result<bool> {
    let kept = sqlx::query_scalar!(
        "with mine as (
            update jobs
            set state = case when rerun_at is null then 'parked' else 'queued' end, told_at = null,
                run_at = coalesce(rerun_at, run_at), attempts = case when rerun_at is null then attempts else 0 end,
                finished_at = case when rerun_at is null then $3::timestamptz end, rerun_at = null,
                worker = null, lease_until = null, cause = $4, log = $5
            where id = $1 and fence = $2 and state = 'running'
            returning id
        )
        insert into job_runs (job_id, attempt, worker, outcome, cause, log, started_at, duration_ms)
        select id, $6, $7, 'parked', $4, $5, $8, $9 from mine
        returning job_id",
        job.lease.job,
        job.lease.fence,
        now,
        cause,
        run.log,
        job.attempt,
        run.worker,
        job.started_at,
        millis(run.duration),
    )
    .fetch_optional(pool)
    .await?;
    Ok(kept.is_some())
}

/// Gives jobs back unfinished, at their old place and without counting the try: the process stops.
pub async fn release(pool: &PgPool, leases: &[Lease], now: OffsetDateTime) -> Result<u64> {
    let ids: Vec<i64> = leases.iter().map(|lease| lease.job).collect();
    let fences: Vec<i64> = leases.iter().map(|lease| lease.fence).collect();
    let mut conn = pool.acquire().await?;
    let released = sqlx::query!(
        "with mine as (
            select jobs.id, jobs.attempts, jobs.worker, coalesce(jobs.started_at, $3) as started_at
            from jobs
            join unnest($1::bigint[], $2::bigint[]) as named (id, fence) on named.id = jobs.id and named.fence = jobs.fence
            where jobs.state = 'running'
            for update of jobs
        ), kept as (
            insert into job_runs (job_id, attempt, worker, outcome, cause, started_at, duration_ms)
            select id, attempts, coalesce(worker, ''), 'released', 'the console stopped; it runs again when one works', started_at,
                greatest(0, (extract(epoch from $3 - started_at) * 1000)::bigint)
            from mine
        )
        update jobs
        set state = 'queued', worker = null, lease_until = null, rerun_at = null, attempts = greatest(0, mine.attempts - 1)
        from mine
        where jobs.id = mine.id",
        &ids,
        &fences,
        now,
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    super::wake(&mut conn).await?;
    Ok(released)
}

/// The wait before the next try: 5 s, doubling up to six hours, spread by a fifth either way.
///
/// The spread comes from the job's id and the try, so that a thousand jobs that failed together do not come back together, and a test can
/// say when.
pub fn backoff(job: i64, attempt: i32) -> Duration {
    let doublings = attempt.clamp(1, 13) - 1;
    let seconds = (5_i64 << doublings).min(6 * 3600);
    let mixed = (job as u64)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .wrapping_add(attempt as u64)
        .wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let permille = 800 + i64::try_from((mixed >> 33) % 401).unwrap_or(200);
    Duration::milliseconds(seconds * permille)
}

fn millis(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_stays_under_its_cap_and_spreads() {
        assert!(backoff(1, 1) >= Duration::seconds(4) && backoff(1, 1) <= Duration::seconds(6));
        assert!(backoff(7, 5) >= Duration::seconds(64) && backoff(7, 5) <= Duration::seconds(96));
        assert!(backoff(7, 1000) <= Duration::hours(7) + Duration::minutes(12));
        let spread: std::collections::BTreeSet<_> = (0..100).map(|job| backoff(job, 3)).collect();
        assert!(spread.len() > 60, "{}", spread.len());
    }
}
