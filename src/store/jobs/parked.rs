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

/// Those that nobody was told of, kinds of `except` left out; the oldest first, at most `limit`. Not those that do the same work as one that
/// somebody was told of since `lately`.
pub async fn untold(
    pool: &PgPool,
    except: &[&str],
    lately: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Parked>> {
    let except: Vec<String> = except.iter().map(|kind| (*kind).to_owned()).collect();
    Ok(sqlx::query_as!(
        Parked,
        "select id, kind, label, attempts, cause, finished_at
         from jobs
         where state = 'parked' and told_at is null and kind <> all($1)
           and not exists (
             select from jobs twin
             where twin.state = 'parked' and twin.told_at > $2 and twin.kind = jobs.kind and twin.key = jobs.key)
         order by id
         limit $3",
        &except,
        lately,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// Notes that somebody was told of these; one that ran again meanwhile has not been told of.
pub async fn told(pool: &PgPool, jobs: &[Parked], now: OffsetDateTime) -> Result<()> {
    let ids: Vec<i64> = jobs.iter().map(|job| job.id).collect();
    let ends: Vec<Option<OffsetDateTime>> = jobs.iter().map(|job| job.finished_at).collect();
    sqlx::query!(
        "update jobs
         set told_at = $3
         from unnest($1::bigint[], $2::timestamptz[]) as told (id, finished_at)
         where jobs.id = told.id and jobs.state = 'parked' and jobs.finished_at is not distinct from told.finished_at",
        &ids,
        &ends as &[Option<OffsetDateTime>],
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}
