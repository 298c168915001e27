//! Who may have signed whom, by name; the signature is checked by `x509::chain`.
//!
//! Chains are computed when they are read, so that a CA imported later links its children without touching them. A CA certificate
//! is no secret: it completes the chain of anybody's certificate, whoever's it is, though its own page may stay out of reach.

use time::OffsetDateTime;

use super::{CertificateId, Reach, Result};

/// Real names have one or two; a hostile import may bring many of the same name. Those that came first are taken, so that nobody can push
/// one out afterwards.
const MAX_SIGNERS: i64 = 64;

/// A CA certificate that bears the name of an issuer.
#[derive(Debug, Clone)]
pub struct Signer {
    /// Id.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// SHA-256 of the subject's DER.
    pub subject_der_sha256: Option<Vec<u8>>,
    /// The certificate.
    pub der: Vec<u8>,
    /// Whether the reader may open its page.
    pub in_reach: bool,
    /// It may sign certificates; else it is only self-signed.
    pub is_ca: bool,
    /// Nobody took it out of use.
    pub is_active: bool,
    /// The last second of its life.
    pub not_after: OffsetDateTime,
    /// When it came into the inventory.
    pub added_at: OffsetDateTime,
}

/// The CA certificates whose subject has one of these digests, at most a handful for each.
pub async fn signers<'e>(
    db: impl sqlx::PgExecutor<'e>,
    reach: Reach<'_>,
    subjects: &[Vec<u8>],
) -> Result<Vec<Signer>> {
    Ok(sqlx::query_as!(
        Signer,
        "select c.id, c.name, c.subject_der_sha256, d.der,
                ($2::bigint[] is null or coalesce(c.team_id = any($2), false)) as \"in_reach!\",
                c.is_ca, c.state = 'active' as \"is_active!\", c.not_after, c.added_at
         from unnest($1::bytea[]) wanted (digest)
         cross join lateral (
             select id, name, subject_der_sha256, team_id, is_ca, state, not_after, added_at
             from certificates
             where subject_der_sha256 = wanted.digest
               and (is_ca or is_self_signed)
               and ($2::bigint[] is null or team_id is null or team_id = any($2) or is_ca)
             order by id
             limit $3
         ) c
         join certificate_ders d on d.certificate_id = c.id",
        subjects,
        reach,
        MAX_SIGNERS,
    )
    .fetch_all(db)
    .await?)
}

/// An entry as it was read, and who it says signed it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Id.
    pub id: i64,
    /// SHA-256 of the issuer's DER.
    pub issuer_der_sha256: Option<Vec<u8>>,
    /// The certificate.
    pub der: Vec<u8>,
}

/// These entries; the caller has found them within reach.
pub async fn kept<'e>(db: impl sqlx::PgExecutor<'e>, ids: &[i64]) -> Result<Vec<Kept>> {
    Ok(sqlx::query_as!(
        Kept,
        "select c.id, c.issuer_der_sha256, d.der
         from certificates c
         join certificate_ders d on d.certificate_id = c.id
         where c.id = any($1)",
        ids,
    )
    .fetch_all(db)
    .await?)
}

/// How many entries within reach name this CA as their issuer, counted up to `cap`.
pub async fn children<'e>(
    db: impl sqlx::PgExecutor<'e>,
    reach: Reach<'_>,
    id: CertificateId,
    issuer_name: &str,
    cap: i64,
) -> Result<i64> {
    let n = sqlx::query_scalar!(
        "select count(*) as \"n!\"
         from (
             select 1
             from certificates c
             where c.issuer_name = $1
               and c.issuer_der_sha256 = (select subject_der_sha256 from certificates where id = $2)
               and c.id <> $2
               and not c.is_self_signed
               and ($3::bigint[] is null or c.team_id = any($3))
             limit $4
         ) counted",
        issuer_name,
        id.0,
        reach,
        cap,
    )
    .fetch_one(db)
    .await?;
    Ok(n)
}
