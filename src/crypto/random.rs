//! The only source of chance: keys, salts, tokens, serial numbers and names of folders all begin here.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// `N` bytes from the system's generator.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("aws-lc aborts the process itself rather than give no randomness");
    bytes
}

/// `N` random bytes as lower-case hex, for names of files and folders.
pub fn hex<const N: usize>() -> String {
    hex::encode(bytes::<N>())
}

/// `N` random bytes as base64url without padding, for names that appear in URLs.
pub fn token<const N: usize>() -> String {
    URL_SAFE_NO_PAD.encode(bytes::<N>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_draws_differ_and_have_the_asked_length() {
        assert_ne!(bytes::<32>(), bytes::<32>());
        assert_eq!(hex::<8>().len(), 16);
        assert_eq!(token::<32>().len(), 43);
    }
}
