//! Certificates and import reports as JSON: what the API answers and what `--json` prints, so that both say the same.
//!
//! A list is made of the row's columns alone; only a single certificate is parsed again for what its DER says beyond them.

use std::collections::HashMap;

use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    app::App,
    services::{Actor, Permission, Result},
    store::certificates::{CertificateId, Entry, lineage},
    x509::{Certificate, Extension, inspect::InspectedCertificate, sct::Sct},
};

use super::{
    report::{Outcome, Row},
    view,
};

/// A certificate of the inventory.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CertificateObject {
    /// Its id.
    pub id: i64,
    /// What people call it.
    pub name: String,
    /// `valid`, `expiring`, `expired`, `revoked`, `superseded`, `retired` or `unreadable`.
    pub status: &'static str,
    /// Days until it ends, rounded up; 0 or less once it has; null if it cannot be read.
    pub days_left: Option<i64>,
    /// The serial in lower-case hex without separators.
    pub serial: String,
    /// The first second of validity, UTC.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_before: Option<OffsetDateTime>,
    /// The last second of validity, UTC.
    #[serde(with = "time::serde::rfc3339::option")]
    pub not_after: Option<OffsetDateTime>,
    /// The subject (RFC 4514).
    pub subject: String,
    /// The issuer (RFC 4514).
    pub issuer: String,
    /// What people call the issuer.
    pub issuer_name: String,
    /// The SHA-256 fingerprint in hex.
    pub sha256: String,
    /// The SHA-1 fingerprint in hex.
    pub sha1: String,
    /// The SHA-256 of the public key with its algorithm, in hex.
    pub spki_sha256: Option<String>,
    /// The key, as `RSA-2048`, `EC-256`, `ED25519` or `ML-DSA-65`.
    pub key: String,
    /// The signature algorithm, as `SHA256-RSA`.
    pub signature: String,
    /// The subject alternative names, as `DNS:a.example`.
    pub sans: Vec<String>,
    /// True if the basic constraints say so.
    pub is_ca: bool,
    /// True if it signed itself.
    pub self_signed: bool,
    /// Why only the fingerprint is known; null for a certificate that could be read.
    pub unreadable: Option<String>,
    /// Mail address of who looks after it.
    pub owner: Option<String>,
    /// Slug of the team that owns it.
    pub team: Option<String>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// Free labels.
    pub tags: Vec<String>,
    /// Free text.
    pub note: String,
    /// `import`, `api`, `cli`, `scan` or `issued`.
    pub source: String,
    /// Addresses that serve it.
    pub endpoints: Vec<String>,
    /// Ids of the certificates whose place it took.
    pub supersedes: Vec<i64>,
    /// Id of the certificate that took its place.
    pub superseded_by: Option<i64>,
    /// Why it was retired.
    pub retired_reason: Option<String>,
    /// When it entered the inventory, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub added_at: OffsetDateTime,
    /// When it was last changed, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub changed_at: OffsetDateTime,
}

/// A certificate of the inventory with all that `inspect` says about it.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CertificateDetail {
    /// What a list shows of it.
    #[serde(flatten)]
    pub certificate: CertificateObject,
    /// What its DER says beyond that.
    #[serde(flatten)]
    pub said: Said,
    /// Whether its private key is kept here.
    pub key_is_kept: bool,
}

/// What only the DER of a certificate says; empty for one that cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Said {
    /// The version as people count it.
    pub version: Option<u32>,
    /// The last common name of the subject.
    pub common_name: Option<String>,
    /// How many intermediates may follow, if limited.
    pub path_len: Option<u32>,
    /// The names of the key usage bits.
    pub key_usage: Vec<String>,
    /// The key purposes by name or number.
    pub extended_key_usage: Vec<String>,
    /// The subject key identifier in hex.
    pub subject_key_identifier: Option<String>,
    /// The key identifier of the signer in hex.
    pub authority_key_identifier: Option<String>,
    /// All extensions in words.
    pub extensions: Vec<Extension>,
    /// The embedded signed certificate timestamps.
    pub scts: Vec<Sct>,
}

/// What became of one thing in an import.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImportRow {
    /// The file, as the sender called it.
    pub file: String,
    /// Where in the file, such as `PEM block 2, line 41`.
    pub place: String,
    /// What people call the thing.
    pub name: String,
    /// SHA-256 of its bytes in hex, where they were kept or known.
    pub sha256: Option<String>,
    /// `new`, `known`, `repeated`, `kept_unreadable`, `unreadable`, `certificate_request`, `certificate_list`, `private_key_stored` or
    /// `private_key_not_stored`.
    pub outcome: &'static str,
    /// The same as a sentence.
    pub message: String,
    /// Id of its entry, if it has one that the caller may open.
    pub id: Option<i64>,
    /// Ids of the entries whose place it took.
    pub supersedes: Vec<i64>,
    /// Id of the newer entry that had taken its place before it came.
    pub superseded_by: Option<i64>,
}

/// These entries as JSON, in their order; links out of the actor's reach are left out.
pub async fn objects(
    app: &App,
    actor: &Actor,
    entries: &[Entry],
    now: OffsetDateTime,
) -> Result<Vec<CertificateObject>> {
    actor.require(Permission::CertificatesRead)?;
    let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
    let mut supersedes: HashMap<i64, Vec<i64>> = HashMap::new();
    let mut superseded_by: HashMap<i64, i64> = HashMap::new();
    for (older, newer) in lineage::links(&app.pool, actor.reach().as_sql(), &ids).await? {
        supersedes.entry(newer).or_default().push(older);
        superseded_by.insert(older, newer);
    }
    let object = |entry: &Entry| CertificateObject {
        supersedes: supersedes.get(&entry.id).cloned().unwrap_or_default(),
        superseded_by: superseded_by.get(&entry.id).copied(),
        ..of_row(entry, now)
    };
    Ok(entries.iter().map(object).collect())
}

/// One entry within reach with all that its DER says.
pub async fn object(app: &App, actor: &Actor, id: CertificateId) -> Result<CertificateDetail> {
    let detail = view::detail(app, actor, id).await?;
    let certificate = CertificateObject {
        supersedes: detail.supersedes.iter().filter_map(|link| link.id).collect(),
        superseded_by: detail.superseded_by.as_ref().and_then(|link| link.id),
        ..of_row(&detail.entry, detail.now)
    };
    let said = detail.certificate.as_ref().map(Said::from).unwrap_or_default();
    Ok(CertificateDetail { certificate, said, key_is_kept: detail.key_is_kept })
}

impl From<&Certificate> for Said {
    fn from(certificate: &Certificate) -> Said {
        let said = InspectedCertificate::from(certificate);
        Said {
            version: Some(said.version),
            common_name: said.common_name,
            path_len: said.path_len,
            key_usage: said.key_usage,
            extended_key_usage: said.extended_key_usage,
            subject_key_identifier: said.subject_key_identifier,
            authority_key_identifier: said.authority_key_identifier,
            extensions: said.extensions,
            scts: said.scts,
        }
    }
}

impl From<&Row> for ImportRow {
    fn from(row: &Row) -> ImportRow {
        let (supersedes, superseded_by) = match &row.outcome {
            Outcome::New { supersedes, superseded_by, .. } => (
                supersedes.iter().filter_map(|link| link.id).collect(),
                superseded_by.as_ref().and_then(|link| link.id),
            ),
            _ => (Vec::new(), None),
        };
        ImportRow {
            file: row.file.clone(),
            place: row.place.clone(),
            name: row.name.clone(),
            sha256: row.sha256.map(hex::encode),
            outcome: row.outcome.word(),
            message: row.sentence(),
            id: row.outcome.id(),
            supersedes,
            superseded_by,
        }
    }
}

/// What the row itself says, without its links.
fn of_row(entry: &Entry, now: OffsetDateTime) -> CertificateObject {
    CertificateObject {
        id: entry.id,
        name: entry.name.clone(),
        status: entry.status(now).as_str(),
        days_left: entry.days_left(now),
        serial: entry.serial.clone(),
        not_before: entry.not_before,
        not_after: entry.ends(),
        subject: entry.subject.clone(),
        issuer: entry.issuer.clone(),
        issuer_name: entry.issuer_name.clone(),
        sha256: hex::encode(&entry.sha256),
        sha1: hex::encode(&entry.sha1),
        spki_sha256: entry.spki_sha256.as_ref().map(hex::encode),
        key: entry.key.clone(),
        signature: entry.signature.clone(),
        sans: entry.sans.clone(),
        is_ca: entry.is_ca,
        self_signed: entry.is_self_signed,
        unreadable: entry.unreadable.clone(),
        owner: entry.owner.clone(),
        team: entry.team.clone(),
        environment: entry.environment.clone(),
        tags: entry.tags.clone(),
        note: entry.note.clone(),
        source: entry.source.clone(),
        endpoints: Vec::new(),
        supersedes: Vec::new(),
        superseded_by: None,
        retired_reason: entry.retired_reason.clone(),
        added_at: entry.added_at,
        changed_at: entry.changed_at,
    }
}
