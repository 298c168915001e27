//! `certificates import`: files, folders, live folders and standard input, any number of certificates in flat memory.
//!
//! One thread reads, the other stores: each batch is a transaction of its own with its audit events. What cannot be read is named, and the
//! rest goes on.

mod layout;
mod places;
mod reading;
mod telling;

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use clap::Args;
use secrecy::SecretString;
use tokio::sync::mpsc;

use crate::{
    app::App,
    cli::{Out, certificates::wrong_fields, inspect::password},
    services::{
        Actor,
        certificates::{KeyOutcome, Options, Outcome, Report, Row, Source, import_batch, rehearse_batch},
    },
    x509::bundle::Found,
};

use self::{
    places::{Place, Places, places},
    reading::Piece,
    telling::Telling,
};

/// How many fingerprints of this import are remembered, to tell what is repeated from what was known before.
const REMEMBERED: usize = 200_000;

/// Read certificates into the inventory.
///
/// PEM in any mix and of any length, DER, PKCS#7, PKCS#12 and Java key stores. Folders are read to their ends without what is hidden; live
/// folders of certbot, acme.sh, lego and dehydrated are recognised, and their keys are not opened. Requests, revocation lists and keys are
/// named and not stored. Exit code 1 when something could not be read, after everything else was imported.
#[derive(Debug, Args)]
pub struct Import {
    /// Files and folders; - is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Mail address of who looks after them
    #[arg(long, value_name = "E", default_value = "")]
    owner: String,
    /// Slug of the team that owns them
    #[arg(long, value_name = "T", default_value = "")]
    team: String,
    /// Such as production
    #[arg(long, visible_alias = "env", value_name = "X", default_value = "")]
    environment: String,
    /// Free label; may be given several times
    #[arg(long, value_name = "T")]
    tag: Vec<String>,
    /// File holding the password of PKCS#12 files, Java key stores and encrypted keys
    #[arg(long, value_name = "F")]
    password_file: Option<PathBuf>,
    /// Seal and keep private keys that are found
    #[arg(long)]
    keep_keys: bool,
    /// Say what would happen and store nothing
    #[arg(long)]
    dry_run: bool,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Imports everything and says what happened.
///
/// # Errors
/// Wrong options before anything is read; that something could not be read, after everything else was stored.
pub async fn run(app: &App, actor: &Actor, command: &Import, out: Out<'_>) -> anyhow::Result<()> {
    let options = Options {
        owner: command.owner.clone(),
        team: command.team.clone(),
        environment: command.environment.clone(),
        tags: command.tag.clone(),
        keep_keys: command.keep_keys,
        ..Options::of(Source::Cli)
    };
    if let Err(error) = import_batch(app, actor, "", Vec::new(), &options).await {
        return Err(wrong_fields(app, actor, error).await);
    }
    let password = command.password_file.as_ref().map(password).transpose()?.map(Arc::new);
    let paths = command.paths.clone();
    let found = tokio::task::spawn_blocking(move || places(&paths)).await?;
    let bytes = found.places.iter().filter(|place| !place.is_key).map(|place| place.size).sum();
    let telling = Telling::begin(out, command.json, command.dry_run, bytes)?;
    let mut importing =
        Importing { app, actor, options, password, dry_run: command.dry_run, seen: HashSet::new(), telling };
    // What was stored before a fault is told too.
    let done = importing.everything(found).await;
    let unreadable = importing.telling.end(done.is_ok())?;
    done?;
    match unreadable {
        0 => Ok(()),
        1 => anyhow::bail!("1 thing could not be read; everything else was dealt with"),
        n => anyhow::bail!("{n} things could not be read; everything else was dealt with"),
    }
}

/// An import under way.
struct Importing<'a> {
    app: &'a App,
    actor: &'a Actor,
    options: Options,
    password: Option<Arc<SecretString>>,
    dry_run: bool,
    seen: HashSet<[u8; 32]>,
    telling: Telling<'a>,
}

impl Importing<'_> {
    async fn everything(&mut self, found: Places) -> anyhow::Result<()> {
        for (layout, lies_in) in &found.live {
            self.telling.live(&layout.to_string(), lies_in)?;
        }
        for (path, reason) in found.faults {
            let outcome = Outcome::Unreadable { reason };
            self.telling.rows(&[about(path.display().to_string(), outcome)])?;
        }
        for place in found.places {
            if place.is_key && !self.options.keep_keys {
                let outcome = Outcome::PrivateKey(KeyOutcome::NotStored);
                self.telling.rows(&[about(place.path.display().to_string(), outcome)])?;
            } else {
                self.place(place).await?;
            }
        }
        Ok(())
    }

    /// Reads one place on another thread and stores what it sends, batch by batch.
    async fn place(&mut self, place: Place) -> anyhow::Result<()> {
        let file = match place.path.as_os_str() == "-" {
            true => "standard input".to_owned(),
            false => place.path.display().to_string(),
        };
        let (sender, mut pieces) = mpsc::channel(1);
        let (password, bar) = (self.password.clone(), self.telling.bar.clone());
        let reading = tokio::task::spawn_blocking(move || {
            reading::read(&place, password.as_deref(), &bar, |piece| sender.blocking_send(piece).is_ok());
        });
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::Things(found) => self.batch(&file, found).await?,
                Piece::Failed(reason) => {
                    self.telling.rows(&[about(file.clone(), Outcome::Unreadable { reason })])?;
                }
                Piece::Foreign => self.telling.skipped(),
            }
        }
        Ok(reading.await?)
    }

    async fn batch(&mut self, file: &str, found: Vec<Found>) -> anyhow::Result<()> {
        let (app, actor, options) = (self.app, self.actor, &self.options);
        let Report { mut rows } = match self.dry_run {
            true => rehearse_batch(app, actor, file, found, options).await?,
            false => import_batch(app, actor, file, found, options).await?,
        };
        for row in &mut rows {
            self.settle(row);
        }
        self.telling.rows(&rows)
    }

    /// What an earlier batch of this very import brought is repeated, not known from before.
    fn settle(&mut self, row: &mut Row) {
        let Some(sha256) = row.sha256 else { return };
        let was_here = self.seen.contains(&sha256);
        if was_here && !matches!(row.outcome, Outcome::Repeated { .. }) {
            row.outcome = Outcome::Repeated { first: "one before it in this import".to_owned() };
        } else if self.seen.len() < REMEMBERED {
            self.seen.insert(sha256);
        }
    }
}

/// A row about a whole file.
fn about(file: String, outcome: Outcome) -> Row {
    Row { file, place: String::new(), name: String::new(), sha256: None, outcome }
}
