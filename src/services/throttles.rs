//! How many wrong tries are free and how the wait grows (S2).
//!
//! A password is limited per account *and* address together, so that nobody can lock a person out from elsewhere, and per address, so
//! that nobody tries one password on every account. The keys are digests: what people type into the wrong field is not kept.

use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    crypto::digest::sha256,
    store::throttles::{self, Limit},
};

use super::{Error, Origin, Result};

/// Passwords for one account from one address.
const ACCOUNT: Limit = Limit { free: 5, longest: Duration::minutes(15), forget_after: Duration::DAY };

/// Passwords for any account from one address.
const ADDRESS: Limit = Limit { free: 20, longest: Duration::minutes(15), forget_after: Duration::DAY };

/// API tokens and one-time links that do not exist.
const SECRET: Limit = Limit { free: 20, longest: Duration::minutes(15), forget_after: Duration::HOUR };

/// A counted try of a password.
pub(super) struct Try {
    account: String,
    address: String,
}

impl Try {
    /// Counts a try before it is judged.
    ///
    /// # Errors
    /// `Limited` while the account or the address has to wait.
    pub(super) async fn begin(app: &App, email: &str, origin: &Origin, now: OffsetDateTime) -> Result<Try> {
        let prefix = origin.prefix();
        let attempt =
            Try { account: key("password", &format!("{email}\n{prefix}")), address: key("address", &prefix) };
        if let Err(wait) = throttles::reserve(&app.pool, &attempt.address, ADDRESS, now).await? {
            // The longer of the two waits is the true one.
            let longer = throttles::blocked_for(&app.pool, &attempt.account, now).await?;
            return Err(Error::Limited(longer.map_or(wait, |longer| longer.max(wait)).unsigned_abs()));
        }
        if let Err(wait) = throttles::reserve(&app.pool, &attempt.account, ACCOUNT, now).await? {
            // Refused unjudged, so it counts for neither.
            throttles::release(&app.pool, &attempt.address).await?;
            return Err(Error::Limited(wait.unsigned_abs()));
        }
        Ok(attempt)
    }

    /// The password was right: the account starts over, the address gets its try back.
    pub(super) async fn succeed(self, app: &App) -> Result<()> {
        throttles::forget(&app.pool, &self.account).await?;
        throttles::release(&app.pool, &self.address).await?;
        Ok(())
    }
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
