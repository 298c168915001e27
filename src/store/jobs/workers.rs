//! Who is at work, and how the queue stands: what `/readyz` and `/metrics` look at.

use sqlx::{
    PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use time::{Duration, OffsetDateTime};

use crate::store::Result;

/// How many jobs are in a state that somebody may act on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Wait for their time or for a free worker; none failed so far.
    pub waiting: i64,
    /// Run now.
    pub running: i64,
    /// Failed and wait for the next try.
    pub failing: i64,
    /// Given up until a person looks.
    pub parked: i64,
}

/// Says that a worker is alive.
pub async fn heartbeat(pool: &PgPool, worker: &str) -> Result<()> {
    sqlx::query!(
        "insert into workers (id) values ($1) on conflict (id) do update set seen_at = clock_timestamp()",
        worker,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Says that a worker has stopped.
pub async fn farewell(pool: &PgPool, worker: &str) -> Result<()> {
    sqlx::query!("delete from workers where id = $1", worker).execute(pool).await?;
    Ok(())
}

/// Calls `woken` at once and after each enqueue, until the connection is beyond repair.
///
/// At once and after a repair as well, because what was enqueued meanwhile was not heard. The connection is one beside `pool`: it is held for
/// as long as the process lives.
pub async fn listen(pool: &PgPool, woken: impl Fn()) -> Result<()> {
    let beside = PgPoolOptions::new().max_connections(1).connect_lazy_with((*pool.connect_options()).clone());
    let mut listener = PgListener::connect_with(&beside).await?;
    listener.listen(super::CHANNEL).await?;
    loop {
        woken();
        listener.try_recv().await?;
    }
}

/// How long ago any worker was last alive; `None` = none ever was, or all stopped in good order.
pub async fn silence(pool: &PgPool) -> Result<Option<Duration>> {
    let seconds = sqlx::query_scalar!(
        "select extract(epoch from clock_timestamp() - max(seen_at))::double precision from workers"
    )
    .fetch_one(pool)
    .await?;
    Ok(seconds.map(Duration::seconds_f64))
}

/// How far this machine's clock is ahead of the database's.
pub async fn skew(pool: &PgPool, now: OffsetDateTime) -> Result<Duration> {
    let seconds = sqlx::query_scalar!(
        r#"select extract(epoch from $1 - clock_timestamp())::double precision as "seconds!""#,
        now,
    )
    .fetch_one(pool)
    .await?;
    Ok(Duration::seconds_f64(seconds))
}

/// Counts by state of what `teams` may see (`None` = all); finished jobs are history and not counted.
pub async fn counts(pool: &PgPool, teams: Option<&[i64]>) -> Result<Counts> {
    Ok(sqlx::query_as!(
        Counts,
        r#"select
            count(*) filter (where state = 'queued' and cause is null) as "waiting!",
            count(*) filter (where state = 'running') as "running!",
            count(*) filter (where state = 'queued' and cause is not null) as "failing!",
            count(*) filter (where state = 'parked') as "parked!"
        from jobs
        where state in ('queued', 'running', 'parked') and ($1::bigint[] is null or team_id = any($1))"#,
        teams,
    )
    .fetch_one(pool)
    .await?)
}

/// How long the oldest runnable job has been waiting at `now`; zero when none does.
pub async fn oldest_runnable(pool: &PgPool, now: OffsetDateTime) -> Result<Duration> {
    let oldest =
        sqlx::query_scalar!("select min(run_at) from jobs where state = 'queued' and run_at <= $1", now)
            .fetch_one(pool)
            .await?;
    Ok(oldest.map_or(Duration::ZERO, |at| now - at))
}
