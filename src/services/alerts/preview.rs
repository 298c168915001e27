//! The mail as it would be sent now, and a test mail: by the same templates and the same relay as the real ones.

use serde_json::json;
use time::OffsetDateTime;

use crate::{
    app::App,
    crypto::random,
    notifiers::{Error as NotifierError, Message},
    services::{
        Actor, Error, Permission, Reach, Result,
        mail::{self, Rendered, expiry::Setting},
        throttles,
    },
    store::{
        Tx,
        alerts::{
            recipients::address_book,
            rules,
            sending::{self, Subject},
        },
    },
};

use super::{
    delivery::NO_RELAY,
    identity,
    recipients::{self, Reason, Recipient},
    thresholds::{self, Life},
};

/// Entries that a preview offers to choose from.
const CHOICES: i64 = 20;

/// A mail that is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The entry it is about.
    pub certificate: i64,
    /// Name of that entry.
    pub name: String,
    /// Who would get it.
    pub recipients: Vec<Recipient>,
    /// The mail.
    pub mail: Rendered,
}

/// The mail about `certificate`, or about the entry that ends next; `None` when the actor sees no entry at all.
///
/// # Errors
/// `NotFound` when that entry is not within reach.
pub async fn preview(app: &App, actor: &Actor, certificate: Option<i64>) -> Result<Option<Preview>> {
    actor.require(Permission::AlertsRead)?;
    let (now, reach) = (app.now(), actor.reach().as_sql());
    let chosen = match certificate {
        Some(id) => Some(id),
        None => sending::next_to_end(&app.pool, reach, now).await?,
    };
    let Some(id) = chosen else { return Ok(None) };
    let subject = sending::subject(&app.pool, reach, id).await?.ok_or(Error::NotFound("certificate"))?;
    let rule = rules::find(&app.pool).await?;
    let book = address_book(&app.pool).await?;
    let recipients =
        recipients::of_entry(subject.owner.as_deref(), subject.team, rule.fallback.as_deref(), &book);
    let base_url = app.config.base_url();
    let setting = Setting {
        prefix: &rule.subject_prefix,
        base_url: &base_url,
        reason: recipients.first().map_or(Reason::Fallback, |recipient| recipient.reason),
        threshold: threshold(&rule.thresholds, rule.expired, &subject, now),
        now,
    };
    let mail = mail::expiry::compose(&subject, &setting)?;
    Ok(Some(Preview { certificate: id, name: subject.name, recipients, mail }))
}

/// Ids and names of what may be looked at next: the entries that end first.
pub async fn choices(app: &App, actor: &Actor) -> Result<Vec<(i64, String)>> {
    actor.require(Permission::AlertsRead)?;
    Ok(sending::soonest(&app.pool, actor.reach().as_sql(), app.now(), CHOICES).await?)
}

/// The threshold that is crossed, or the first one that will be.
fn threshold(days: &[i32], expired: bool, subject: &Subject, now: OffsetDateTime) -> i32 {
    let Subject { not_before, not_after, added_at, .. } = *subject;
    let life = Life { not_before, not_after, added_at: added_at.min(not_after) };
    thresholds::tightest(days, expired, life, now)
        .or(days.iter().copied().max())
        .unwrap_or(thresholds::THE_END)
}

/// Sends a test mail to `to` and answers what the relay said. Whoever is limited to teams reaches themselves and those teams only.
///
/// # Errors
/// `Limited` after ten of one person, `Invalid` when `to` is no address, `Refused` or `Unavailable` with the relay's words when it did not take the mail.
pub async fn send_test(app: &App, actor: &Actor, to: &str) -> Result<String> {
    actor.require(Permission::AlertsWrite)?;
    let now = app.now();
    let to = recipients::address(to).ok_or_else(|| Error::invalid("to", "This is not one mail address."))?;
    let notifier =
        app.mail.clone().ok_or_else(|| Error::Refused(format!("{NO_RELAY}; set NOTAFTER_SMTP_URL")))?;
    may_write_to(app, actor, &to).await?;
    if let Some(user) = actor.user() {
        throttles::count_test_mail(app, user, now).await?;
    }
    let rule = rules::find(&app.pool).await?;
    let asked_by = actor.who().name;
    let mail = mail::test::compose(&rule.subject_prefix, &asked_by, &app.config.base_url(), now)?;
    let message = Message {
        to: to.clone(),
        subject: mail.subject,
        text: mail.text,
        html: Some(mail.html),
        message_id: format!("<test.{}@{}>", random::hex::<16>(), identity::host(&app.config)),
        headers: vec![("Auto-Submitted", "auto-generated".into())],
    };
    // The log knows of the mail before it can leave, and then what became of it.
    Tx::begin(&app.pool).await?.commit(actor.event("alert.test_asked", to.clone())).await?;
    let sent = match notifier.send(&message).await {
        Ok(accepted) => Ok(accepted.answer),
        Err(NotifierError::Refused(answer)) => {
            Err(Error::Refused(format!("the mail server refused it: {answer}")))
        }
        Err(NotifierError::Misconfigured(reason)) => {
            Err(Error::Refused(format!("the mail settings are wrong: {reason}")))
        }
        Err(NotifierError::Unreachable { reason, .. }) => {
            Err(Error::Unavailable(format!("the mail server did not take it: {reason}")))
        }
        Err(NotifierError::Limited { reason, .. }) => {
            Err(Error::Unavailable(format!("the mail server asks to wait: {reason}")))
        }
    };
    let (act, answer) = match &sent {
        Ok(answer) => ("alert.test_sent", answer.clone()),
        Err(error) => ("alert.test_failed", error.to_string()),
    };
    let event = actor.event(act, to).with(json!({ "answer": answer }));
    let said = async { Tx::begin(&app.pool).await?.commit(event).await };
    if let Err(error) = said.await {
        // What the relay said is what the person asked for.
        tracing::error!(%error, "the outcome of a test mail could not be written to the audit log");
    }
    sent
}

async fn may_write_to(app: &App, actor: &Actor, to: &str) -> Result<()> {
    let Reach::Teams(teams) = actor.reach() else { return Ok(()) };
    let book = address_book(&app.pool).await?;
    let of_teams = teams.iter().filter_map(|team| book.teams.get(team)).map(String::as_str);
    let own = actor.caller().map(|caller| caller.email.as_str());
    match own.into_iter().chain(of_teams).any(|address| address.eq_ignore_ascii_case(to)) {
        true => Ok(()),
        false => Err(Error::Forbidden(
            "your role is limited to teams, so a test goes to yourself or to the address of one of them"
                .into(),
        )),
    }
}
