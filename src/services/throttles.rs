//! How many wrong tries are free and how the wait grows (S2).
//!
//! A password is limited per account *and* address together, per address, so that nobody tries one password on every account, and per
//! account, so that nobody guesses from everywhere at once. The last limit spares the places where the account signed in lately, and whoever
//! is signed in: strangers cannot lock a person out of there. The keys are digests: what people type into the wrong field is not kept.

use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    crypto::digest::sha256,
    store::throttles::{self, Limit},
};

use super::{Error, Origin, Result};

/// Passwords for one account from anywhere but the places it signed in from within [`KNOWN`].
const ACCOUNT: Limit = Limit { free: 50, longest: Duration::minutes(15), forget_after: Duration::DAY };

/// How long a place stays known.
const KNOWN: Duration = Duration::days(30);

/// Passwords for one account from one address.
const HERE: Limit = Limit { free: 5, longest: Duration::minutes(15), forget_after: Duration::DAY };

/// Passwords for any account from one address.
const ADDRESS: Limit = Limit { free: 20, longest: Duration::minutes(15), forget_after: Duration::DAY };

/// API tokens and one-time links that do not exist.
const SECRET: Limit = Limit { free: 20, longest: Duration::minutes(15), forget_after: Duration::HOUR };

/// Test mails of one person.
const TEST_MAIL: Limit = Limit { free: 10, longest: Duration::HOUR, forget_after: Duration::HOUR };

/// Who types a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typist {
    /// Anybody, at the sign-in page.
    Anybody,
    /// Somebody with a session of the account: what strangers try elsewhere never keeps them waiting.
    SignedIn,
}

/// A counted try of a password.
pub(super) struct Try {
    here: String,
    elsewhere: Vec<String>,
}

impl Try {
    /// Counts a try before it is judged.
    ///
    /// # Errors
    /// `Limited` while the account, the address or both together have to wait.
    pub(super) async fn begin(
        app: &App,
        email: &str,
        typist: Typist,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> Result<Try> {
        let prefix = origin.prefix();
        let here = key("password", &format!("{email}\n{prefix}"));
        let mut limits = vec![(key("address", &prefix), ADDRESS), (here.clone(), HERE)];
        if typist == Typist::Anybody && !throttles::is_known(&app.pool, &here, now - KNOWN).await? {
            limits.push((key("account", email), ACCOUNT));
        }
        for (at, (key, limit)) in limits.iter().enumerate() {
            let Err(wait) = throttles::reserve(&app.pool, key, *limit, now).await? else { continue };
            // Refused unjudged, so it counts for none; and the longest of the waits is the true one.
            let (counted, others) = limits.split_at(at);
            for (key, _) in counted {
                throttles::release(&app.pool, key).await?;
            }
            let mut longest = wait;
            for (key, _) in others {
                longest = longest.max(throttles::blocked_for(&app.pool, key, now).await?.unwrap_or(wait));
            }
            return Err(Error::Limited(longest.unsigned_abs()));
        }
        let elsewhere = limits.into_iter().map(|(key, _)| key).filter(|key| *key != here).collect();
        Ok(Try { here, elsewhere })
    }

    /// The password was right: this place starts over and is known from now on, the other counters get their try back.
    pub(super) async fn succeed(self, app: &App, now: OffsetDateTime) -> Result<()> {
        throttles::forget(&app.pool, &self.here).await?;
        throttles::remember(&app.pool, &self.here, now).await?;
        for key in &self.elsewhere {
            throttles::release(&app.pool, key).await?;
        }
        Ok(())
    }
}

/// Counts a test mail of this person.
///
/// # Errors
/// `Limited` when more than ten came soon after each other: each makes the next wait twice as long, up to an hour.
pub(super) async fn count_test_mail(app: &App, user: i64, now: OffsetDateTime) -> Result<()> {
    let key = key("test mail", &user.to_string());
    let counted = throttles::reserve(&app.pool, &key, TEST_MAIL, now).await?;
    counted.map_err(|wait| Error::Limited(wait.unsigned_abs()))
}

/// Counts a secret that does not exist and answers the refusal: `refusal` itself, or `Limited` after too many. A right secret is never
/// limited, so neighbours behind one address cannot shut each other out.
pub(super) async fn wrong_secret(
    app: &App,
    kind: &str,
    origin: &Origin,
    now: OffsetDateTime,
    refusal: Error,
) -> Error {
    match throttles::reserve(&app.pool, &key(kind, &origin.prefix()), SECRET, now).await {
        Ok(Ok(())) => refusal,
        Ok(Err(wait)) => Error::Limited(wait.unsigned_abs()),
        Err(error) => error.into(),
    }
}

fn key(kind: &str, text: &str) -> String {
    format!("{kind}:{}", hex::encode(sha256(text.as_bytes())))
}
