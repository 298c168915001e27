//! Argon2 off the async threads, a few at a time, and the rules for a new password (S1).

use std::time::Duration;

use secrecy::SecretString;

use crate::{
    app::App,
    crypto::password::{self, Verdict},
};

use super::{Error, Result};

/// The fewest characters of a password.
pub const LEAST: usize = password::LEAST;

/// How long a sign-in waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// What came of comparing a password with a hash.
pub(super) struct Outcome {
    /// It is the one.
    pub(super) matches: bool,
    /// A hash of it with today's parameters, where the stored one is weaker.
    pub(super) upgraded: Option<String>,
}

/// Compares; without a hash does the same work and says no.
pub(super) async fn verify(app: &App, given: &SecretString, hash: Option<String>) -> Result<Outcome> {
    let given = given.clone();
    off_thread(app, move || {
        let verdict = match hash {
            Some(hash) => password::verify(&hash, &given),
            None => {
                password::dummy_verify(&given);
                Verdict::Wrong
            }
        };
        let upgraded = (verdict == Verdict::RightButOutdated).then(|| password::hash(&given));
        Outcome { matches: verdict != Verdict::Wrong, upgraded }
    })
    .await
}

/// Checks a new password against the rules and hashes it; `own` are words that would be guessed first, such as the address.
///
/// # Errors
/// `Invalid` on the field `field`, with the rule it breaks.
pub(super) async fn hash_new(
    app: &App,
    field: &'static str,
    given: &SecretString,
    own: &[&str],
) -> Result<String> {
    password::check(given, own).map_err(|weakness| Error::invalid(field, weakness.to_string()))?;
    let given = given.clone();
    off_thread(app, move || password::hash(&given)).await
}

async fn off_thread<T: Send + 'static>(app: &App, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let slot = tokio::time::timeout(PATIENCE, app.password_slots.clone().acquire_owned())
        .await
        .map_err(|_| Error::Unavailable("many people are signing in just now; try again".into()))?
        .map_err(Error::internal)?;
    let done = tokio::task::spawn_blocking(move || {
        let _slot = slot;
        work()
    });
    done.await.map_err(Error::internal)
}
