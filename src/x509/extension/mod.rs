//! Extensions made readable (RFC 5280 §4.2 and the private ones that occur in practice).
//!
//! Each becomes a name and lines of text. What is unknown or does not follow its own syntax is shown as a hex
//! dump: nothing is hidden and nothing makes a certificate unreadable.

use serde::Serialize;
use utoipa::ToSchema;

use super::{oid, tlv};

mod identifier;
mod places;
mod policy;
mod private;
mod usage;

pub use identifier::AuthorityKeyIdentifier;
pub use usage::BasicConstraints;

pub(crate) use identifier::{authority_key_identifier, subject_key_identifier};
pub(crate) use usage::{KeyUsage, basic_constraints, extended_key_usage, key_usage};

/// An extension as people read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Extension {
    /// Its identifier, dotted.
    pub oid: String,
    /// Its name, or the identifier where it has none that we know.
    pub name: String,
    /// True if software that does not know it must refuse the certificate.
    pub critical: bool,
    /// Its content, one fact a line; a hex dump where it cannot be read.
    pub lines: Vec<String>,
}

/// An extension as it stands in the DER.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RawExtension<'a> {
    pub oid: &'a [u8],
    pub critical: bool,
    pub value: &'a [u8],
}

/// The content octets of the identifiers that are looked for by name.
pub(crate) mod ids {
    pub(crate) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 14];
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
    pub(crate) const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
    pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];
    pub(crate) const SCT_LIST: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02];
}

/// Reads the content of an `Extensions` sequence. An element that is no extension has an empty identifier and
/// its own bytes as value.
pub(crate) fn read_all(list: &[u8]) -> impl Iterator<Item = RawExtension<'_>> {
    tlv::elements(list).map(|element| {
        read(element.value).unwrap_or(RawExtension { oid: &[], critical: false, value: element.raw })
    })
}

fn read(content: &[u8]) -> Option<RawExtension<'_>> {
    let mut parts = tlv::elements(content);
    let oid = parts.next_if(tlv::OID)?.value;
    let critical = parts.next_if(tlv::BOOLEAN).is_some_and(|flag| flag.value.iter().any(|octet| *octet != 0));
    Some(RawExtension { oid, critical, value: parts.next_if(tlv::OCTET_STRING)?.value })
}

impl RawExtension<'_> {
    /// Makes it readable.
    pub(crate) fn readable(&self) -> Extension {
        let oid = oid::dotted(self.oid);
        let (name, lines) = match describe(self.oid, self.value) {
            Some((name, lines)) => (name.to_owned(), lines),
            None => (oid.clone(), None),
        };
        Extension { oid, name, critical: self.critical, lines: lines.unwrap_or_else(|| dump(self.value)) }
    }
}

type Description = (&'static str, Option<Vec<String>>);

/// The name of a known extension, and its lines if its value can be read.
fn describe(oid: &[u8], value: &[u8]) -> Option<Description> {
    match oid {
        [] => Some(("Broken extension", None)),
        [0x55, 0x1d, last] => standard(*last, value),
        // 1.3.6.1.5.5.7.1
        [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, last] => internet(*last, value),
        _ => private::describe(oid, value),
    }
}

/// The extensions of X.509 itself, under 2.5.29.
fn standard(last: u8, value: &[u8]) -> Option<Description> {
    Some(match last {
        14 => ("Subject key identifier", identifier::subject_lines(value)),
        15 => ("Key usage", usage::key_usage_lines(value)),
        16 => ("Private key usage period", policy::private_key_period(value)),
        17 => ("Subject alternative name", places::general_names(value)),
        18 => ("Issuer alternative name", places::general_names(value)),
        19 => ("Basic constraints", usage::basic_constraints_lines(value)),
        20 => ("CRL number", private::integer(value)),
        27 => ("Delta CRL indicator", private::integer(value)),
        28 => ("Issuing distribution point", places::issuing_distribution_point(value)),
        30 => ("Name constraints", policy::name_constraints(value)),
        31 => ("CRL distribution points", places::distribution_points(value)),
        32 => ("Certificate policies", policy::policies(value)),
        33 => ("Policy mappings", policy::mappings(value)),
        35 => ("Authority key identifier", identifier::authority_lines(value)),
        36 => ("Policy constraints", policy::constraints(value)),
        37 => ("Extended key usage", extended_key_usage(value)),
        46 => ("Freshest CRL", places::distribution_points(value)),
        54 => ("Inhibit any policy", policy::inhibit_any(value)),
        _ => return None,
    })
}

/// The extensions of the IETF, under 1.3.6.1.5.5.7.1.
fn internet(last: u8, value: &[u8]) -> Option<Description> {
    Some(match last {
        1 => ("Authority information access", places::access(value)),
        3 => ("Qualified certificate statements", policy::statements(value)),
        11 => ("Subject information access", places::access(value)),
        24 => ("TLS feature", private::tls_feature(value)),
        31 => ("ACME identifier", private::acme_identifier(value)),
        _ => return None,
    })
}

/// Hex, sixteen bytes a line; the first 4,096 bytes and how many follow.
fn dump(value: &[u8]) -> Vec<String> {
    const SHOWN: usize = 4096;
    let hex_line =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let mut lines: Vec<String> = value.chunks(16).take(SHOWN / 16).map(hex_line).collect();
    if let Some(more) = value.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        lines.push(format!("… {more} more bytes"));
    }
    lines
}

/// Bytes as `aa:bb:cc`, the usual form of key identifiers.
fn colons(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(oid: &[u8], value: &[u8]) -> Vec<String> {
        RawExtension { oid, critical: false, value }.readable().lines
    }

    #[test]
    fn an_unknown_extension_is_a_hex_dump_under_its_number() {
        let shown = RawExtension { oid: &[0x2a, 3], critical: true, value: &[0xab; 17] }.readable();
        assert_eq!((shown.name.as_str(), shown.oid.as_str(), shown.critical), ("1.2.3", "1.2.3", true));
        assert_eq!(shown.lines, ["ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab", "ab"]);
    }

    #[test]
    fn a_known_extension_with_a_broken_value_is_a_hex_dump_under_its_name() {
        let shown = RawExtension { oid: ids::KEY_USAGE, critical: false, value: &[0x30, 0x05] }.readable();
        assert_eq!((shown.name.as_str(), shown.lines), ("Key usage", vec!["30 05".to_owned()]));
    }

    #[test]
    fn a_long_dump_is_cut() {
        let shown = lines(&[0x2a, 3], &[0; 5000]);
        assert_eq!(shown.len(), 257);
        assert_eq!(shown.last().unwrap(), "… 904 more bytes");
    }

    #[test]
    fn constraints_and_usages_are_sentences() {
        assert_eq!(
            lines(ids::BASIC_CONSTRAINTS, &[0x30, 6, 1, 1, 0xff, 2, 1, 0]),
            ["CA: true", "path length: 0"]
        );
        assert_eq!(lines(ids::BASIC_CONSTRAINTS, &[0x30, 0]), ["CA: false"]);
        assert_eq!(lines(ids::KEY_USAGE, &[3, 2, 5, 0xa0]), ["digitalSignature", "keyEncipherment"]);
        assert_eq!(lines(ids::SUBJECT_KEY_IDENTIFIER, &[4, 2, 0xab, 0xcd]), ["ab:cd"]);
    }

    #[test]
    fn access_and_points_show_their_urls() {
        let uri = b"\x86\x08http://a";
        let aia = [&[0x30, 0x16, 0x30, 0x14, 6, 8, 0x2b, 6, 1, 5, 5, 7, 0x30, 1][..], &uri[..]].concat();
        assert_eq!(lines(&[0x2b, 6, 1, 5, 5, 7, 1, 1], &aia), ["OCSP: URI:http://a"]);
        let points = [&[0x30, 0x10, 0x30, 0x0e, 0xa0, 0x0c, 0xa0, 0x0a][..], &uri[..]].concat();
        assert_eq!(lines(&[0x55, 0x1d, 31], &points), ["URI:http://a"]);
    }

    #[test]
    fn must_staple_and_ocsp_no_check_are_named() {
        assert_eq!(
            lines(&[0x2b, 6, 1, 5, 5, 7, 1, 24], &[0x30, 3, 2, 1, 5]),
            ["status_request (must staple)"]
        );
        assert_eq!(
            lines(&[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 5], &[5, 0]),
            ["responses of this signer are not checked for revocation"]
        );
    }
}
