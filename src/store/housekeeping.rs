//! Removal by age of what only bookkeeping needed. Nobody decides it, so it has no audit event; audit records are never removed.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::Result;

/// Rows of one step: short locks, and a stop in between loses nothing.
const STEP: i64 = 5_000;

/// Removes sessions that have ended, by idleness or by age; see [`super::sessions`] for `ahead`.
pub async fn prune_sessions(pool: &PgPool, ahead: Duration) -> Result<u64> {
    let seconds = ahead.as_seconds_f64();
    Ok(sqlx::query!(
        "delete from sessions where idle_until < clock_timestamp() + make_interval(secs => $1)",
        seconds
    )
    .execute(pool)
    .await?
    .rows_affected())
}

/// Removes links that ended before `before`.
pub async fn prune_links(pool: &PgPool, before: OffsetDateTime) -> Result<u64> {
    Ok(sqlx::query!("delete from links where expires_at < $1", before).execute(pool).await?.rows_affected())
}

/// Removes counters of wrong tries that were last touched before `before` and block nobody.
pub async fn prune_throttles(pool: &PgPool, before: OffsetDateTime) -> Result<u64> {
    Ok(sqlx::query!("delete from throttles where last_at < $1 and coalesce(blocked_until, $1) <= $1", before)
        .execute(pool)
        .await?
        .rows_affected())
}

/// Removes places from which an account last signed in before `before`.
pub async fn prune_places(pool: &PgPool, before: OffsetDateTime) -> Result<u64> {
    Ok(sqlx::query!("delete from sign_in_places where seen_at < $1", before)
        .execute(pool)
        .await?
        .rows_affected())
}

/// Removes remembered answers of calls that began before `before`.
pub async fn prune_idempotency_keys(pool: &PgPool, before: OffsetDateTime) -> Result<u64> {
    Ok(sqlx::query!("delete from idempotency_keys where began_at < $1", before)
        .execute(pool)
        .await?
        .rows_affected())
}

/// Removes jobs that ended before `before` with their runs, and old runs of jobs that go on. Parked jobs stay until a person decides.
pub async fn prune_jobs(pool: &PgPool, before: OffsetDateTime) -> Result<u64> {
    let mut removed = 0;
    loop {
        let step = sqlx::query!(
            "delete from jobs
            where id in (
                select id from jobs where state in ('done', 'cancelled') and finished_at < $1 order by finished_at limit $2
            )",
            before,
            STEP,
        )
        .execute(pool)
        .await?
        .rows_affected();
        removed += step;
        if step == 0 {
            break;
        }
    }
    sqlx::query!("delete from job_runs where started_at < $1", before).execute(pool).await?;
    Ok(removed)
}

/// Removes workers that fell silent a day ago.
pub async fn prune_workers(pool: &PgPool) -> Result<u64> {
    Ok(sqlx::query!("delete from workers where seen_at < clock_timestamp() - interval '1 day'")
        .execute(pool)
        .await?
        .rows_affected())
}
