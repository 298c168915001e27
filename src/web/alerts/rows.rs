//! Deliveries as lines of a table, and the place in the list that a link names.

use time::OffsetDateTime;

use crate::{
    services::alerts::delivery::NO_RELAY,
    store::alerts::deliveries::Delivery,
    web::{
        parts::{Badge, Tone},
        phrases, urls,
    },
};

/// A line of the table.
pub struct Row {
    /// Name of the certificate.
    pub name: String,
    /// Its page, while it is there.
    pub href: Option<String>,
    /// Which threshold.
    pub threshold: String,
    /// One address.
    pub recipient: String,
    /// Why that address.
    pub reason: &'static str,
    /// How it stands.
    pub badge: Badge,
    /// The relay's word, or why nothing was sent.
    pub answer: String,
    /// How often it was tried.
    pub tries: String,
    /// When that was.
    pub changed_at: OffsetDateTime,
    /// Where to send it again, if it was refused and the person may.
    pub again: Option<String>,
}

impl Row {
    /// The line about `delivery` for somebody who may send again or not.
    pub fn new(delivery: Delivery, may_write: bool, relay: bool) -> Self {
        let waits = delivery.state == "queued";
        let badge = match delivery.state.as_str() {
            "sent" => Badge::new(Tone::Ok, "Sent"),
            "failed" => Badge::new(Tone::Crit, "Refused"),
            "cancelled" => Badge::new(Tone::Mute, "Not sent").with_icon("ban"),
            "sending" => Badge::new(Tone::Info, "Sending").with_icon("send"),
            _ if delivery.attempts > 0 => Badge::new(Tone::High, "Tried, waits"),
            _ => Badge::new(Tone::Info, "Waits").with_icon("hourglass"),
        };
        Self {
            href: delivery.certificate.map(urls::certificate),
            threshold: phrases::warning(delivery.threshold, delivery.not_after, delivery.created_at),
            reason: reason(&delivery.reason),
            answer: match delivery.answer {
                _ if waits && !relay => NO_RELAY.to_owned(),
                Some(answer) => answer,
                None => String::new(),
            },
            tries: match delivery.attempts {
                0 => String::new(),
                tries => phrases::counted(i64::from(tries), "try", "tries"),
            },
            again: (may_write && delivery.state == "failed").then(|| urls::send_again(delivery.id)),
            name: delivery.certificate_name,
            recipient: delivery.recipient,
            badge,
            changed_at: delivery.changed_at,
        }
    }
}

/// Why somebody is told, as the page says it.
pub fn reason(reason: &str) -> &'static str {
    match reason {
        "owner" => "owner",
        "team" => "team of the owner",
        "escalated" => "told instead of a refused address",
        _ => "nobody owns it",
    }
}

/// A place in the list: creation and id of a delivery.
pub fn cursor(delivery: &Delivery) -> String {
    format!("{}.{}", delivery.created_at.unix_timestamp_nanos() / 1_000, delivery.id)
}

/// The place that `text` names; `None` when it names none.
pub fn place(text: &str) -> Option<(OffsetDateTime, i64)> {
    let (micros, id) = text.split_once('.')?;
    let nanos = micros.parse::<i128>().ok()?.checked_mul(1_000)?;
    Some((OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()?, id.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_cursor_of_ours_is_a_place() {
        let (at, id) = place("1763629200000001.7").unwrap();
        assert_eq!((at.unix_timestamp(), at.microsecond(), id), (1_763_629_200, 1, 7));
        for bad in ["", ".", "1", "a.b", "99999999999999999999999999999999999999.1", "1.2.3"] {
            assert_eq!(place(bad), None, "{bad}");
        }
    }
}
