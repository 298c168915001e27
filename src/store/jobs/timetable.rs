//! The timetable's last ticks. One scheduler at a time, whichever process it lives in, by an advisory lock.

use std::collections::BTreeMap;

use sqlx::{Connection, PgPool};
use time::OffsetDateTime;

use super::NewJob;
use crate::store::Result;

/// The advisory lock of the scheduler.
const LOCK: i64 = 0x6e61_5f74_696d_6501;

/// A tick that is due, and the job it starts; `None` = the tick is only noted.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    /// The schedule.
    pub kind: &'static str,
    /// The instant of the timetable that is due, not the time it was noticed.
    pub at: OffsetDateTime,
    /// What it starts.
    pub job: Option<NewJob>,
}

/// The last tick of each schedule that ever ticked.
pub async fn last_ticks(pool: &PgPool) -> Result<BTreeMap<String, OffsetDateTime>> {
    let rows = sqlx::query!("select kind, last_tick from job_schedules").fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| (row.kind, row.last_tick)).collect())
}

/// Lets `due` look at the last ticks while nobody else can, and keeps what it answers: jobs and ticks together, or neither.
///
/// Answers the jobs' kinds; none when another process is at it.
pub async fn tick(
    pool: &PgPool,
    now: OffsetDateTime,
    due: impl FnOnce(&BTreeMap<String, OffsetDateTime>) -> Vec<Tick>,
) -> Result<Vec<&'static str>> {
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let ours = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "ours!""#, LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !ours {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!("select kind, last_tick from job_schedules").fetch_all(&mut *tx).await?;
    let last: BTreeMap<_, _> = rows.into_iter().map(|row| (row.kind, row.last_tick)).collect();
    let mut started = Vec::new();
    for tick in due(&last) {
        sqlx::query!(
            "insert into job_schedules (kind, last_tick) values ($1, $2)
            on conflict (kind) do update set last_tick = excluded.last_tick",
            tick.kind,
            tick.at,
        )
        .execute(&mut *tx)
        .await?;
        if let Some(job) = &tick.job {
            super::enqueue(&mut tx, job, now).await?;
            started.push(tick.kind);
        }
    }
    tx.commit().await?;
    Ok(started)
}
