//! `CertificateList`: what an issuer has revoked (RFC 5280 §5).
//!
//! Lists grow to many megabytes, so the entries are walked and counted, never collected.

use std::borrow::Cow;

use aws_lc_rs::digest::SHA256;
use time::OffsetDateTime;

use super::certificate::hash;
use super::extension::{self, RawExtension, ids};
use super::signature::{self, Verdict};
use super::structure::{Signed, field};
use super::{Certificate, Error, Extension, name, serial, tlv, validity};

/// The largest list that is read.
pub const MAX_SIZE: usize = 64 * 1024 * 1024;

const OBJECT: &str = "certificate list";

/// A certificate revocation list: its DER and its head.
#[derive(Clone, Debug)]
pub struct CertificateList {
    der: Box<[u8]>,
    issuer: String,
    this_update: OffsetDateTime,
    next_update: Option<OffsetDateTime>,
    number: Option<String>,
    revoked: usize,
    signature: Cow<'static, str>,
}

impl CertificateList {
    /// Reads exactly one list of at most [`MAX_SIZE`] bytes.
    pub fn from_der(der: &[u8]) -> Result<CertificateList, Error> {
        if der.len() > MAX_SIZE {
            return Err(Error::TooLarge { object: OBJECT, size: der.len(), limit: MAX_SIZE });
        }
        let parts = Parts::read(der)?;
        let mut entries = tlv::elements(parts.revoked);
        let revoked = entries.by_ref().take_while(|entry| entry.tag == tlv::SEQUENCE).count();
        if !entries.rest().is_empty() {
            return Err(Error::unreadable(OBJECT, format!("revoked certificate {} is broken", revoked + 1)));
        }
        let next_update = parts.next_update.map(|raw| time(raw, "next_update")).transpose()?;
        let number = extensions(parts.extensions).find(|extension| extension.oid == ids::CRL_NUMBER);
        Ok(CertificateList {
            issuer: name::rfc4514(parts.issuer),
            this_update: time(parts.this_update, "this_update")?,
            next_update,
            number: number.and_then(|number| tlv::only(number.value, tlv::INTEGER)).map(serial::hex),
            revoked,
            signature: signature::algorithm(parts.whole.algorithm),
            der: der.into(),
        })
    }

    /// The list as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-256 of the list.
    pub fn sha256(&self) -> [u8; 32] {
        hash(&SHA256, &self.der)
    }

    /// The issuer as an RFC 4514 string.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// When the list was made.
    pub fn this_update(&self) -> OffsetDateTime {
        self.this_update
    }

    /// When the next one is due at the latest, if the issuer says so.
    pub fn next_update(&self) -> Option<OffsetDateTime> {
        self.next_update
    }

    /// The CRL number in lower-case hex.
    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// How many certificates are on the list.
    pub fn revoked(&self) -> usize {
        self.revoked
    }

    /// The algorithm of the issuer's signature.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The extensions of the list itself, in words.
    pub fn extensions(&self) -> Vec<Extension> {
        let parts = Parts::read(&self.der);
        parts
            .map(|parts| extensions(parts.extensions).map(|one| one.readable()).collect())
            .unwrap_or_default()
    }

    /// Checks that the key of `issuer` signed this list and that the names agree.
    pub fn verify(&self, issuer: &Certificate) -> Verdict {
        match Parts::read(&self.der) {
            Ok(parts) if parts.issuer == issuer.subject_der() => parts.whole.verify(issuer.spki_der()),
            _ => Verdict::Bad,
        }
    }
}

/// The parts of the DER that are needed as they are.
struct Parts<'a> {
    whole: Signed<'a>,
    issuer: &'a [u8],
    this_update: &'a [u8],
    next_update: Option<&'a [u8]>,
    revoked: &'a [u8],
    extensions: &'a [u8],
}

const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Parts<'a>, Error> {
        let whole = Signed::read(OBJECT, der)?;
        let mut inner = tlv::elements(whole.content);
        inner.next_if(tlv::INTEGER);
        field(OBJECT, &mut inner, tlv::SEQUENCE, "signature")?;
        let issuer = field(OBJECT, &mut inner, tlv::SEQUENCE, "issuer")?.raw;
        let this_update =
            next_time(&mut inner).ok_or_else(|| Error::unreadable(OBJECT, "this_update is missing"))?;
        let next_update = next_time(&mut inner);
        let revoked = inner.next_if(tlv::SEQUENCE).map_or(&[][..], |list| list.value);
        let explicit = inner.next_if(0xa0).map_or(&[][..], |field| field.value);
        let extensions = tlv::elements(explicit).next_if(tlv::SEQUENCE).map_or(&[][..], |list| list.value);
        if !inner.rest().is_empty() {
            return Err(Error::unreadable(OBJECT, "the fields after next_update are broken"));
        }
        Ok(Parts { whole, issuer, this_update, next_update, revoked, extensions })
    }
}

fn next_time<'a>(fields: &mut tlv::Elements<'a>) -> Option<&'a [u8]> {
    fields.next_if(UTC_TIME).or_else(|| fields.next_if(GENERALIZED_TIME)).map(|time| time.raw)
}

fn extensions(list: &[u8]) -> impl Iterator<Item = RawExtension<'_>> {
    extension::read_all(list)
}

fn time(raw: &[u8], name: &str) -> Result<OffsetDateTime, Error> {
    let broken = || Error::unreadable(OBJECT, format!("{name} is not a time that can be represented"));
    validity::time(raw).ok_or_else(broken)
}

#[cfg(test)]
mod tests {
    use rcgen::{
        BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
        KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber,
    };
    use time::macros::datetime;

    use super::*;

    fn list() -> (Vec<u8>, Certificate) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Halden CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let issuer = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
        let revoked = (1..=3_u64).map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: datetime!(2026-01-01 0:00 UTC),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: datetime!(2026-02-01 0:00 UTC),
            next_update: datetime!(2026-03-01 0:00 UTC),
            crl_number: SerialNumber::from(300_u64),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        (list.signed_by(&Issuer::from_params(&params, &key)).unwrap().der().to_vec(), issuer)
    }

    #[test]
    fn the_head_is_read_and_the_entries_counted() {
        let (der, issuer) = list();
        let list = CertificateList::from_der(&der).unwrap();
        assert_eq!((list.issuer(), list.number(), list.revoked()), ("CN=Halden CA", Some("012c"), 3));
        assert_eq!(list.this_update(), datetime!(2026-02-01 0:00 UTC));
        assert_eq!(list.next_update().unwrap(), datetime!(2026-03-01 0:00 UTC));
        assert_eq!(list.verify(&issuer), Verdict::Good);
        assert!(list.extensions().iter().any(|extension| extension.name == "CRL number"));
    }

    #[test]
    fn another_issuer_did_not_sign_it() {
        let (der, _) = list();
        let (_, other) = list();
        assert_eq!(CertificateList::from_der(&der).unwrap().verify(&other), Verdict::Bad);
    }

    #[test]
    fn nonsense_and_trailing_bytes_are_refused() {
        let (der, issuer) = list();
        assert!(matches!(CertificateList::from_der(b"no"), Err(Error::Unreadable { .. })));
        assert!(matches!(CertificateList::from_der(issuer.der()), Err(Error::Unreadable { .. })));
        let longer = [der, vec![0, 0]].concat();
        assert!(matches!(CertificateList::from_der(&longer), Err(Error::Trailing { extra: 2, .. })));
    }
}
