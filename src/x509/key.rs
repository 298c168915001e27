//! Public keys: what kind and how large (`RSA-2048`, `EC-256`, `ED25519`, `ML-DSA-65`).

use std::fmt;

use super::{oid, tlv};

/// The kind and size of a public key, read from its `SubjectPublicKeyInfo`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// RSA with a modulus of so many bits.
    Rsa(usize),
    /// RSA that may only sign with PSS (RFC 4055).
    RsaPss(usize),
    /// DSA with a prime of so many bits; zero when it inherits its parameters.
    Dsa(usize),
    /// A NIST prime curve by its size: 192, 224, 256, 384 or 521.
    Ec(u16),
    /// Another curve by its name or dotted identifier, or `explicit`.
    EcOther(String),
    /// Ed25519 (RFC 8410).
    Ed25519,
    /// Ed448 (RFC 8410).
    Ed448,
    /// X25519, for key agreement only.
    X25519,
    /// X448, for key agreement only.
    X448,
    /// ML-DSA of parameter set 44, 65 or 87 (FIPS 204, RFC 9881).
    MlDsa(u8),
    /// Anything else by its dotted identifier.
    Other(String),
}

impl fmt::Display for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Rsa(bits) => write!(out, "RSA-{bits}"),
            Key::RsaPss(bits) => write!(out, "RSA-PSS-{bits}"),
            Key::Dsa(bits) => write!(out, "DSA-{bits}"),
            Key::Ec(bits) => write!(out, "EC-{bits}"),
            Key::EcOther(curve) => write!(out, "EC-{curve}"),
            Key::Ed25519 => out.write_str("ED25519"),
            Key::Ed448 => out.write_str("ED448"),
            Key::X25519 => out.write_str("X25519"),
            Key::X448 => out.write_str("X448"),
            Key::MlDsa(set) => write!(out, "ML-DSA-{set}"),
            Key::Other(oid) => out.write_str(oid),
        }
    }
}

impl Key {
    /// Reads the DER of a `SubjectPublicKeyInfo`; bytes that are none become `Other` with the identifier that is there.
    pub fn from_spki(der: &[u8]) -> Key {
        read(der).unwrap_or_else(|| Key::Other("unknown".to_owned()))
    }

    /// The size that policies speak of: modulus, prime or curve bits; `None` where a size says nothing.
    pub fn bits(&self) -> Option<usize> {
        match self {
            Key::Rsa(bits) | Key::RsaPss(bits) | Key::Dsa(bits) => Some(*bits),
            Key::Ec(bits) => Some(usize::from(*bits)),
            _ => None,
        }
    }
}

fn read(der: &[u8]) -> Option<Key> {
    let mut parts = tlv::sequence(der)?;
    let mut algorithm = tlv::elements(parts.next_if(tlv::SEQUENCE)?.value);
    let kind = algorithm.next_if(tlv::OID)?.value;
    let parameters = algorithm.next();
    let key = parts.next_if(tlv::BIT_STRING).and_then(|bits| bits.value.split_first());
    let key = key.map_or(&[][..], |(_unused, key)| key);
    Some(match kind {
        // 1.2.840.113549.1.1
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01] => Key::Rsa(first_integer_bits(key)),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a] => Key::RsaPss(first_integer_bits(key)),
        // 1.2.840.10040.4.1
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01] => {
            Key::Dsa(parameters.map_or(0, |p| first_integer_bits(p.raw)))
        }
        // 1.2.840.10045.2.1
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01] => curve(parameters),
        [0x2b, 0x65, 0x6e] => Key::X25519,
        [0x2b, 0x65, 0x6f] => Key::X448,
        [0x2b, 0x65, 0x70] => Key::Ed25519,
        [0x2b, 0x65, 0x71] => Key::Ed448,
        // 2.16.840.1.101.3.4.3
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x11] => Key::MlDsa(44),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x12] => Key::MlDsa(65),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, 0x13] => Key::MlDsa(87),
        _ => Key::Other(oid::dotted(kind)),
    })
}

/// The bits of the first `INTEGER` in a `SEQUENCE`: an RSA modulus or a DSA prime.
fn first_integer_bits(der: &[u8]) -> usize {
    let integer = tlv::elements(der)
        .next_if(tlv::SEQUENCE)
        .and_then(|all| tlv::elements(all.value).next_if(tlv::INTEGER));
    let digits = integer.map_or(&[][..], |integer| integer.value);
    let start = digits.iter().position(|digit| *digit != 0).unwrap_or(digits.len());
    let first_zeros = digits.get(start).map_or(0, |first| first.leading_zeros() as usize);
    (digits.len() - start) * 8 - first_zeros
}

fn curve(parameters: Option<tlv::Tlv<'_>>) -> Key {
    let Some(named) = parameters.filter(|parameters| parameters.tag == tlv::OID) else {
        return Key::EcOther("explicit".to_owned());
    };
    match named.value {
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x01] => Key::Ec(192),
        [0x2b, 0x81, 0x04, 0x00, 0x21] => Key::Ec(224),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07] => Key::Ec(256),
        [0x2b, 0x81, 0x04, 0x00, 0x22] => Key::Ec(384),
        [0x2b, 0x81, 0x04, 0x00, 0x23] => Key::Ec(521),
        [0x2b, 0x81, 0x04, 0x00, 0x0a] => Key::EcOther("secp256k1".to_owned()),
        // 1.3.36.3.3.2.8.1.1: Brainpool (RFC 5639)
        [0x2b, 0x24, 0x03, 0x03, 0x02, 0x08, 0x01, 0x01, last @ (0x07 | 0x0b | 0x0d)] => {
            let bits = match last {
                0x07 => 256,
                0x0b => 384,
                _ => 512,
            };
            Key::EcOther(format!("brainpoolP{bits}r1"))
        }
        other => Key::EcOther(oid::dotted(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spki(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
        let wrap =
            |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat();
        wrap(0x30, &[wrap(0x30, algorithm), wrap(0x03, &[&[0][..], key].concat())].concat())
    }

    #[test]
    fn rsa_bits_are_those_of_the_modulus() {
        let rsa = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1, 5, 0];
        assert_eq!(Key::from_spki(&spki(&rsa, &[0x30, 7, 2, 2, 0x7f, 0xff, 2, 1, 3])).to_string(), "RSA-15");
        assert_eq!(Key::from_spki(&spki(&rsa, &[0x30, 8, 2, 3, 0, 0x80, 0, 2, 1, 3])).to_string(), "RSA-16");
        assert_eq!(Key::from_spki(&spki(&rsa, &[])).to_string(), "RSA-0");
    }

    #[test]
    fn curves_have_sizes_or_names() {
        let ec = |curve: &[u8]| {
            let head = [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, u8::try_from(curve.len()).unwrap()];
            Key::from_spki(&spki(&[&head[..], curve].concat(), &[4])).to_string()
        };
        assert_eq!(ec(&[0x2b, 0x81, 0x04, 0x00, 0x23]), "EC-521");
        assert_eq!(ec(&[0x2b, 0x24, 3, 3, 2, 8, 1, 1, 0x0d]), "EC-brainpoolP512r1");
        assert_eq!(ec(&[0x2a, 3]), "EC-1.2.3");
    }

    #[test]
    fn the_rest_has_a_name_or_an_identifier() {
        assert_eq!(Key::from_spki(&spki(&[6, 3, 0x2b, 0x65, 0x70], &[1])), Key::Ed25519);
        assert_eq!(Key::from_spki(&spki(&[6, 2, 0x2a, 3], &[1])).to_string(), "1.2.3");
        assert_eq!(Key::from_spki(&[1, 2]).to_string(), "unknown");
        assert_eq!(Key::Ec(384).bits(), Some(384));
        assert_eq!(Key::MlDsa(65).bits(), None);
    }
}
