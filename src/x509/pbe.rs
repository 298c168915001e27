//! Opens what a password closes: PBES2 (RFC 8018) and the PKCS#12 schemes of RFC 7292 appendix B and C.
//!
//! The number of iterations comes from the file, so from whoever made it. [`Work`] is spent before a key is derived:
//! a file that asks for more than a reading may cost is refused, not computed.

use std::num::NonZeroU32;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use aws_lc_rs::cipher::{self, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::{digest, hmac, pbkdf2};
use cbc::Decryptor;
use cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, KeyInit, KeyIvInit, block_padding::Pkcs7};
use der::asn1::ObjectIdentifier;
use des::{TdesEde2, TdesEde3};
use rc2::Rc2;
use thiserror::Error;
use zeroize::Zeroizing;

use super::ber::{self, Element, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE};

/// Hash iterations that one reading may spend, over all its parts.
const MAX_ITERATIONS: u64 = 2_000_000;
/// Longer salts and vectors exist in no real file.
const MAX_SALT: usize = 1024;

const PBES2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.13");
const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const PBMAC1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.14");
const HMAC_SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.7");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");
const HMAC_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.10");
const HMAC_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.11");
const AES_128_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.2");
const AES_192_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.22");
const AES_256_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.1.42");
const DES_EDE3_CBC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.3.7");
const SHA_3DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");
const SHA_2DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.4");
const SHA_RC2_128: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.5");
const SHA_RC2_40: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.6");
const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA224: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.4");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");

/// Why something stays closed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Error {
    #[error("the password does not open it")]
    WrongPassword,
    #[error("it asks for {0} password iterations, more than a file may cost to open")]
    TooMuchWork(u64),
    #[error("its encryption ({0}) is not supported")]
    Unsupported(String),
    #[error("its encryption cannot be read: {0}")]
    Malformed(#[from] ber::Error),
}

/// What may still be spent on deriving keys from passwords; clones spend from the same purse.
#[derive(Debug, Clone)]
pub struct Work {
    left: Arc<AtomicU64>,
}

impl Work {
    /// As much as one reading, or one form of several files, may cost: about a second.
    #[allow(clippy::new_without_default, reason = "a budget is taken out on purpose")]
    pub fn new() -> Self {
        Self { left: Arc::new(AtomicU64::new(MAX_ITERATIONS)) }
    }

    /// Nothing: whatever wants a password stays closed.
    pub fn none() -> Self {
        Self { left: Arc::default() }
    }

    /// Spends `iterations`, of which each hashes `weight` times.
    fn spend(&mut self, iterations: u64, weight: u64) -> Result<NonZeroU32, Error> {
        let refused = Error::TooMuchWork(iterations);
        let cost = iterations.saturating_mul(weight);
        let spent = self.left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(cost));
        spent.map_err(|_| refused.clone())?;
        u32::try_from(iterations).ok().and_then(NonZeroU32::new).ok_or(refused)
    }
}

/// A password in the two spellings that the schemes want.
pub(crate) struct Password {
    utf8: Zeroizing<Vec<u8>>,
    /// UTF-16BE with a terminating zero (RFC 7292 §B.1).
    bmp: Zeroizing<Vec<u8>>,
}

impl Password {
    pub(crate) fn new(password: &str) -> Self {
        let bmp = password.encode_utf16().chain([0]).flat_map(u16::to_be_bytes).collect();
        Self { utf8: Zeroizing::new(password.as_bytes().to_vec()), bmp: Zeroizing::new(bmp) }
    }

    /// No password at all, which some programs write for an empty one.
    pub(crate) fn absent() -> Self {
        Self { utf8: Zeroizing::default(), bmp: Zeroizing::default() }
    }
}

/// Opens `ciphertext`; `algorithm` is the content of its AlgorithmIdentifier.
pub(crate) fn decrypt(
    algorithm: &[u8],
    ciphertext: &[u8],
    password: &Password,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut reader = Reader::new(algorithm);
    let oid = reader.expect(OID)?.content;
    let mut parameters = reader.inside(SEQUENCE)?;
    if oid == PBES2.as_bytes() {
        return pbes2(&mut parameters, ciphertext, password, work);
    }
    let (cipher, key_length): (Cbc, usize) = match oid {
        oid if oid == SHA_3DES.as_bytes() => (cbc::<TdesEde3>, 24),
        oid if oid == SHA_2DES.as_bytes() => (cbc::<TdesEde2>, 16),
        oid if oid == SHA_RC2_128.as_bytes() => (cbc::<Rc2>, 16),
        oid if oid == SHA_RC2_40.as_bytes() => (cbc::<Rc2>, 5),
        other => return Err(Error::Unsupported(name(other))),
    };
    let salt = salt(&mut parameters)?;
    // Key and vector of at most 24 and 8 bytes take at most three SHA-1 outputs.
    let iterations = work.spend(parameters.number()?, 3)?;
    let sha1 = &digest::SHA1_FOR_LEGACY_USE_ONLY;
    let key = derive(sha1, &password.bmp, salt, Purpose::Key, iterations, key_length);
    let vector = derive(sha1, &password.bmp, salt, Purpose::Vector, iterations, 8);
    cipher(&key, &vector, ciphertext)
}

/// Checks the MAC over a PKCS#12 file's content; `mac` is the content of its MacData.
pub(crate) fn verify_mac(
    mac: &[u8],
    content: &[u8],
    password: &Password,
    work: &mut Work,
) -> Result<(), Error> {
    let mut reader = Reader::new(mac);
    let mut digest_info = reader.inside(SEQUENCE)?;
    let mut algorithm = digest_info.inside(SEQUENCE)?;
    let tag = digest_info.expect(OCTET_STRING)?.content;
    let oid = algorithm.expect(OID)?.content;
    let key = if oid == PBMAC1.as_bytes() {
        pbmac1(&mut algorithm, password, work)?
    } else {
        let (digest, hmac) = mac_algorithm(oid)?;
        let salt = salt(&mut reader)?;
        let iterations = if reader.is_empty() { 1 } else { reader.number()? };
        let iterations = work.spend(iterations, 1)?;
        let key = derive(digest, &password.bmp, salt, Purpose::Mac, iterations, digest.output_len);
        hmac::Key::new(hmac, &key)
    };
    hmac::verify(&key, content, tag).map_err(|_| Error::WrongPassword)
}

/// The key of the MAC of RFC 9579.
fn pbmac1(algorithm: &mut Reader<'_>, password: &Password, work: &mut Work) -> Result<hmac::Key, Error> {
    let mut parameters = algorithm.inside(SEQUENCE)?;
    let mut derivation = parameters.inside(SEQUENCE)?;
    let mut scheme = parameters.inside(SEQUENCE)?;
    let hmac = match scheme.expect(OID)?.content {
        oid if oid == HMAC_SHA256.as_bytes() => hmac::HMAC_SHA256,
        oid if oid == HMAC_SHA384.as_bytes() => hmac::HMAC_SHA384,
        oid if oid == HMAC_SHA512.as_bytes() => hmac::HMAC_SHA512,
        other => return Err(Error::Unsupported(name(other))),
    };
    let key = pbkdf2(&mut derivation, hmac.digest_algorithm().output_len, password, work)?;
    Ok(hmac::Key::new(hmac, &key))
}

fn pbes2(
    parameters: &mut Reader<'_>,
    ciphertext: &[u8],
    password: &Password,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut derivation = parameters.inside(SEQUENCE)?;
    let mut scheme = parameters.inside(SEQUENCE)?;
    let oid = scheme.expect(OID)?.content;
    let (aes, key_length) = match oid {
        oid if oid == AES_128_CBC.as_bytes() => (Some(&cipher::AES_128), 16),
        oid if oid == AES_192_CBC.as_bytes() => (Some(&cipher::AES_192), 24),
        oid if oid == AES_256_CBC.as_bytes() => (Some(&cipher::AES_256), 32),
        oid if oid == DES_EDE3_CBC.as_bytes() => (None, 24),
        other => return Err(Error::Unsupported(name(other))),
    };
    let vector = scheme.expect(OCTET_STRING)?.content;
    let key = pbkdf2(&mut derivation, key_length, password, work)?;
    let Some(aes) = aes else { return cbc::<TdesEde3>(&key, vector, ciphertext) };
    let key = UnboundCipherKey::new(aes, &key).and_then(PaddedBlockDecryptingKey::cbc_pkcs7);
    let vector = <[u8; 16]>::try_from(vector).map_err(|_| ber::Error::Unexpected)?;
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let length = key
        .and_then(|key| {
            key.decrypt(&mut buffer, DecryptionContext::Iv128(vector.into())).map(|plain| plain.len())
        })
        .map_err(|_| Error::WrongPassword)?;
    buffer.truncate(length);
    Ok(buffer)
}

fn pbkdf2(
    derivation: &mut Reader<'_>,
    key_length: usize,
    password: &Password,
    work: &mut Work,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let oid = derivation.expect(OID)?.content;
    if oid != PBKDF2.as_bytes() {
        return Err(Error::Unsupported(name(oid)));
    }
    let mut parameters = derivation.inside(SEQUENCE)?;
    let salt = salt(&mut parameters)?;
    let iterations = parameters.number()?;
    parameters.optional(INTEGER)?;
    let sha1 = (pbkdf2::PBKDF2_HMAC_SHA1, 20);
    let (algorithm, output) = match parameters.optional(SEQUENCE)? {
        None => sha1,
        Some(prf) => match Reader::new(prf.content).expect(OID)?.content {
            oid if oid == HMAC_SHA1.as_bytes() => sha1,
            oid if oid == HMAC_SHA256.as_bytes() => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
            oid if oid == HMAC_SHA384.as_bytes() => (pbkdf2::PBKDF2_HMAC_SHA384, 48),
            oid if oid == HMAC_SHA512.as_bytes() => (pbkdf2::PBKDF2_HMAC_SHA512, 64),
            other => return Err(Error::Unsupported(name(other))),
        },
    };
    // Each output that the key takes is derived anew.
    let outputs = if key_length > output { 2 } else { 1 };
    let iterations = work.spend(iterations, outputs)?;
    let mut key = Zeroizing::new(vec![0; key_length]);
    pbkdf2::derive(algorithm, iterations, salt, &password.utf8, &mut key);
    Ok(key)
}

fn salt<'a>(parameters: &mut Reader<'a>) -> Result<&'a [u8], Error> {
    let Element { content, .. } = parameters.expect(OCTET_STRING)?;
    if content.len() > MAX_SALT { Err(ber::Error::Length.into()) } else { Ok(content) }
}

fn mac_algorithm(oid: &[u8]) -> Result<(&'static digest::Algorithm, hmac::Algorithm), Error> {
    match oid {
        oid if oid == SHA1.as_bytes() => {
            Ok((&digest::SHA1_FOR_LEGACY_USE_ONLY, hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY))
        }
        oid if oid == SHA224.as_bytes() => Ok((&digest::SHA224, hmac::HMAC_SHA224)),
        oid if oid == SHA256.as_bytes() => Ok((&digest::SHA256, hmac::HMAC_SHA256)),
        oid if oid == SHA384.as_bytes() => Ok((&digest::SHA384, hmac::HMAC_SHA384)),
        oid if oid == SHA512.as_bytes() => Ok((&digest::SHA512, hmac::HMAC_SHA512)),
        other => Err(Error::Unsupported(name(other))),
    }
}

/// The OID in dots, for a message.
fn name(oid: &[u8]) -> String {
    ObjectIdentifier::from_bytes(oid).map_or_else(|_| "unknown".to_owned(), |oid| oid.to_string())
}

type Cbc = fn(&[u8], &[u8], &[u8]) -> Result<Zeroizing<Vec<u8>>, Error>;

fn cbc<C>(key: &[u8], vector: &[u8], ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error>
where
    C: KeyInit + BlockCipherDecrypt,
{
    let cipher = Decryptor::<C>::new_from_slices(key, vector).map_err(|_| ber::Error::Unexpected)?;
    cipher.decrypt_padded_vec::<Pkcs7>(ciphertext).map(Zeroizing::new).map_err(|_| Error::WrongPassword)
}

/// What a derived value is for: the diversifier of RFC 7292 §B.3.
#[derive(Clone, Copy)]
enum Purpose {
    Key = 1,
    Vector = 2,
    Mac = 3,
}

/// The key derivation of RFC 7292 §B.2; the comments number its steps.
fn derive(
    algorithm: &'static digest::Algorithm,
    password: &[u8],
    salt: &[u8],
    purpose: Purpose,
    iterations: NonZeroU32,
    length: usize,
) -> Zeroizing<Vec<u8>> {
    let block = algorithm.block_len();
    // Steps 1 to 4: the diversifier, then salt and password repeated to whole blocks.
    let diversifier = vec![purpose as u8; block];
    let repeated = |bytes: &[u8]| {
        let length = bytes.len().div_ceil(block) * block;
        Zeroizing::new(bytes.iter().copied().cycle().take(length).collect::<Vec<u8>>())
    };
    let mut input = repeated(salt);
    input.extend_from_slice(&repeated(password));
    let mut out = Zeroizing::new(Vec::with_capacity(length + digest::MAX_OUTPUT_LEN));
    while out.len() < length {
        // Step 6A: hash, then hash the hash.
        let mut context = digest::Context::new(algorithm);
        context.update(&diversifier);
        context.update(&input);
        let mut hash = context.finish();
        for _ in 1..iterations.get() {
            hash = digest::digest(algorithm, hash.as_ref());
        }
        out.extend_from_slice(hash.as_ref());
        // Steps 6B and 6C: add the hash, repeated to a block, and one to each block of the input.
        let addend: Vec<u8> = hash.as_ref().iter().copied().cycle().take(block).collect();
        input.chunks_mut(block).for_each(|chunk| add_and_one(chunk, &addend));
    }
    out.truncate(length);
    out
}

/// Adds `addend` and one to `block`, both big-endian and of the same length; what overflows is lost.
fn add_and_one(block: &mut [u8], addend: &[u8]) {
    let mut carry = 1;
    for (byte, add) in block.iter_mut().zip(addend).rev() {
        let sum = u16::from(*byte) + u16::from(*add) + carry;
        *byte = sum.to_be_bytes()[1];
        carry = sum >> 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iteration_count_over_the_limit_is_refused_before_it_is_computed() {
        let mut work = Work::new();
        assert_eq!(work.spend(0x7fff_ffff, 1), Err(Error::TooMuchWork(0x7fff_ffff)));
        assert_eq!(work.spend(u64::MAX, 3), Err(Error::TooMuchWork(u64::MAX)));
        assert_eq!(work.spend(0, 1), Err(Error::TooMuchWork(0)));
    }

    #[test]
    fn many_small_counts_are_refused_together() {
        let mut work = Work::new();
        assert!((0..MAX_ITERATIONS / 100_000).all(|_| work.spend(100_000, 1).is_ok()));
        assert!(work.spend(1, 1).is_err());
    }

    #[test]
    fn a_derived_key_agrees_with_a_known_value() {
        // Computed with `openssl kdf -keylen 24 … PKCS12KDF` (password smeg, salt 0a58cf64530d823f, id 1).
        let salt = [0x0a, 0x58, 0xcf, 0x64, 0x53, 0x0d, 0x82, 0x3f];
        let password = Password::new("smeg");
        let one = NonZeroU32::MIN;
        let key = derive(&digest::SHA1_FOR_LEGACY_USE_ONLY, &password.bmp, &salt, Purpose::Key, one, 24);
        assert_eq!(hex::encode(&*key), "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3");
    }
}
