//! The sweep: walks through everything in force that ends soon and inserts the one alert that is right for each recipient.
//!
//! It runs every hour, after each import, at start and when the rule changes. Batches commit on their own, deliveries together with their
//! jobs; a sweep that is cut off is simply made again, since what exists is not inserted twice.

use std::time::Instant;

use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    services::{Actor, Permission, Result},
    store::{
        Tx,
        alerts::{
            recipients::{AddressBook, address_book},
            rules::{self, AlertRule},
            sending,
            sweeps::{self, Candidate, NewDelivery, Swept},
        },
        certificates,
    },
};

use super::{identity, recipients, thresholds};

/// Entries looked at in one step.
const BATCH: i64 = 1_000;

/// Looks through the inventory and answers what was found.
///
/// # Errors
/// The database's; what earlier batches inserted stays, and the next sweep goes on.
pub async fn sweep(app: &App, actor: &Actor) -> Result<Swept> {
    actor.require(Permission::AlertsWrite)?;
    actor.require_everything()?;
    let (now, began) = (app.now(), Instant::now());
    let rule = rules::find(&app.pool).await?;
    let id = sweeps::start(&app.pool, now).await?;
    let swept = if rule.enabled { walk(app, actor, &rule, id, now).await? } else { Swept::default() };
    sweeps::finish(&app.pool, id, swept, app.now()).await?;
    if app.mail.is_some() {
        sending::enqueue_stranded(&app.pool, now).await?;
    }
    tracing::info!(
        considered = swept.considered,
        inserted = swept.inserted,
        unaddressed = swept.unaddressed,
        seconds = began.elapsed().as_secs_f64(),
        "looked for certificates that end soon"
    );
    Ok(swept)
}

/// Asks the worker for a sweep as soon as it can.
pub async fn ask(app: &App) -> Result<()> {
    Ok(sweeps::enqueue_alone(&app.pool, app.now()).await?)
}

async fn walk(app: &App, actor: &Actor, rule: &AlertRule, sweep: i64, now: OffsetDateTime) -> Result<Swept> {
    let book = address_book(&app.pool).await?;
    let host = identity::host(&app.config);
    let farthest = rule.thresholds.iter().copied().max().unwrap_or(0);
    let horizon = now.saturating_add(Duration::days(i64::from(farthest)));
    let mut swept = Swept::default();
    let mut after = None;
    loop {
        let batch = sweeps::candidates(&app.pool, horizon, after, BATCH).await?;
        let Some(last) = batch.last() else { return Ok(swept) };
        after = Some((last.not_after, last.id));
        swept.considered += i64::try_from(batch.len()).unwrap_or(BATCH);
        let mut due = Vec::new();
        for entry in &batch {
            let told = deliveries(entry, rule, &book, &host, now);
            swept.unaddressed += i64::from(told.as_ref().is_some_and(Vec::is_empty));
            due.extend(told.into_iter().flatten());
        }
        swept.inserted += keep(app, actor, sweep, &due, now).await?;
    }
}

/// Everybody to be told about `entry` at `now`; `None` when nothing is due.
fn deliveries(
    entry: &Candidate,
    rule: &AlertRule,
    book: &AddressBook,
    host: &str,
    now: OffsetDateTime,
) -> Option<Vec<NewDelivery>> {
    let Candidate { not_before, not_after, added_at, .. } = *entry;
    let life = thresholds::Life { not_before, not_after, added_at };
    let threshold = thresholds::tightest(&rule.thresholds, rule.expired, life, now)?;
    let told = recipients::of_entry(entry.owner.as_deref(), entry.team, rule.fallback.as_deref(), book);
    Some(told.iter().map(|recipient| identity::delivery(entry, threshold, recipient, host)).collect())
}

/// Inserts what is new, with a job for each while there is a relay; nothing at all when nothing is new.
async fn keep(app: &App, actor: &Actor, sweep: i64, due: &[NewDelivery], now: OffsetDateTime) -> Result<i64> {
    if due.is_empty() {
        return Ok(0);
    }
    let mut tx = Tx::begin(&app.pool).await?;
    certificates::import::lock(&mut tx).await?;
    let queued = sweeps::insert(&mut tx, due, now).await?;
    if queued.is_empty() {
        return Ok(0);
    }
    if app.mail.is_some() {
        sending::enqueue(tx.conn(), &queued, now).await?;
    }
    let ids: Vec<i64> = queued.iter().map(|one| one.id).collect();
    let object =
        if ids.len() == 1 { "1 expiry alert".to_owned() } else { format!("{} expiry alerts", ids.len()) };
    let event = actor.event("alert.queued", object);
    tx.commit(event.with(json!({ "sweep": sweep, "deliveries": ids }))).await?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}
