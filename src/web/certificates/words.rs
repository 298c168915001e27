//! What the inventory's pages call things: keys, statuses, spans of time.

use time::{Date, macros::format_description};

use crate::{store::certificates::Status, web::phrases};

/// `EC-256` as people know it: `P-256`; `RSA-2048` as `RSA 2048`.
pub(super) fn key(stored: &str) -> String {
    match stored.split_once('-') {
        Some(("EC", size @ ("224" | "256" | "384" | "521"))) => format!("P-{size}"),
        Some((kind @ ("RSA" | "DSA"), size)) => format!("{kind} {size}"),
        _ if stored == "ED25519" => "Ed25519".to_owned(),
        _ if stored == "ED448" => "Ed448".to_owned(),
        _ => stored.to_owned(),
    }
}

/// A status as a filter calls it.
pub(super) fn status(status: Status) -> &'static str {
    match status {
        Status::Valid => "More than 30 days",
        Status::Expiring => "30 days or less",
        Status::Expired => "Expired",
        Status::Revoked => "Revoked",
        Status::Superseded => "Replaced",
        Status::Retired => "Retired",
        Status::Unreadable => "Unreadable",
    }
}

/// `expires=` in words: `within 14 days`, `on 1 Dec 2026`, `from 1 Dec 2026 to 7 Dec 2026`.
pub(super) fn span(expires: &str) -> String {
    let day = |text: &str| {
        let parsed = Date::parse(text, format_description!("[year]-[month]-[day]"));
        parsed.map_or_else(|_| text.to_owned(), phrases::day)
    };
    if let Some(days) = expires.strip_suffix('d') {
        return if days == "1" { "within 1 day".to_owned() } else { format!("within {days} days") };
    }
    match expires.split_once("..") {
        Some((first, last)) if first != last => format!("from {} to {}", day(first), day(last)),
        Some((only, _)) => format!("on {}", day(only)),
        None => format!("on {}", day(expires)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_called_as_people_call_them() {
        for (stored, shown) in [("EC-256", "P-256"), ("RSA-2048", "RSA 2048"), ("ML-DSA-65", "ML-DSA-65")] {
            assert_eq!(key(stored), shown);
        }
    }

    #[test]
    fn a_span_is_read_as_a_sentence_goes() {
        assert_eq!(span("14d"), "within 14 days");
        assert_eq!(span("2026-12-01"), "on 1 Dec 2026");
        assert_eq!(span("2026-12-01..2026-12-07"), "from 1 Dec 2026 to 7 Dec 2026");
        assert_eq!(span("<b>"), "on <b>");
    }
}
