//! From what a bundle held to what the inventory does with it; pure, and slow enough to run off the async threads.

use std::sync::Arc;

use crate::{
    store::certificates::import::NewEntry,
    x509::{
        Certificate, CertificateList, CertificateRequest,
        bundle::{self, Thing},
        private_key,
    },
};

use super::{derive, keys, report::Outcome};

/// One thing, understood.
pub(super) struct Read {
    /// Name of the file, as the person called it.
    pub(super) file: String,
    pub(super) place: String,
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What to do with it.
pub(super) enum Kind {
    /// Store it; an unreadable one has only its row.
    Certificate(Option<Arc<Certificate>>, Box<NewEntry>),
    /// A private key: keep it only if that was chosen.
    Key(keys::Found),
    /// Nothing more to do.
    Settled(Outcome),
}

impl Read {
    /// The fingerprint of what would be stored.
    pub(super) fn digest(&self) -> Option<[u8; 32]> {
        match &self.kind {
            Kind::Certificate(_, entry) => Some(entry.sha256),
            _ => None,
        }
    }

    /// How many names it bears.
    pub(super) fn names(&self) -> usize {
        match &self.kind {
            Kind::Certificate(_, entry) => entry.names.len(),
            _ => 0,
        }
    }
}

/// Parses and derives what was found in a file.
pub(super) fn sort(file: &str, found: bundle::Found) -> Read {
    let (name, kind) = match found.thing {
        Thing::Certificate(der) => certificate(&der),
        Thing::CertificateRequest(der) => {
            let name = CertificateRequest::from_der(&der).map(|request| request.primary_name());
            (name.unwrap_or_default(), Kind::Settled(Outcome::CertificateRequest))
        }
        Thing::CertificateList(der) => {
            let name = CertificateList::from_der(&der).map(|list| list.issuer().to_owned());
            (name.unwrap_or_default(), Kind::Settled(Outcome::CertificateList))
        }
        Thing::PrivateKey { der, format, encrypted } => {
            let description = private_key::describe(&der, format);
            let name = description.algorithm.clone().unwrap_or_else(|| format.to_string());
            (name, Kind::Key(keys::Found { der, description, encrypted }))
        }
        Thing::Unreadable { label, reason, bytes } => {
            let is_certificate = label.contains("CERTIFICATE") && !label.contains("REQUEST");
            if is_certificate && is_whole(&bytes) {
                kept(&bytes, &reason)
            } else {
                (label, unreadable(reason))
            }
        }
    };
    Read { file: file.to_owned(), place: found.place, name, kind }
}

fn unreadable(reason: String) -> Kind {
    Kind::Settled(Outcome::Unreadable { reason })
}

fn certificate(der: &[u8]) -> (String, Kind) {
    match Certificate::from_der(der) {
        Ok(certificate) => {
            let entry = derive::entry(&certificate);
            (entry.name.clone(), Kind::Certificate(Some(Arc::new(certificate)), Box::new(entry)))
        }
        Err(error) => kept(der, &error.to_string()),
    }
}

fn kept(der: &[u8], reason: &str) -> (String, Kind) {
    let entry = derive::unreadable(der, reason);
    (entry.name.clone(), Kind::Certificate(None, Box::new(entry)))
}

/// Whether the bytes are one complete DER value: the fingerprint of half a certificate would be that of nothing.
fn is_whole(bytes: &[u8]) -> bool {
    let (length, header) = match bytes {
        [0x30, short @ 0..=0x7f, ..] => (usize::from(*short), 2),
        [0x30, 0x81, one, ..] => (usize::from(*one), 3),
        [0x30, 0x82, high, low, ..] => (usize::from(u16::from_be_bytes([*high, *low])), 4),
        [0x30, 0x83, a, b, c, ..] => {
            (usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap_or(usize::MAX), 5)
        }
        _ => return false,
    };
    bytes.len().checked_sub(header) == Some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unreadable_block(bytes: &[u8]) -> Read {
        let thing =
            Thing::Unreadable { label: "CERTIFICATE".into(), reason: "why".into(), bytes: bytes.to_vec() };
        sort("f.pem", bundle::Found { place: "entry 1".into(), thing })
    }

    #[test]
    fn a_whole_but_broken_certificate_is_kept_by_its_fingerprint() {
        let read = unreadable_block(&[0x30, 3, 2, 1, 5]);
        assert!(read.digest().is_some() && read.name.starts_with("Unreadable certificate "));
    }

    #[test]
    fn half_a_certificate_is_not_kept() {
        assert!(unreadable_block(&[0x30, 0x82, 1, 0, 2, 1, 5]).digest().is_none());
        assert!(unreadable_block(&[]).digest().is_none());
    }
}
