//! Remembered answers of unsafe API calls (R16). Bookkeeping, not acts: written on the pool, without an audit event.

use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::Result;

/// How long a call that never ended keeps its key. Longer than any request may take.
const ABANDONED: Duration = Duration::minutes(2);
/// How long an answer is remembered.
pub const KEPT: Duration = Duration::hours(24);

/// What a key says about a call.
#[derive(Debug)]
pub enum Seen {
    /// This call is the first: act, then [`keep`] or [`forget`].
    First,
    /// The first call with this key still runs.
    Running,
    /// The key was used for another request.
    Differs,
    /// The call was answered.
    Answered(Answer),
}

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// `Location`.
    pub location: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// Claims `key` for a call with this digest, or says what became of the first.
pub async fn begin(pool: &PgPool, user: i64, key: &str, digest: &[u8], now: OffsetDateTime) -> Result<Seen> {
    let claimed = sqlx::query!(
        "insert into idempotency_keys as k (user_id, key, request_digest, began_at)
         values ($1, $2, $3, $4)
         on conflict (user_id, key) do update
         set request_digest = excluded.request_digest, began_at = excluded.began_at,
             status = null, content_type = null, location = null, body = null
         where (k.status is null and k.began_at < $5) or k.began_at < $6",
        user,
        key,
        digest,
        now,
        now - ABANDONED,
        now - KEPT,
    )
    .execute(pool)
    .await?;
    if claimed.rows_affected() == 1 {
        return Ok(Seen::First);
    }
    let row = sqlx::query!(
        "select request_digest, status, content_type, location, body
         from idempotency_keys
         where user_id = $1 and key = $2",
        user,
        key,
    )
    .fetch_optional(pool)
    .await?;
    // Forgotten between the two statements: the first call failed, and its caller may try again.
    let Some(row) = row else { return Ok(Seen::Running) };
    if row.request_digest != digest {
        return Ok(Seen::Differs);
    }
    Ok(match row.status.and_then(|status| u16::try_from(status).ok()) {
        None => Seen::Running,
        Some(status) => Seen::Answered(Answer {
            status,
            content_type: row.content_type,
            location: row.location,
            body: row.body.unwrap_or_default(),
        }),
    })
}

/// Remembers the answer of the first call.
pub async fn keep(pool: &PgPool, user: i64, key: &str, answer: &Answer) -> Result<()> {
    sqlx::query!(
        "update idempotency_keys
         set status = $3, content_type = $4, location = $5, body = $6
         where user_id = $1 and key = $2",
        user,
        key,
        i16::try_from(answer.status).unwrap_or(500),
        answer.content_type,
        answer.location,
        answer.body,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Frees the key after a failure of ours, so that the caller may try again.
pub async fn forget(pool: &PgPool, user: i64, key: &str) -> Result<()> {
    sqlx::query!(
        "delete from idempotency_keys where user_id = $1 and key = $2 and status is null",
        user,
        key
    )
    .execute(pool)
    .await?;
    Ok(())
}
