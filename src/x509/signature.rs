//! Signature algorithms: their names (`SHA256-RSA`, `ECDSA-SHA384`, `ML-DSA-65`) and their verification.

use std::borrow::Cow;

use aws_lc_rs::signature::{self as algorithms, UnparsedPublicKey, VerificationAlgorithm};

use super::{Key, oid, tlv};

/// What became of checking a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The key made this signature over these bytes.
    Good,
    /// It did not.
    Bad,
    /// The algorithm, or this size of key, is one that this software does not verify.
    Unsupported,
}

/// A signature algorithm, and the hash where it has one to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    RsaPkcs1(&'static str),
    /// With the length of the salt.
    RsaPss(&'static str, u32),
    Ecdsa(&'static str),
    Dsa(&'static str),
    Ed25519,
    Ed448,
    MlDsa(u8),
}

/// The name of the algorithm in the DER of an `AlgorithmIdentifier`, or its dotted identifier.
pub fn algorithm(der: &[u8]) -> Cow<'static, str> {
    let Some(mut parts) = tlv::sequence(der) else { return Cow::Borrowed("unknown") };
    let Some(kind) = parts.next_if(tlv::OID) else { return Cow::Borrowed("unknown") };
    scheme(kind.value, parts.next()).map_or_else(|| Cow::Owned(oid::dotted(kind.value)), text)
}

/// Verifies `signature` over `message` with the key of a `SubjectPublicKeyInfo`; `algorithm` is the DER of
/// the signature's `AlgorithmIdentifier`.
pub fn verify(spki: &[u8], algorithm: &[u8], message: &[u8], signature: &[u8]) -> Verdict {
    let Some(algorithm) = verification(&Key::from_spki(spki), algorithm) else { return Verdict::Unsupported };
    let Some(key) = public_key(spki) else { return Verdict::Bad };
    match UnparsedPublicKey::new(algorithm, key).verify(message, signature) {
        Ok(()) => Verdict::Good,
        Err(_) => Verdict::Bad,
    }
}

/// The key itself, without the algorithm around it.
fn public_key(spki: &[u8]) -> Option<&[u8]> {
    let mut parts = tlv::sequence(spki)?;
    parts.next()?;
    parts.next_if(tlv::BIT_STRING)?.value.strip_prefix(&[0])
}

fn text(scheme: Scheme) -> Cow<'static, str> {
    match scheme {
        Scheme::RsaPkcs1(hash) => Cow::Owned(format!("{hash}-RSA")),
        Scheme::RsaPss(hash, _) => Cow::Owned(format!("{hash}-RSA-PSS")),
        Scheme::Ecdsa(hash) => Cow::Owned(format!("ECDSA-{hash}")),
        Scheme::Dsa(hash) => Cow::Owned(format!("DSA-{hash}")),
        Scheme::Ed25519 => Cow::Borrowed("ED25519"),
        Scheme::Ed448 => Cow::Borrowed("ED448"),
        Scheme::MlDsa(set) => Cow::Owned(format!("ML-DSA-{set}")),
    }
}

fn scheme(kind: &[u8], parameters: Option<tlv::Tlv<'_>>) -> Option<Scheme> {
    Some(match kind {
        // 1.2.840.113549.1.1
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last] => match last {
            2 => Scheme::RsaPkcs1("MD2"),
            4 => Scheme::RsaPkcs1("MD5"),
            5 => Scheme::RsaPkcs1("SHA1"),
            10 => Scheme::RsaPss(pss_hash(parameters)?, pss_salt(parameters)),
            11 => Scheme::RsaPkcs1("SHA256"),
            12 => Scheme::RsaPkcs1("SHA384"),
            13 => Scheme::RsaPkcs1("SHA512"),
            14 => Scheme::RsaPkcs1("SHA224"),
            _ => return None,
        },
        // 1.3.14.3.2.29: the old name of SHA-1 with RSA
        [0x2b, 0x0e, 0x03, 0x02, 0x1d] => Scheme::RsaPkcs1("SHA1"),
        // 1.2.840.10045.4
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => Scheme::Ecdsa("SHA1"),
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last] => match last {
            1 => Scheme::Ecdsa("SHA224"),
            2 => Scheme::Ecdsa("SHA256"),
            3 => Scheme::Ecdsa("SHA384"),
            4 => Scheme::Ecdsa("SHA512"),
            _ => return None,
        },
        [0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03] => Scheme::Dsa("SHA1"),
        [0x2b, 0x65, 0x70] => Scheme::Ed25519,
        [0x2b, 0x65, 0x71] => Scheme::Ed448,
        // 2.16.840.1.101.3.4.3
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03, last] => match last {
            1 => Scheme::Dsa("SHA224"),
            2 => Scheme::Dsa("SHA256"),
            0x11 => Scheme::MlDsa(44),
            0x12 => Scheme::MlDsa(65),
            0x13 => Scheme::MlDsa(87),
            _ => return None,
        },
        _ => return None,
    })
}

/// The hash in `RSASSA-PSS-params` (RFC 4055 §3.1); SHA-1 when it is left out.
fn pss_hash(parameters: Option<tlv::Tlv<'_>>) -> Option<&'static str> {
    let Some(parameters) = parameters else { return Some("SHA1") };
    let Some(explicit) = tlv::elements(parameters.value).next_if(0xa0) else { return Some("SHA1") };
    let hash = tlv::sequence(explicit.value)?.next_if(tlv::OID)?;
    match hash.value {
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => Some("SHA1"),
        [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last] => match last {
            1 => Some("SHA256"),
            2 => Some("SHA384"),
            3 => Some("SHA512"),
            4 => Some("SHA224"),
            _ => None,
        },
        _ => None,
    }
}

/// The salt length in `RSASSA-PSS-params`; 20 when it is left out.
fn pss_salt(parameters: Option<tlv::Tlv<'_>>) -> u32 {
    let field = parameters.and_then(|all| tlv::elements(all.value).find(|field| field.tag == 0xa2));
    field
        .and_then(|explicit| tlv::only(explicit.value, tlv::INTEGER))
        .and_then(tlv::small_integer)
        .unwrap_or(20)
}

/// The verification for a key and a signature algorithm that fit each other. RSA below 2048 bits is verified
/// too where that is possible: whether it should be trusted is a policy's question, not a chain's.
fn verification(key: &Key, algorithm: &[u8]) -> Option<&'static dyn VerificationAlgorithm> {
    let mut parts = tlv::sequence(algorithm)?;
    let kind = parts.next_if(tlv::OID)?;
    let scheme = scheme(kind.value, parts.next())?;
    match key {
        Key::Rsa(bits @ 1024..=8192) | Key::RsaPss(bits @ 1024..=8192) => rsa_verification(scheme, *bits),
        Key::Ec(bits) => ecdsa_verification(scheme, *bits),
        Key::EcOther(curve) if curve == "secp256k1" && scheme == Scheme::Ecdsa("SHA256") => {
            Some(&algorithms::ECDSA_P256K1_SHA256_ASN1)
        }
        Key::Ed25519 if scheme == Scheme::Ed25519 => Some(&algorithms::ED25519),
        Key::MlDsa(set) if scheme == Scheme::MlDsa(*set) => match set {
            44 => Some(&algorithms::ML_DSA_44),
            65 => Some(&algorithms::ML_DSA_65),
            _ => Some(&algorithms::ML_DSA_87),
        },
        _ => None,
    }
}

fn rsa_verification(scheme: Scheme, bits: usize) -> Option<&'static dyn VerificationAlgorithm> {
    Some(match scheme {
        Scheme::RsaPkcs1("SHA1") => &algorithms::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        Scheme::RsaPkcs1("SHA256") => &algorithms::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        Scheme::RsaPkcs1("SHA512") => &algorithms::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        // The rest is offered from 2048 bits on, and PSS only with a salt as long as the hash.
        _ if bits < 2048 => return None,
        Scheme::RsaPkcs1("SHA384") => &algorithms::RSA_PKCS1_2048_8192_SHA384,
        Scheme::RsaPss("SHA256", 32) => &algorithms::RSA_PSS_2048_8192_SHA256,
        Scheme::RsaPss("SHA384", 48) => &algorithms::RSA_PSS_2048_8192_SHA384,
        Scheme::RsaPss("SHA512", 64) => &algorithms::RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

fn ecdsa_verification(scheme: Scheme, bits: u16) -> Option<&'static dyn VerificationAlgorithm> {
    let Scheme::Ecdsa(hash) = scheme else { return None };
    Some(match (bits, hash) {
        (256, "SHA1") => &algorithms::ECDSA_P256_SHA1_ASN1,
        (256, "SHA256") => &algorithms::ECDSA_P256_SHA256_ASN1,
        (256, "SHA384") => &algorithms::ECDSA_P256_SHA384_ASN1,
        (256, "SHA512") => &algorithms::ECDSA_P256_SHA512_ASN1,
        (384, "SHA256") => &algorithms::ECDSA_P384_SHA256_ASN1,
        (384, "SHA384") => &algorithms::ECDSA_P384_SHA384_ASN1,
        (384, "SHA512") => &algorithms::ECDSA_P384_SHA512_ASN1,
        (521, "SHA1") => &algorithms::ECDSA_P521_SHA1_ASN1,
        (521, "SHA224") => &algorithms::ECDSA_P521_SHA224_ASN1,
        (521, "SHA256") => &algorithms::ECDSA_P521_SHA256_ASN1,
        (521, "SHA384") => &algorithms::ECDSA_P521_SHA384_ASN1,
        (521, "SHA512") => &algorithms::ECDSA_P521_SHA512_ASN1,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn algorithms_have_the_names_people_use() {
        let rsa = |last| [0x30, 0x0d, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, last, 5, 0];
        assert_eq!(algorithm(&rsa(11)), "SHA256-RSA");
        assert_eq!(algorithm(&rsa(4)), "MD5-RSA");
        assert_eq!(algorithm(&rsa(99)), "1.2.840.113549.1.1.99");
        assert_eq!(algorithm(&[0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 4]), "ECDSA-SHA512");
        assert_eq!(algorithm(&[0x30, 5, 6, 3, 0x2b, 0x65, 0x71]), "ED448");
        assert_eq!(algorithm(&[0x30, 11, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 3, 0x12]), "ML-DSA-65");
        assert_eq!(algorithm(&[1]), "unknown");
    }

    #[test]
    fn pss_without_parameters_means_sha1() {
        assert_eq!(
            algorithm(&[0x30, 11, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10]),
            "SHA1-RSA-PSS"
        );
    }

    #[test]
    fn what_cannot_be_verified_is_not_called_bad() {
        let ed448_key = [0x30, 10, 0x30, 5, 6, 3, 0x2b, 0x65, 0x71, 3, 1, 0];
        assert_eq!(verify(&ed448_key, &[0x30, 5, 6, 3, 0x2b, 0x65, 0x71], b"", b""), Verdict::Unsupported);
        let ed25519_key = [0x30, 10, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 1, 0];
        assert_eq!(verify(&ed25519_key, &[0x30, 5, 6, 3, 0x2b, 0x65, 0x70], b"", b""), Verdict::Bad);
    }
}
