//! What became of an import: the counts on top, then one sentence for each thing that was found.

use askama::Template;
use askama_web::WebTemplate;

use crate::{
    services::certificates::{KeyOutcome, Outcome, Report},
    web::{
        error::sentence,
        guard::Visit,
        parts::{Badge, Tone},
        phrases,
        shell::{Nav, Shell},
        urls,
    },
};

/// One thing that was found.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its page, if it has one.
    pub href: Option<String>,
    /// What people call it; hostile text.
    pub name: String,
    /// File and place; hostile text.
    pub place: String,
    /// What became of it, in a word.
    pub badge: Badge,
    /// What became of it.
    pub sentence: String,
}

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/report.html")]
pub struct Page {
    shell: Shell,
    title: String,
    counts: Vec<Badge>,
    lines: Vec<Line>,
    new_ones: String,
}

impl Page {
    /// The report of an import that was stored.
    pub(super) fn new(visit: &Visit, report: &Report) -> Self {
        let kept = number(report, "new") + number(report, "kept_unreadable");
        let title = match kept {
            0 => "Nothing new".to_owned(),
            some => format!("{} imported", phrases::counted(some, "certificate", "certificates")),
        };
        Self {
            shell: visit.shell(Nav::Certificates),
            title,
            counts: counts(report),
            lines: report.rows.iter().map(line).collect(),
            new_ones: format!("{}?sort=-added", urls::CERTIFICATES),
        }
    }
}

fn number(report: &Report, word: &str) -> i64 {
    i64::try_from(report.number_of(word)).unwrap_or(i64::MAX)
}

fn counts(report: &Report) -> Vec<Badge> {
    let kinds = [
        ("new", Tone::Ok, "new", "new"),
        ("known", Tone::Mute, "known already", "known already"),
        ("repeated", Tone::Mute, "repeated", "repeated"),
        (
            "kept_unreadable",
            Tone::High,
            "unreadable, kept by its fingerprint",
            "unreadable, kept by their fingerprints",
        ),
        ("unreadable", Tone::High, "not imported", "not imported"),
        ("certificate_request", Tone::Info, "certificate request", "certificate requests"),
        ("certificate_list", Tone::Info, "revocation list", "revocation lists"),
        ("private_key_stored", Tone::Warn, "private key kept", "private keys kept"),
        ("private_key_not_stored", Tone::Info, "private key not kept", "private keys not kept"),
    ];
    let badge = |(word, tone, one, many): (&str, Tone, &str, &str)| match number(report, word) {
        0 => None,
        some => Some(Badge::new(tone, phrases::counted(some, one, many))),
    };
    kinds.into_iter().filter_map(badge).chain(silenced(report)).collect()
}

/// Alerts about what was replaced fall silent, so that it was must not be read over.
fn silenced(report: &Report) -> Option<Badge> {
    match report.superseded() {
        0 => None,
        some => {
            let text = phrases::counted(
                i64::try_from(some).unwrap_or(i64::MAX),
                "older one counts as replaced: no more alerts about it",
                "older ones count as replaced: no more alerts about them",
            );
            Some(Badge::new(Tone::Warn, text))
        }
    }
}

fn line(row: &crate::services::certificates::Row) -> Line {
    let name = if row.name.is_empty() { "Without a name" } else { &row.name };
    Line {
        href: row.outcome.id().map(urls::certificate),
        name: name.to_owned(),
        place: format!("{}, {}", row.file, row.place),
        badge: badge(&row.outcome),
        sentence: sentence(&row.sentence()),
    }
}

fn badge(outcome: &Outcome) -> Badge {
    match outcome {
        Outcome::New { superseded_by: Some(_), .. } => Badge::new(Tone::Warn, "New, replaced"),
        Outcome::New { .. } => Badge::new(Tone::Ok, "New"),
        Outcome::Known { .. } | Outcome::KnownElsewhere => Badge::new(Tone::Mute, "Known"),
        Outcome::Repeated { .. } => Badge::new(Tone::Mute, "Repeated"),
        Outcome::KeptUnreadable { .. } => Badge::new(Tone::High, "Fingerprint only"),
        Outcome::Unreadable { .. } => Badge::new(Tone::High, "Not imported"),
        Outcome::CertificateRequest => Badge::new(Tone::Info, "Request").with_icon("file-plus"),
        Outcome::CertificateList => Badge::new(Tone::Info, "Revocation list").with_icon("ban"),
        Outcome::PrivateKey(KeyOutcome::Stored) => Badge::new(Tone::Warn, "Key kept").with_icon("lock"),
        Outcome::PrivateKey(_) => Badge::new(Tone::Info, "Key not kept").with_icon("key"),
    }
}
