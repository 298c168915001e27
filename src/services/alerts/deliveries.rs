//! Deliveries for people: what was sent to whom, and sending again what was refused.

use serde_json::json;

use crate::{
    app::App,
    services::{Actor, Error, Permission, Result},
    store::{
        Tx,
        alerts::{
            deliveries::{self, Counts, Delivery, Filter},
            sending,
        },
    },
};

/// The most deliveries of one answer.
pub const MOST: i64 = 500;

/// The latest deliveries that the actor may see, at most `limit`.
pub async fn list(app: &App, actor: &Actor, filter: &Filter<'_>, limit: i64) -> Result<Vec<Delivery>> {
    actor.require(Permission::AlertsRead)?;
    Ok(deliveries::list(&app.pool, actor.reach().as_sql(), filter, limit.clamp(1, MOST)).await?)
}

/// How many mails wait and how many were refused, of those the actor may see.
pub async fn counts(app: &App, actor: &Actor) -> Result<Counts> {
    actor.require(Permission::AlertsRead)?;
    Ok(deliveries::counts(&app.pool, actor.reach().as_sql()).await?)
}

/// One delivery.
pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<Delivery> {
    actor.require(Permission::AlertsRead)?;
    deliveries::find(&app.pool, actor.reach().as_sql(), id).await?.ok_or(Error::NotFound("delivery"))
}

/// Puts a refused delivery back in line, under the Message-ID it always had.
///
/// # Errors
/// `Conflict` when it did not fail.
pub async fn send_again(app: &App, actor: &Actor, id: i64) -> Result<Delivery> {
    actor.require(Permission::AlertsWrite)?;
    let now = app.now();
    let delivery = find(app, actor, id).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    let queued = deliveries::requeue(&mut tx, actor.reach().as_sql(), id, now).await?;
    let queued =
        queued.ok_or_else(|| Error::Conflict("only a mail that was refused can be sent again".into()))?;
    sending::enqueue(tx.conn(), &[queued], now).await?;
    let event = actor.event("alert.sent_again", delivery.certificate_name.clone()).on(id);
    let detail = json!({
        "certificate": delivery.certificate,
        "recipient": delivery.recipient,
        "threshold": delivery.threshold,
    });
    tx.commit(event.with(detail)).await?;
    Ok(delivery)
}
