//! The mail about one certificate that ends soon or has ended.

use askama::Template;
use time::{Duration, OffsetDateTime, format_description::BorrowedFormatItem, macros::format_description};

use crate::{services::Result, store::alerts::sending::Subject, x509::visible};

use super::{LONGEST_SUBJECT, Rendered, cut_middle, render};

/// How a moment is written out: with the day of the week, since that decides who is there to act.
const EXACT: &[BorrowedFormatItem<'_>] = format_description!(
    "[weekday repr:short] [day padding:none] [month repr:short] [year], [hour]:[minute]:[second] UTC"
);

/// Names that are listed before "and n more".
const MOST_NAMES: usize = 5;
/// Characters of a note before it is cut.
const LONGEST_NOTE: usize = 280;

/// Why somebody gets a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// They own the entry.
    Owner,
    /// Their team owns it.
    Team,
    /// Nobody owns it.
    Fallback,
    /// Whoever was told first cannot be reached.
    Escalated,
}

impl Reason {
    /// The word used in the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Owner => "owner",
            Reason::Team => "team",
            Reason::Fallback => "fallback",
            Reason::Escalated => "escalated",
        }
    }
}

/// The time until the end, in the unit that a person would use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// A day or more; rounded up.
    Days(i64),
    /// Less than a day; rounded up.
    Hours(i64),
    /// Ended less than a day ago.
    Ended,
    /// Ended this many whole days ago.
    EndedDays(i64),
}

impl Left {
    /// What is left at `now`.
    pub fn at(not_after: OffsetDateTime, now: OffsetDateTime) -> Left {
        let left = not_after - now;
        if left < -Duration::DAY {
            Left::EndedDays(-left.whole_days())
        } else if left < Duration::ZERO {
            Left::Ended
        } else if left < Duration::DAY {
            Left::Hours((left.whole_seconds() + 3_599).div_euclid(3_600).max(1))
        } else {
            Left::Days(days_left(not_after, now))
        }
    }

    /// How urgent that is: the word of the header and of the colour.
    pub fn severity(self) -> Severity {
        match self {
            Left::Ended | Left::EndedDays(_) | Left::Hours(_) => Severity::Critical,
            Left::Days(days) if days <= 7 => Severity::High,
            Left::Days(_) => Severity::Warning,
        }
    }
}

/// How urgent a mail is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Days to spare.
    Warning,
    /// Seven days or less.
    High,
    /// Less than a day, or too late.
    Critical,
}

impl Severity {
    /// The value of `X-Notafter-Severity`.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Warning => "warning",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }

    /// The value of `Importance` (RFC 2156).
    pub fn importance(self) -> &'static str {
        if self == Severity::Warning { "normal" } else { "high" }
    }

    /// Class of the headline in the HTML part; dark schemes recolour it.
    fn class(self) -> &'static str {
        match self {
            Severity::Warning => "warn",
            Severity::High => "high",
            Severity::Critical => "crit",
        }
    }

    /// Colour of the headline on white.
    fn colour(self) -> &'static str {
        match self {
            Severity::Warning => "#7a5800",
            Severity::High => "#a44a00",
            Severity::Critical => "#b3211b",
        }
    }
}

/// What decides the words besides the certificate.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// What the subject begins with.
    pub prefix: &'a str,
    /// Where the console is, without a trailing slash.
    pub base_url: &'a str,
    /// Why this person gets it.
    pub reason: Reason,
    /// Days before the end, as the rule says it; 0 = the end.
    pub threshold: i32,
    /// The present.
    pub now: OffsetDateTime,
}

#[derive(Template)]
#[template(path = "email/expiry/subject.txt")]
struct SubjectLine<'a> {
    prefix: &'a str,
    name: &'a str,
    left: Left,
}

#[derive(Template)]
#[template(path = "email/expiry/body.txt")]
struct Text<'a> {
    mail: &'a Model,
}

#[derive(Template)]
#[template(path = "email/expiry/body.html")]
struct Html<'a> {
    mail: &'a Model,
}

/// What both bodies show; every text is already visible.
struct Model {
    name: String,
    left: Left,
    severity: Severity,
    exact_end: String,
    names: Vec<String>,
    more_names: usize,
    owner: Option<String>,
    team: Option<String>,
    environment: Option<String>,
    tags: Vec<String>,
    /// One line; empty for none.
    note: String,
    issuer: String,
    serial: String,
    source: String,
    is_ca: bool,
    reason: Reason,
    threshold: i32,
    link: String,
    rules_link: String,
}

/// Writes the mail about `certificate`.
///
/// # Errors
/// Only for a defect in a template.
pub fn compose(certificate: &Subject, setting: &Setting<'_>) -> Result<Rendered> {
    let mail = model(certificate, setting);
    let subject = |name: &str| render(&SubjectLine { prefix: setting.prefix, name, left: mail.left });
    let around = subject("")?.chars().count();
    Ok(Rendered {
        subject: subject(&cut_middle(&mail.name, LONGEST_SUBJECT.saturating_sub(around)))?.trim().to_owned(),
        text: render(&Text { mail: &mail })?,
        html: render(&Html { mail: &mail })?,
    })
}

fn model(certificate: &Subject, setting: &Setting<'_>) -> Model {
    let left = Left::at(certificate.not_after, setting.now);
    let plain = |san: &String| visible(san.split_once(':').map_or(san.as_str(), |(_, value)| value));
    Model {
        name: visible(&certificate.name),
        left,
        severity: left.severity(),
        exact_end: certificate.not_after.format(EXACT).unwrap_or_else(|_| certificate.not_after.to_string()),
        names: certificate.sans.iter().take(MOST_NAMES).map(plain).collect(),
        more_names: certificate.sans.len().saturating_sub(MOST_NAMES),
        owner: certificate.owner.as_deref().map(visible),
        team: certificate.team_name.as_deref().map(visible),
        environment: certificate.environment.as_deref().map(visible),
        tags: certificate.tags.iter().map(|tag| visible(tag)).collect(),
        note: one_line(&certificate.note),
        issuer: visible(&certificate.issuer_name),
        serial: certificate.serial.clone(),
        source: certificate.source.clone(),
        is_ca: certificate.is_ca,
        reason: setting.reason,
        threshold: setting.threshold,
        link: format!("{}/certificates/{}", setting.base_url, certificate.id),
        rules_link: format!("{}/alerts", setting.base_url),
    }
}

/// The beginning of a note, its lines joined; the page has all of it.
fn one_line(note: &str) -> String {
    let words: Vec<&str> = note.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST_NOTE) {
        Some((end, _)) => format!("{}…", visible(line.get(..end).unwrap_or_default())),
        None => visible(&line),
    }
}

/// Days until the end, rounded up, so that "7 days left" is said from the moment the 7-day threshold is crossed; after the end, the whole
/// days since as a negative number, -1 on the first.
pub fn days_left(not_after: OffsetDateTime, now: OffsetDateTime) -> i64 {
    let left = not_after - now;
    let whole = left.whole_days();
    match left {
        past if past < Duration::ZERO => whole.min(-1),
        left if Duration::days(whole) < left => whole + 1,
        _ => whole,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 09:00 UTC);

    fn certificate(name: &str, left: Duration) -> Subject {
        Subject {
            added_at: NOW,
            id: 12,
            sha256: vec![7; 32],
            name: name.to_owned(),
            sans: (1..=7).map(|number| format!("DNS:{number}.{name}")).collect(),
            issuer_name: "Halden Issuing CA".into(),
            serial: "4f2a".into(),
            not_before: None,
            not_after: NOW + left,
            owner: Some("ann@halden.example".into()),
            team: Some(1),
            team_name: Some("Payments".into()),
            environment: Some("production".into()),
            tags: vec!["pci".into(), "edge".into()],
            note: "Runs on lb-3.\nAsk ops before a restart.".into(),
            source: "import".into(),
            state: "active".into(),
            is_ca: false,
        }
    }

    fn mail(name: &str, left: Duration) -> Rendered {
        let setting = Setting {
            prefix: "[notafter]",
            base_url: "https://certs.halden.example",
            reason: Reason::Owner,
            threshold: 7,
            now: NOW,
        };
        compose(&certificate(name, left), &setting).unwrap()
    }

    #[test]
    fn days_are_counted_by_duration() {
        for (left, said) in [
            (Duration::days(7), 7),
            (Duration::days(6) + Duration::SECOND, 7),
            (Duration::SECOND, 1),
            (Duration::ZERO, 0),
            (-Duration::SECOND, -1),
            (-Duration::days(3), -3),
        ] {
            assert_eq!(days_left(NOW + left, NOW), said, "{left}");
        }
        let leap = datetime!(2028-03-01 09:00 UTC);
        assert_eq!(days_left(leap, datetime!(2028-02-23 09:00 UTC)), 7);
        assert_eq!(days_left(datetime!(9999-12-31 23:59:59 UTC), NOW), 2_912_120);
    }

    #[test]
    fn the_subject_says_the_name_and_the_time_left() {
        for (left, said) in [
            (Duration::days(6), "expires in 6 days"),
            (Duration::days(13) - Duration::HOUR, "expires in 13 days"),
            (Duration::days(1), "expires in 1 day"),
            (Duration::hours(14), "expires in 14 hours"),
            (Duration::ZERO, "expires in 1 hour"),
            (-Duration::SECOND, "has expired"),
            (-Duration::hours(30), "expired 1 day ago"),
            (-Duration::days(3), "expired 3 days ago"),
        ] {
            assert_eq!(
                mail("shop.halden.example", left).subject,
                format!("[notafter] shop.halden.example {said}")
            );
        }
    }

    #[test]
    fn a_subject_fits_seventy_characters_and_one_line() {
        let long = format!("{}.halden.example", "shop.".repeat(47));
        let subject = mail(&long, -Duration::days(3650)).subject;
        assert_eq!(subject.chars().count(), LONGEST_SUBJECT);
        assert!(
            subject.starts_with("[notafter] shop.") && subject.contains(".example expired 3650 days ago"),
            "{subject}"
        );
        let hostile = mail("a\r\nBcc: eve@evil.example\u{202e}", Duration::days(6));
        assert!(
            !hostile.subject.chars().any(char::is_control) && hostile.subject.contains("‹U+202E›"),
            "{}",
            hostile.subject
        );
    }

    #[test]
    fn both_parts_say_everything() {
        let mail = mail("shop.halden.example", Duration::days(6));
        for wanted in [
            "6 days left",
            "shop.halden.example",
            "Thu 26 Nov 2026, 09:00:00 UTC",
            "ann@halden.example",
            "production",
            "pci",
            "edge",
            "Runs on lb-3. Ask ops before a restart.",
            "Payments",
            "Halden Issuing CA",
            "4f2a",
            "Imported. Nothing renews it.",
            "5.shop.halden.example",
            "and 2 more",
            "https://certs.halden.example/certificates/12",
            "because you own it",
        ] {
            assert!(mail.text.contains(wanted), "text lacks {wanted}:\n{}", mail.text);
            assert!(mail.html.contains(wanted), "html lacks {wanted}:\n{}", mail.html);
        }
        assert!(!mail.text.contains("6.shop.halden.example"));
        assert!(mail.html.len() < 60_000 && !mail.html.contains("<img") && !mail.html.contains("src="));
    }

    #[test]
    fn hostile_names_stay_text() {
        let mail = mail("<script>alert(1)</script>\u{200b}\n.\n", Duration::days(6));
        assert!(!mail.html.contains("<script") && mail.html.contains("&#60;script&#62;"), "{}", mail.html);
        assert!(mail.text.contains("‹U+200B›‹U+000A›") && !mail.text.contains("\n.\n"));
    }

    #[test]
    fn urgency_follows_the_time_left() {
        for (left, severity) in [
            (Duration::days(30), Severity::Warning),
            (Duration::days(7), Severity::High),
            (Duration::hours(23), Severity::Critical),
            (-Duration::SECOND, Severity::Critical),
        ] {
            assert_eq!(Left::at(NOW + left, NOW).severity(), severity, "{left}");
        }
    }
}
