//! What people change about themselves: name, theme, password; and the link that sets a password without the old one.

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{
    app::App,
    crypto::{digest, token::LinkToken},
    store::{self, Tx, links, users::User},
};

use super::{Actor, Caller, Error, Origin, Permission, Result, passwords, sign_in, throttles, users};

/// What is missing when a link for a password does not work.
pub const LINK: &str = "link";

/// The actor's own row.
pub async fn find(app: &App, actor: &Actor) -> Result<User> {
    actor.require(Permission::OwnAccount)?;
    let caller = own(actor)?;
    store::users::find(&app.pool, None, caller.user).await?.ok_or(Error::NotFound("user"))
}

/// Changes the actor's name.
pub async fn rename(app: &App, actor: &Actor, name: &str) -> Result<()> {
    actor.require(Permission::OwnAccount)?;
    let caller = own(actor)?;
    let name = users::person_name(name)?;
    let mut tx = Tx::begin(&app.pool).await?;
    store::users::rename(&mut tx, caller.user, &name).await?;
    let event = actor.event("user.renamed", &caller.email).on(caller.user);
    Ok(tx.commit(event.with(json!({ "before": caller.name, "after": name }))).await?)
}

/// Changes the actor's colours: `system`, `light` or `dark`.
pub async fn set_theme(app: &App, actor: &Actor, theme: &str) -> Result<()> {
    actor.require(Permission::OwnAccount)?;
    let caller = own(actor)?;
    if !["system", "light", "dark"].contains(&theme) {
        return Err(Error::invalid("theme", "a theme is system, light or dark"));
    }
    let mut tx = Tx::begin(&app.pool).await?;
    store::users::set_theme(&mut tx, caller.user, theme).await?;
    let event = actor.event("user.theme_changed", &caller.email).on(caller.user);
    Ok(tx.commit(event.with(json!({ "theme": theme }))).await?)
}

/// Changes the actor's password and ends their other sessions; `keep` is the digest of this one.
///
/// # Errors
/// `Invalid` on `password` (the present one) or `new_password`, `Limited` after too many wrong tries.
pub async fn change_password(
    app: &App,
    actor: &Actor,
    keep: &[u8],
    present: &SecretString,
    new: &SecretString,
    origin: &Origin,
) -> Result<u64> {
    let now = app.now();
    actor.require(Permission::OwnAccount)?;
    let caller = own(actor)?;
    sign_in::check_own(app, actor, present, origin, now).await?;
    if digest::is_same(present.expose_secret().as_bytes(), new.expose_secret().as_bytes()) {
        return Err(Error::invalid("new_password", "that is the password you have"));
    }
    let hash = passwords::hash_new(app, "new_password", new, &[&caller.email, &caller.name]).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    store::users::set_password(&mut tx, caller.user, &hash, now).await?;
    let ended = store::sessions::end_all(&mut tx, caller.user, Some(keep)).await?;
    links::revoke(&mut tx, links::PASSWORD, Some(caller.user)).await?;
    let event = actor.event("user.password_changed", &caller.email).on(caller.user);
    tx.commit(event.with(json!({ "sessions": ended }))).await?;
    Ok(ended)
}

/// Whose password a link sets.
///
/// # Errors
/// `NotFound` when it does not exist, is used or too old; `Limited` after many such.
pub async fn open_link(app: &App, secret: &str, origin: &Origin) -> Result<String> {
    Ok(recognise(app, secret, origin).await?.1)
}

/// Sets a password by a link, which is used up; ends every session of the person.
///
/// # Errors
/// As [`open_link`]; `Invalid` on `password`, and then the link still works.
pub async fn set_password(app: &App, secret: &str, new: &SecretString, origin: &Origin) -> Result<()> {
    let now = app.now();
    let (link, email) = recognise(app, secret, origin).await?;
    let hash = passwords::hash_new(app, "password", new, &[&email]).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    let used = links::consume(&mut tx, link.digest().as_bytes(), links::PASSWORD, now).await?;
    let user = used.flatten().ok_or(Error::NotFound(LINK))?;
    let still = store::users::lock(&mut tx, user).await?.is_some_and(|user| user.disabled_at.is_none());
    if !still {
        return Err(Error::NotFound(LINK));
    }
    store::users::set_password(&mut tx, user, &hash, now).await?;
    let ended = store::sessions::end_all(&mut tx, user, None).await?;
    let event = origin.event("link", Some(user), &email, "user.password_set", &email).on(user);
    Ok(tx.commit(event.with(json!({ "sessions": ended }))).await?)
}

async fn recognise(app: &App, secret: &str, origin: &Origin) -> Result<(LinkToken, String)> {
    let now = app.now();
    if let Some(link) = LinkToken::parse(secret)
        && let Some(Some(user)) =
            links::open(&app.pool, link.digest().as_bytes(), links::PASSWORD, now).await?
        && let Some(user) = store::users::find(&app.pool, None, user).await?
        && user.disabled_at.is_none()
    {
        return Ok((link, user.email));
    }
    Err(throttles::wrong_secret(app, "link", origin, now, Error::NotFound(LINK)).await)
}

fn own(actor: &Actor) -> Result<&Caller> {
    match actor {
        Actor::User(caller) => Ok(caller),
        _ => Err(Error::Forbidden("only a signed-in person has an account to change".into())),
    }
}
