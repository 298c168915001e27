//! The master key: 32 bytes from outside the database, from which every other key of the console is derived.
//!
//! It is never used itself: sealing, its check value and each authentication code have keys of their own by HKDF
//! (RFC 5869), so that what one shows says nothing of another.

use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::digest::is_same;
use super::random;

/// Why a text is no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 32 bytes as base64 (44 characters)")]
pub struct BadMasterKey;

/// One version of the master key.
pub struct MasterKey {
    version: u32,
    bytes: Zeroizing<[u8; 32]>,
}

impl MasterKey {
    /// A new key from the system's generator.
    pub fn generate(version: u32) -> MasterKey {
        MasterKey { version, bytes: Zeroizing::new(random::bytes()) }
    }

    /// Reads a key as [`to_base64`](MasterKey::to_base64) writes it; space around it is no part of it.
    pub fn from_base64(version: u32, text: &SecretString) -> Result<MasterKey, BadMasterKey> {
        let mut bytes = Zeroizing::new([0; 32]);
        // The decoder estimates one byte more than 44 characters hold.
        let mut decoded = Zeroizing::new([0; 33]);
        let length = STANDARD
            .decode_slice(text.expose_secret().trim(), decoded.as_mut_slice())
            .map_err(|_| BadMasterKey)?;
        let read = decoded.get(..length).filter(|read| read.len() == bytes.len());
        bytes.copy_from_slice(read.ok_or(BadMasterKey)?);
        Ok(MasterKey { version, bytes })
    }

    /// The key as text, for its file.
    pub fn to_base64(&self) -> SecretString {
        SecretString::from(STANDARD.encode(self.bytes.as_slice()))
    }

    /// Grows by one with each rotation.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// What to store beside the data, so that another key is noticed at start; it says nothing of the key.
    pub fn check_value(&self) -> [u8; 32] {
        *self.derive("check value", &self.version.to_be_bytes())
    }

    /// Whether this is the key that a stored [`check_value`](MasterKey::check_value) was made with.
    pub fn verify_check(&self, stored: &[u8]) -> bool {
        is_same(&self.check_value(), stored)
    }

    /// The key of authentication codes for one purpose, such as `audit anchor`.
    pub fn mac_key(&self, purpose: &str) -> MacKey {
        let key = self.derive("mac", purpose.as_bytes());
        MacKey(hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()))
    }

    /// A key for one use; `context` tells apart the keys of one use.
    pub(super) fn derive(&self, usage: &str, context: &[u8]) -> Zeroizing<[u8; 32]> {
        const OWN: &[u8] = b"notafter/1/";
        let length = [u8::try_from(usage.len()).expect("the uses are named in this folder and short")];
        let parts = [OWN, &length, usage.as_bytes(), context];
        let mut output = Zeroizing::new([0; 32]);
        Salt::new(HKDF_SHA256, b"")
            .extract(self.bytes.as_slice())
            .expand(&parts, ThirtyTwo)
            .and_then(|derived| derived.fill(output.as_mut_slice()))
            .expect("HKDF-SHA-256 gives up to 8160 bytes");
        output
    }
}

struct ThirtyTwo;

impl KeyType for ThirtyTwo {
    fn len(&self) -> usize {
        32
    }
}

/// Makes and checks authentication codes (HMAC-SHA-256, RFC 2104) over what others could otherwise rewrite.
pub struct MacKey(hmac::Key);

impl MacKey {
    /// The code of a message.
    pub fn sign(&self, message: &[u8]) -> [u8; 32] {
        let mut code = [0; 32];
        code.copy_from_slice(hmac::sign(&self.0, message).as_ref());
        code
    }

    /// Whether the code is the message's, in constant time.
    pub fn verify(&self, message: &[u8], code: &[u8]) -> bool {
        hmac::verify(&self.0, message, code).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_written_and_nothing_else_is() {
        let key = MasterKey::generate(3);
        let text = key.to_base64();
        let padded = SecretString::from(format!(" {}\n", text.expose_secret()));
        let again = MasterKey::from_base64(3, &padded).unwrap();
        assert!(again.verify_check(&key.check_value()));
        for bad in ["", "AAAA", "not base64", &"A".repeat(44), &format!("{}AA==", "A".repeat(44))] {
            assert!(MasterKey::from_base64(1, &SecretString::from(bad.to_owned())).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_check_value_tells_keys_and_versions_apart() {
        let key = MasterKey::generate(1);
        let text = key.to_base64();
        assert!(key.verify_check(&key.check_value()));
        assert!(!key.verify_check(&[]));
        assert!(!MasterKey::generate(1).verify_check(&key.check_value()));
        assert!(!MasterKey::from_base64(2, &text).unwrap().verify_check(&key.check_value()));
        assert!(!format!("{:02x?}", key.check_value()).contains(text.expose_secret()));
    }

    #[test]
    fn a_code_holds_for_one_message_one_purpose_and_one_key() {
        let key = MasterKey::generate(1);
        let anchor = key.mac_key("audit anchor");
        let code = anchor.sign(b"head 7");
        assert!(anchor.verify(b"head 7", &code));
        assert!(!anchor.verify(b"head 8", &code));
        assert!(!anchor.verify(b"head 7", &code[..31]));
        assert!(!key.mac_key("audit export").verify(b"head 7", &code));
        assert!(!MasterKey::generate(1).mac_key("audit anchor").verify(b"head 7", &code));
    }
}
