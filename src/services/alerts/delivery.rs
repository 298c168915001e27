//! Sending one delivery: plan, call, keep.
//!
//! *Plan* looks whether it is still due, and writes down that it is about to be sent. *Call* hands it to the relay, always under the same
//! Message-ID. *Keep* writes down the answer. A crash between the beats leaves a row in `sending`, and the next run sends the same message
//! again: the receiver sees one id (R1, R7).

use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    notifiers::{Accepted, Error as NotifierError, Message},
    services::{
        Actor, Result,
        mail::expiry::{self, Left, Setting},
    },
    store::{
        Tx,
        alerts::{
            recipients::{AddressBook, address_book},
            rules::{self, AlertRule},
            sending::{self, Due, Settled, Subject},
            sweeps::{self, Candidate},
        },
        audit::Event,
        certificates,
        jobs::{self, Lease},
    },
};

use super::{
    identity,
    recipients::{self, Reason},
    thresholds,
};

/// The sentence for a console without a relay.
pub const NO_RELAY: &str = "no mail relay is configured";

/// The first wait after a failure; it doubles up to [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::seconds(15);
const LONGEST_WAIT: Duration = Duration::HOUR;

/// How one try went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// There is nothing left to do; the text says what became of it.
    Settled(String),
    /// The relay refused it for good.
    Failed(String),
    /// Not now; again at `at`.
    Later {
        /// What happened.
        cause: String,
        /// Not before.
        at: OffsetDateTime,
    },
}

/// Everything a try knows before it begins.
struct Plan {
    due: Due,
    rule: AlertRule,
    book: AddressBook,
    now: OffsetDateTime,
}

/// Tries to send delivery `id` on behalf of the job that holds `lease`; `attempt` counts the job's tries from 1.
///
/// # Errors
/// The database's. Then the row says `sending` at most, and the next try resumes.
pub async fn attempt(app: &App, lease: Lease, attempt: i32, id: i64) -> Result<Attempt> {
    let now = app.now();
    let Some(due) = sending::find(&app.pool, id).await? else {
        return Ok(Attempt::Settled("there is no such delivery any more".into()));
    };
    if matches!(due.state.as_str(), "sent" | "cancelled") {
        return Ok(Attempt::Settled(format!("it was {} before", due.state)));
    }
    let (rule, book) = (rules::find(&app.pool).await?, address_book(&app.pool).await?);
    let plan = Plan { due, rule, book, now };
    let certificate = match still_due(&plan) {
        Ok(certificate) => certificate,
        Err(why) => return cancel(app, lease, &plan, why).await,
    };
    let Some(notifier) = &app.mail else {
        sending::postpone(&app.pool, lease, id, NO_RELAY, now).await?;
        return Ok(Attempt::Settled(format!("{NO_RELAY}; it waits")));
    };
    let message = message(app, &plan, certificate)?;
    if !sending::plan(&app.pool, lease, id, now).await? {
        return Ok(Attempt::Settled("another worker has it".into()));
    }
    let answer = notifier.send(&message).await;
    keep(app, lease, &plan, certificate, attempt, answer).await
}

/// Why a delivery is not sent after all, and whether a sweep should look for what is right instead.
struct Obsolete {
    why: String,
    sweep: bool,
}

/// The certificate, if the mail about it still says something true and new to the right person.
fn still_due(plan: &Plan) -> std::result::Result<&Subject, Obsolete> {
    let not = |why: &str| Err(Obsolete { why: why.to_owned(), sweep: false });
    let instead = |why: String| Err(Obsolete { why, sweep: true });
    let Plan { due, rule, book, now } = plan;
    let Some(certificate) = &due.certificate else {
        return not("the certificate was removed from the inventory");
    };
    if certificate.state != "active" {
        return not(&format!("the certificate is {}", certificate.state));
    }
    if !rule.enabled {
        return not("alerts are switched off");
    }
    if due.overtaken {
        return not("a more urgent alert took its place");
    }
    // Whether its end was old news was decided when the delivery was made.
    let Subject { not_before, not_after, added_at, .. } = *certificate;
    let life = thresholds::Life { not_before, not_after, added_at: added_at.min(not_after) };
    match thresholds::tightest(&rule.thresholds, rule.expired, life, *now) {
        None => return not("it is not due by the present rule and clock"),
        Some(tighter) if tighter < due.threshold => {
            return instead("a more urgent alert takes its place".into());
        }
        Some(_) => {}
    }
    let told =
        recipients::of_entry(certificate.owner.as_deref(), certificate.team, rule.fallback.as_deref(), book);
    if due.reason != Reason::Escalated.as_str() && told.iter().all(|one| one.address != due.recipient) {
        return instead(format!("{} is no longer told about this certificate", due.recipient));
    }
    Ok(certificate)
}

fn message(app: &App, plan: &Plan, certificate: &Subject) -> Result<Message> {
    let base_url = app.config.base_url();
    let host = identity::host(&app.config);
    let reason = [Reason::Owner, Reason::Team, Reason::Fallback, Reason::Escalated]
        .into_iter()
        .find(|reason| reason.as_str() == plan.due.reason)
        .unwrap_or(Reason::Fallback);
    let setting = Setting {
        prefix: &plan.rule.subject_prefix,
        base_url: &base_url,
        reason,
        threshold: plan.due.threshold,
        now: plan.now,
    };
    let mail = expiry::compose(certificate, &setting)?;
    let severity = Left::at(certificate.not_after, plan.now).severity();
    Ok(Message {
        to: plan.due.recipient.clone(),
        subject: mail.subject,
        text: mail.text,
        html: Some(mail.html),
        message_id: plan.due.message_id.clone(),
        headers: vec![
            ("X-Notafter-Alert-Id", plan.due.alert_id.clone()),
            ("X-Notafter-Severity", severity.as_str().into()),
            ("Importance", severity.importance().into()),
            ("Auto-Submitted", "auto-generated".into()),
            ("List-Id", format!("Certificate alerts <alerts.{host}>")),
            ("References", identity::thread_id(&certificate.name, &certificate.sans, &host)),
        ],
    })
}

async fn keep(
    app: &App,
    lease: Lease,
    plan: &Plan,
    certificate: &Subject,
    attempt: i32,
    answer: std::result::Result<Accepted, NotifierError>,
) -> Result<Attempt> {
    let now = app.now();
    let (cause, wait) = match answer {
        Ok(accepted) => {
            let event = event(plan, "alert.sent", &accepted.answer);
            settle(app, lease, plan, Settled::Sent, &accepted.answer, event, &[]).await?;
            return Ok(Attempt::Settled(accepted.answer));
        }
        Err(NotifierError::Refused(answer)) => return refused(app, lease, plan, certificate, answer).await,
        Err(NotifierError::Limited { reason, wait }) => {
            (reason, Duration::try_from(wait).unwrap_or(LONGEST_WAIT))
        }
        Err(error) => (error.to_string(), wait(plan.due.id, attempt)),
    };
    sending::postpone(&app.pool, lease, plan.due.id, &cause, now).await?;
    count("retried");
    Ok(Attempt::Later { cause, at: now + wait })
}

/// 15 s, 30 s, 1 min … 1 h, up to a fifth longer, so that a relay that comes back is not met by all at once.
fn wait(id: i64, attempt: i32) -> Duration {
    let doublings = u32::try_from(attempt.clamp(1, 12) - 1).unwrap_or(0);
    let plain = (FIRST_WAIT * 2_i32.pow(doublings)).min(LONGEST_WAIT);
    plain + plain * (i32::try_from(id.rem_euclid(20)).unwrap_or(0)) / 100
}

/// The address is no good: whoever stands behind it is told instead.
async fn refused(
    app: &App,
    lease: Lease,
    plan: &Plan,
    certificate: &Subject,
    answer: String,
) -> Result<Attempt> {
    let host = identity::host(&app.config);
    let entry = Candidate {
        id: certificate.id,
        sha256: certificate.sha256.clone(),
        name: certificate.name.clone(),
        not_before: certificate.not_before,
        not_after: certificate.not_after,
        owner: certificate.owner.clone(),
        team: certificate.team,
        added_at: certificate.added_at,
    };
    let instead = recipients::after_refusal(&plan.due.recipient, plan.rule.fallback.as_deref(), &plan.book);
    let new: Vec<_> = instead
        .iter()
        .map(|recipient| identity::delivery(&entry, plan.due.threshold, recipient, &host))
        .collect();
    settle(app, lease, plan, Settled::Failed, &answer, event(plan, "alert.failed", &answer), &new).await?;
    Ok(Attempt::Failed(format!("{} was refused by the mail server: {answer}", plan.due.recipient)))
}

async fn cancel(app: &App, lease: Lease, plan: &Plan, obsolete: Obsolete) -> Result<Attempt> {
    let why = format!("not sent: {}", obsolete.why);
    settle(app, lease, plan, Settled::Cancelled, &why, event(plan, "alert.cancelled", &why), &[]).await?;
    if obsolete.sweep {
        super::sweep::ask(app).await?;
    }
    Ok(Attempt::Settled(why))
}

fn event(plan: &Plan, act: &'static str, answer: &str) -> Event {
    let due = &plan.due;
    let name =
        due.certificate.as_ref().map_or("a removed certificate", |certificate| certificate.name.as_str());
    Actor::System
        .event(act, name)
        .on(due.id)
        .of_team(due.certificate.as_ref().and_then(|certificate| certificate.team))
        .with(json!({
            "certificate": due.certificate.as_ref().map(|certificate| certificate.id),
            "recipient": due.recipient,
            "threshold": due.threshold,
            "answer": answer,
        }))
}

/// Settles the delivery and inserts `instead`, if the job is still ours.
async fn settle(
    app: &App,
    lease: Lease,
    plan: &Plan,
    settled: Settled,
    answer: &str,
    event: Event,
    instead: &[sweeps::NewDelivery],
) -> Result<()> {
    let now = app.now();
    let mut tx = Tx::begin(&app.pool).await?;
    if !instead.is_empty() {
        certificates::import::lock(&mut tx).await?;
    }
    jobs::hold(&mut tx, lease).await?;
    sending::settle(&mut tx, plan.due.id, settled, answer, now).await?;
    if !instead.is_empty() {
        let queued = sweeps::insert(&mut tx, instead, now).await?;
        sending::enqueue(tx.conn(), &queued, now).await?;
    }
    tx.commit(event).await?;
    count(settled.as_str());
    Ok(())
}

fn count(outcome: &'static str) {
    metrics::counter!("notafter_alert_deliveries_total", "outcome" => outcome).increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_an_hour_and_spread() {
        assert_eq!(wait(20, 1), Duration::seconds(15));
        assert_eq!(wait(20, 3), Duration::seconds(60));
        assert_eq!(wait(20, 100), Duration::HOUR);
        assert!(wait(19, 1) > Duration::seconds(15) && wait(19, 1) < Duration::seconds(18));
        assert!((1..350).all(|attempt| wait(7, attempt) <= Duration::minutes(72)));
    }
}
