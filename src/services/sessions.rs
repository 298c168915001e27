//! Where somebody is signed in, and ending it (S4).

use serde_json::json;

use crate::{
    app::App,
    store::{self, Tx, sessions::Device},
};

use super::{Actor, Error, Permission, Result};

/// The actor's live sessions, the one asking first.
pub async fn list(app: &App, actor: &Actor, this: &[u8]) -> Result<Vec<Device>> {
    actor.require(Permission::OwnAccount)?;
    let user = own(actor)?;
    Ok(store::sessions::of_user(&app.pool, user, this, app.clock.ahead()).await?)
}

/// Ends every session of the actor but this one; answers how many there were.
pub async fn end_others(app: &App, actor: &Actor, this: &[u8]) -> Result<u64> {
    actor.require(Permission::OwnAccount)?;
    let user = own(actor)?;
    let mut tx = Tx::begin(&app.pool).await?;
    let ended = store::sessions::end_all(&mut tx, user, Some(this)).await?;
    let event = actor.event("user.sessions_ended", actor.who().name).on(user);
    tx.commit(event.with(json!({ "sessions": ended }))).await?;
    Ok(ended)
}

/// Ends this session.
pub async fn sign_out(app: &App, actor: &Actor, this: &[u8]) -> Result<()> {
    let user = own(actor)?;
    let mut tx = Tx::begin(&app.pool).await?;
    store::sessions::end(&mut tx, this).await?;
    Ok(tx.commit(actor.event("user.signed_out", actor.who().name).on(user)).await?)
}

fn own(actor: &Actor) -> Result<i64> {
    match actor {
        Actor::User(caller) => Ok(caller.user),
        _ => Err(Error::Forbidden("only a signed-in person has sessions".into())),
    }
}
