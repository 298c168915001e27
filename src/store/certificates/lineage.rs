//! Which active entries share a name with a certificate that comes in, and the mark that one took the place of another.
//!
//! The rule itself is `x509::lineage`; here are its candidates, read under the inventory's lock and only within the actor's reach: linking
//! two certificates silences alerts, so it needs rights on both.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{
    Reach, Result,
    import::{MAX_INDEXED_NAME, MAX_INDEXED_NAMES, reverse},
};
use crate::store::Tx;

/// The most candidates of one batch; beyond it, the oldest entries stay as they are.
const MAX_CANDIDATES: i64 = 20_000;

/// An active entry that a new one may replace, or be replaced by.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Id.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// Its names in lower case; empty when the index does not hold them all, since nobody may take the place of what is known in part.
    pub names: Vec<String>,
    /// The first second of its life.
    pub not_before: OffsetDateTime,
    /// The last second of its life.
    pub not_after: OffsetDateTime,
    /// Nobody but its own key vouches for it.
    pub is_self_signed: bool,
    /// Mail address of who looks after it.
    pub owner: Option<String>,
    /// The team that owns it.
    pub team_id: Option<i64>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
}

/// The active entries within reach that have one of the `reversed` names, or one label in front of one of the `parents`
/// (`elpmaxe.a.` for `*.a.example`), newest first.
pub async fn candidates(
    tx: &mut Tx,
    reach: Reach<'_>,
    reversed: &[String],
    parents: &[String],
) -> Result<Vec<Candidate>> {
    let rows = sqlx::query!(
        r#"with sharing as (
             select certificate_id
             from certificate_names
             where reversed = any($2)
             union
             select certificate_id
             from unnest($3::text[]) parent
             join certificate_names on reversed >= parent collate "C"
                 and reversed < (left(parent, -1) || '/') collate "C"
                 and position('.' in substr(reversed, length(parent) + 1)) = 0
         )
         select c.id, c.name, owner, team_id, environment, tags, not_before as "not_before!", not_after as "not_after!", is_self_signed,
             case when cardinality(sans) > $6 or exists (select from unnest(sans) san where san like 'DNS:%' and octet_length(san) > 4 + $5)
                 then '{}'::text[]
                 else array(select n.reversed from certificate_names n where n.certificate_id = c.id) end as "reversed!"
         from sharing
         join certificates c on c.id = sharing.certificate_id
         where c.state = 'active' and not c.is_ca and c.not_before is not null and ($1::bigint[] is null or c.team_id = any($1))
         order by c.not_after desc, c.id desc
         limit $4"#,
        reach,
        reversed,
        parents,
        MAX_CANDIDATES,
        i32::try_from(MAX_INDEXED_NAME).unwrap_or(i32::MAX),
        i32::try_from(MAX_INDEXED_NAMES).unwrap_or(i32::MAX),
    )
    .fetch_all(tx.conn())
    .await?;
    let candidates = rows.into_iter().map(|row| Candidate {
        id: row.id,
        name: row.name,
        names: row.reversed.iter().map(|name| reverse(name)).collect(),
        not_before: row.not_before,
        not_after: row.not_after,
        is_self_signed: row.is_self_signed,
        owner: row.owner,
        team_id: row.team_id,
        environment: row.environment,
        tags: row.tags,
    });
    Ok(candidates.collect())
}

/// Marks each `(older, newer)`; an older one that is no longer active stays as it is. Answers the ids that changed.
pub async fn supersede(tx: &mut Tx, pairs: &[(i64, i64)], now: OffsetDateTime) -> Result<Vec<i64>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let (older, newer): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
    Ok(sqlx::query_scalar!(
        "update certificates
         set state = 'superseded', superseded_by = pair.newer, changed_at = $3
         from unnest($1::bigint[], $2::bigint[]) pair (older, newer)
         where id = pair.older and state = 'active'
         returning id",
        &older,
        &newer,
        now,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Which of these entries took the place of which, in either role: (older, newer), both within reach, the newest older one first.
pub async fn links(pool: &PgPool, reach: Reach<'_>, ids: &[i64]) -> Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        "with old as (
             select id, superseded_by, team_id, not_after
             from certificates
             where id = any($1) and superseded_by is not null and state = 'superseded'
             union
             select id, superseded_by, team_id, not_after
             from certificates
             where superseded_by = any($1) and state = 'superseded'
         )
         select old.id as \"older!\", new.id as newer
         from old
         join certificates new on new.id = old.superseded_by
         where $2::bigint[] is null or (old.team_id = any($2) and new.team_id = any($2))
         order by old.not_after desc, old.id desc",
        ids,
        reach,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.older, row.newer)).collect())
}
