//! Telling somebody that background work was given up: "it failed for weeks and told nobody" must not happen (R18).
//!
//! Alerts that could not be sent are left out: their refusal is answered by another recipient, and without a relay no mail leaves at all.

use crate::{
    app::App,
    crypto::digest::sha256,
    notifiers::{Error as NotifierError, Message},
    services::{Result, mail},
    store::{
        alerts::{recipients::address_book, rules, sending},
        jobs::parked::{self, Parked},
    },
};

use super::{delivery::NO_RELAY, identity, recipients};

/// How many jobs one mail names.
const MOST: i64 = 50;

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Nothing is left to tell; the text says what was done.
    Done(String),
    /// Not now, and why.
    Later(String),
}

/// Tells the fallback address, or all administrators, what was given up since the last time. `own` is the kind of the job that does this.
///
/// # Errors
/// The database's. A crash after the mail sends it again under the same Message-ID.
pub async fn tell(app: &App, own: &str) -> Result<Told> {
    let jobs = parked::untold(&app.pool, &[own, sending::SEND], MOST).await?;
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
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
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
            Err(NotifierError::Refused(answer)) => refused.push(format!("{}: {answer}", recipient.address)),
            Err(error) => return Ok(Told::Later(error.to_string())),
        }
    }
    if accepted.is_empty() {
        return Ok(Told::Later(format!("nobody could be told: {}", refused.join("; "))));
    }
    let ids: Vec<i64> = jobs.iter().map(|job| job.id).collect();
    parked::told(&app.pool, &ids, app.now()).await?;
    Ok(Told::Done(format!("told {} of {} given up", accepted.join(", "), jobs.len())))
}

/// The same at every try.
fn message_id(jobs: &[Parked], recipient: &str, host: &str) -> String {
    let ids: Vec<String> = jobs.iter().map(|job| format!("{} {:?}", job.id, job.finished_at)).collect();
    let digest = hex::encode(sha256(format!("{} {recipient}", ids.join(",")).as_bytes()));
    format!("<parked.{digest}@{host}>")
}
