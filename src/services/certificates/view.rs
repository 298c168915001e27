//! One certificate: its entry, its DER, its chain, what it superseded.

use time::OffsetDateTime;

use crate::{
    app::App,
    services::{Actor, Error, Permission, Result},
    store::certificates::{self as rows, CertificateId, Entry, State, chain::Signer},
    x509::{
        Certificate,
        chain::{self as chains, MAX_DEPTH},
    },
};

use super::report::Link;

/// Everything the page of one certificate shows that is stored.
#[derive(Debug, Clone)]
pub struct Detail {
    /// The row.
    pub entry: Entry,
    /// The certificate; what cannot be parsed is only bytes.
    pub der: Vec<u8>,
    /// The same, parsed.
    pub certificate: Option<Certificate>,
    /// Entries whose place it took.
    pub supersedes: Vec<Link>,
    /// The entry that took its place.
    pub superseded_by: Option<Link>,
    /// Whether its private key is kept.
    pub key_is_kept: bool,
    /// Other entries with the same key.
    pub same_key: Vec<Link>,
    /// The moment its status refers to.
    pub now: OffsetDateTime,
}

/// One certificate on the way to the root.
#[derive(Debug, Clone)]
pub struct ChainLink {
    /// Its entry; `None` when the reader may not open it.
    pub id: Option<i64>,
    /// The certificate.
    pub certificate: Certificate,
}

/// The way from a certificate to its root, as far as the inventory knows it; signatures were checked.
#[derive(Debug, Clone)]
pub struct Chain {
    /// The certificate itself first.
    pub links: Vec<ChainLink>,
    /// Whether it ends in a self-signed certificate.
    pub complete: bool,
    /// The issuer that is not in the inventory, if that is why it ends.
    pub missing: Option<String>,
}

/// One entry within reach with all that belongs to it.
pub async fn detail(app: &App, actor: &Actor, id: CertificateId) -> Result<Detail> {
    actor.require(Permission::CertificatesRead)?;
    let reach = actor.reach().as_sql();
    let entry = rows::find(&app.pool, reach, id).await?.ok_or(Error::NotFound("certificate"))?;
    let der = rows::der(&app.pool, reach, id).await?.ok_or(Error::NotFound("certificate"))?;
    let link = |(id, name): (i64, String)| Link { id: Some(id), name };
    let superseded_by = match entry.superseded_by {
        // One that was brought back is not replaced, whatever took its place before.
        Some(newer) if entry.state == State::Superseded.as_str() => {
            rows::find(&app.pool, reach, CertificateId(newer)).await?
        }
        _ => None,
    };
    let (key_is_kept, same_key) = match &entry.spki_sha256 {
        Some(spki) => (
            rows::keys::is_kept(&app.pool, reach, spki).await?,
            rows::keys::certificates(&app.pool, reach, spki, id).await?,
        ),
        None => (false, Vec::new()),
    };
    Ok(Detail {
        certificate: Certificate::from_der(&der).ok(),
        der,
        supersedes: rows::supersedes(&app.pool, reach, id).await?.into_iter().map(link).collect(),
        superseded_by: superseded_by.map(|newer| link((newer.id, newer.name))),
        key_is_kept,
        same_key: same_key.into_iter().map(link).collect(),
        now: app.now(),
        entry,
    })
}

/// Id of the certificate with this SHA-256 fingerprint.
pub async fn find_by_sha256(app: &App, actor: &Actor, sha256: &[u8; 32]) -> Result<CertificateId> {
    actor.require(Permission::CertificatesRead)?;
    let found = rows::find_by_sha256(&app.pool, actor.reach().as_sql(), sha256).await?;
    found.ok_or(Error::NotFound("certificate"))
}

/// The chain of a certificate within reach; empty for one that cannot be read.
pub async fn chain(app: &App, actor: &Actor, id: CertificateId) -> Result<Chain> {
    actor.require(Permission::CertificatesRead)?;
    let reach = actor.reach().as_sql();
    let der = rows::der(&app.pool, reach, id).await?.ok_or(Error::NotFound("certificate"))?;
    let Ok(leaf) = Certificate::from_der(&der) else {
        return Ok(Chain { links: Vec::new(), complete: false, missing: None });
    };
    let known = ancestors(app, reach, &leaf).await?;
    let pool: Vec<Certificate> = known.iter().map(|(_, certificate)| certificate.clone()).collect();
    let ordered = chains::order(&leaf, &pool);
    let link = |certificate: &&Certificate| {
        let entry = known.iter().find(|(_, other)| other == *certificate);
        let known_id = entry.and_then(|(signer, _)| signer.in_reach.then_some(signer.id));
        let id = if **certificate == leaf { Some(id.0) } else { known_id };
        ChainLink { id, certificate: (*certificate).clone() }
    };
    let links = ordered.certificates.iter().map(link).collect();
    Ok(Chain { links, complete: ordered.complete, missing: ordered.missing })
}

/// Everything that may be above a certificate, by name, level by level.
async fn ancestors(
    app: &App,
    reach: Option<&[i64]>,
    leaf: &Certificate,
) -> Result<Vec<(Signer, Certificate)>> {
    let digest = |certificate: &Certificate| crate::crypto::digest::sha256(certificate.issuer_der()).to_vec();
    let mut found: Vec<(Signer, Certificate)> = Vec::new();
    let mut asked = Vec::new();
    let mut next = vec![digest(leaf)];
    while !next.is_empty() && asked.len() < MAX_DEPTH {
        let level = rows::chain::signers(&app.pool, reach, &next).await?;
        asked.append(&mut next);
        for signer in level {
            let Ok(certificate) = Certificate::from_der(&signer.der) else { continue };
            let above = digest(&certificate);
            if !asked.contains(&above) && !next.contains(&above) {
                next.push(above);
            }
            found.push((signer, certificate));
        }
    }
    Ok(found)
}
