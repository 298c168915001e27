//! What was sent about one certificate, for its summary.

use crate::{
    app::App,
    services::{Actor, Permission, Result, alerts::deliveries},
    store::alerts::deliveries::{Delivery, Filter},
    web::{parts::Tone, phrases},
};

/// The most mails shown; the page of alerts has all.
const MOST: i64 = 12;

/// One mail to one recipient.
#[derive(Debug, Clone)]
pub struct AlertLine {
    /// How it went.
    pub tone: Tone,
    /// Which threshold.
    pub threshold: String,
    /// To whom; hostile text.
    pub recipient: String,
    /// How it went, in a word.
    pub state: String,
    /// When that became so.
    pub date: String,
    /// Exactly when.
    pub moment: String,
}

/// The latest first; `None` for whoever may not see alerts.
pub(super) async fn load(app: &App, actor: &Actor, certificate: i64) -> Result<Option<Vec<AlertLine>>> {
    if !actor.may(Permission::AlertsRead) {
        return Ok(None);
    }
    let filter = Filter { certificate: Some(certificate), ..Filter::default() };
    let sent = deliveries::list(app, actor, &filter, MOST).await?;
    Ok(Some(sent.into_iter().map(line).collect()))
}

fn line(delivery: Delivery) -> AlertLine {
    let (tone, state) = match delivery.state.as_str() {
        "sent" => (Tone::Ok, "Sent"),
        "failed" => (Tone::Crit, "Refused"),
        "cancelled" => (Tone::Mute, "Not needed"),
        _ => (Tone::Info, "Waiting"),
    };
    AlertLine {
        tone,
        threshold: phrases::warning(delivery.threshold, delivery.not_after, delivery.created_at),
        recipient: delivery.recipient,
        state: state.to_owned(),
        date: phrases::date(delivery.changed_at),
        moment: phrases::moment(delivery.changed_at),
    }
}
