//! The inventory's rows: an [`Entry`] is a certificate and what the organisation says about it.
//!
//! DER is the truth and lies in a table of its own; the other columns are derived from it at import. Every read takes a reach (`None` =
//! everything, else the teams) and binds it, so that a foreign id looks like a missing one (S7). Counters, tags and names beside the table
//! are kept by triggers; the migration says how.

pub mod status;
pub mod import;
pub mod sample;
pub mod filter;
pub mod narrow;
pub mod list;
pub mod days;
pub mod counts;
pub mod facets;
pub mod lineage;
pub mod chain;
pub mod edit;
pub mod export;
pub mod keys;
pub mod history;

use sqlx::PgPool;
use time::{OffsetDateTime, macros::datetime};

use super::Result;

pub use self::{
    counts::Count,
    facets::{Facet, FacetValue},
    filter::{Ends, Filter, Query},
    list::{Page, Sort},
    narrow::narrowed,
    sample::NameSample,
    status::{State, Status},
};

/// Which teams' entries may be read or changed: `None` is all of them, the unowned too.
pub type Reach<'a> = Option<&'a [i64]>;

/// Where an unreadable certificate sorts, because nobody knows when it ends.
pub const UNKNOWN_END: OffsetDateTime = datetime!(9999-12-31 23:59:59.999999 UTC);

/// Id of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CertificateId(pub i64);

impl std::fmt::Display for CertificateId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The row of one certificate, without its DER.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct Entry {
    /// Id.
    pub id: i64,
    /// SHA-256 of the DER.
    pub sha256: Vec<u8>,
    /// SHA-1 of the DER, which old tools show.
    pub sha1: Vec<u8>,
    /// SHA-256 of the public key with its algorithm.
    pub spki_sha256: Option<Vec<u8>>,
    /// Why only the fingerprint is known; `None` for a certificate that could be read.
    pub unreadable: Option<String>,
    /// What people call it.
    pub name: String,
    /// RFC 4514.
    pub subject: String,
    /// RFC 4514.
    pub issuer: String,
    /// What people call the issuer.
    pub issuer_name: String,
    /// Lower-case hex.
    pub serial: String,
    /// First second of validity.
    pub not_before: Option<OffsetDateTime>,
    /// Last second of validity; [`UNKNOWN_END`] when unreadable.
    pub not_after: OffsetDateTime,
    /// Such as `EC-256`.
    pub key: String,
    /// Such as `SHA256-RSA`.
    pub signature: String,
    /// Such as `DNS:a.example`.
    pub sans: Vec<String>,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// Whether subject and issuer are the same name.
    pub is_self_signed: bool,
    /// Mail address of who looks after it.
    pub owner: Option<String>,
    /// The team that owns it.
    pub team_id: Option<i64>,
    /// The team's slug.
    pub team: Option<String>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// Free labels, sorted.
    pub tags: Vec<String>,
    /// Free text.
    pub note: String,
    /// `import`, `api`, `cli`, `scan` or `issued`.
    pub source: String,
    /// What was decided about it.
    pub state: String,
    /// The entry that took its place.
    pub superseded_by: Option<i64>,
    /// Why it was retired.
    pub retired_reason: Option<String>,
    /// When it entered the inventory.
    pub added_at: OffsetDateTime,
    /// When it was last changed; an edit names it and fails when it is no longer so.
    pub changed_at: OffsetDateTime,
}

impl Entry {
    /// Its status at `now`.
    pub fn status(&self, now: OffsetDateTime) -> Status {
        Status::of(&self.state, self.not_after, now)
    }

    /// When it ends, if that is known.
    pub fn ends(&self) -> Option<OffsetDateTime> {
        self.unreadable.is_none().then_some(self.not_after)
    }

    /// Whole days until it ends, negative once it has; `None` if nobody knows when.
    pub fn days_left(&self, now: OffsetDateTime) -> Option<i64> {
        self.ends().map(|end| status::days_left(end, now))
    }
}

/// The entry of this id, if it is within reach.
pub async fn find(pool: &PgPool, reach: Reach<'_>, id: CertificateId) -> Result<Option<Entry>> {
    Ok(sqlx::query_as!(
        Entry,
        "select c.id, sha256, sha1, spki_sha256, unreadable, c.name, subject, issuer, issuer_name, serial, not_before, not_after, key,
                signature, sans, is_ca, is_self_signed, owner, team_id, teams.slug as \"team?\", environment, tags, note, source, state,
                superseded_by, retired_reason, added_at, changed_at
         from certificates c
         left join teams on teams.id = c.team_id
         where c.id = $1 and ($2::bigint[] is null or team_id = any($2))",
        id.0,
        reach,
    )
    .fetch_optional(pool)
    .await?)
}

/// Id of the entry with this SHA-256 fingerprint, if it is within reach.
pub async fn find_by_sha256(pool: &PgPool, reach: Reach<'_>, sha256: &[u8]) -> Result<Option<CertificateId>> {
    let id = sqlx::query_scalar!(
        "select id
         from certificates
         where sha256 = $1 and ($2::bigint[] is null or team_id = any($2))",
        sha256,
        reach,
    )
    .fetch_optional(pool)
    .await?;
    Ok(id.map(CertificateId))
}

/// The DER of an entry within reach.
pub async fn der(pool: &PgPool, reach: Reach<'_>, id: CertificateId) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar!(
        "select der
         from certificate_ders
         join certificates on certificates.id = certificate_id
         where certificate_id = $1 and ($2::bigint[] is null or team_id = any($2))",
        id.0,
        reach,
    )
    .fetch_optional(pool)
    .await?)
}

/// Ids and names of the entries that this one took the place of, newest first.
pub async fn supersedes(pool: &PgPool, reach: Reach<'_>, id: CertificateId) -> Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        "select id, name
         from certificates
         where superseded_by = $1 and ($2::bigint[] is null or team_id = any($2))
         order by not_after desc, id desc
         limit 50",
        id.0,
        reach,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
