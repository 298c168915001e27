//! Facts about this installation that outlive a restart, by name.

use serde_json::Value;
use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Result, Tx};

/// Set once an administrator exists: set-up is closed for ever.
pub const SETUP_DONE: &str = "setup_done";

/// A fact, if it is known.
pub async fn find(pool: &PgPool, name: &str) -> Result<Option<Value>> {
    Ok(sqlx::query_scalar!("select value from settings where name = $1", name).fetch_optional(pool).await?)
}

/// Writes a fact that is not known yet; `false` when it was. Of two transactions at once only one gets `true`.
pub async fn insert_once(tx: &mut Tx, name: &str, value: &Value, now: OffsetDateTime) -> Result<bool> {
    let added = sqlx::query!(
        "insert into settings (name, value, changed_at) values ($1, $2, $3) on conflict (name) do nothing",
        name,
        value,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(added.rows_affected() == 1)
}

/// Writes a fact over what was known.
pub async fn set(tx: &mut Tx, name: &str, value: &Value, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into settings (name, value, changed_at)
         values ($1, $2, $3)
             on conflict (name) do update set value = excluded.value, changed_at = excluded.changed_at",
        name,
        value,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
