//! Where new certificates stand in their chains: who signed them, and how many entries they signed.

use std::collections::HashMap;

use crate::{
    services::Result,
    store::{
        Tx,
        certificates::chain::{Signer, children, signers},
    },
    x509::{Certificate, chain::is_issued_by},
};

use super::{
    derive,
    report::{Link, Place},
};
use crate::store::certificates::{CertificateId, import::NewEntry};

/// More new certificates than this are not looked up for the report; their chains are linked when they are read, as all are.
const MAX_LOOKED_UP: usize = 2_000;
/// How far the children of a new CA are counted.
const MAX_CHILDREN: i64 = 1_001;

/// A certificate that has just been stored.
pub(super) struct Stored<'a> {
    pub(super) id: Option<i64>,
    pub(super) entry: &'a NewEntry,
    pub(super) certificate: Option<&'a Certificate>,
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
    let mut by_subject: HashMap<Vec<u8>, Vec<(Signer, Certificate)>> = HashMap::new();
    for signer in signers(tx.conn(), reach, &subjects).await? {
        if let (Some(subject), Ok(parsed)) =
            (signer.subject_der_sha256.clone(), Certificate::from_der(&signer.der))
        {
            by_subject.entry(subject).or_default().push((signer, parsed));
        }
    }
    let mut places = Vec::with_capacity(stored.len());
    for one in stored {
        places.push((place(one, &by_subject), number_of_children(tx, reach, one).await?));
    }
    Ok(places)
}

fn place(one: &Stored<'_>, signers: &HashMap<Vec<u8>, Vec<(Signer, Certificate)>>) -> Place {
    let Some(certificate) = one.certificate else { return Place::NotLookedFor };
    if one.entry.is_self_signed {
        return Place::SelfSigned;
    }
    let named = one.entry.issuer_der_sha256.and_then(|digest| signers.get(digest.as_slice()));
    let signer = named.into_iter().flatten().find(|(_, parsed)| is_issued_by(certificate, parsed));
    match signer {
        Some((signer, _)) => {
            Place::Under(Link { id: signer.in_reach.then_some(signer.id), name: signer.name.clone() })
        }
        None => Place::IssuerUnknown(one.entry.issuer_name.clone()),
    }
}

async fn number_of_children(tx: &mut Tx, reach: Option<&[i64]>, one: &Stored<'_>) -> Result<i64> {
    let (Some(id), Some(certificate)) = (one.id, one.certificate) else { return Ok(0) };
    if !certificate.is_ca() {
        return Ok(0);
    }
    let called = derive::called(certificate.subject_der(), certificate.subject());
    Ok(children(tx.conn(), reach, CertificateId(id), &called, MAX_CHILDREN).await?)
}
