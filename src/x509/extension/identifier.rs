//! Key identifiers, which say which key belongs to which (RFC 5280 §4.2.1.1 and .2).

use crate::x509::{San, san, serial, tlv};

/// How a certificate names the key that signed it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorityKeyIdentifier {
    /// The subject key identifier of the signer.
    pub key_identifier: Option<Vec<u8>>,
    /// The issuer of the signer's own certificate.
    pub issuer: Vec<San>,
    /// The serial of the signer's own certificate, in lower-case hex.
    pub serial: Option<String>,
}

pub(crate) fn subject_key_identifier(value: &[u8]) -> Option<&[u8]> {
    tlv::only(value, tlv::OCTET_STRING)
}

pub(crate) fn authority_key_identifier(value: &[u8]) -> Option<AuthorityKeyIdentifier> {
    let mut read = AuthorityKeyIdentifier::default();
    let mut fields = tlv::sequence(value)?;
    for field in fields.by_ref() {
        match field.tag {
            0x80 => read.key_identifier = Some(field.value.to_vec()),
            0xa1 => read.issuer = san::read_all(tlv::elements(field.value)),
            0x82 => read.serial = Some(serial::hex(field.value)),
            _ => return None,
        }
    }
    fields.rest().is_empty().then_some(read)
}

pub(super) fn subject_lines(value: &[u8]) -> Option<Vec<String>> {
    subject_key_identifier(value).map(|identifier| vec![super::colons(identifier)])
}

pub(super) fn authority_lines(value: &[u8]) -> Option<Vec<String>> {
    let read = authority_key_identifier(value)?;
    let key = read.key_identifier.map(|identifier| format!("key: {}", super::colons(&identifier)));
    let issuers = read.issuer.iter().map(|name| format!("issuer: {name}"));
    let serial = read.serial.map(|serial| format!("serial: {serial}"));
    Some(key.into_iter().chain(issuers).chain(serial).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_parts_are_read() {
        let value = [0x30, 11, 0x80, 1, 0xaa, 0xa1, 3, 0x82, 1, b'x', 0x82, 1, 0x80];
        assert_eq!(authority_lines(&value).unwrap(), ["key: aa", "issuer: DNS:x", "serial: -80"]);
        assert_eq!(authority_key_identifier(&[0x30, 0]).unwrap(), AuthorityKeyIdentifier::default());
        assert_eq!(authority_key_identifier(&[0x30, 2, 0x80, 5]), None);
    }
}
