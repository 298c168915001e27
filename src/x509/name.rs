//! Distinguished names as RFC 4514 strings: last RDN first, special characters escaped.
//!
//! The text is what `openssl x509 -nameopt RFC2253,-esc_msb` prints: attribute names are OpenSSL's short
//! names, an attribute without one is `1.2.3=#…` with the DER of its value in hex (RFC 4514 §2.4). Bytes that
//! are no name are shown as hex after `#`, so that nothing is hidden.

use std::fmt::Write;

use super::{oid, text, tlv};

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// Writes the DER of a `Name` as an RFC 4514 string; the empty name is the empty string.
pub fn rfc4514(der: &[u8]) -> String {
    let mut shown = String::with_capacity(der.len() + 16);
    let Some(rdns) = tlv::sequence(der) else {
        return format!("#{}", hex::encode(der));
    };
    write_rdns(&mut shown, rdns);
    shown
}

/// Writes the content of one RDN, without the `SET` around it.
pub(crate) fn rfc4514_rdn(content: &[u8]) -> String {
    let mut shown = String::new();
    for element in tlv::elements(content) {
        if !shown.is_empty() {
            shown.push('+');
        }
        write_attribute(&mut shown, element);
    }
    shown
}

/// The last common name in the DER of a `Name`, which is the most specific one.
pub fn common_name(der: &[u8]) -> Option<String> {
    let rdns = tlv::sequence(der)?;
    let last = rdns
        .flat_map(|rdn| tlv::elements(rdn.value))
        .filter_map(attribute)
        .filter(|(kind, _)| *kind == COMMON_NAME)
        .last();
    let (_, value) = last?;
    let decoded = text::decode(value.tag, value.value).unwrap_or_else(|| text::lenient(value.value));
    Some(text::without_nul(&decoded))
}

/// Names are written from the last attribute to the first, so the pieces are collected before.
fn write_rdns(shown: &mut String, mut rdns: tlv::Elements<'_>) {
    let mut pieces = Vec::with_capacity(8);
    for rdn in rdns.by_ref() {
        let mut separator = ',';
        for element in tlv::elements(rdn.value) {
            pieces.push((separator, element));
            separator = '+';
        }
    }
    if !rdns.rest().is_empty() {
        let _ = write!(shown, "#{}", hex::encode(rdns.rest()));
        if !pieces.is_empty() {
            shown.push(',');
        }
    }
    let mut pieces = pieces.into_iter().rev().peekable();
    while let Some((separator, element)) = pieces.next() {
        write_attribute(shown, element);
        if pieces.peek().is_some() {
            shown.push(separator);
        }
    }
}

fn attribute(element: tlv::Tlv<'_>) -> Option<(&[u8], tlv::Tlv<'_>)> {
    let mut parts = tlv::elements(element.value);
    let kind = parts.next_if(tlv::OID)?;
    Some((kind.value, parts.next()?))
}

fn write_attribute(shown: &mut String, element: tlv::Tlv<'_>) {
    let Some((kind, value)) = attribute(element) else {
        let _ = write!(shown, "#{}", hex::encode_upper(element.raw));
        return;
    };
    match (oid::attribute(kind), text::decode(value.tag, value.value)) {
        (Some(name), Some(decoded)) => {
            shown.push_str(name);
            shown.push('=');
            escape_into(shown, &decoded);
        }
        (name, _) => {
            let name = name.map_or_else(|| oid::dotted(kind), str::to_owned);
            let _ = write!(shown, "{name}=#{}", hex::encode_upper(value.raw));
        }
    }
}

/// RFC 4514 §2.4; control characters are escaped too, as OpenSSL does.
fn escape_into(shown: &mut String, value: &str) {
    let last = value.len().saturating_sub(1);
    for (at, character) in value.char_indices() {
        match character {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => {
                shown.push('\\');
                shown.push(character);
            }
            ' ' if at == 0 || at == last => shown.push_str("\\ "),
            '#' if at == 0 => shown.push_str("\\#"),
            '\0'..='\u{1f}' | '\u{7f}' => {
                let _ = write!(shown, "\\{:02X}", u32::from(character));
            }
            _ => shown.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut der = vec![tag, u8::try_from(content.len()).unwrap()];
        der.extend_from_slice(content);
        der
    }

    fn attribute_of(kind: &[u8], tag: u8, value: &[u8]) -> Vec<u8> {
        wrap(0x30, &[wrap(0x06, kind), wrap(tag, value)].concat())
    }

    fn name_of(rdns: &[Vec<Vec<u8>>]) -> Vec<u8> {
        let sets: Vec<u8> = rdns.iter().flat_map(|rdn| wrap(0x31, &rdn.concat())).collect();
        wrap(0x30, &sets)
    }

    #[test]
    fn the_last_rdn_comes_first_and_a_plus_joins_one_rdn() {
        let der = name_of(&[
            vec![attribute_of(&[0x55, 4, 6], 0x13, b"SE")],
            vec![attribute_of(&[0x55, 4, 10], 0x0c, b"Halden"), attribute_of(&[0x55, 4, 11], 0x0c, b"Ops")],
            vec![attribute_of(&[0x55, 4, 3], 0x0c, b"a.example")],
        ]);
        assert_eq!(rfc4514(&der), "CN=a.example,OU=Ops+O=Halden,C=SE");
    }

    #[test]
    fn special_characters_are_escaped() {
        let der = name_of(&[vec![attribute_of(&[0x55, 4, 3], 0x0c, b" a,b+\"c\\<d>;e=\0\n ")]]);
        assert_eq!(rfc4514(&der), "CN=\\ a\\,b\\+\\\"c\\\\\\<d\\>\\;e=\\00\\0A\\ ");
        let der = name_of(&[vec![attribute_of(&[0x55, 4, 3], 0x0c, b"#1")]]);
        assert_eq!(rfc4514(&der), "CN=\\#1");
        let der = name_of(&[vec![attribute_of(&[0x55, 4, 3], 0x0c, b"a,")], vec![]]);
        assert_eq!(rfc4514(&der), "CN=a\\,");
    }

    #[test]
    fn an_unknown_attribute_or_type_is_shown_as_hex() {
        let der = name_of(&[
            vec![attribute_of(&[0x2a, 3], 0x0c, b"x")],
            vec![attribute_of(&[0x55, 4, 3], 0x02, &[5])],
        ]);
        assert_eq!(rfc4514(&der), "CN=#020105,1.2.3=#0C0178");
    }

    #[test]
    fn the_empty_name_is_empty_and_nonsense_is_shown() {
        assert_eq!(rfc4514(&[0x30, 0]), "");
        assert_eq!(rfc4514(&[]), "#");
        assert_eq!(rfc4514(&[0x30, 2, 0x31, 5]), "#3105");
        assert_eq!(common_name(&[0x30, 0]), None);
    }

    #[test]
    fn the_last_common_name_counts() {
        let der = name_of(&[
            vec![attribute_of(&[0x55, 4, 3], 0x0c, b"first.example")],
            vec![attribute_of(&[0x55, 4, 3], 0x1e, &[0, b'b', 0, 0])],
        ]);
        assert_eq!(common_name(&der).unwrap(), "b␀");
    }
}
