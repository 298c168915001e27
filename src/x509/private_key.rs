//! Recognises private keys and says what they are, without showing them.
//!
//! An import must know a key when it sees one (it is never stored by accident) and which certificate it belongs to:
//! that is the SHA-256 of its SubjectPublicKeyInfo, compared with the certificate's.

use std::fmt;

use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair, PqdsaKeyPair,
};
use aws_lc_rs::signature::{ML_DSA_44_SIGNING, ML_DSA_65_SIGNING, ML_DSA_87_SIGNING, PqdsaSigningAlgorithm};
use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::ber::{self, BIT_STRING, CONTEXT_0, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, put, wrap};
use super::pbe::{self, Password, Work};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const DSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10040.4.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const X25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.110");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ED448: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.113");
const ML_DSA_44: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17");
const ML_DSA_65: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18");
const ML_DSA_87: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19");
/// Sun's own protection of keys in a JKS store.
const JAVA_PROTECTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.42.2.17.1.1");
const OPENSSH_MAGIC: &[u8] = b"openssh-key-v1\0";

/// How a private key is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RFC 5958, not encrypted.
    Pkcs8,
    /// RFC 5958 under a password.
    EncryptedPkcs8,
    /// An RSA key of RFC 8017.
    Pkcs1,
    /// An elliptic curve key of RFC 5915.
    Sec1,
    /// OpenSSL's own form of a DSA key.
    Dsa,
    /// OpenSSH's own form.
    OpenSsh,
    /// Encrypted by the `Proc-Type` header of old PEM.
    LegacyEncrypted,
    /// Inside a JKS store, under Sun's protection.
    Java,
}

impl Format {
    /// What to do with a key that cannot be opened here, in a sentence for people.
    #[must_use]
    pub fn advice(self) -> Option<&'static str> {
        match self {
            Self::LegacyEncrypted => Some(
                "the key is encrypted the way old OpenSSL did it, which is weak and not read here; \
                 convert it: openssl pkcs8 -topk8 -in OLD.pem -out NEW.pem",
            ),
            Self::OpenSsh => {
                Some("the key is in OpenSSH's own form; convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY")
            }
            Self::Java => Some(
                "the key is protected the way only Java reads; convert the key store: \
                 keytool -importkeystore -srckeystore FILE -destkeystore NEW.p12 -deststoretype PKCS12",
            ),
            Self::Pkcs8 | Self::EncryptedPkcs8 | Self::Pkcs1 | Self::Sec1 | Self::Dsa => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pkcs8 => "PKCS#8",
            Self::EncryptedPkcs8 => "encrypted PKCS#8",
            Self::Pkcs1 => "PKCS#1",
            Self::Sec1 => "SEC1",
            Self::Dsa => "DSA",
            Self::OpenSsh => "OpenSSH",
            Self::LegacyEncrypted => "encrypted PEM",
            Self::Java => "Java protected",
        })
    }
}

/// What can be said about a key without showing it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// How it is written down.
    pub format: Format,
    /// Algorithm and size, such as `RSA-2048`, `EC-256`, `ED25519`; unknown while it is encrypted.
    pub algorithm: Option<String>,
    /// SHA-256 of the SubjectPublicKeyInfo that a certificate for this key holds, where it can be computed.
    pub spki_sha256: Option<[u8; 32]>,
}

/// The format of `bytes`, if they are exactly one private key.
#[must_use]
pub fn format(bytes: &[u8]) -> Option<Format> {
    if bytes.starts_with(OPENSSH_MAGIC) {
        return Some(Format::OpenSsh);
    }
    let tags = children(bytes)?;
    match tags.as_slice() {
        [INTEGER, SEQUENCE, OCTET_STRING, ..] => Some(Format::Pkcs8),
        [INTEGER, OCTET_STRING, ..] => Some(Format::Sec1),
        numbers if numbers.iter().all(|tag| *tag == INTEGER) => match numbers.len() {
            9 => Some(Format::Pkcs1),
            6 => Some(Format::Dsa),
            _ => None,
        },
        [SEQUENCE, OCTET_STRING] => encryption(bytes),
        _ => None,
    }
}

/// True if the key needs a password; `format` is what [`format`] found.
#[must_use]
pub fn is_encrypted(bytes: &[u8], format: Format) -> bool {
    match format {
        Format::EncryptedPkcs8 | Format::LegacyEncrypted | Format::Java => true,
        // The name of the cipher follows the magic, with its length in front.
        Format::OpenSsh => {
            !bytes.get(OPENSSH_MAGIC.len()..).is_some_and(|rest| rest.starts_with(b"\0\0\0\x04none"))
        }
        Format::Pkcs8 | Format::Pkcs1 | Format::Sec1 | Format::Dsa => false,
    }
}

/// Says what the key is. Never fails: what cannot be told is absent.
#[must_use]
pub fn describe(bytes: &[u8], format: Format) -> Description {
    let (algorithm, spki) = match format {
        Format::Pkcs8 => pkcs8(bytes),
        Format::Pkcs1 => {
            let mut rsa = wrap(OID, RSA.as_bytes());
            put(&mut rsa, 0x05, &[]);
            from_pkcs1(&wrap(SEQUENCE, &rsa), bytes)
        }
        Format::Sec1 => ec(sec1_curve(bytes), bytes),
        Format::Dsa => (Some("DSA".to_owned()), None),
        Format::EncryptedPkcs8 | Format::OpenSsh | Format::LegacyEncrypted | Format::Java => (None, None),
    };
    let spki_sha256 = spki.and_then(|spki| digest::digest(&digest::SHA256, &spki).as_ref().try_into().ok());
    Description { format, algorithm, spki_sha256 }
}

/// Opens an encrypted PKCS#8 key; the result is checked to be PKCS#8.
pub(crate) fn open(
    bytes: &[u8],
    password: &Password,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, pbe::Error> {
    let mut reader = ber::single(bytes, SEQUENCE)?;
    let algorithm = reader.expect(SEQUENCE)?.content;
    let ciphertext = reader.expect(OCTET_STRING)?.content;
    let key = pbe::decrypt(algorithm, ciphertext, password, work)?;
    // A wrong password can by chance leave a valid padding, but not a valid key.
    if format(&key) == Some(Format::Pkcs8) { Ok(key) } else { Err(pbe::Error::WrongPassword) }
}

/// The tags of the values in the one SEQUENCE that `bytes` is, up to ten.
fn children(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut reader = ber::single(bytes, SEQUENCE).ok()?;
    let mut tags = Vec::new();
    while !reader.is_empty() && tags.len() < 10 {
        tags.push(reader.any().ok()?.tag);
    }
    Some(tags)
}

/// Tells an encrypted key from a digest, which has the same shape, by its algorithm.
fn encryption(bytes: &[u8]) -> Option<Format> {
    let oid = ber::single(bytes, SEQUENCE).ok()?.inside(SEQUENCE).ok()?.expect(OID).ok()?.content;
    if oid == JAVA_PROTECTION.as_bytes() {
        return Some(Format::Java);
    }
    let arcs = ObjectIdentifier::from_bytes(oid).ok()?.to_string();
    // PKCS#5 and the password-based schemes of PKCS#12.
    let is_password_based =
        arcs.starts_with("1.2.840.113549.1.5.") || arcs.starts_with("1.2.840.113549.1.12.1.");
    is_password_based.then_some(Format::EncryptedPkcs8)
}

type Named = (Option<String>, Option<Vec<u8>>);

fn pkcs8(bytes: &[u8]) -> Named {
    let parts = || {
        let mut reader = ber::single(bytes, SEQUENCE)?;
        reader.expect(INTEGER)?;
        let algorithm = reader.expect(SEQUENCE)?;
        let key = reader.expect(OCTET_STRING)?.content;
        let mut inside = Reader::new(algorithm.content);
        let oid = inside.expect(OID)?.content;
        let curve = inside.optional(OID)?.map(|curve| curve.content);
        Ok::<_, ber::Error>((algorithm.whole, oid, curve, key))
    };
    let Ok((algorithm, oid, curve, key)) = parts() else { return (None, None) };
    let named = |name: &str, spki| (Some(name.to_owned()), spki);
    match oid {
        oid if oid == RSA.as_bytes() || oid == RSA_PSS.as_bytes() => from_pkcs1(algorithm, key),
        oid if oid == EC.as_bytes() => ec(curve, bytes),
        oid if oid == ED25519.as_bytes() => named("ED25519", ed25519(bytes)),
        oid if oid == ML_DSA_44.as_bytes() => named("ML-DSA-44", ml_dsa(&ML_DSA_44_SIGNING, bytes)),
        oid if oid == ML_DSA_65.as_bytes() => named("ML-DSA-65", ml_dsa(&ML_DSA_65_SIGNING, bytes)),
        oid if oid == ML_DSA_87.as_bytes() => named("ML-DSA-87", ml_dsa(&ML_DSA_87_SIGNING, bytes)),
        oid if oid == ED448.as_bytes() => named("ED448", None),
        oid if oid == X25519.as_bytes() => named("X25519", None),
        oid if oid == DSA.as_bytes() => named("DSA", None),
        other => (ObjectIdentifier::from_bytes(other).ok().map(|oid| oid.to_string()), None),
    }
}

/// The public half of an RSA key is its first two numbers, so any size can be told.
fn from_pkcs1(algorithm: &[u8], key: &[u8]) -> Named {
    let numbers = || {
        let mut reader = ber::single(key, SEQUENCE)?;
        reader.expect(INTEGER)?;
        Ok::<_, ber::Error>((reader.expect(INTEGER)?, reader.expect(INTEGER)?))
    };
    let Ok((modulus, exponent)) = numbers() else { return (Some("RSA".to_owned()), None) };
    let significant = modulus.content.iter().skip_while(|byte| **byte == 0);
    let unused = significant.clone().next().map_or(0, |first| first.leading_zeros() as usize);
    let bits = significant.count() * 8 - unused;
    let public = wrap(SEQUENCE, &[modulus.whole, exponent.whole].concat());
    let mut spki = algorithm.to_vec();
    put(&mut spki, BIT_STRING, &[&[0], public.as_slice()].concat());
    (Some(format!("RSA-{bits}")), Some(wrap(SEQUENCE, &spki)))
}

fn sec1_curve(bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = ber::single(bytes, SEQUENCE).ok()?;
    reader.expect(INTEGER).ok()?;
    reader.expect(OCTET_STRING).ok()?;
    reader.inside(CONTEXT_0).ok()?.expect(OID).ok().map(|curve| curve.content)
}

fn ec(curve: Option<&[u8]>, key: &[u8]) -> Named {
    let known: Option<(&str, &'static EcdsaSigningAlgorithm)> = match curve {
        Some(curve) if curve == P256.as_bytes() => {
            Some(("EC-256", &signature::ECDSA_P256_SHA256_ASN1_SIGNING))
        }
        Some(curve) if curve == P384.as_bytes() => {
            Some(("EC-384", &signature::ECDSA_P384_SHA384_ASN1_SIGNING))
        }
        Some(curve) if curve == P521.as_bytes() => {
            Some(("EC-521", &signature::ECDSA_P521_SHA512_ASN1_SIGNING))
        }
        _ => None,
    };
    let Some((name, algorithm)) = known else { return (Some("EC".to_owned()), None) };
    let pair = EcdsaKeyPair::from_private_key_der(algorithm, key);
    (Some(name.to_owned()), pair.ok().and_then(|pair| spki(pair.public_key())))
}

fn ed25519(bytes: &[u8]) -> Option<Vec<u8>> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(bytes).ok().and_then(|pair| spki(pair.public_key()))
}

fn ml_dsa(algorithm: &'static PqdsaSigningAlgorithm, bytes: &[u8]) -> Option<Vec<u8>> {
    PqdsaKeyPair::from_pkcs8(algorithm, bytes).ok().and_then(|pair| spki(pair.public_key()))
}

fn spki<'a>(key: &impl AsDer<PublicKeyX509Der<'a>>) -> Option<Vec<u8>> {
    key.as_der().ok().map(|spki: PublicKeyX509Der<'_>| spki.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::PublicKeyData;

    use super::*;

    fn sha256(bytes: &[u8]) -> Option<[u8; 32]> {
        digest::digest(&digest::SHA256, bytes).as_ref().try_into().ok()
    }

    #[test]
    fn each_algorithm_is_named_and_tied_to_its_public_key() {
        let kinds = [
            ("EC-256", &rcgen::PKCS_ECDSA_P256_SHA256),
            ("EC-384", &rcgen::PKCS_ECDSA_P384_SHA384),
            ("EC-521", &rcgen::PKCS_ECDSA_P521_SHA512),
            ("ED25519", &rcgen::PKCS_ED25519),
            ("ML-DSA-65", &rcgen::PKCS_ML_DSA_65),
        ];
        for (name, algorithm) in kinds {
            let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
            let der = pair.serialize_der();
            assert_eq!(format(&der), Some(Format::Pkcs8), "{name}");
            let description = describe(&der, Format::Pkcs8);
            assert_eq!(description.algorithm.as_deref(), Some(name));
            assert_eq!(description.spki_sha256, sha256(&pair.subject_public_key_info()), "{name}");
        }
    }

    #[test]
    fn an_rsa_key_is_named_in_both_forms() {
        let pair =
            rcgen::KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap();
        let der = pair.serialize_der();
        let mut reader = ber::single(&der, SEQUENCE).unwrap();
        reader.any().unwrap();
        reader.any().unwrap();
        let pkcs1 = reader.expect(OCTET_STRING).unwrap().content;
        for (bytes, expected) in [(der.as_slice(), Format::Pkcs8), (pkcs1, Format::Pkcs1)] {
            assert_eq!(format(bytes), Some(expected));
            let description = describe(bytes, expected);
            assert_eq!(description.algorithm.as_deref(), Some("RSA-2048"));
            assert_eq!(description.spki_sha256, sha256(&pair.subject_public_key_info()));
        }
    }

    #[test]
    fn what_is_no_key_is_not_called_one() {
        assert_eq!(format(b"hello"), None);
        assert_eq!(format(&[]), None);
        // A DigestInfo: the shape of an encrypted key, but not its algorithm.
        let sha1 = wrap(SEQUENCE, &wrap(OID, &[0x2b, 0x0e, 3, 2, 0x1a]));
        let digest = wrap(SEQUENCE, &[sha1, wrap(OCTET_STRING, &[0; 20])].concat());
        assert_eq!(format(&digest), None);
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_panics(place in 0usize..200, value in any::<u8>()) {
            let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
            let mut der = pair.serialize_der();
            let place = place % der.len();
            der[place] = value;
            if let Some(format) = format(&der) {
                let _ = describe(&der, format);
            }
        }
    }
}
