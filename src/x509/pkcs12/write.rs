//! Writes PKCS#12 files in the modern profile: AES-256-CBC under PBKDF2-HMAC-SHA256, and a MAC with SHA-256.

use std::collections::HashSet;

use aws_lc_rs::digest;
use p12_keystore::{
    Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKey, PrivateKeyChain,
};
use thiserror::Error;

use crate::x509::jks::unique;

/// Iterations for what we write: as many as OWASP asks of PBKDF2-HMAC-SHA256.
const ITERATIONS: u32 = 600_000;

/// Why a file cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the PKCS#12 file cannot be written: {0}")]
pub struct WriteError(String);

impl From<p12_keystore::error::Error> for WriteError {
    fn from(error: p12_keystore::error::Error) -> Self {
        Self(error.to_string())
    }
}

/// A trust store: certificates without keys, each under its alias and marked as trusted for Java.
///
/// Takes a second of computing, as every reading of it then does: call it where that holds up nobody.
///
/// # Errors
/// When a certificate does not parse, or the password holds characters outside the Basic Multilingual Plane.
pub fn write(certificates: &[(&str, &[u8])], password: &str) -> Result<Vec<u8>, WriteError> {
    let mut store = KeyStore::new();
    let mut used = HashSet::new();
    for (alias, der) in certificates {
        let alias = unique(&mut used, &bmp(alias));
        store.add_entry(&alias, KeyStoreEntry::Certificate(Certificate::from_der(der)?));
    }
    finish(&store, password)
}

/// A key (PKCS#8) with its chain, the key's own certificate first.
///
/// # Errors
/// As [`write`], and when the chain is empty or the key is not PKCS#8.
pub fn write_with_key(
    alias: &str,
    key: &[u8],
    chain: &[&[u8]],
    password: &str,
) -> Result<Vec<u8>, WriteError> {
    let leaf = chain.first().ok_or_else(|| WriteError("the key has no certificate".to_owned()))?;
    // Programs tie a key to its certificate by the same identifier on both; SHA-1 of the certificate is the custom.
    let id = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, leaf);
    let certificates = chain.iter().map(|der| Certificate::from_der(der)).collect::<Result<Vec<_>, _>>()?;
    let entry = PrivateKeyChain::new(id.as_ref(), PrivateKey::from_der(key)?, certificates);
    let mut store = KeyStore::new();
    store.add_entry(&bmp(alias), KeyStoreEntry::PrivateKeyChain(entry));
    finish(&store, password)
}

fn finish(store: &KeyStore, password: &str) -> Result<Vec<u8>, WriteError> {
    let writer = store
        .writer(password)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ITERATIONS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ITERATIONS);
    Ok(writer.write()?)
}

/// `alias` with what a BMPString cannot hold replaced.
fn bmp(alias: &str) -> String {
    alias.chars().map(|c| if u32::from(c) > 0xffff { char::REPLACEMENT_CHARACTER } else { c }).collect()
}
