//! Coming in with a password, and giving it once more before a sensitive act (S1, S2, S5).
//!
//! An unknown address, a wrong password, a disabled account and one without a password cost the same work and get the same sentence.

use secrecy::SecretString;
use time::OffsetDateTime;

use crate::{
    app::App,
    store::{self, Tx, users::Credentials},
};

use super::{
    Actor, Error, Origin, Result, passwords,
    throttles::{Try, Typist},
};

/// The one sentence for every sign-in that fails.
pub const WRONG: &str = "that email and password do not match an account";

/// Who came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Their id.
    pub user: i64,
    /// When they gave their password.
    pub at: OffsetDateTime,
}

/// Checks an address and a password.
///
/// # Errors
/// `Refused` with [`WRONG`], `Limited` after too many wrong tries.
pub async fn sign_in(app: &App, email: &str, password: &SecretString, origin: &Origin) -> Result<SignedIn> {
    let now = app.now();
    // PostgreSQL takes no zero character, and no address holds one.
    let email = email.trim().to_lowercase().replace('\0', "\u{fffd}");
    let attempt = Try::begin(app, &email, Typist::Anybody, origin, now).await?;
    let known = store::users::credentials(&app.pool, &email).await?;
    let hash = known.as_ref().filter(|known| !known.disabled).and_then(|known| known.password_hash.clone());
    let outcome = passwords::verify(app, password, hash.clone()).await?;
    let (Some(known), true) = (known, outcome.matches) else {
        return Err(refuse(app, &email, origin).await?);
    };
    let mut tx = Tx::begin(&app.pool).await?;
    let still = store::users::lock(&mut tx, known.user).await?.is_some_and(|user| user.disabled_at.is_none());
    // Checking took a while, in which the password may have been changed because somebody else knows it.
    if !still || !store::users::has_hash(&mut tx, known.user, hash.as_deref()).await? {
        return Err(Error::Refused(WRONG.into()));
    }
    store::users::signed_in(&mut tx, known.user, now).await?;
    if let (Some(old), Some(new)) = (hash, outcome.upgraded) {
        store::users::upgrade_hash(&mut tx, known.user, &old, &new).await?;
    }
    let event = origin.event("user", Some(known.user), &email, "user.signed_in", &email).on(known.user);
    tx.commit(event).await?;
    attempt.succeed(app, now).await?;
    Ok(SignedIn { user: known.user, at: now })
}

/// Checks the password of somebody who is signed in, for the next five minutes.
///
/// # Errors
/// `Invalid` on a wrong password, `Limited` after too many.
pub async fn confirm(
    app: &App,
    actor: &Actor,
    session: &[u8],
    password: &SecretString,
    origin: &Origin,
) -> Result<()> {
    let now = app.now();
    let known = check_own(app, actor, password, origin, now).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    store::sessions::confirm(&mut tx, session, now).await?;
    let email = actor.caller().map(|caller| caller.email.as_str()).unwrap_or_default();
    Ok(tx.commit(actor.event("user.confirmed", email).on(known.user)).await?)
}

/// The actor's own credentials, once their password proved right.
pub(super) async fn check_own(
    app: &App,
    actor: &Actor,
    password: &SecretString,
    origin: &Origin,
    now: OffsetDateTime,
) -> Result<Credentials> {
    let Actor::User(caller) = actor else {
        return Err(Error::Forbidden("only a signed-in person can give a password".into()));
    };
    let attempt = Try::begin(app, &caller.email, Typist::SignedIn, origin, now).await?;
    let known = store::users::credentials(&app.pool, &caller.email).await?;
    let hash = known.as_ref().and_then(|known| known.password_hash.clone());
    let outcome = passwords::verify(app, password, hash).await?;
    match known {
        Some(known) if outcome.matches => {
            attempt.succeed(app, now).await?;
            Ok(known)
        }
        _ => Err(Error::invalid("password", "that is not your password")),
    }
}

/// Records a sign-in that failed. The limit on tries bounds how many records one address can cause.
async fn refuse(app: &App, email: &str, origin: &Origin) -> Result<Error> {
    // People type passwords into the address field; only what looks like an address is kept.
    let named = if super::users::is_address(email) { email } else { "somebody" };
    let tx = Tx::begin(&app.pool).await?;
    tx.commit(origin.event("user", None, named, "user.sign_in_refused", named)).await?;
    Ok(Error::Refused(WRONG.into()))
}
