//! Secrets that are handed out once and kept as a digest only: API tokens and the tokens in one-time links.
//!
//! Both hold 256 bits of chance, so a plain SHA-256 is enough to store. The types print nothing and compare nothing;
//! what is compared is the digest, in constant time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::digest::{is_same, sha256};
use super::random;

/// What every API token begins with, for programs that look for leaked secrets.
pub const PREFIX: &str = "na_";

const ID_LEN: usize = 11;
const SECRET_LEN: usize = 43;
const CHECK_LEN: usize = 6;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// SHA-256 of a token: what the database keeps.
pub struct Digest([u8; 32]);

impl Digest {
    /// For storing and for looking up.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether this is the stored digest, in constant time.
    pub fn matches(&self, stored: &[u8]) -> bool {
        is_same(&self.0, stored)
    }
}

/// An API token: `na_<id>_<43 letters of secret><6 letters of CRC-32>`.
///
/// The check letters let a scanner of leaked secrets, and us, tell a token from a look-alike without the database.
pub struct ApiToken {
    text: SecretString,
    public_id: String,
}

impl ApiToken {
    /// A new token.
    pub fn generate() -> ApiToken {
        let public_id = base62(&random::bytes::<8>(), ID_LEN);
        let secret = Zeroizing::new(base62(Zeroizing::new(random::bytes::<32>()).as_slice(), SECRET_LEN));
        let mut text = String::with_capacity(PREFIX.len() + ID_LEN + 1 + SECRET_LEN + CHECK_LEN);
        for part in [PREFIX, &public_id, "_", &secret] {
            text.push_str(part);
        }
        text.push_str(&check_letters(&text));
        ApiToken { text: SecretString::from(text), public_id }
    }

    /// Reads a token from a request; `None` for whatever is not shaped like one or fails its own check.
    pub fn parse(text: &str) -> Option<ApiToken> {
        let rest = text.strip_prefix(PREFIX)?;
        let (public_id, rest) = rest.split_at_checked(ID_LEN)?;
        let secret = rest.strip_prefix('_')?;
        let is_plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_plain(public_id) || !is_plain(secret) || secret.len() != SECRET_LEN + CHECK_LEN {
            return None;
        }
        let (checked, check) = text.split_at_checked(text.len() - CHECK_LEN)?;
        is_same(check_letters(checked).as_bytes(), check.as_bytes())
            .then(|| ApiToken { text: SecretString::from(text.to_owned()), public_id: public_id.to_owned() })
    }

    /// The part that may be shown again and found by.
    pub fn public_id(&self) -> &str {
        &self.public_id
    }

    /// What to store and compare.
    pub fn digest(&self) -> Digest {
        Digest(sha256(self.text.expose_secret().as_bytes()))
    }

    /// The token itself, to be shown once.
    pub fn expose(&self) -> &str {
        self.text.expose_secret()
    }
}

/// The token in a link that works once: 32 bytes of chance as base64url, 43 letters.
pub struct LinkToken(SecretString);

impl LinkToken {
    /// A new token.
    pub fn generate() -> LinkToken {
        LinkToken(SecretString::from(random::token::<32>()))
    }

    /// Reads the token of a link that somebody opened; `None` for whatever is not shaped like one.
    pub fn parse(text: &str) -> Option<LinkToken> {
        let mut decoded = Zeroizing::new([0; 33]);
        let length = URL_SAFE_NO_PAD.decode_slice(text, decoded.as_mut_slice()).ok()?;
        (length == 32).then(|| LinkToken(SecretString::from(text.to_owned())))
    }

    /// What to store and look up.
    pub fn digest(&self) -> Digest {
        Digest(sha256(self.0.expose_secret().as_bytes()))
    }

    /// The token itself, to be put into the link.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// Big-endian bytes as a number in base 62, filled with zeros to `length` letters, which must be enough to hold it.
fn base62(bytes: &[u8], length: usize) -> String {
    let mut number = Zeroizing::new(bytes.to_vec());
    let mut letters = Zeroizing::new(Vec::with_capacity(length));
    for _ in 0..length {
        let mut remainder = 0u32;
        for byte in number.iter_mut() {
            let value = remainder * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).expect("a remainder below 62 gives a quotient below 256");
            remainder = value % 62;
        }
        letters.push(BASE62.get(remainder as usize).copied().map_or('0', char::from));
    }
    debug_assert!(number.iter().all(|byte| *byte == 0), "{length} letters hold the number");
    letters.iter().rev().collect()
}

fn check_letters(text: &str) -> String {
    base62(&crc32(text.as_bytes()).to_be_bytes(), CHECK_LEN)
}

/// CRC-32 as of IEEE 802.3, reflected. It guards against typing errors and chance, not against anybody.
fn crc32(bytes: &[u8]) -> u32 {
    let mut register = u32::MAX;
    for byte in bytes {
        register ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = register & 1;
            register = (register >> 1) ^ (0xEDB8_8320 * carry);
        }
    }
    !register
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_check_is_the_common_crc() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(crc32(b""), 0);
    }

    #[test]
    fn numbers_are_written_in_base_62() {
        assert_eq!(base62(&[0, 61], 2), "0z");
        assert_eq!(base62(&[62], 3), "010");
        assert_eq!(base62(&[0xFF; 8], ID_LEN), "LygHa16AHYF");
        assert_eq!(base62(&[0xFF; 32], SECRET_LEN).len(), SECRET_LEN);
    }

    #[test]
    fn a_token_is_read_back_and_every_changed_letter_is_noticed() {
        let token = ApiToken::generate();
        let text = token.expose();
        assert_eq!(text.len(), 64);
        assert!(text.starts_with(&format!("na_{}_", token.public_id())));
        let read = ApiToken::parse(text).unwrap();
        assert_eq!(read.public_id(), token.public_id());
        assert!(read.digest().matches(token.digest().as_bytes()));
        for at in 0..text.len() {
            let mut bent = text.as_bytes().to_vec();
            bent[at] = if bent[at] == b'x' { b'y' } else { b'x' };
            assert!(ApiToken::parse(std::str::from_utf8(&bent).unwrap()).is_none(), "letter {at}");
        }
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let token = ApiToken::generate();
        let text = token.expose();
        let longer = format!("{text}0");
        for bad in ["", "na_", "Bearer", &text[1..], &text[..63], &longer, &text.to_uppercase(), "na_ééééé_é"]
        {
            assert!(ApiToken::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn two_tokens_have_nothing_in_common_and_a_digest_fits_only_its_own() {
        let (one, two) = (ApiToken::generate(), ApiToken::generate());
        assert_ne!(one.public_id(), two.public_id());
        assert!(!one.digest().matches(two.digest().as_bytes()));
        assert!(!one.digest().matches(&[]));
    }

    #[test]
    fn a_link_is_read_back_and_fits_its_digest() {
        let link = LinkToken::generate();
        assert_eq!(link.expose().len(), 43);
        let read = LinkToken::parse(link.expose()).unwrap();
        assert!(read.digest().matches(link.digest().as_bytes()));
        for bad in ["", "short", &format!("{}A", link.expose()), &"=".repeat(43), &"ä".repeat(43)] {
            assert!(LinkToken::parse(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_without_a_panic(text in "\\PC*", tail in "[0-9A-Za-z_]{0,70}") {
            let _read = ApiToken::parse(&text);
            let _read = ApiToken::parse(&format!("na_{tail}"));
            let _read = LinkToken::parse(&text);
        }
    }
}
