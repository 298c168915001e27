//! Extensions that name places and names: alternative names, CRL distribution points, information access.

use crate::x509::{name, oid, san, tlv};

/// Subject and issuer alternative names (RFC 5280 §4.2.1.6, .7), a name a line.
pub(super) fn general_names(value: &[u8]) -> Option<Vec<String>> {
    let mut names = tlv::sequence(value)?;
    let lines = names.by_ref().map(|name| san::read(name).to_string()).collect();
    names.rest().is_empty().then_some(lines)
}

/// Authority and subject information access (RFC 5280 §4.2.2).
pub(super) fn access(value: &[u8]) -> Option<Vec<String>> {
    tlv::sequence(value)?
        .map(|description| {
            let mut parts = tlv::elements(description.value);
            let method = parts.next_if(tlv::OID)?;
            let location = san::read(parts.next()?);
            Some(format!("{}: {location}", access_method(method.value)))
        })
        .collect()
}

fn access_method(octets: &[u8]) -> String {
    let known = match octets {
        [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, last] => match last {
            1 => "OCSP",
            2 => "CA issuers",
            3 => "time stamping",
            5 => "CA repository",
            _ => return oid::dotted(octets),
        },
        _ => return oid::dotted(octets),
    };
    known.to_owned()
}

/// CRL distribution points and freshest CRL (RFC 5280 §4.2.1.13, .15).
pub(super) fn distribution_points(value: &[u8]) -> Option<Vec<String>> {
    let points: Option<Vec<Vec<String>>> =
        tlv::sequence(value)?.map(|point| point_lines(point.value)).collect();
    Some(points?.concat())
}

fn point_lines(content: &[u8]) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for field in tlv::elements(content) {
        match field.tag {
            0xa0 => lines.extend(point_name(field.value)?),
            0x81 => lines.push(format!("reasons: {}", reasons(field.value)?)),
            0xa2 => lines
                .extend(tlv::elements(field.value).map(|name| format!("CRL issuer: {}", san::read(name)))),
            _ => return None,
        }
    }
    Some(lines)
}

/// `DistributionPointName`: whole names, or one relative to the issuer of the list.
fn point_name(content: &[u8]) -> Option<Vec<String>> {
    let choice = tlv::elements(content).next()?;
    match choice.tag {
        0xa0 => Some(tlv::elements(choice.value).map(|name| san::read(name).to_string()).collect()),
        0xa1 => Some(vec![format!("relative to the CRL issuer: {}", name::rfc4514_rdn(choice.value))]),
        _ => None,
    }
}

fn reasons(bits: &[u8]) -> Option<String> {
    const REASONS: [&str; 9] = [
        "unused",
        "keyCompromise",
        "cACompromise",
        "affiliationChanged",
        "superseded",
        "cessationOfOperation",
        "certificateHold",
        "privilegeWithdrawn",
        "aACompromise",
    ];
    let named: Vec<&str> =
        tlv::named_bits(bits)?.into_iter().filter_map(|bit| REASONS.get(bit).copied()).collect();
    Some(named.join(", "))
}

/// Issuing distribution point of a CRL (RFC 5280 §5.2.5).
pub(super) fn issuing_distribution_point(value: &[u8]) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for field in tlv::sequence(value)? {
        let is_set = field.value.iter().any(|octet| *octet != 0);
        match field.tag {
            0xa0 => lines.extend(point_name(field.value)?),
            0x83 => lines.push(format!("only reasons: {}", reasons(field.value)?)),
            0x81 if is_set => lines.push("only end-entity certificates".to_owned()),
            0x82 if is_set => lines.push("only CA certificates".to_owned()),
            0x84 if is_set => lines.push("indirect".to_owned()),
            0x85 if is_set => lines.push("only attribute certificates".to_owned()),
            0x81 | 0x82 | 0x84 | 0x85 => {}
            _ => return None,
        }
    }
    Some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_shows_reasons_and_issuer() {
        let point = [0x30, 0x0b, 0x30, 9, 0x81, 2, 5, 0x60, 0xa2, 3, 0x82, 1, b'x'];
        assert_eq!(
            distribution_points(&point).unwrap(),
            ["reasons: keyCompromise, cACompromise", "CRL issuer: DNS:x"]
        );
    }

    #[test]
    fn a_relative_name_is_shown_as_one_rdn() {
        let point =
            [0x30, 18, 0x30, 16, 0xa0, 14, 0xa1, 12, 0x30, 10, 6, 3, 0x55, 4, 3, 0x0c, 3, b'a', b'b', b'c'];
        assert_eq!(distribution_points(&point).unwrap(), ["relative to the CRL issuer: CN=abc"]);
    }

    #[test]
    fn an_issuing_point_says_what_the_list_is_limited_to() {
        assert_eq!(
            issuing_distribution_point(&[0x30, 6, 0x81, 1, 0xff, 0x84, 1, 0xff]).unwrap(),
            ["only end-entity certificates", "indirect"]
        );
    }
}
