//! Extensions of protocols and vendors: Certificate Transparency, OCSP, TLS feature, ACME, Netscape, Microsoft.

use time::format_description::well_known::Rfc3339;

use super::{Description, extended_key_usage, ids};
use crate::x509::{oid, sct, serial, text, tlv};

/// The private extensions that have a name.
pub(super) fn describe(oid: &[u8], value: &[u8]) -> Option<Description> {
    Some(match oid {
        ids::SCT_LIST => ("Signed certificate timestamps", sct_lines(value)),
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03] => {
            ("CT poison", Some(vec!["this is a precertificate, not to be used".to_owned()]))
        }
        [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05] => (
            "OCSP no check",
            Some(vec!["responses of this signer are not checked for revocation".to_owned()]),
        ),
        // 2.16.840.1.113730.1
        [0x60, 0x86, 0x48, 0x01, 0x86, 0xf8, 0x42, 0x01, last] => return netscape(*last, value),
        // 1.3.6.1.4.1.311
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, rest @ ..] => return microsoft(rest, value),
        _ => return None,
    })
}

/// An `INTEGER` of any size, in hex.
pub(super) fn integer(value: &[u8]) -> Option<Vec<String>> {
    Some(vec![serial::hex(tlv::only(value, tlv::INTEGER)?)])
}

/// TLS extensions that the server promises to answer (RFC 7633).
pub(super) fn tls_feature(value: &[u8]) -> Option<Vec<String>> {
    tlv::sequence(value)?
        .map(|feature| match tlv::small_integer(feature.value)? {
            5 => Some("status_request (must staple)".to_owned()),
            17 => Some("status_request_v2 (must staple)".to_owned()),
            other => Some(format!("TLS extension {other}")),
        })
        .collect()
}

/// The digest that answers a tls-alpn-01 challenge (RFC 8737 §3).
pub(super) fn acme_identifier(value: &[u8]) -> Option<Vec<String>> {
    Some(vec![hex::encode(tlv::only(value, tlv::OCTET_STRING)?)])
}

fn sct_lines(value: &[u8]) -> Option<Vec<String>> {
    let lines = sct::read(value)?.into_iter().map(|sct| {
        let time = sct
            .timestamp
            .and_then(|at| at.format(&Rfc3339).ok())
            .unwrap_or_else(|| "unknown time".to_owned());
        format!("v{} {time} log {} {}", sct.version, sct.log_id_base64, sct.signature)
    });
    Some(lines.collect())
}

fn netscape(last: u8, value: &[u8]) -> Option<Description> {
    Some(match last {
        1 => ("Netscape certificate type", netscape_types(value)),
        2 => ("Netscape base URL", string(value)),
        3 => ("Netscape revocation URL", string(value)),
        4 => ("Netscape CA revocation URL", string(value)),
        7 => ("Netscape renewal URL", string(value)),
        8 => ("Netscape CA policy URL", string(value)),
        12 => ("Netscape TLS server name", string(value)),
        13 => ("Netscape comment", string(value)),
        _ => return None,
    })
}

fn netscape_types(value: &[u8]) -> Option<Vec<String>> {
    const TYPES: [&str; 8] = [
        "TLS client",
        "TLS server",
        "S/MIME",
        "object signing",
        "reserved",
        "TLS CA",
        "S/MIME CA",
        "object signing CA",
    ];
    let bits = tlv::named_bits(tlv::only(value, tlv::BIT_STRING)?)?;
    Some(bits.into_iter().filter_map(|bit| TYPES.get(bit)).map(|name| (*name).to_owned()).collect())
}

/// What follows 1.3.6.1.4.1.311.
fn microsoft(rest: &[u8], value: &[u8]) -> Option<Description> {
    Some(match rest {
        [20, 2] => ("Microsoft certificate template name", string(value)),
        [21, 1] => ("Microsoft CA version", integer(value)),
        [21, 2] => ("Microsoft previous CA certificate hash", acme_identifier(value)),
        [21, 7] => ("Microsoft certificate template", template(value)),
        [21, 10] => ("Microsoft application policies", application_policies(value)),
        _ => return None,
    })
}

fn template(value: &[u8]) -> Option<Vec<String>> {
    let mut parts = tlv::sequence(value)?;
    let mut lines = vec![format!("template: {}", oid::dotted(parts.next_if(tlv::OID)?.value))];
    for word in ["major version", "minor version"] {
        let number = parts.next_if(tlv::INTEGER).and_then(|number| tlv::small_integer(number.value));
        lines.extend(number.map(|number| format!("{word}: {number}")));
    }
    Some(lines)
}

/// The same purposes as in extended key usage, each in a sequence of its own.
fn application_policies(value: &[u8]) -> Option<Vec<String>> {
    let policies: Option<Vec<Vec<String>>> =
        tlv::sequence(value)?.map(|policy| extended_key_usage(policy.raw)).collect();
    Some(policies?.concat())
}

/// A character string; some software writes the text without a type around it.
fn string(value: &[u8]) -> Option<Vec<String>> {
    let typed = tlv::elements(value).next().and_then(|element| text::decode(element.tag, element.value));
    let decoded = typed.or_else(|| std::str::from_utf8(value).ok().map(Into::into))?;
    Some(vec![text::without_nul(&decoded)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(oid: &[u8], value: &[u8]) -> (&'static str, Vec<String>) {
        let (name, lines) = describe(oid, value).unwrap();
        (name, lines.unwrap())
    }

    #[test]
    fn netscape_and_microsoft_are_read() {
        let netscape = [0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1];
        let comment = shown(&[&netscape[..], &[13]].concat(), &[0x16, 2, b'h', b'i']);
        assert_eq!(comment, ("Netscape comment", vec!["hi".to_owned()]));
        let types = shown(&[&netscape[..], &[1]].concat(), &[3, 2, 6, 0x40]);
        assert_eq!(types.1, ["TLS server"]);
        let microsoft = [0x2b, 6, 1, 4, 1, 0x82, 0x37];
        let template =
            shown(&[&microsoft[..], &[21, 7]].concat(), &[0x30, 10, 6, 2, 0x2a, 3, 2, 1, 100, 2, 1, 7]);
        assert_eq!(template.1, ["template: 1.2.3", "major version: 100", "minor version: 7"]);
        let name = shown(&[&microsoft[..], &[20, 2]].concat(), &[0x1e, 4, 0, b'D', 0, b'C']);
        assert_eq!(name.1, ["DC"]);
    }

    #[test]
    fn an_acme_identifier_is_its_digest() {
        assert_eq!(acme_identifier(&[4, 2, 0xab, 0xcd]).unwrap(), ["abcd"]);
        assert_eq!(acme_identifier(&[4, 5, 0xab]), None);
    }
}
