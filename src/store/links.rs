//! One-time links for set-up and for setting a password; only their digest is kept.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Result, Tx};

/// Purpose of the link that makes the first administrator.
pub const SETUP: &str = "setup";

/// Purpose of the link that sets a person's password.
pub const PASSWORD: &str = "password";

/// Adds a link; earlier unused ones for the same purpose and person stop working.
pub async fn insert(
    tx: &mut Tx,
    digest: &[u8],
    purpose: &str,
    user: Option<i64>,
    now: OffsetDateTime,
    expires_at: OffsetDateTime,
) -> Result<()> {
    revoke(tx, purpose, user).await?;
    sqlx::query!(
        "insert into links (digest, purpose, user_id, created_at, expires_at) values ($1, $2, $3, $4, $5)",
        digest,
        purpose,
        user,
        now,
        expires_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes unused links of a purpose and person.
pub async fn revoke(tx: &mut Tx, purpose: &str, user: Option<i64>) -> Result<()> {
    sqlx::query!(
        "delete from links where purpose = $1 and user_id is not distinct from $2 and used_at is null",
        purpose,
        user,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether a link works still; `Some(user)` names whose it is.
pub async fn open(
    pool: &PgPool,
    digest: &[u8],
    purpose: &str,
    now: OffsetDateTime,
) -> Result<Option<Option<i64>>> {
    Ok(sqlx::query_scalar!(
        "select user_id from links where digest = $1 and purpose = $2 and used_at is null and expires_at > $3",
        digest,
        purpose,
        now,
    )
    .fetch_optional(pool)
    .await?)
}

/// Uses a link up. Of two transactions at once only the first gets an answer.
pub async fn consume(
    tx: &mut Tx,
    digest: &[u8],
    purpose: &str,
    now: OffsetDateTime,
) -> Result<Option<Option<i64>>> {
    Ok(sqlx::query_scalar!(
        "update links
            set used_at = $3
          where digest = $1 and purpose = $2 and used_at is null and expires_at > $3
         returning user_id",
        digest,
        purpose,
        now,
    )
    .fetch_optional(tx.conn())
    .await?)
}
