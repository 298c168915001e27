//! What stands above every page of one certificate: name, status, what can be done, and the ways to its other pages.

use crate::{
    services::{Permission, certificates::Detail},
    store::certificates::{Entry, Status},
    web::{
        guard::Visit,
        parts::{Badge, Tab, Tone},
        phrases, urls,
    },
};

use super::row;

/// Which page of a certificate this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Summary,
    Chain,
    History,
    Raw,
}

/// The top of the page.
#[derive(Debug, Clone)]
pub struct Head {
    /// What people call it; hostile text.
    pub name: String,
    /// How it stands.
    pub badge: Badge,
    /// Its pages.
    pub tabs: Vec<Tab>,
    /// Its formats as links, with what they are.
    pub downloads: Vec<(String, &'static str, &'static str)>,
    /// Where it is changed, if this person may.
    pub edit: Option<String>,
    /// Where it is retired, if that is possible.
    pub retire: Option<String>,
    /// Where it is brought back, if that is possible.
    pub restore: Option<String>,
}

impl Head {
    /// The top of the page `side` of a certificate.
    pub(super) fn new(visit: &Visit, detail: &Detail, side: Side) -> Self {
        let entry = &detail.entry;
        let may_write = visit.actor.may(Permission::CertificatesWrite);
        let part = |part: &str| urls::certificate_part(entry.id, part);
        let status = entry.status(detail.now);
        let is_back = matches!(status, Status::Retired | Status::Superseded);
        let is_out = matches!(status, Status::Retired);
        Self {
            name: entry.name.clone(),
            badge: badge(detail),
            tabs: tabs(entry, side, detail.certificate.is_some()),
            downloads: downloads(entry.id, detail.certificate.is_some()),
            edit: may_write.then(|| part("edit")),
            retire: (may_write && !is_out).then(|| part("retire")),
            restore: (may_write && is_back).then(|| part("restore")),
        }
    }
}

fn badge(detail: &Detail) -> Badge {
    let status = detail.entry.status(detail.now);
    let life = row::life(&detail.entry, detail.now);
    match (status, life) {
        (Status::Valid | Status::Expiring | Status::Expired, Some(life)) => Badge::new(life.tone, life.words),
        (status, life) => Badge::of_status(status.as_str(), life.map_or(Tone::Mute, |life| life.tone)),
    }
}

fn tabs(entry: &Entry, side: Side, is_readable: bool) -> Vec<Tab> {
    let part = |part: &str| urls::certificate_part(entry.id, part);
    let mut tabs = vec![Tab::new(urls::certificate(entry.id), "Summary", side == Side::Summary)];
    if is_readable {
        tabs.push(Tab::new(part("chain"), "Chain", side == Side::Chain));
    }
    tabs.push(Tab::new(part("history"), "History", side == Side::History));
    tabs.push(Tab::new(part("raw"), "Raw", side == Side::Raw));
    tabs
}

fn downloads(id: i64, is_readable: bool) -> Vec<(String, &'static str, &'static str)> {
    let all = [
        ("pem", "file-text", "Certificate, PEM"),
        ("fullchain", "waypoints", "Full chain, PEM"),
        ("der", "file-text", "Certificate, DER"),
        ("p7b", "archive", "Chain, PKCS #7"),
    ];
    let possible = all.into_iter().filter(|(format, ..)| is_readable || ["pem", "der"].contains(format));
    possible.map(|(format, icon, text)| (urls::download(id, format), icon, text)).collect()
}

/// A date and its time as the pages of a certificate write them: `27 Nov 2026, 13:04 UTC`.
pub(super) fn ended(entry: &Entry) -> String {
    entry.ends().map(phrases::moment).unwrap_or_default()
}
