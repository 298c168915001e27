//! What the organisation says about an entry, and whether it still counts.

use time::OffsetDateTime;

use super::{CertificateId, Reach, Result};
use crate::store::Tx;

/// What a person may change, as it was when it was read for changing.
#[derive(Debug, Clone, PartialEq)]
pub struct Editable {
    /// What people call it.
    pub name: String,
    /// Mail address of who looks after it.
    pub owner: Option<String>,
    /// The team that owns it.
    pub team_id: Option<i64>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Free text.
    pub note: String,
    /// What was decided about it.
    pub state: String,
    /// Why only the fingerprint is known.
    pub unreadable: Option<String>,
    /// When it was last changed.
    pub changed_at: OffsetDateTime,
}

/// Reads an entry within reach and keeps others from changing it until the end of the transaction.
pub async fn lock(tx: &mut Tx, reach: Reach<'_>, id: CertificateId) -> Result<Option<Editable>> {
    super::import::lock(tx).await?;
    Ok(sqlx::query_as!(
        Editable,
        "select name, owner, team_id, environment, tags, note, state, unreadable, changed_at
         from certificates
         where id = $1 and ($2::bigint[] is null or team_id = any($2))
         for update",
        id.0,
        reach,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Writes owner, team, environment, tags and note of a locked entry.
pub async fn save(tx: &mut Tx, id: CertificateId, entry: &Editable, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update certificates
         set owner = $2, team_id = $3, environment = $4, tags = $5, note = $6, changed_at = $7
         where id = $1",
        id.0,
        entry.owner,
        entry.team_id,
        entry.environment,
        &entry.tags,
        entry.note,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes the state of a locked entry, and why it was retired. Its successor stays named, so that a restored entry remembers it.
pub async fn set_state(
    tx: &mut Tx,
    id: CertificateId,
    state: &str,
    retired_reason: Option<&str>,
    now: OffsetDateTime,
) -> Result<()> {
    sqlx::query!(
        "update certificates
         set state = $2, retired_reason = $3, changed_at = $4
         where id = $1",
        id.0,
        state,
        retired_reason,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ids and slugs of the teams with these slugs.
pub async fn teams(pool: &sqlx::PgPool, slugs: &[String]) -> Result<Vec<(i64, String)>> {
    let rows = sqlx::query!("select id, slug from teams where slug = any($1)", slugs).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.slug)).collect())
}

/// Slugs and names of these teams.
pub async fn team_names(pool: &sqlx::PgPool, ids: &[i64]) -> Result<Vec<(i64, String, String)>> {
    let rows =
        sqlx::query!("select id, slug, name from teams where id = any($1)", ids).fetch_all(pool).await?;
    Ok(rows.into_iter().map(|row| (row.id, row.slug, row.name)).collect())
}
