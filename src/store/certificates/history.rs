//! What the audit log says about one entry.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{CertificateId, Reach, Result};

/// The most acts shown of one entry; the audit log has all.
const MOST: i64 = 100;

/// One act on an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// When.
    pub at: OffsetDateTime,
    /// `user`, `token`, `cli`, `system` or `link`.
    pub actor_kind: String,
    /// Who, as the record keeps it.
    pub actor_name: String,
    /// Such as `certificate.edited`.
    pub act: String,
    /// What changed, as canonical JSON.
    pub detail: String,
}

/// The acts on an entry that the reach covers, newest first.
pub async fn history(pool: &PgPool, reach: Reach<'_>, id: CertificateId) -> Result<Vec<Act>> {
    Ok(sqlx::query_as!(
        Act,
        "select at, actor_kind, actor_name, act, detail
         from audit_events
         where object_id = $1 and act like 'certificate.%' and ($2::bigint[] is null or team_id = any($2))
         order by at desc, id desc
         limit $3",
        id.0,
        reach,
        MOST,
    )
    .fetch_all(pool)
    .await?)
}
