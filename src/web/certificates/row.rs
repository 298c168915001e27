//! One line of a list of certificates.

use std::collections::HashMap;

use time::OffsetDateTime;

use crate::{
    store::certificates::{Entry, Status},
    web::{
        parts::{Badge, Life, Tone},
        urls,
    },
};

use super::words;

/// What a list shows of an entry.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its page.
    pub href: String,
    /// The form that changes whose it is.
    pub edit: String,
    /// What people call it; hostile text.
    pub name: String,
    /// How many names it has besides.
    pub more_names: usize,
    /// Its issuer, or why it cannot be read; hostile text.
    pub origin: String,
    /// How it stands.
    pub badge: Badge,
    /// Its life, if that is known.
    pub life: Option<Life>,
    /// Whose it is.
    pub owner: Option<String>,
    /// The team, as [`Row::called`] was told or else by its slug; hostile text.
    pub team: Option<String>,
    /// Where it is used.
    pub environment: String,
    /// Kind and size of its key.
    pub key: String,
}

impl Row {
    /// The line of `entry` as it stands at `now`.
    pub fn new(entry: &Entry, now: OffsetDateTime) -> Self {
        let status = entry.status(now);
        let life = life(entry, now);
        let tone = life.as_ref().map_or(Tone::Mute, |life| life.tone);
        Self {
            href: urls::certificate(entry.id),
            edit: urls::certificate_part(entry.id, "edit"),
            name: entry.name.clone(),
            more_names: more_names(entry),
            origin: origin(entry),
            badge: Badge::of_status(status.as_str(), tone),
            life,
            owner: entry.owner.clone(),
            team: entry.team.clone(),
            environment: entry.environment.clone().unwrap_or_default(),
            key: words::key(&entry.key),
        }
    }

    /// The same with the name of its team.
    pub fn called(mut self, teams: &HashMap<String, String>) -> Self {
        self.team = self.team.map(|slug| teams.get(&slug).cloned().unwrap_or(slug));
        self
    }

    /// Whose it is on a narrow screen.
    pub fn whose(&self) -> &str {
        self.owner.as_deref().or(self.team.as_deref()).unwrap_or("No owner")
    }
}

/// The bar of an entry whose dates are known; muted where its end alarms nobody.
pub(super) fn life(entry: &Entry, now: OffsetDateTime) -> Option<Life> {
    let life = Life::new(entry.not_before?, entry.ends()?, now);
    let alarms = matches!(entry.status(now), Status::Valid | Status::Expiring | Status::Expired);
    Some(if alarms { life } else { life.muted() })
}

fn more_names(entry: &Entry) -> usize {
    let is_listed =
        entry.sans.iter().any(|san| san.split_once(':').is_some_and(|(_, name)| name == entry.name));
    entry.sans.len().saturating_sub(usize::from(is_listed))
}

fn origin(entry: &Entry) -> String {
    match &entry.unreadable {
        Some(reason) => reason.clone(),
        None if entry.is_self_signed => "Self-signed".to_owned(),
        None => entry.issuer_name.clone(),
    }
}
