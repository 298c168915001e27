//! Dates, numbers and hostile text as a person reads them. Plain functions; [`super::filters`] offers them to templates.

use time::format_description::BorrowedFormatItem;
use time::macros::{datetime, format_description};
use time::{Date, Duration, OffsetDateTime, UtcOffset};

pub use crate::x509::text::visible;

const DATE: &[BorrowedFormatItem<'_>] = format_description!("[day padding:none] [month repr:short] [year]");
const SHORT: &[BorrowedFormatItem<'_>] = format_description!("[day padding:none] [month repr:short]");
const CLOCK: &[BorrowedFormatItem<'_>] = format_description!("[hour]:[minute] UTC");
const INSTANT: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");

/// The time that says "no well-defined end" (RFC 5280 §4.1.2.5).
const NO_END: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

fn written(moment: OffsetDateTime, format: &[BorrowedFormatItem<'_>]) -> String {
    let utc = moment.checked_to_offset(UtcOffset::UTC).unwrap_or(moment);
    utc.format(format).unwrap_or_else(|_| utc.unix_timestamp().to_string())
}

/// `20 Nov 2026`, in UTC.
pub fn date(moment: OffsetDateTime) -> String {
    written(moment, DATE)
}

/// `20 Nov 2026`, of a day without a time.
pub fn day(day: Date) -> String {
    date(day.midnight().assume_utc())
}

/// `20 Nov`, where the year is known.
pub fn short_day(day: Date) -> String {
    written(day.midnight().assume_utc(), SHORT)
}

/// `13:04 UTC`.
pub fn clock_time(moment: OffsetDateTime) -> String {
    written(moment, CLOCK)
}

/// `20 Nov 2026, 13:04 UTC`.
pub fn moment(moment: OffsetDateTime) -> String {
    format!("{}, {}", date(moment), clock_time(moment))
}

/// `2026-11-20T13:04:00Z`, for machines: `datetime` attributes, titles, exports.
pub fn instant(moment: OffsetDateTime) -> String {
    written(moment, INSTANT)
}

/// The time left until `not_after`, in whole days rounded up, so that "7 days left" and the 7-day filter agree:
/// `83 days left`, `Expires tomorrow`, `Expires today`, `Expired today`, `Expired 3 days ago`, `No end date`.
pub fn days_left(not_after: OffsetDateTime, now: OffsetDateTime) -> String {
    if not_after >= NO_END {
        return "No end date".to_owned();
    }
    let same_day = date(not_after) == date(now);
    let left = not_after - now;
    if left < Duration::ZERO {
        return match (same_day, (now - not_after).whole_days().max(1)) {
            (true, _) => "Expired today".to_owned(),
            (false, 1) => "Expired yesterday".to_owned(),
            (false, days) => format!("Expired {} days ago", thousands(&days)),
        };
    }
    match (same_day, days_rounded_up(left)) {
        (true, _) => "Expires today".to_owned(),
        (false, 1) => "Expires tomorrow".to_owned(),
        (false, days) => format!("{} days left", thousands(&days)),
    }
}

fn days_rounded_up(left: Duration) -> i64 {
    let whole = left.whole_days();
    if Duration::days(whole) < left { whole + 1 } else { whole }
}

/// The warning that a mail gave: `14-day warning`, and with it what was left when it became due, where that is another number of days
/// (found late, or a life too short for whole thresholds): `30-day warning, 2 days left`. The end itself is `On expiry`.
pub fn warning(threshold: i32, not_after: OffsetDateTime, due: OffsetDateTime) -> String {
    let left = days_rounded_up(not_after - due);
    match threshold {
        0 => "On expiry".to_owned(),
        days if left == i64::from(days) || left < 1 => format!("{days}-day warning"),
        days => format!("{days}-day warning, {} left", counted(left, "day", "days")),
    }
}

/// A moment of the past as its distance: `just now`, `4 minutes ago`, `2 hours ago`, `3 days ago`, and the date beyond 30 days.
/// The exact time stands beside it.
pub fn ago(then: OffsetDateTime, now: OffsetDateTime) -> String {
    let past = now - then;
    if past < Duration::MINUTE {
        "just now".to_owned()
    } else if past < Duration::HOUR {
        counted(past.whole_minutes(), "minute ago", "minutes ago")
    } else if past < Duration::DAY {
        counted(past.whole_hours(), "hour ago", "hours ago")
    } else if past <= Duration::days(30) {
        counted(past.whole_days(), "day ago", "days ago")
    } else {
        date(then)
    }
}

/// `1 certificate`, `1,263 certificates`.
pub fn counted(number: i64, one: &str, many: &str) -> String {
    format!("{} {}", thousands(&number), if number == 1 { one } else { many })
}

/// `1,263`: the digits of a whole number in groups of three.
pub fn thousands(number: &impl ToString) -> String {
    let text = number.to_string();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.as_str()),
    };
    let mut grouped = String::from(sign);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// `0A:7F:41` from `0a7f41`: pairs of hex digits, as a serial number is read aloud. A sign stays in front.
pub fn colons(hex: &str) -> String {
    let (sign, digits) = match hex.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", hex),
    };
    let upper: Vec<char> = digits.to_uppercase().chars().collect();
    let pairs: Vec<String> =
        upper.rchunks(2).rev().map(|pair| format!("{:0>2}", pair.iter().collect::<String>())).collect();
    format!("{sign}{}", pairs.join(":"))
}

/// `9c41e0b7 52fd8a13`: hex digits in groups of eight, as a fingerprint is compared by eye.
pub fn groups(hex: &str) -> String {
    let digits: Vec<char> = hex.chars().collect();
    let eights: Vec<String> = digits.chunks(8).map(|eight| eight.iter().collect()).collect();
    eights.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 13:04 UTC);

    #[test]
    fn dates_are_read_in_utc() {
        let there = datetime!(2026-11-20 01:04 +02:00);
        assert_eq!(date(there), "19 Nov 2026");
        assert_eq!(moment(there), "19 Nov 2026, 23:04 UTC");
        assert_eq!(instant(NOW), "2026-11-20T13:04:00Z");
        assert_eq!(date(datetime!(1949-03-01 00:00 UTC)), "1 Mar 1949");
    }

    #[test]
    fn the_days_left_agree_with_the_thresholds() {
        let left = |duration: Duration| days_left(NOW + duration, NOW);
        assert_eq!(left(Duration::days(7)), "7 days left");
        assert_eq!(left(Duration::days(6) + Duration::SECOND), "7 days left");
        assert_eq!(left(Duration::days(7) + Duration::SECOND), "8 days left");
        assert_eq!(left(Duration::hours(20)), "Expires tomorrow");
        assert_eq!(left(Duration::hours(2)), "Expires today");
        assert_eq!(left(Duration::ZERO), "Expires today");
        assert_eq!(left(-Duration::SECOND), "Expired today");
        assert_eq!(left(-Duration::hours(20)), "Expired yesterday");
        assert_eq!(left(-Duration::days(3)), "Expired 3 days ago");
        assert_eq!(left(-Duration::days(3650)), "Expired 3,650 days ago");
        assert_eq!(days_left(NO_END, NOW), "No end date");
    }

    #[test]
    fn the_past_is_read_as_a_distance() {
        assert_eq!(ago(NOW, NOW), "just now");
        assert_eq!(ago(NOW - Duration::minutes(1), NOW), "1 minute ago");
        assert_eq!(ago(NOW - Duration::hours(23), NOW), "23 hours ago");
        assert_eq!(ago(NOW - Duration::days(2), NOW), "2 days ago");
        assert_eq!(ago(NOW - Duration::days(31), NOW), "20 Oct 2026");
    }

    #[test]
    fn numbers_and_hashes_are_grouped() {
        assert_eq!(
            [0, 999, 1_263, -1_000_000].map(|n: i64| thousands(&n)),
            ["0", "999", "1,263", "-1,000,000"]
        );
        assert_eq!(colons("0a7f41"), "0A:7F:41");
        assert_eq!(colons("-a7f"), "-0A:7F");
        assert_eq!(colons(""), "");
        assert_eq!(groups("9c41e0b752fd8a13ff"), "9c41e0b7 52fd8a13 ff");
        assert_eq!(counted(1, "certificate", "certificates"), "1 certificate");
    }
}
