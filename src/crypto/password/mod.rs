//! Passwords at rest: Argon2id in a PHC string that carries its own salt and parameters.
//!
//! Pure and slow by design (19 MiB and some tens of milliseconds): callers run these on a bounded pool for blocking work, so that many
//! sign-ins at once neither starve the console nor fill the memory.

pub mod strength;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::random;
pub use strength::{Weakness, check};

/// Fewest characters of a new password.
pub const LEAST: usize = 15;

/// Most characters of a password; a longer one is refused, never cut.
pub const MOST: usize = 128;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A stored hash that asks for more than this is not ours.
const MEMORY_KIB_BOUND: u32 = 256 * 1024;
const PASSES_BOUND: u32 = 16;

/// Outcome of comparing a password with a stored hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Another password, or a stored hash that is none.
    Wrong,
    /// The password.
    Right,
    /// The password, but under other parameters than today's: store [`hash`] of it anew.
    RightButOutdated,
}

/// Hashes a password with a fresh salt, as a PHC string.
///
/// The password must have passed [`check`]: what is too long is hashed to something that [`verify`] never accepts.
pub fn hash(password: &SecretString) -> String {
    hash_with(&current(), password)
}

/// Compares a password with a stored PHC string, in the same time for any password under the same parameters.
///
/// A password longer than [`MOST`] and a stored value that is no hash cost the same work and are wrong.
pub fn verify(stored: &str, password: &SecretString) -> Verdict {
    let Some(parsed) = PasswordHash::new(stored).ok().filter(is_affordable) else {
        dummy_verify(password);
        return Verdict::Wrong;
    };
    let normal = normalise(password);
    if normal.chars().count() > MOST {
        dummy_verify(&SecretString::default());
        return Verdict::Wrong;
    }
    match current().verify_password(normal.as_bytes(), &parsed) {
        Ok(()) if is_current(&parsed) => Verdict::Right,
        Ok(()) => Verdict::RightButOutdated,
        Err(_) => Verdict::Wrong,
    }
}

/// Does the work of [`verify`] for an account that does not exist, so that the time tells nothing.
pub fn dummy_verify(password: &SecretString) {
    let mut output = [0; 32];
    let normal = normalise(password);
    let done = current().hash_password_into(normal.as_bytes(), b"nobody's own salt", &mut output);
    std::hint::black_box((done.is_ok(), output));
}

fn current() -> Argon2<'static> {
    let parameters =
        Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the constants are within Argon2's limits");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
}

fn hash_with(argon2: &Argon2<'_>, password: &SecretString) -> String {
    let salt = random::bytes::<16>();
    let normal = normalise(password);
    let hashed = argon2.hash_password_with_salt(normal.as_bytes(), &salt);
    hashed.expect("a 16-byte salt and a password below 4 GiB are within Argon2's limits").to_string()
}

/// The same letters typed on two systems are the same password (NIST SP 800-63B §3.1.1.2 names NFKC, which also joins
/// full-width forms). Reads one character more than [`MOST`], which is enough to know that it is too long.
fn normalise(password: &SecretString) -> Zeroizing<String> {
    // Room for all of it now: growing would leave a copy behind.
    let mut normal = Zeroizing::new(String::with_capacity((MOST + 1) * 4));
    normal.extend(password.expose_secret().nfkc().take(MOST + 1));
    normal
}

fn is_current(stored: &PasswordHash) -> bool {
    let parameters = Params::try_from(stored);
    stored.algorithm.as_str() == Algorithm::Argon2id.as_str()
        && stored.version == Some(Version::V0x13.into())
        && parameters.is_ok_and(|p| (p.m_cost(), p.t_cost(), p.p_cost()) == (MEMORY_KIB, PASSES, LANES))
}

/// Whoever writes to the database must not be able to make a sign-in take all memory.
fn is_affordable(stored: &PasswordHash) -> bool {
    Params::try_from(stored).is_ok_and(|p| {
        p.m_cost() <= MEMORY_KIB_BOUND && p.t_cost() <= PASSES_BOUND && p.p_cost() <= PASSES_BOUND
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[test]
    fn a_hash_names_its_parameters_and_has_its_own_salt() {
        let password = secret("violet harbour 92 tin");
        let (one, two) = (hash(&password), hash(&password));
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert_eq!(verify(&one, &password), Verdict::Right);
        assert_eq!(verify(&one, &secret("violet harbour 92 tim")), Verdict::Wrong);
    }

    #[test]
    fn older_parameters_open_once_more_and_ask_for_a_new_hash() {
        let password = secret("violet harbour 92 tin");
        for (algorithm, memory) in [(Algorithm::Argon2id, 4096), (Algorithm::Argon2i, MEMORY_KIB)] {
            let parameters = Params::new(memory, 2, 1, None).unwrap();
            let stored = hash_with(&Argon2::new(algorithm, Version::V0x13, parameters), &password);
            assert_eq!(verify(&stored, &password), Verdict::RightButOutdated);
            assert_eq!(verify(&stored, &secret("something else")), Verdict::Wrong);
        }
    }

    #[test]
    fn the_same_letters_from_two_keyboards_are_one_password() {
        let composed = secret("Käse und Brötchen 7");
        let decomposed = secret("Ka\u{308}se und Bro\u{308}tchen 7");
        assert_eq!(verify(&hash(&composed), &decomposed), Verdict::Right);
        assert_eq!(verify(&hash(&secret("ａｂｃ　ｄｅｆ　ｇｈｉ")), &secret("abc def ghi")), Verdict::Right);
    }

    #[test]
    fn a_very_long_password_takes_no_more_room() {
        let normal = normalise(&secret(&"\u{FDFA}".repeat(40_000)));
        assert_eq!(normal.chars().count(), MOST + 1);
        assert_eq!(normal.capacity(), (MOST + 1) * 4);
    }

    #[test]
    fn a_stored_value_that_is_no_hash_or_asks_too_much_is_wrong() {
        let password = secret("violet harbour 92 tin");
        let greedy = hash(&password).replace("m=19456", "m=4194304");
        for stored in ["", "violet harbour 92 tin", "$argon2id$v=19$m=19456", &greedy] {
            assert_eq!(verify(stored, &password), Verdict::Wrong);
        }
    }

    #[test]
    fn a_password_of_128_characters_counts_to_the_last_one_and_longer_never_matches() {
        let long = "é".repeat(127);
        let stored = hash(&secret(&format!("{long}x")));
        assert_eq!(verify(&stored, &secret(&format!("{long}x"))), Verdict::Right);
        assert_eq!(verify(&stored, &secret(&format!("{long}y"))), Verdict::Wrong);
        let longer = secret(&format!("{long}xy"));
        assert_eq!(verify(&hash(&longer), &longer), Verdict::Wrong);
    }
}
