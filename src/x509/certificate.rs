//! `Certificate`: parsed once, carried everywhere (RFC 5280 §4.1).
//!
//! What an import stores is read at once; what only a detail page shows (extensions in words, SCTs, SHA-1) is made when asked for, from the kept DER.
//! Odd contents are kept: a negative serial, an empty subject, an unknown algorithm, an extension that
//! breaks its own syntax (it counts as absent here and is shown as hex by `extensions`).

use std::borrow::Cow;
use std::ops::Range;

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use time::{Duration, OffsetDateTime};

use super::extension::{self, AuthorityKeyIdentifier, BasicConstraints, KeyUsage, RawExtension, ids};
use super::sct::{self, Sct};
use super::signature::{self, Verdict};
use super::structure::{Signed, Structure};
use super::validity::Validity;
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

/// The extensions that `Stated` is made of.
const WANTED: [&[u8]; 6] = [
    ids::SUBJECT_ALT_NAME,
    ids::BASIC_CONSTRAINTS,
    ids::KEY_USAGE,
    ids::EXTENDED_KEY_USAGE,
    ids::SUBJECT_KEY_IDENTIFIER,
    ids::AUTHORITY_KEY_IDENTIFIER,
];

/// Where the parts are in the DER that are needed as they are.
#[derive(Clone, Debug)]
struct Fields {
    issuer: Range<usize>,
    subject: Range<usize>,
    spki: Range<usize>,
    extensions: Range<usize>,
}

impl Certificate {
    /// Reads exactly one certificate of at most [`MAX_SIZE`] bytes.
    pub fn from_der(der: &[u8]) -> Result<Certificate, Error> {
        if der.len() > MAX_SIZE {
            return Err(Error::TooLarge { object: OBJECT, size: der.len(), limit: MAX_SIZE });
        }
        let parts = Structure::read(der)?;
        Ok(Certificate {
            sha256: hash(&SHA256, der),
            version: parts.version,
            serial: serial::hex(parts.serial),
            subject: name::rfc4514(parts.subject),
            issuer: name::rfc4514(parts.issuer),
            common_name: name::common_name(parts.subject),
            validity: parts.validity,
            key: Key::from_spki(parts.spki),
            signature: signature::algorithm(parts.algorithm),
            stated: Stated::read(parts.extensions),
            fields: Fields::of(der, &parts),
            der: der.into(),
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

    /// The SHA-256 of the public key with its algorithm: the same for every certificate of one key; computed at each call.
    pub fn spki_sha256(&self) -> [u8; 32] {
        hash(&SHA256, self.spki_der())
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
        Signed::read(OBJECT, &self.der).map_or(Verdict::Bad, |parts| parts.verify(signer_spki))
    }

    fn raw_extensions(&self) -> impl Iterator<Item = RawExtension<'_>> {
        extension::read_all(self.part(&self.fields.extensions))
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
    fn read(extensions: &[u8]) -> Stated {
        let mut stated = Stated::default();
        let mut seen = [false; WANTED.len()];
        for extension in extension::read_all(extensions) {
            let wanted = WANTED.iter().position(|oid| *oid == extension.oid).and_then(|at| seen.get_mut(at));
            // RFC 5280 §4.2 forbids a second one; where it occurs, the first counts.
            if let Some(seen) = wanted.filter(|seen| !**seen) {
                *seen = true;
                stated.take(extension.oid, extension.value);
            }
        }
        stated
    }

    fn take(&mut self, oid: &[u8], value: &[u8]) {
        match oid {
            ids::SUBJECT_ALT_NAME => {
                // Names count even if something follows the list.
                let list = tlv::elements(value).next_if(tlv::SEQUENCE);
                self.sans = list.map(|list| san::read_all(tlv::elements(list.value))).unwrap_or_default();
            }
            ids::BASIC_CONSTRAINTS => {
                self.constraints = extension::basic_constraints(value).unwrap_or_default()
            }
            ids::KEY_USAGE => self.key_usage = extension::key_usage(value).unwrap_or_default(),
            ids::EXTENDED_KEY_USAGE => {
                self.extended_key_usage = extension::extended_key_usage(value).unwrap_or_default();
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
    /// Positions of the parts, which are slices of `der`.
    fn of(der: &[u8], parts: &Structure<'_>) -> Fields {
        let at = |part: &[u8]| {
            let start = part.as_ptr().addr().saturating_sub(der.as_ptr().addr());
            start..start.saturating_add(part.len())
        };
        Fields {
            issuer: at(parts.issuer),
            subject: at(parts.subject),
            spki: at(parts.spki),
            extensions: at(parts.extensions),
        }
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
