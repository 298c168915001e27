//! Tells what a DER value is, by its shape first and then by the parser of that kind.
//!
//! The shape decides quickly and names what a damaged value was meant to be; for certificates, requests and lists
//! x509-parser then has to read the whole value, with nothing behind it.

use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::error::X509Error;
use x509_parser::nom::{self, IResult};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use super::ber::{
    self, BIT_STRING, CONTEXT_0, Element, GENERALIZED_TIME, INTEGER, OID, Reader, SEQUENCE, UTC_TIME,
};
use super::{pkcs12, private_key};

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Certificate,
    CertificateRequest,
    CertificateList,
    Pkcs7,
    Pkcs12,
    PrivateKey(private_key::Format),
    /// It has the shape of what `label` names, and why it is not.
    Damaged {
        label: &'static str,
        reason: String,
    },
    Unknown,
}

/// Says what the one value in `der` is.
///
/// A parsed value takes many times its bytes, so over `limit` bytes a certificate or request is damaged; lists may
/// well be larger, and are then told by their shape alone.
pub(crate) fn probe(der: &[u8], limit: usize) -> Kind {
    if let Some(format) = private_key::format(der) {
        return Kind::PrivateKey(format);
    }
    if pkcs12::is_file(der) {
        return Kind::Pkcs12;
    }
    let mut outer = Reader::new(der);
    let Ok(mut inside) = outer.inside(SEQUENCE) else { return Kind::Unknown };
    match inside.any() {
        Ok(Element { tag: OID, content, .. }) if is_cms(content) => Kind::Pkcs7,
        Ok(Element { tag: SEQUENCE, content, .. }) if is_signed(&mut inside) => signed(der, content, limit),
        _ => Kind::Unknown,
    }
}

/// True if a value cut off at the end of `bytes` began like one that is told apart here.
pub(crate) fn begins_like_one(bytes: &[u8]) -> bool {
    let body = match bytes {
        [SEQUENCE, 0x82, _, _, body @ ..] => body,
        [SEQUENCE, 0x83, _, _, _, body @ ..] => body,
        [SEQUENCE, 0x81, _, body @ ..] => body,
        [SEQUENCE, _, body @ ..] => body,
        _ => return false,
    };
    matches!(body, [] | [SEQUENCE | INTEGER | OID, ..])
}

/// True if `bytes` begin like something signed, which holds no secret; keys and key stores begin otherwise.
pub(crate) fn begins_public(bytes: &[u8]) -> bool {
    matches!(bytes, [SEQUENCE, 0x82, _, _, SEQUENCE, 0x81 | 0x82, ..])
}

fn is_cms(oid: &[u8]) -> bool {
    // id-data to id-encryptedData: 1.2.840.113549.1.7.*
    oid.starts_with(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7])
}

/// After the part that is signed come the algorithm and the signature, and nothing else.
fn is_signed(after: &mut Reader<'_>) -> bool {
    let rest = after.expect(SEQUENCE).and_then(|_| after.expect(BIT_STRING));
    rest.is_ok() && after.is_empty()
}

fn signed(der: &[u8], content: &[u8], limit: usize) -> Kind {
    let too_large = |label| Kind::Damaged { label, reason: format!("it is larger than {limit} bytes") };
    let fits = der.len() <= limit;
    match shape(content) {
        Shape::Request if !fits => too_large(REQUEST),
        Shape::Request => whole(der, X509CertificationRequest::from_der, Kind::CertificateRequest, REQUEST),
        Shape::List if !fits => Kind::CertificateList,
        Shape::List => whole(der, CertificateRevocationList::from_der, Kind::CertificateList, "X509 CRL"),
        Shape::Certificate if !fits => too_large(CERTIFICATE),
        Shape::Certificate => whole(der, X509Certificate::from_der, Kind::Certificate, CERTIFICATE),
    }
}

const CERTIFICATE: &str = "CERTIFICATE";
const REQUEST: &str = "CERTIFICATE REQUEST";

enum Shape {
    Certificate,
    Request,
    List,
}

/// The order of the fields tells the three apart (RFC 5280 §4.1 and §5.1, RFC 2986 §4.1).
fn shape(content: &[u8]) -> Shape {
    let mut reader = Reader::new(content);
    let mut tags = Vec::with_capacity(4);
    while let Ok(element) = reader.any() {
        tags.push(element.tag);
        if tags.len() == 4 {
            break;
        }
    }
    match tags.as_slice() {
        [INTEGER, SEQUENCE, SEQUENCE] | [INTEGER, SEQUENCE, SEQUENCE, CONTEXT_0] => Shape::Request,
        [SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME, ..]
        | [INTEGER, SEQUENCE, SEQUENCE, UTC_TIME | GENERALIZED_TIME] => Shape::List,
        _ => Shape::Certificate,
    }
}

fn whole<'a, T>(
    der: &'a [u8],
    parse: impl FnOnce(&'a [u8]) -> IResult<&'a [u8], T, X509Error>,
    kind: Kind,
    label: &'static str,
) -> Kind {
    let reason = match parse(der) {
        Ok(([], _)) => return kind,
        Ok((rest, _)) => ber::Error::Trailing(rest.len()).to_string(),
        Err(nom::Err::Error(error) | nom::Err::Failure(error)) => format!("it cannot be parsed: {error}"),
        Err(nom::Err::Incomplete(_)) => "it was cut off".to_owned(),
    };
    Kind::Damaged { label, reason }
}
