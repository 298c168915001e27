//! Telling somebody that background work was given up: "it failed for weeks and told nobody" must not happen (R18).
//!
//! Alerts that could not be sent are left out: their refusal is answered by another recipient, and without a relay no mail leaves at all.

use time::Duration;

use crate::{
    app::App,
    crypto::digest::sha256,
    notifiers::Message,
    services::{Result, mail},
    store::{
        alerts::{SEND, recipients::address_book, rules},
        jobs::parked::{self, Parked},
    },
};

use super::{delivery::NO_RELAY, identity, recipients};

/// How many jobs one mail names; the next mail names the rest.
const MOST: i64 = 50;

/// How long nobody is told again of the same work.
const AGAIN: Duration = Duration::DAY;

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// What could be done was done; the text says it.
    Done(String),
    /// Nobody has the mail, and why.
    Later(String),
}

/// Tells the fallback address, or all administrators, what was given up since the last time. `own` is the kind of the job that does this.
///
/// It is told once one of them has it: an address that does not answer holds up nobody else, and is not waited for. What fails over and
/// over is told once a day.
///
/// # Errors
/// The database's. A crash after the mail sends it again, under the same Message-ID unless more was given up meanwhile.
pub async fn tell(app: &App, own: &str) -> Result<Told> {
    let lately = app.now() - AGAIN;
    let jobs = parked::untold(&app.pool, &[own, SEND], lately, MOST).await?;
    if jobs.is_empty() {
        return Ok(Told::Done("nothing was given up".into()));
    }
    let Some(notifier) = &app.mail else {
        // The next hour asks again; the overview shows them meanwhile.
        return Ok(Told::Done(format!("{} given up; {NO_RELAY}", jobs.len())));
    };
    let (rule, book) = (rules::find(&app.pool).await?, address_book(&app.pool).await?);
    let to = recipients::of_entry(None, None, rule.fallback.as_deref(), &book);
    let mail = mail::parked::compose(&rule.subject_prefix, &jobs, &app.config.base_url())?;
    let (mut accepted, mut failed) = (Vec::new(), Vec::new());
    for recipient in to {
        let message = Message {
            message_id: message_id(&jobs, &recipient.address, &identity::host(&app.config)),
            to: recipient.address.clone(),
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            html: Some(mail.html.clone()),
            headers: vec![("Auto-Submitted", "auto-generated".into())],
        };
        match notifier.send(&message).await {
            Ok(_) => accepted.push(recipient.address),
            Err(error) => failed.push(format!("{}: {error}", recipient.address)),
        }
    }
    if accepted.is_empty() {
        return Ok(Told::Later(format!("nobody could be told: {}", failed.join("; "))));
    }
    parked::told(&app.pool, &jobs, app.now()).await?;
    Ok(Told::Done(format!("told {} of {} given up", accepted.join(", "), jobs.len())))
}

/// The same for the same jobs.
fn message_id(jobs: &[Parked], recipient: &str, host: &str) -> String {
    let ids: Vec<String> = jobs.iter().map(|job| format!("{} {:?}", job.id, job.finished_at)).collect();
    let digest = hex::encode(sha256(format!("{} {recipient}", ids.join(",")).as_bytes()));
    format!("<parked.{digest}@{host}>")
}
