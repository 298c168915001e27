//! Counters of tries, in the database so that they hold across processes and restarts (S2).
//!
//! A try is counted before it is judged: any number of guesses at once pass this row one after the other.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::Result;

/// How tries of one kind are limited.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// Wrong tries without any delay.
    pub free: i32,
    /// The longest delay; it doubles from one second up to this.
    pub longest: Duration,
    /// After this long without a try the counter starts over.
    pub forget_after: Duration,
}

/// Counts a try; `Err(wait)` inside the answer: still blocked, for this long, and not counted.
pub async fn reserve(
    pool: &PgPool,
    key: &str,
    limit: Limit,
    now: OffsetDateTime,
) -> Result<std::result::Result<(), Duration>> {
    let counted = sqlx::query_scalar!(
        r#"insert into throttles as t (key, failures, first_at, last_at)
           values ($1, 1, $2, $2)
               on conflict (key) do update
              set failures = case when t.last_at < $3 then 1 else t.failures + 1 end,
                  first_at = case when t.last_at < $3 then $2 else t.first_at end,
                  last_at = $2,
                  blocked_until = case when t.last_at < $3 or t.failures + 1 <= $4 then null
                                       else $2 + make_interval(secs => least($5, power(2, least(t.failures - $4, 20)))) end
            where t.blocked_until is null or t.blocked_until <= $2
           returning failures"#,
        key,
        now,
        now - limit.forget_after,
        limit.free,
        limit.longest.as_seconds_f64(),
    )
    .fetch_optional(pool)
    .await?;
    match counted {
        Some(_) => Ok(Ok(())),
        None => Ok(Err(blocked_for(pool, key, now).await?.unwrap_or(Duration::SECOND))),
    }
}

/// How long a key is blocked still.
pub async fn blocked_for(pool: &PgPool, key: &str, now: OffsetDateTime) -> Result<Option<Duration>> {
    let until = sqlx::query_scalar!(
        r#"select blocked_until as "until!" from throttles where key = $1 and blocked_until > $2"#,
        key,
        now,
    )
    .fetch_optional(pool)
    .await?;
    Ok(until.map(|until| until - now))
}

/// Takes back one counted try that turned out right.
pub async fn release(pool: &PgPool, key: &str) -> Result<()> {
    sqlx::query!(
        "update throttles set failures = greatest(failures - 1, 0), blocked_until = null where key = $1",
        key
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Whether the account behind `key` signed in from there since `since`.
pub async fn is_known(pool: &PgPool, key: &str, since: OffsetDateTime) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"select exists (select from sign_in_places where key = $1 and seen_at >= $2) as "is_known!""#,
        key,
        since,
    )
    .fetch_one(pool)
    .await?)
}

/// Remembers that the account behind `key` signed in from there.
pub async fn remember(pool: &PgPool, key: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into sign_in_places (key, seen_at)
         values ($1, $2)
             on conflict (key) do update
            set seen_at = excluded.seen_at",
        key,
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Forgets a key.
pub async fn forget(pool: &PgPool, key: &str) -> Result<()> {
    sqlx::query!("delete from throttles where key = $1", key).execute(pool).await?;
    Ok(())
}
