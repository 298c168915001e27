//! Where new certificates stand in their chains: who signed them, and how many entries they signed.

use std::{sync::Arc, time::Duration};

use crate::{
    services::{Error, Result},
    store::{
        Tx,
        certificates::chain::{Signer, children, signers},
    },
    x509::Certificate,
};

use super::{
    derive,
    report::{Link, Place},
    vouching::{Judged, judge_all},
};
use crate::store::certificates::{CertificateId, import::NewEntry};

/// More new certificates than this are not looked up for the report; their chains are linked when they are read, as all are.
const MAX_LOOKED_UP: usize = 2_000;
/// How long the signatures of one upload may take.
const TIME: Duration = Duration::from_secs(1);
/// How far the children of a new CA are counted.
const MAX_CHILDREN: i64 = 1_001;
/// For so many new CAs of one upload.
const MAX_PARENTS: usize = 200;

/// A certificate that has just been stored.
pub(super) struct Stored<'a> {
    pub(super) id: Option<i64>,
    pub(super) entry: &'a NewEntry,
    pub(super) certificate: Option<Arc<Certificate>>,
}

/// The place of each, and the number of its children, in the same order.
pub(super) async fn places(
    tx: &mut Tx,
    reach: Option<&[i64]>,
    stored: &[Stored<'_>],
) -> Result<Vec<(Place, i64)>> {
    if stored.len() > MAX_LOOKED_UP {
        return Ok(stored.iter().map(|_| (Place::NotLookedFor, 0)).collect());
    }
    let mut subjects: Vec<Vec<u8>> = stored
        .iter()
        .filter(|one| !one.entry.is_self_signed)
        .filter_map(|one| one.entry.issuer_der_sha256.map(|digest| digest.to_vec()))
        .collect();
    subjects.sort();
    subjects.dedup();
    let signers = signers(tx.conn(), reach, &subjects).await?;
    let judged = judged(&signers, stored).await?;
    let mut places = Vec::with_capacity(stored.len());
    let mut parents = 0;
    for (one, judged) in stored.iter().zip(judged) {
        parents += usize::from(one.entry.is_ca);
        let children = if parents <= MAX_PARENTS { number_of_children(tx, reach, one).await? } else { 0 };
        places.push((place(one, judged, &signers), children));
    }
    Ok(places)
}

/// What the signers say of each; a place among the signed is that of `signers`.
async fn judged(signers: &[Signer], stored: &[Stored<'_>]) -> Result<Vec<Judged>> {
    let ders: Vec<Vec<u8>> = signers.iter().map(|signer| signer.der.clone()).collect();
    let issued: Vec<Option<Arc<Certificate>>> =
        stored.iter().map(|one| one.certificate.clone().filter(|_| !one.entry.is_self_signed)).collect();
    let judged = tokio::task::spawn_blocking(move || {
        let mut places = Vec::new();
        let read = ders.iter().enumerate().filter_map(|(place, der)| {
            let signer = Certificate::from_der(der).ok()?;
            places.push(place);
            Some(Arc::new(signer))
        });
        let signers = read.collect();
        let among_all = |judged| match judged {
            Judged::SignedBy(place) => {
                places.get(place).map_or(Judged::Unknown, |all| Judged::SignedBy(*all))
            }
            other => other,
        };
        judge_all(&issued, &signers, TIME).into_iter().map(among_all).collect()
    });
    judged.await.map_err(Error::internal)
}

fn place(one: &Stored<'_>, judged: Judged, signers: &[Signer]) -> Place {
    if one.certificate.is_none() {
        return Place::NotLookedFor;
    }
    if one.entry.is_self_signed {
        return Place::SelfSigned;
    }
    let signer = match judged {
        Judged::SignedBy(place) => signers.get(place),
        Judged::TimeUp => return Place::NotLookedFor,
        Judged::Unchecked => return Place::Unchecked(one.entry.issuer_name.clone()),
        Judged::Refuted | Judged::Unknown => None,
    };
    match signer {
        Some(signer) => {
            Place::Under(Link { id: signer.in_reach.then_some(signer.id), name: signer.name.clone() })
        }
        None => Place::IssuerUnknown(one.entry.issuer_name.clone()),
    }
}

async fn number_of_children(tx: &mut Tx, reach: Option<&[i64]>, one: &Stored<'_>) -> Result<i64> {
    let (Some(id), Some(certificate)) = (one.id, &one.certificate) else { return Ok(0) };
    if !certificate.is_ca() {
        return Ok(0);
    }
    let called = derive::called(certificate.subject_der(), certificate.subject());
    Ok(children(tx.conn(), reach, CertificateId(id), &called, MAX_CHILDREN).await?)
}
