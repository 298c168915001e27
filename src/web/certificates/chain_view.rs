//! The way from a root down to a certificate, for the summary and the chain's own page.

use time::OffsetDateTime;

use crate::{
    services::certificates::{Chain, ChainLink},
    web::{
        parts::{Badge, Tone},
        phrases, urls,
    },
    x509,
};

use super::words;

/// One certificate of a chain.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its page, unless it is out of reach or this very one.
    pub href: Option<String>,
    /// What people call it; hostile text.
    pub name: String,
    /// What it is in the chain.
    pub note: String,
    /// When it ends, exact.
    pub moment: String,
    /// When it ends.
    pub date: String,
    /// What the time left means.
    pub tone: Tone,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// Whether it is the certificate of the page.
    pub is_this: bool,
    /// Its SHA-256 in hex.
    pub sha256: String,
}

/// A chain as far as it is known, the root first.
#[derive(Debug, Clone)]
pub struct ChainView {
    /// Whether it ends in a root.
    pub badge: Badge,
    /// The issuer that is not in the inventory; hostile text.
    pub missing: Option<String>,
    /// From the root to the certificate itself.
    pub nodes: Vec<Node>,
}

impl ChainView {
    /// The chain as it stands at `now`.
    pub fn new(chain: &Chain, now: OffsetDateTime) -> Self {
        let badge = match (chain.complete, &chain.missing) {
            (true, _) => Badge::new(Tone::Ok, "Complete"),
            (false, Some(_)) => Badge::new(Tone::Warn, "Issuer missing").with_icon("triangle-alert"),
            (false, None) => Badge::new(Tone::Warn, "Does not end in a root").with_icon("triangle-alert"),
        };
        let nodes = chain.links.iter().enumerate().map(|(depth, link)| node(depth, link, now));
        Self { badge, missing: chain.missing.clone(), nodes: nodes.rev().collect() }
    }
}

fn node(depth: usize, link: &ChainLink, now: OffsetDateTime) -> Node {
    let certificate = &link.certificate;
    let key = words::key(&certificate.key().to_string());
    let kind = match (depth, x509::chain::is_self_signed(certificate)) {
        (0, true) => "This certificate, signed by itself".to_owned(),
        (0, false) => "This certificate".to_owned(),
        (_, true) => format!("Root, {key}"),
        (_, false) => format!("Intermediate, {key}"),
    };
    Node {
        href: link.id.filter(|_| depth > 0).map(urls::certificate),
        name: certificate.primary_name(),
        note: kind,
        moment: phrases::moment(certificate.not_after()),
        date: phrases::date(certificate.not_after()),
        tone: Tone::of_end(certificate.not_after(), now),
        is_authority: certificate.is_ca(),
        is_this: depth == 0,
        sha256: hex::encode(certificate.sha256()),
    }
}
