//! `CertificateRequest`: what somebody asks to have certified (PKCS#10, RFC 2986).

use std::borrow::Cow;

use aws_lc_rs::digest::SHA256;

use super::certificate::{MAX_SIZE, hash};
use super::extension::{self, RawExtension, ids};
use super::signature::{self, Verdict};
use super::structure::{Signed, field};
use super::{Error, Extension, Key, San, name, san, tlv};

const OBJECT: &str = "certificate request";

/// PKCS#9 `extensionRequest`, and the older number that Microsoft's software uses for the same.
const EXTENSION_REQUESTS: [&[u8]; 2] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e],
    &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0e],
];

/// A certification request: its DER and what it asks for. Nothing in it is promised or checked but by
/// [`CertificateRequest::verify`].
#[derive(Clone, Debug)]
pub struct CertificateRequest {
    der: Box<[u8]>,
    spki: Vec<u8>,
    subject: String,
    common_name: Option<String>,
    key: Key,
    signature: Cow<'static, str>,
    sans: Vec<San>,
}

impl CertificateRequest {
    /// Reads exactly one request of at most [`MAX_SIZE`] bytes.
    pub fn from_der(der: &[u8]) -> Result<CertificateRequest, Error> {
        if der.len() > MAX_SIZE {
            return Err(Error::TooLarge { object: OBJECT, size: der.len(), limit: MAX_SIZE });
        }
        let parts = Parts::read(der)?;
        let sans = requested(parts.attributes).find(|extension| extension.oid == ids::SUBJECT_ALT_NAME);
        Ok(CertificateRequest {
            spki: parts.spki.to_vec(),
            subject: name::rfc4514(parts.subject),
            common_name: name::common_name(parts.subject),
            key: Key::from_spki(parts.spki),
            signature: signature::algorithm(parts.whole.algorithm),
            sans: sans.and_then(|sans| tlv::sequence(sans.value)).map(san::read_all).unwrap_or_default(),
            der: der.into(),
        })
    }

    /// The request as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The SHA-256 of the request.
    pub fn sha256(&self) -> [u8; 32] {
        hash(&SHA256, &self.der)
    }

    /// The SHA-256 of the public key with its algorithm, equal to that of the certificate that comes of it.
    pub fn spki_sha256(&self) -> [u8; 32] {
        hash(&SHA256, &self.spki)
    }

    /// The DER of the `SubjectPublicKeyInfo`.
    pub fn spki_der(&self) -> &[u8] {
        &self.spki
    }

    /// The subject as an RFC 4514 string, possibly empty.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The last common name of the subject.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// The kind and size of the key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The algorithm of the request's own signature.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// The alternative names that are asked for.
    pub fn sans(&self) -> &[San] {
        &self.sans
    }

    /// All DNS and IP names as `Certificate::names` gives them.
    pub fn names(&self) -> Vec<String> {
        san::names(&self.sans, self.common_name())
    }

    /// What people call it: the common name, else the first alternative name, else the subject, else a word.
    pub fn primary_name(&self) -> String {
        san::primary(self.common_name(), &self.sans, &self.subject).unwrap_or_else(|| OBJECT.to_owned())
    }

    /// All extensions that are asked for, in words.
    pub fn extensions(&self) -> Vec<Extension> {
        let parts = Parts::read(&self.der);
        parts.map(|parts| requested(parts.attributes).map(|one| one.readable()).collect()).unwrap_or_default()
    }

    /// Checks that whoever made the request has the private key; costs a signature verification at each call.
    pub fn verify(&self) -> Verdict {
        Signed::read(OBJECT, &self.der).map_or(Verdict::Bad, |parts| parts.verify(&self.spki))
    }
}

impl PartialEq for CertificateRequest {
    fn eq(&self, other: &CertificateRequest) -> bool {
        self.der == other.der
    }
}

impl Eq for CertificateRequest {}

/// The parts of the DER that are needed as they are.
struct Parts<'a> {
    whole: Signed<'a>,
    subject: &'a [u8],
    spki: &'a [u8],
    attributes: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Parts<'a>, Error> {
        let whole = Signed::read(OBJECT, der)?;
        let mut inner = tlv::elements(whole.content);
        field(OBJECT, &mut inner, tlv::INTEGER, "version")?;
        let subject = field(OBJECT, &mut inner, tlv::SEQUENCE, "subject")?.raw;
        let spki = field(OBJECT, &mut inner, tlv::SEQUENCE, "subject_public_key_info")?.raw;
        // RFC 2986 wants an empty list where there are no attributes; some software leaves it out.
        let attributes = inner.next_if(0xa0).map_or(&[][..], |attributes| attributes.value);
        if !inner.rest().is_empty() {
            return Err(Error::unreadable(OBJECT, "attributes are broken"));
        }
        Ok(Parts { whole, subject, spki, attributes })
    }
}

/// The extensions in all extension request attributes.
fn requested(attributes: &[u8]) -> impl Iterator<Item = RawExtension<'_>> {
    tlv::elements(attributes)
        .filter_map(|attribute| {
            let mut parts = tlv::elements(attribute.value);
            let kind = parts.next_if(tlv::OID)?;
            let values = parts.next_if(tlv::SET).filter(|_| EXTENSION_REQUESTS.contains(&kind.value))?;
            tlv::elements(values.value).next_if(tlv::SEQUENCE)
        })
        .flat_map(|list| extension::read_all(list.value))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    fn request() -> Vec<u8> {
        let mut params =
            CertificateParams::new(vec!["A.example".to_owned(), "192.0.2.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "a.example");
        params.serialize_request(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_request_is_read_and_its_signature_checked() {
        let request = CertificateRequest::from_der(&request()).unwrap();
        assert_eq!(
            (request.subject(), request.key(), request.signature()),
            ("CN=a.example", &Key::Ec(256), "ECDSA-SHA256")
        );
        assert_eq!(request.names(), ["a.example", "192.0.2.1"]);
        assert_eq!(request.extensions().first().unwrap().name, "Subject alternative name");
        assert_eq!(request.verify(), Verdict::Good);
    }

    #[test]
    fn a_changed_request_has_a_bad_signature() {
        let mut der = request();
        let at = der.windows(9).position(|window| window == b"a.example").unwrap();
        *der.get_mut(at).unwrap() = b'b';
        assert_eq!(CertificateRequest::from_der(&der).unwrap().verify(), Verdict::Bad);
    }

    #[test]
    fn nonsense_and_trailing_bytes_are_refused() {
        assert!(matches!(CertificateRequest::from_der(b"no"), Err(Error::Unreadable { .. })));
        let der = [request(), vec![0]].concat();
        assert_eq!(CertificateRequest::from_der(&der), Err(Error::Trailing { object: OBJECT, extra: 1 }));
    }
}
