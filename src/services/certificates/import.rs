//! Import: one upload, one transaction, one truthful row for each thing that was found.
//!
//! Reading happens before the transaction and off the async threads; storing happens under the inventory's lock, so that of two people who
//! import the same file the second is told that everything is known. Up to a hundred new certificates get an audit event each, a larger
//! batch gets one for every five hundred with their fingerprints.

use std::{collections::HashMap, sync::Arc};

use secrecy::SecretString;
use serde_json::json;
use zeroize::Zeroizing;

use crate::{
    app::App,
    services::{Actor, Permission, Reach, Result, reading::off_thread},
    store::{
        Tx,
        alerts::sweeps,
        audit::Event,
        certificates::{
            import::{self as rows, Known, NewEntry},
            lineage::supersede,
        },
    },
    x509::{Certificate, bundle::Found},
};

use super::{
    fields::{self, Fields, Typed},
    keys, lineage,
    lineage::{Lineage, Links},
    linking::{self, Stored},
    read::{Kind, Read, sort},
    report::{Outcome, Report, Row},
};

/// The most things in one upload through a page or the API; the command line streams any number in batches.
pub const MAX_ENTRIES: usize = 2_000;
/// The most bytes of one upload.
pub const MAX_BYTES: usize = 10 << 20;
/// Up to so many new certificates get an audit event each.
const SINGLE_EVENTS: usize = 100;
/// How many fingerprints one audit event of a batch names.
const FINGERPRINTS: usize = 500;

/// Which door the certificates came through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The page.
    Import,
    /// The API.
    Api,
    /// The command line.
    Cli,
}

impl Source {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Import => "import",
            Source::Api => "api",
            Source::Cli => "cli",
        }
    }
}

/// One file, or what was pasted.
pub struct Upload {
    /// What the person calls it; used in the report only.
    pub file_name: String,
    /// Its content, which may hold a private key.
    pub bytes: Zeroizing<Vec<u8>>,
    /// Opens PKCS#12, key stores and encrypted keys.
    pub password: Option<SecretString>,
}

/// What is said about everything in an import; empty text means nothing.
#[derive(Debug, Clone)]
pub struct Options {
    /// The door.
    pub source: Source,
    /// Slug of the team that will own the certificates.
    pub team: String,
    /// Mail address.
    pub owner: String,
    /// Such as `production`.
    pub environment: String,
    /// Free labels.
    pub tags: Vec<String>,
    /// Seal and keep private keys that are found; needs [`Permission::KeysImport`].
    pub keep_keys: bool,
}

impl Options {
    /// Says nothing about what comes in.
    pub fn of(source: Source) -> Self {
        Self {
            source,
            team: String::new(),
            owner: String::new(),
            environment: String::new(),
            tags: Vec::new(),
            keep_keys: false,
        }
    }
}

/// Reads and stores one upload. Nothing of it is stored when it is refused.
///
/// # Errors
/// `Invalid("files")` names the file when nothing in it can be read, its password is wrong or a limit is passed.
pub async fn import(app: &App, actor: &Actor, upload: Upload, options: &Options) -> Result<Report> {
    super::files::import_all(app, actor, vec![upload], options).await
}

/// Stores one batch of a longer stream, as the command line reads it; batches of 1,000 to 10,000 are quick.
pub async fn import_batch(
    app: &App,
    actor: &Actor,
    file_name: &str,
    found: Vec<Found>,
    options: &Options,
) -> Result<Report> {
    let fields = begin(app, actor, options).await?;
    let file = file_name.to_owned();
    let reads = off_thread(app, actor.user(), move || {
        found.into_iter().map(|found| sort(&file, found)).collect::<Vec<_>>()
    })
    .await?;
    keep(app, actor, file_name, reads, options, fields).await
}

/// What [`import_batch`] would do and say, without doing it: the ids of new entries in the report belong to nobody.
pub async fn rehearse_batch(
    app: &App,
    actor: &Actor,
    file_name: &str,
    found: Vec<Found>,
    options: &Options,
) -> Result<Report> {
    let fields = begin(app, actor, options).await?;
    let file = file_name.to_owned();
    let reads = off_thread(app, actor.user(), move || {
        found.into_iter().map(|found| sort(&file, found)).collect::<Vec<_>>()
    })
    .await?;
    // The write is dropped, so it never happened.
    let (report, _, _) = prepare(app, actor, file_name, reads, options, fields, app.now()).await?;
    Ok(report)
}

pub(super) async fn begin(app: &App, actor: &Actor, options: &Options) -> Result<Fields> {
    actor.require(Permission::CertificatesWrite)?;
    if options.keep_keys {
        actor.require(Permission::KeysImport)?;
    }
    let typed = Typed {
        owner: &options.owner,
        team: &options.team,
        environment: &options.environment,
        tags: &options.tags,
        note: "",
    };
    fields::check(app, actor, typed).await
}

/// A new certificate on its way into the inventory, and which row of the report it is.
struct Fresh {
    row: usize,
    certificate: Option<Arc<Certificate>>,
}

/// Everything that one transaction needs to know.
struct Batch<'a> {
    app: &'a App,
    actor: &'a Actor,
    file: &'a str,
    options: &'a Options,
    fields: Fields,
    now: time::OffsetDateTime,
}

pub(super) async fn keep(
    app: &App,
    actor: &Actor,
    file: &str,
    reads: Vec<Read>,
    options: &Options,
    fields: Fields,
) -> Result<Report> {
    let now = app.now();
    let (report, mut tx, events) = prepare(app, actor, file, reads, options, fields, now).await?;
    // Without an event nothing was written, and there is nothing to commit.
    if let [first, rest @ ..] = events.as_slice() {
        // Whoever owns what ends soon is told at once. Last, since it locks the waiting job.
        sweeps::enqueue(tx.conn(), now).await?;
        tx.commit_all(first.clone(), rest).await?;
    }
    Ok(report)
}

/// Everything but the commit.
async fn prepare(
    app: &App,
    actor: &Actor,
    file: &str,
    reads: Vec<Read>,
    options: &Options,
    fields: Fields,
    now: time::OffsetDateTime,
) -> Result<(Report, Tx, Vec<Event>)> {
    let batch = Batch { app, actor, file, options, fields, now };
    let mut tx = Tx::begin(&app.pool).await?;
    rows::lock(&mut tx).await?;
    let digests: Vec<Vec<u8>> = reads.iter().filter_map(Read::digest).map(|digest| digest.to_vec()).collect();
    let known = rows::known(&mut tx, actor.reach().as_sql(), &digests).await?;
    let (mut report, mut fresh, mut entries, found_keys) = batch.separate(reads, known);
    let mut events = batch.store(&mut tx, &mut report, &mut fresh, &mut entries).await?;
    for (row, key) in found_keys {
        let (outcome, event) = keys::keep(&mut tx, &batch.key_choice(), key).await?;
        events.extend(event);
        if let Some(row) = report.rows.get_mut(row) {
            row.outcome = Outcome::PrivateKey(outcome);
        }
    }
    Ok((report, tx, events))
}

type Separated = (Report, Vec<Fresh>, Vec<NewEntry>, Vec<(usize, keys::Found)>);

impl Batch<'_> {
    fn key_choice(&self) -> keys::Choice<'_> {
        keys::Choice {
            ring: &self.app.keys,
            actor: self.actor,
            keep: self.options.keep_keys,
            team: self.fields.team_id,
            now: self.now,
        }
    }

    /// Tells new from known and repeated; each row of the report has a first outcome.
    fn separate(&self, reads: Vec<Read>, known: Vec<Known>) -> Separated {
        let known: HashMap<Vec<u8>, Known> =
            known.into_iter().map(|known| (known.sha256.clone(), known)).collect();
        let mut seen: HashMap<[u8; 32], String> = HashMap::new();
        let (mut report, mut fresh, mut entries, mut found_keys) = Separated::default();
        for (row, read) in reads.into_iter().enumerate() {
            let sha256 = read.digest();
            let before = sha256.and_then(|sha256| {
                let outcome = known.get(sha256.as_slice()).map(outcome_of_known);
                outcome.or_else(|| seen.get(&sha256).map(|first| Outcome::Repeated { first: first.clone() }))
            });
            if let Some(sha256) = sha256 {
                let here = if read.file == self.file {
                    read.place.clone()
                } else {
                    format!("{}, {}", read.file, read.place)
                };
                seen.entry(sha256).or_insert(here);
            }
            let outcome = match (before, read.kind) {
                (Some(before), _) => before,
                (None, Kind::Settled(outcome)) => outcome,
                (None, Kind::Key(key)) => {
                    found_keys.push((row, key));
                    Outcome::PrivateKey(super::KeyOutcome::NotStored)
                }
                (None, Kind::Certificate(certificate, entry)) => {
                    fresh.push(Fresh { row, certificate });
                    entries.push(self.described(*entry));
                    Outcome::KnownElsewhere
                }
            };
            report.rows.push(Row { file: read.file, place: read.place, name: read.name, sha256, outcome });
        }
        (report, fresh, entries, found_keys)
    }

    fn described(&self, entry: NewEntry) -> NewEntry {
        NewEntry {
            owner: self.fields.owner.clone(),
            team_id: self.fields.team_id,
            environment: self.fields.environment.clone(),
            tags: self.fields.tags.clone(),
            ..entry
        }
    }

    /// Inserts the new ones, marks what they supersede, and says so in the report.
    async fn store(
        &self,
        tx: &mut Tx,
        report: &mut Report,
        fresh: &mut [Fresh],
        entries: &mut [NewEntry],
    ) -> Result<Vec<Event>> {
        if entries.is_empty() {
            return Ok(Vec::new());
        }
        let reach = self.actor.reach().as_sql();
        let certificates: Vec<Option<Arc<Certificate>>> =
            fresh.iter().map(|one| one.certificate.clone()).collect();
        let lineage = lineage::find(tx, reach, entries, &certificates, self.now).await?;
        lineage.inherit(entries, *self.actor.reach() == Reach::All);
        let inserted = rows::insert(tx, entries, self.options.source.as_str(), self.now).await?;
        let ids: Vec<Option<i64>> = inserted.into_iter().map(|id| id.map(|id| id.0)).collect();
        supersede(tx, &lineage.ids(&ids), self.now).await?;
        let stored: Vec<Stored<'_>> = ids
            .iter()
            .zip(entries.iter())
            .zip(&certificates)
            .map(|((id, entry), certificate)| Stored { id: *id, entry, certificate: certificate.clone() })
            .collect();
        let places = linking::places(tx, reach, &stored).await?;
        for (position, (one, (place, children))) in fresh.iter().zip(places).enumerate() {
            let (Some(Some(id)), Some(entry)) = (ids.get(position), entries.get(position)) else { continue };
            let Links { supersedes, leaves, superseded_by } = lineage.links(position, entries, &ids);
            let outcome = match &entry.unreadable {
                Some(reason) => Outcome::KeptUnreadable { id: *id, reason: reason.clone() },
                None => Outcome::New { id: *id, place, children, supersedes, leaves, superseded_by },
            };
            if let Some(row) = report.rows.get_mut(one.row) {
                row.outcome = outcome;
            }
        }
        Ok(self.events(entries, &ids, &lineage))
    }

    /// What the audit log is told.
    fn events(&self, entries: &[NewEntry], ids: &[Option<i64>], lineage: &Lineage) -> Vec<Event> {
        let stored: Vec<(i64, &NewEntry)> =
            ids.iter().zip(entries).filter_map(|(id, entry)| Some(((*id)?, entry))).collect();
        let mut events: Vec<Event> = match stored.len() {
            ..=SINGLE_EVENTS => stored.iter().map(|(id, entry)| self.imported(*id, entry)).collect(),
            _ => stored.chunks(FINGERPRINTS).map(|part| self.imported_many(part, stored.len())).collect(),
        };
        // One for each, since they may belong to several teams, and each certificate's history tells its own.
        events.extend(lineage.replaced(entries, ids).map(|old| {
            let event = self.actor.event("certificate.superseded", old.name);
            event.on(old.id).of_team(old.team_id).with(json!({ "file": self.file }))
        }));
        events
    }

    fn imported(&self, id: i64, entry: &NewEntry) -> Event {
        self.actor.event("certificate.imported", entry.name.clone()).on(id).of_team(entry.team_id).with(
            json!({
                "sha256": hex::encode(entry.sha256),
                "file": self.file,
                "source": self.options.source.as_str(),
                "owner": entry.owner,
                "environment": entry.environment,
                "tags": entry.tags,
            }),
        )
    }

    fn imported_many(&self, part: &[(i64, &NewEntry)], whole: usize) -> Event {
        let fingerprints: Vec<String> = part.iter().map(|(_, entry)| hex::encode(entry.sha256)).collect();
        let object = format!("{} of {whole} certificates", part.len());
        self.actor.event("certificates.imported", object).of_team(self.fields.team_id).with(json!({
            "file": self.file,
            "source": self.options.source.as_str(),
            "certificates": part.len(),
            "sha256": fingerprints,
        }))
    }
}

fn outcome_of_known(known: &Known) -> Outcome {
    if known.in_reach {
        Outcome::Known { id: known.id, added_at: known.added_at }
    } else {
        Outcome::KnownElsewhere
    }
}
