//! What `inspect` and the API say about an object: one JSON value per kind, the same everywhere.

use aws_lc_rs::digest::SHA256;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::certificate::hash;
use super::sct::Sct;
use super::signature::Verdict;
use super::{Certificate, CertificateList, CertificateRequest, Extension, San, chain};

/// Anything that was recognised in an input, by its `kind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Inspected {
    /// An X.509 certificate.
    Certificate(Box<InspectedCertificate>),
    /// A PKCS#10 request.
    CertificateRequest(Box<InspectedRequest>),
    /// A certificate revocation list.
    CertificateList(Box<InspectedList>),
    /// A private key; never its content.
    PrivateKey(InspectedKey),
    /// Something that was announced as one of these and is not.
    Unreadable(InspectedUnreadable),
}

/// All that a certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InspectedCertificate {
    /// The version as people count it.
    pub version: u32,
    /// The serial in lower-case hex without separators.
    pub serial: String,
    /// The first second of validity, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub not_before: OffsetDateTime,
    /// The last second of validity, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub not_after: OffsetDateTime,
    /// The subject (RFC 4514).
    pub subject: String,
    /// The issuer (RFC 4514).
    pub issuer: String,
    /// The last common name of the subject.
    pub common_name: Option<String>,
    /// The SHA-256 fingerprint in hex.
    pub sha256: String,
    /// The SHA-1 fingerprint in hex.
    pub sha1: String,
    /// The SHA-256 of the public key with its algorithm, in hex.
    pub spki_sha256: String,
    /// The key, as `RSA-2048`, `EC-256`, `ED25519` or `ML-DSA-65`.
    pub key: String,
    /// The signature algorithm, as `SHA256-RSA`.
    pub signature: String,
    /// The subject alternative names, as `DNS:a.example`.
    pub sans: Vec<String>,
    /// True if the basic constraints say so.
    pub is_ca: bool,
    /// How many intermediates may follow, if limited.
    pub path_len: Option<u32>,
    /// True if it signed itself.
    pub self_signed: bool,
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

/// All that a request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InspectedRequest {
    /// The subject (RFC 4514).
    pub subject: String,
    /// The last common name of the subject.
    pub common_name: Option<String>,
    /// The subject alternative names that are asked for.
    pub sans: Vec<String>,
    /// The SHA-256 of the request in hex.
    pub sha256: String,
    /// The SHA-256 of the public key with its algorithm, in hex.
    pub spki_sha256: String,
    /// The key, as `RSA-2048`.
    pub key: String,
    /// The signature algorithm, as `SHA256-RSA`.
    pub signature: String,
    /// True if the signature proves possession of the key; absent if the algorithm cannot be verified here.
    pub signature_valid: Option<bool>,
    /// The extensions that are asked for, in words.
    pub extensions: Vec<Extension>,
}

/// The head of a revocation list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InspectedList {
    /// The issuer (RFC 4514).
    pub issuer: String,
    /// When the list was made, UTC.
    #[serde(with = "time::serde::rfc3339")]
    pub this_update: OffsetDateTime,
    /// When the next one is due, UTC.
    #[serde(with = "time::serde::rfc3339::option")]
    pub next_update: Option<OffsetDateTime>,
    /// The CRL number in hex.
    pub number: Option<String>,
    /// How many certificates are on the list.
    pub revoked: usize,
    /// The SHA-256 of the list in hex.
    pub sha256: String,
    /// The signature algorithm, as `SHA256-RSA`.
    pub signature: String,
    /// The extensions of the list, in words.
    pub extensions: Vec<Extension>,
}

/// What may be said about a private key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InspectedKey {
    /// The kind and size, as `RSA-2048`; absent when it is encrypted or of an unknown kind.
    pub key: Option<String>,
    /// How it is written down, as `PKCS#8`.
    pub format: String,
    /// True if a password protects it.
    pub encrypted: bool,
    /// What to do with a form that is not read here, in a sentence.
    pub advice: Option<String>,
    /// The SHA-256 of its public key, in hex, where that can be derived.
    pub spki_sha256: Option<String>,
}

/// What is left of something that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InspectedUnreadable {
    /// What is wrong with it.
    pub reason: String,
    /// Its size in bytes.
    pub size: usize,
    /// The SHA-256 of its bytes in hex.
    pub sha256: String,
}

/// A certificate as JSON.
pub fn json(certificate: &Certificate) -> serde_json::Value {
    // Only maps with keys other than strings fail to serialize, and there are none.
    serde_json::to_value(Inspected::from(certificate)).unwrap_or_default()
}

impl Inspected {
    /// Bytes that are not what they should be.
    pub fn unreadable(bytes: &[u8], reason: impl Into<String>) -> Inspected {
        let sha256 = hex::encode(hash::<32>(&SHA256, bytes));
        Inspected::Unreadable(InspectedUnreadable { reason: reason.into(), size: bytes.len(), sha256 })
    }
}

impl From<&Certificate> for Inspected {
    fn from(certificate: &Certificate) -> Inspected {
        Inspected::Certificate(Box::new(certificate.into()))
    }
}

impl From<&CertificateRequest> for Inspected {
    fn from(request: &CertificateRequest) -> Inspected {
        Inspected::CertificateRequest(Box::new(request.into()))
    }
}

impl From<&CertificateList> for Inspected {
    fn from(list: &CertificateList) -> Inspected {
        Inspected::CertificateList(Box::new(list.into()))
    }
}

impl From<&Certificate> for InspectedCertificate {
    fn from(certificate: &Certificate) -> InspectedCertificate {
        let authority = certificate.authority_key_identifier();
        InspectedCertificate {
            version: certificate.version(),
            serial: certificate.serial().to_owned(),
            not_before: certificate.not_before(),
            not_after: certificate.not_after(),
            subject: certificate.subject().to_owned(),
            issuer: certificate.issuer().to_owned(),
            common_name: certificate.common_name().map(str::to_owned),
            sha256: hex::encode(certificate.sha256()),
            sha1: hex::encode(certificate.sha1()),
            spki_sha256: hex::encode(certificate.spki_sha256()),
            key: certificate.key().to_string(),
            signature: certificate.signature().to_owned(),
            sans: certificate.sans().iter().map(San::to_string).collect(),
            is_ca: certificate.is_ca(),
            path_len: certificate.path_len(),
            self_signed: chain::is_self_signed(certificate),
            key_usage: certificate.key_usage().into_iter().map(str::to_owned).collect(),
            extended_key_usage: certificate.extended_key_usage().to_vec(),
            subject_key_identifier: certificate.subject_key_identifier().map(hex::encode),
            authority_key_identifier: authority.and_then(|one| one.key_identifier.as_ref()).map(hex::encode),
            extensions: certificate.extensions(),
            scts: certificate.scts(),
        }
    }
}

impl From<&CertificateRequest> for InspectedRequest {
    fn from(request: &CertificateRequest) -> InspectedRequest {
        InspectedRequest {
            subject: request.subject().to_owned(),
            common_name: request.common_name().map(str::to_owned),
            sans: request.sans().iter().map(San::to_string).collect(),
            sha256: hex::encode(request.sha256()),
            spki_sha256: hex::encode(request.spki_sha256()),
            key: request.key().to_string(),
            signature: request.signature().to_owned(),
            signature_valid: match request.verify() {
                Verdict::Good => Some(true),
                Verdict::Bad => Some(false),
                Verdict::Unsupported => None,
            },
            extensions: request.extensions(),
        }
    }
}

impl From<&CertificateList> for InspectedList {
    fn from(list: &CertificateList) -> InspectedList {
        InspectedList {
            issuer: list.issuer().to_owned(),
            this_update: list.this_update(),
            next_update: list.next_update(),
            number: list.number().map(str::to_owned),
            revoked: list.revoked(),
            sha256: hex::encode(list.sha256()),
            signature: list.signature().to_owned(),
            extensions: list.extensions(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_certificate_has_the_fields_of_the_contract() {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "<script>");
        params.not_before = datetime!(1960-01-01 0:00 UTC);
        params.not_after = datetime!(9999-12-31 23:59:59 UTC);
        let issued = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        let shown = json(&Certificate::from_der(issued.der()).unwrap());
        let text = |field: &str| shown.get(field).and_then(serde_json::Value::as_str).unwrap().to_owned();
        assert_eq!((text("kind"), text("not_before")), ("certificate".into(), "1960-01-01T00:00:00Z".into()));
        assert_eq!(
            (text("not_after"), text("subject")),
            ("9999-12-31T23:59:59Z".into(), "CN=\\<script\\>".into())
        );
        assert_eq!((text("key"), text("signature")), ("EC-256".into(), "ECDSA-SHA256".into()));
        assert_eq!(shown.get("sans").unwrap(), &serde_json::json!(["DNS:a.example"]));
        assert_eq!(
            (shown.get("is_ca").unwrap(), shown.get("self_signed").unwrap()),
            (&false.into(), &true.into())
        );
        assert_eq!((text("sha256").len(), text("sha1").len(), text("spki_sha256").len()), (64, 40, 64));
    }

    #[test]
    fn what_cannot_be_read_keeps_its_fingerprint() {
        let shown = serde_json::to_value(Inspected::unreadable(b"", "empty")).unwrap();
        let sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            shown,
            serde_json::json!({"kind": "unreadable", "reason": "empty", "size": 0, "sha256": sha256})
        );
    }
}
