//! The first administrator: a one-time link that the console prints until there is one, and never again after that.
//!
//! That set-up is done is a stored fact, not a count of administrators: whatever happens to people later, this door stays shut.

use secrecy::SecretString;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    crypto::token::LinkToken,
    store::{self, Tx, links, settings, users::NewUser},
};

use super::{Actor, Error, Origin, Result, Role, passwords, sign_in::SignedIn, throttles, users};

/// How long a printed link works. A restart prints a new one.
const LINK_LIFE: Duration = Duration::hours(24);

/// What is missing when a set-up link does not work.
pub const LINK: &str = "set-up link";

/// What the first administrator says of themselves.
#[derive(Clone)]
pub struct FirstAdministrator {
    /// Their name.
    pub name: String,
    /// The address they will sign in with.
    pub email: String,
    /// Their password.
    pub password: SecretString,
}

/// Whether set-up can still be done.
pub async fn is_open(app: &App) -> Result<bool> {
    Ok(settings::find(&app.pool, settings::SETUP_DONE).await?.is_none()
        && !store::users::has_administrator(&app.pool).await?)
}

/// The token of a new set-up link, `None` when set-up is done. Earlier links stop working.
pub async fn new_link(app: &App) -> Result<Option<LinkToken>> {
    if !is_open(app).await? {
        return Ok(None);
    }
    let now = app.now();
    let link = LinkToken::generate();
    let mut tx = Tx::begin(&app.pool).await?;
    links::insert(&mut tx, link.digest().as_bytes(), links::SETUP, None, now, now + LINK_LIFE).await?;
    tx.commit(Actor::System.event("setup.link_printed", "set-up")).await?;
    Ok(Some(link))
}

/// Reads the link that somebody opened.
///
/// # Errors
/// `NotFound` when it is not or set-up is done, `Limited` after many wrong ones.
pub async fn check_link(app: &App, secret: &str, origin: &Origin) -> Result<LinkToken> {
    let now = app.now();
    if let Some(link) = LinkToken::parse(secret)
        && links::open(&app.pool, link.digest().as_bytes(), links::SETUP, now).await?.is_some()
        && is_open(app).await?
    {
        return Ok(link);
    }
    Err(throttles::wrong_secret(app, "link", origin, now, Error::NotFound(LINK)).await)
}

/// Makes the first administrator and closes set-up.
///
/// # Errors
/// `Invalid` by field; `NotFound` when the link is used up or set-up is done: of two at once only one comes through.
pub async fn complete(
    app: &App,
    secret: &str,
    first: FirstAdministrator,
    origin: &Origin,
) -> Result<SignedIn> {
    let now = app.now();
    let link = check_link(app, secret, origin).await?;
    let email = users::address("email", &first.email)?;
    let name = users::person_name(&first.name)?;
    let hash = passwords::hash_new(app, "password", &first.password, &[&email, &name]).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    let used = links::consume(&mut tx, link.digest().as_bytes(), links::SETUP, now).await?;
    if used.is_none() || !close(&mut tx, now).await? {
        return Err(Error::NotFound(LINK));
    }
    let new =
        NewUser { email: &email, name: &name, role: Role::Administrator.as_str(), limited_to_teams: false };
    let user = store::users::insert(&mut tx, new, now).await?;
    store::users::set_password(&mut tx, user, &hash, now).await?;
    store::users::signed_in(&mut tx, user, now).await?;
    let event = origin.event("link", Some(user), &email, "setup.completed", &email);
    tx.commit(event.on(user).with(json!({ "name": name }))).await?;
    Ok(SignedIn { user, at: now })
}

/// Stores that set-up is done; `false` when it was.
pub(super) async fn close(tx: &mut Tx, now: OffsetDateTime) -> Result<bool> {
    Ok(settings::insert_once(tx, settings::SETUP_DONE, &json!(true), now).await?)
}
