//! `Certificate`: parsed once, carried everywhere (RFC 5280 §4.1).
//!
//! The parser library decides whether bytes are a certificate. What an import stores is read at once; what
//! only a detail page shows (extensions in words, SCTs, SHA-1) is made when asked for, from the kept DER.
//! Odd contents are kept: a negative serial, an empty subject, an unknown algorithm, an extension that
//! breaks its own syntax (it counts as absent here and is shown as hex by `extensions`).

use std::borrow::Cow;
use std::ops::Range;

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use time::{Duration, OffsetDateTime};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::nom::{self, Parser};

use super::extension::{self, AuthorityKeyIdentifier, BasicConstraints, KeyUsage, RawExtension, ids};
use super::sct::{self, Sct};
use super::signature::{self, Verdict};
use super::validity::{self, Validity};
use super::{Error, Extension, Key, San, name, san, serial, tlv};

/// The largest certificate that is read; real ones have a few kilobytes.
pub const MAX_SIZE: usize = 1024 * 1024;

const OBJECT: &str = "certificate";

/// An X.509 certificate: its DER, and what an inventory knows about it.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Box<[u8]>,
    fields: Fields,
    sha256: [u8; 32],
    spki_sha256: [u8; 32],
    version: u32,
    serial: String,
    subject: String,
    issuer: String,
    common_name: Option<String>,
    validity: Validity,
    key: Key,
    signature: Cow<'static, str>,
    stated: Stated,
}

/// What the extensions say, as far as an inventory stores it.
#[derive(Clone, Debug, Default)]
struct Stated {
    sans: Vec<San>,
    constraints: BasicConstraints,
    key_usage: KeyUsage,
    extended_key_usage: Vec<String>,
    subject_key_identifier: Option<Vec<u8>>,
    authority_key_identifier: Option<AuthorityKeyIdentifier>,
}

/// Where the parts are in the DER that are needed as they are.
#[derive(Clone, Debug)]
struct Fields {
    signed: Range<usize>,
    issuer: Range<usize>,
    subject: Range<usize>,
    spki: Range<usize>,
    algorithm: Range<usize>,
    signature: Range<usize>,
}

impl Certificate {
    /// Reads exactly one certificate of at most [`MAX_SIZE`] bytes.
    pub fn from_der(der: &[u8]) -> Result<Certificate, Error> {
        if der.len() > MAX_SIZE {
            return Err(Error::TooLarge { object: OBJECT, size: der.len(), limit: MAX_SIZE });
        }
        let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
        let (rest, parsed) = parser.parse(der).map_err(|error| unreadable(der, &error))?;
        if !rest.is_empty() {
            return Err(Error::Trailing { object: OBJECT, extra: rest.len() });
        }
        let fields = Fields::find(der)
            .ok_or_else(|| Error::unreadable(OBJECT, "its fields are not where they belong"))?;
        Certificate::build(der, fields, &parsed)
    }

    fn build(der: &[u8], fields: Fields, parsed: &X509Certificate<'_>) -> Result<Certificate, Error> {
        let part = |range: &Range<usize>| der.get(range.clone()).unwrap_or_default();
        let subject_der = part(&fields.subject);
        let dates = &parsed.validity;
        let validity = validity::read(dates.not_before, dates.not_after)
            .map_err(|why| Error::unreadable(OBJECT, why))?;
        Ok(Certificate {
            sha256: hash(&SHA256, der),
            spki_sha256: hash(&SHA256, part(&fields.spki)),
            version: parsed.version.0.saturating_add(1),
            serial: serial::hex(parsed.raw_serial()),
            subject: name::rfc4514(subject_der),
            issuer: name::rfc4514(part(&fields.issuer)),
            common_name: name::common_name(subject_der),
            validity,
            key: Key::from_spki(part(&fields.spki)),
            signature: signature::algorithm(part(&fields.algorithm)),
            stated: Stated::read(parsed),
            der: der.into(),
            fields,
        })
    }

    /// The certificate as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-256 fingerprint.
    pub fn sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// The SHA-1 fingerprint, which old tools show; computed at each call.
    pub fn sha1(&self) -> [u8; 20] {
        hash(&SHA1_FOR_LEGACY_USE_ONLY, &self.der)
    }

    /// The SHA-256 of the public key with its algorithm: the same for every certificate of one key.
    pub fn spki_sha256(&self) -> [u8; 32] {
        self.spki_sha256
    }

    /// The version as people count it: 3 is today's.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The serial number in lower-case hex; see [`serial::hex`].
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The subject as an RFC 4514 string, possibly empty.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The issuer as an RFC 4514 string.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The DER of the subject; a chain is linked by these bytes.
    pub fn subject_der(&self) -> &[u8] {
        self.part(&self.fields.subject)
    }

    /// The DER of the issuer.
    pub fn issuer_der(&self) -> &[u8] {
        self.part(&self.fields.issuer)
    }

    /// The DER of the `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        self.part(&self.fields.spki)
    }

    /// The last common name of the subject.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The first second of validity, in UTC.
    pub fn not_before(&self) -> OffsetDateTime {
        self.validity.not_before
    }

    /// The last second of validity, in UTC.
    pub fn not_after(&self) -> OffsetDateTime {
        self.validity.not_after
    }

    /// The time between the two dates; negative where they are the wrong way round.
    pub fn lifetime(&self) -> Duration {
        self.validity.lifetime()
    }

    /// The kind and size of the public key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The algorithm of the issuer's signature, as `SHA256-RSA`.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The subject alternative names in the order of the certificate.
    pub fn sans(&self) -> &[San] {
        &self.stated.sans
    }

    /// True if the basic constraints say that this key may sign certificates. A version 1 root says nothing.
    pub fn is_ca(&self) -> bool {
        self.stated.constraints.is_ca
    }

    /// How many intermediates may follow, if limited.
    pub fn path_len(&self) -> Option<u32> {
        self.stated.constraints.path_len
    }

    /// The names of the key usage bits; empty if the extension is absent.
    pub fn key_usage(&self) -> Vec<&'static str> {
        self.stated.key_usage.names()
    }

    /// The key purposes by name (`serverAuth`) or number; empty if the extension is absent.
    pub fn extended_key_usage(&self) -> &[String] {
        &self.stated.extended_key_usage
    }

    /// The subject key identifier.
    pub fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.stated.subject_key_identifier.as_deref()
    }

    /// How the certificate names its signer's key.
    pub fn authority_key_identifier(&self) -> Option<&AuthorityKeyIdentifier> {
        self.stated.authority_key_identifier.as_ref()
    }

    /// True if subject and issuer are the same name (RFC 5280 §3.2); see `chain::is_self_signed`.
    pub fn is_self_issued(&self) -> bool {
        self.subject_der() == self.issuer_der()
    }

    /// All DNS and IP names in lower case without a final dot, in order, each once. The common name stands in
    /// where there is none (RFC 6125 §6.4.4), if it could be a DNS name or an address.
    pub fn names(&self) -> Vec<String> {
        san::names(self.sans(), self.common_name())
    }

    /// What people call it: the common name, else the first alternative name, else the subject, else the serial.
    pub fn primary_name(&self) -> String {
        san::primary(self.common_name(), self.sans(), &self.subject).unwrap_or_else(|| self.serial.clone())
    }

    /// All extensions in words, in the order of the certificate.
    pub fn extensions(&self) -> Vec<Extension> {
        self.raw_extensions().map(|extension| extension.readable()).collect()
    }

    /// The embedded signed certificate timestamps.
    pub fn scts(&self) -> Vec<Sct> {
        let lists = self.raw_extensions().filter(|extension| extension.oid == ids::SCT_LIST);
        lists.filter_map(|list| sct::read(list.value)).flatten().collect()
    }

    /// Checks this certificate's signature with the key of a `SubjectPublicKeyInfo`.
    pub fn verify(&self, signer_spki: &[u8]) -> Verdict {
        let Some(signature) = self.part(&self.fields.signature).strip_prefix(&[0]) else {
            return Verdict::Bad;
        };
        signature::verify(
            signer_spki,
            self.part(&self.fields.algorithm),
            self.part(&self.fields.signed),
            signature,
        )
    }

    fn raw_extensions(&self) -> impl Iterator<Item = RawExtension<'_>> {
        let signed = tlv::only(self.part(&self.fields.signed), tlv::SEQUENCE).unwrap_or_default();
        let explicit =
            tlv::elements(signed).find(|field| field.tag == 0xa3).map_or(&[][..], |field| field.value);
        let list = tlv::elements(explicit).next_if(tlv::SEQUENCE).map_or(&[][..], |list| list.value);
        extension::read_all(tlv::elements(list))
    }

    fn part(&self, range: &Range<usize>) -> &[u8] {
        self.der.get(range.clone()).unwrap_or_default()
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Certificate) -> bool {
        self.der == other.der
    }
}

impl Eq for Certificate {}

impl Stated {
    fn read(parsed: &X509Certificate<'_>) -> Stated {
        let mut stated = Stated::default();
        // The first of several is believed, so later ones are read first and overwritten.
        for extension in parsed.extensions().iter().rev() {
            stated.take(extension.oid.as_bytes(), extension.value);
        }
        stated
    }

    fn take(&mut self, oid: &[u8], value: &[u8]) {
        match oid {
            ids::SUBJECT_ALT_NAME => self.sans = tlv::sequence(value).map(san::read_all).unwrap_or_default(),
            ids::BASIC_CONSTRAINTS => {
                self.constraints = extension::basic_constraints(value).unwrap_or_default()
            }
            ids::KEY_USAGE => self.key_usage = extension::key_usage(value).unwrap_or_default(),
            ids::EXTENDED_KEY_USAGE => {
                self.extended_key_usage = extension::extended_key_usage(value).unwrap_or_default()
            }
            ids::SUBJECT_KEY_IDENTIFIER => {
                self.subject_key_identifier = extension::subject_key_identifier(value).map(<[u8]>::to_vec);
            }
            ids::AUTHORITY_KEY_IDENTIFIER => {
                self.authority_key_identifier = extension::authority_key_identifier(value)
            }
            _ => {}
        }
    }
}

impl Fields {
    /// Walks the two outer sequences; positions are offsets in `der`.
    fn find(der: &[u8]) -> Option<Fields> {
        let at = |part: &[u8]| {
            let start = part.as_ptr().addr().checked_sub(der.as_ptr().addr())?;
            Some(start..start.checked_add(part.len())?)
        };
        let mut outer = tlv::sequence(der)?;
        let signed = outer.next_if(tlv::SEQUENCE)?;
        let algorithm = outer.next_if(tlv::SEQUENCE)?;
        let signature = outer.next_if(tlv::BIT_STRING)?;
        let mut inner = tlv::elements(signed.value);
        inner.next_if(0xa0);
        inner.next_if(tlv::INTEGER)?;
        inner.next_if(tlv::SEQUENCE)?;
        let issuer = inner.next_if(tlv::SEQUENCE)?;
        inner.next_if(tlv::SEQUENCE)?;
        let subject = inner.next_if(tlv::SEQUENCE)?;
        let spki = inner.next_if(tlv::SEQUENCE)?;
        Some(Fields {
            signed: at(signed.raw)?,
            issuer: at(issuer.raw)?,
            subject: at(subject.raw)?,
            spki: at(spki.raw)?,
            algorithm: at(algorithm.raw)?,
            signature: at(signature.value)?,
        })
    }
}

/// A digest of a known length.
pub(crate) fn hash<const N: usize>(algorithm: &'static Algorithm, bytes: &[u8]) -> [u8; N] {
    let mut output = [0; N];
    for (target, source) in output.iter_mut().zip(digest(algorithm, bytes).as_ref()) {
        *target = *source;
    }
    output
}

/// The library says which structure is broken but not which of two dates.
fn unreadable(der: &[u8], error: &nom::Err<x509_parser::error::X509Error>) -> Error {
    let reason = match error {
        nom::Err::Error(why) | nom::Err::Failure(why) => match broken_date(der) {
            Some(date) => date.to_owned(),
            None => why.to_string(),
        },
        nom::Err::Incomplete(_) => "it is cut short".to_owned(),
    };
    Error::unreadable(OBJECT, reason)
}

fn broken_date(der: &[u8]) -> Option<&'static str> {
    let mut outer = tlv::elements(tlv::elements(der).next_if(tlv::SEQUENCE)?.value);
    let mut inner = tlv::elements(outer.next_if(tlv::SEQUENCE)?.value);
    inner.next_if(0xa0);
    inner.next_if(tlv::INTEGER)?;
    inner.next_if(tlv::SEQUENCE)?;
    inner.next_if(tlv::SEQUENCE)?;
    validity::blame(inner.next_if(tlv::SEQUENCE)?.value)
}
