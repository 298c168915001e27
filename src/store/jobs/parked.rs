//! Jobs that were given up, and whether somebody was told.

use sqlx::PgPool;
use time::OffsetDateTime;

use crate::store::Result;

/// A job that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// Its id.
    pub id: i64,
    /// What was to be done.
    pub kind: String,
    /// What people call the thing it is about.
    pub label: String,
    /// Tries it had.
    pub attempts: i32,
    /// Why the last one failed.
    pub cause: Option<String>,
    /// When it was given up.
    pub finished_at: Option<OffsetDateTime>,
}

/// Those that nobody was told of, kinds of `except` left out; the oldest first, at most `limit`.
pub async fn untold(pool: &PgPool, except: &[&str], limit: i64) -> Result<Vec<Parked>> {
    let except: Vec<String> = except.iter().map(|kind| (*kind).to_owned()).collect();
    Ok(sqlx::query_as!(
        Parked,
        "select id, kind, label, attempts, cause, finished_at
         from jobs
         where state = 'parked' and told_at is null and kind <> all($1)
         order by id
         limit $2",
        &except,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// Notes that somebody was told of these.
pub async fn told(pool: &PgPool, ids: &[i64], now: OffsetDateTime) -> Result<()> {
    sqlx::query!("update jobs set told_at = $2 where id = any($1) and state = 'parked'", ids, now)
        .execute(pool)
        .await?;
    Ok(())
}
