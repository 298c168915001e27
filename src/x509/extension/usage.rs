//! What a key may be used for: basic constraints, key usage, extended key usage (RFC 5280 §4.2.1.3, .9, .12).

use crate::x509::{oid, tlv};

/// Whether the subject is a CA, and how many intermediates may follow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BasicConstraints {
    /// True if the certificate says that its key may sign certificates.
    pub is_ca: bool,
    /// The number of further CAs allowed below, if limited.
    pub path_len: Option<u32>,
}

/// The key usage bits, most significant first in the order of RFC 5280.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyUsage(u16);

const KEY_USAGES: [&str; 9] = [
    "digitalSignature",
    "nonRepudiation",
    "keyEncipherment",
    "dataEncipherment",
    "keyAgreement",
    "keyCertSign",
    "cRLSign",
    "encipherOnly",
    "decipherOnly",
];

impl KeyUsage {
    /// The names of the bits that are set.
    pub(crate) fn names(self) -> Vec<&'static str> {
        KEY_USAGES
            .iter()
            .enumerate()
            .filter(|(bit, _)| self.0 & 1 << bit != 0)
            .map(|(_, name)| *name)
            .collect()
    }
}

pub(crate) fn basic_constraints(value: &[u8]) -> Option<BasicConstraints> {
    let mut fields = tlv::sequence(value)?;
    let is_ca = fields.next_if(tlv::BOOLEAN).is_some_and(|flag| flag.value.iter().any(|octet| *octet != 0));
    let path_len = match fields.next_if(tlv::INTEGER) {
        Some(length) => Some(tlv::small_integer(length.value)?),
        None => None,
    };
    Some(BasicConstraints { is_ca, path_len })
}

pub(crate) fn key_usage(value: &[u8]) -> Option<KeyUsage> {
    let (_unused, octets) = tlv::only(value, tlv::BIT_STRING)?.split_first()?;
    let octet = |at: usize| u16::from(octets.get(at).copied().unwrap_or(0).reverse_bits());
    Some(KeyUsage(octet(0) | octet(1) << 8))
}

pub(crate) fn extended_key_usage(value: &[u8]) -> Option<Vec<String>> {
    let mut purposes = tlv::sequence(value)?;
    let named = purposes.by_ref().map(|purpose| oid::purpose(purpose.value)).collect();
    purposes.rest().is_empty().then_some(named)
}

pub(super) fn basic_constraints_lines(value: &[u8]) -> Option<Vec<String>> {
    let constraints = basic_constraints(value)?;
    let mut lines = vec![format!("CA: {}", constraints.is_ca)];
    lines.extend(constraints.path_len.map(|length| format!("path length: {length}")));
    Some(lines)
}

pub(super) fn key_usage_lines(value: &[u8]) -> Option<Vec<String>> {
    let names = key_usage(value)?.names();
    Some(names.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ninth_usage_bit_is_in_the_second_octet() {
        assert_eq!(key_usage(&[3, 3, 7, 0x08, 0x80]).unwrap().names(), ["keyAgreement", "decipherOnly"]);
        assert_eq!(key_usage(&[3, 1, 0]).unwrap().names(), Vec::<&str>::new());
        assert_eq!(key_usage(&[3, 0]), None);
    }

    #[test]
    fn a_path_length_needs_no_ca_flag_to_be_read() {
        let read = basic_constraints(&[0x30, 3, 2, 1, 3]).unwrap();
        assert_eq!(read, BasicConstraints { is_ca: false, path_len: Some(3) });
        assert_eq!(basic_constraints(&[0x30, 3, 2, 1, 0xff]), None);
    }

    #[test]
    fn purposes_are_named_and_half_a_list_is_refused() {
        assert_eq!(extended_key_usage(&[0x30, 4, 6, 2, 0x2a, 3]).unwrap(), ["1.2.3"]);
        assert_eq!(extended_key_usage(&[0x30, 4, 6, 5, 0x2a, 3]), None);
    }
}
