//! Extensions about policies and limits (RFC 5280 §4.2.1.4, .5, .10, .11, .14; RFC 3739 §3.2.6).

use std::fmt::Display;
use std::net::IpAddr;

use crate::x509::{oid, san, text, tlv};

/// Certificate policies with their CPS addresses and user notices.
pub(super) fn policies(value: &[u8]) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for policy in tlv::sequence(value)? {
        let mut parts = tlv::elements(policy.value);
        lines.push(policy_name(parts.next_if(tlv::OID)?.value));
        let qualifiers = parts.next_if(tlv::SEQUENCE).map_or(&[][..], |qualifiers| qualifiers.value);
        for qualifier in tlv::elements(qualifiers) {
            lines.push(qualifier_line(qualifier.value)?);
        }
    }
    Some(lines)
}

fn policy_name(octets: &[u8]) -> String {
    let number = oid::dotted(octets);
    let known = match number.as_str() {
        "2.5.29.32.0" => "any policy",
        "2.23.140.1.1" => "extended validation",
        "2.23.140.1.2.1" => "domain validated",
        "2.23.140.1.2.2" => "organisation validated",
        "2.23.140.1.2.3" => "individual validated",
        _ => return number,
    };
    format!("{number} ({known})")
}

fn qualifier_line(content: &[u8]) -> Option<String> {
    let mut parts = tlv::elements(content);
    let kind = parts.next_if(tlv::OID)?.value;
    let qualifier = parts.next()?;
    match kind {
        // 1.3.6.1.5.5.7.2
        [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x01] => Some(format!("CPS: {}", string(qualifier))),
        [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x02, 0x02] => {
            Some(format!("notice: {}", notice(qualifier.value)))
        }
        _ => Some(format!("{}: {}", oid::dotted(kind), hex::encode(qualifier.raw))),
    }
}

/// `UserNotice`: a reference (organisation and numbers) and an explicit text, both optional.
fn notice(content: &[u8]) -> String {
    let mut words = Vec::new();
    for part in tlv::elements(content) {
        if part.tag != tlv::SEQUENCE {
            words.push(string(part));
            continue;
        }
        let mut reference = tlv::elements(part.value);
        words.extend(reference.next().map(string));
        let numbers = reference.next().map_or(&[][..], |numbers| numbers.value);
        words.extend(
            tlv::elements(numbers).filter_map(|n| tlv::small_integer(n.value)).map(|n| format!("no. {n}")),
        );
    }
    words.join(", ")
}

fn string(element: tlv::Tlv<'_>) -> String {
    let decoded = text::decode(element.tag, element.value).unwrap_or_else(|| text::lenient(element.value));
    text::without_nul(&decoded)
}

/// Policy mappings, issuer's policy first.
pub(super) fn mappings(value: &[u8]) -> Option<Vec<String>> {
    tlv::sequence(value)?
        .map(|pair| {
            let mut parts = tlv::elements(pair.value);
            let (issuer, subject) = (parts.next_if(tlv::OID)?, parts.next_if(tlv::OID)?);
            Some(format!("{} = {}", oid::dotted(issuer.value), oid::dotted(subject.value)))
        })
        .collect()
}

/// Policy constraints: after how many certificates they begin.
pub(super) fn constraints(value: &[u8]) -> Option<Vec<String>> {
    tlv::sequence(value)?
        .map(|field| {
            let skip = tlv::small_integer(field.value)?;
            match field.tag {
                0x80 => Some(format!("explicit policy required after {skip} certificates")),
                0x81 => Some(format!("policy mapping inhibited after {skip} certificates")),
                _ => None,
            }
        })
        .collect()
}

/// Inhibit any policy: after how many certificates.
pub(super) fn inhibit_any(value: &[u8]) -> Option<Vec<String>> {
    let skip = tlv::small_integer(tlv::only(value, tlv::INTEGER)?)?;
    Some(vec![format!("any policy inhibited after {skip} certificates")])
}

/// Name constraints: the subtrees that are permitted and excluded.
pub(super) fn name_constraints(value: &[u8]) -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for field in tlv::sequence(value)? {
        let word = match field.tag {
            0xa0 => "permitted",
            0xa1 => "excluded",
            _ => return None,
        };
        for subtree in tlv::elements(field.value) {
            let mut parts = tlv::elements(subtree.value);
            lines.push(format!("{word}: {}", subtree_base(parts.next()?)));
        }
    }
    Some(lines)
}

/// An address range is an address and a mask of the same length; everything else is a plain name.
fn subtree_base(base: tlv::Tlv<'_>) -> String {
    let halves = base.value.split_at_checked(base.value.len() / 2).filter(|_| base.tag == 0x87);
    let range = halves.and_then(|(network, mask)| Some((san::ip_address(network)?, san::ip_address(mask)?)));
    match range {
        Some((network, mask)) => format!("IP:{network}/{}", prefix(mask)),
        None => san::read(base).to_string(),
    }
}

/// The mask as a prefix length, or as it is when its ones are not all in front.
fn prefix(mask: IpAddr) -> Box<dyn Display> {
    let (ones, is_contiguous) = match mask {
        IpAddr::V4(mask) => {
            (mask.to_bits().leading_ones(), mask.to_bits().count_zeros() == mask.to_bits().trailing_zeros())
        }
        IpAddr::V6(mask) => {
            (mask.to_bits().leading_ones(), mask.to_bits().count_zeros() == mask.to_bits().trailing_zeros())
        }
    };
    if is_contiguous { Box::new(ones) } else { Box::new(mask) }
}

/// Private key usage period (RFC 3280 §4.2.1.4): two GeneralizedTimes.
pub(super) fn private_key_period(value: &[u8]) -> Option<Vec<String>> {
    tlv::sequence(value)?
        .map(|field| match field.tag {
            0x80 => Some(format!("from {}", text::lenient(field.value))),
            0x81 => Some(format!("until {}", text::lenient(field.value))),
            _ => None,
        })
        .collect()
}

/// Qualified certificate statements by number, the common European ones by name.
pub(super) fn statements(value: &[u8]) -> Option<Vec<String>> {
    tlv::sequence(value)?
        .map(|statement| {
            let kind = tlv::elements(statement.value).next_if(tlv::OID)?;
            let number = oid::dotted(kind.value);
            let known = match number.as_str() {
                "0.4.0.1862.1.1" => "EU qualified certificate",
                "0.4.0.1862.1.2" => "transaction limit",
                "0.4.0.1862.1.3" => "retention period",
                "0.4.0.1862.1.4" => "key in a qualified device",
                "0.4.0.1862.1.5" => "disclosure statements",
                "0.4.0.1862.1.6" => "certificate type",
                "0.4.0.1862.1.7" => "country of legislation",
                "0.4.0.19495.2" => "payment services (PSD2)",
                _ => return Some(number),
            };
            Some(format!("{number} ({known})"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_ranges_are_prefixes_where_they_can_be() {
        let of = |mask: [u8; 4]| {
            let head = [0x30, 14, 0xa0, 12, 0x30, 10, 0x87, 8, 10, 0, 0, 0];
            name_constraints(&[&head[..], &mask[..]].concat()).unwrap().concat()
        };
        assert_eq!(of([255, 0, 0, 0]), "permitted: IP:10.0.0.0/8");
        assert_eq!(of([0, 0, 0, 0]), "permitted: IP:10.0.0.0/0");
        assert_eq!(of([255, 255, 255, 255]), "permitted: IP:10.0.0.0/32");
        assert_eq!(of([255, 0, 255, 0]), "permitted: IP:10.0.0.0/255.0.255.0");
    }

    #[test]
    fn names_are_excluded_and_a_broken_range_is_kept() {
        let value = [0x30, 15, 0xa1, 13, 0x30, 4, 0x82, 2, b'.', b'a', 0x30, 5, 0x87, 3, 1, 2, 3];
        assert_eq!(name_constraints(&value).unwrap(), ["excluded: DNS:.a", "excluded: IP:010203"]);
    }

    #[test]
    fn policies_show_statements_and_notices() {
        let cps = [0x30, 13, 6, 8, 0x2b, 6, 1, 5, 5, 7, 2, 1, 0x16, 1, b'u'];
        let note = [0x30, 15, 6, 8, 0x2b, 6, 1, 5, 5, 7, 2, 2, 0x30, 3, 0x0c, 1, b'n'];
        let policy = [&[0x30, 40, 6, 4, 0x55, 0x1d, 0x20, 0, 0x30, 32][..], &cps, &note].concat();
        let value = [&[0x30, 42][..], &policy].concat();
        assert_eq!(policies(&value).unwrap(), ["2.5.29.32.0 (any policy)", "CPS: u", "notice: n"]);
    }

    #[test]
    fn counts_are_read() {
        assert_eq!(inhibit_any(&[2, 1, 0]).unwrap(), ["any policy inhibited after 0 certificates"]);
        assert_eq!(
            constraints(&[0x30, 3, 0x80, 1, 2]).unwrap(),
            ["explicit policy required after 2 certificates"]
        );
        assert_eq!(mappings(&[0x30, 10, 0x30, 8, 6, 2, 0x2a, 3, 6, 2, 0x2a, 4]).unwrap(), ["1.2.3 = 1.2.4"]);
    }
}
