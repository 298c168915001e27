//! What an import says: one line for each thing that happened and a summary, or the same as JSON; and progress on a terminal.

use std::{fmt::Write as _, io, path::Path};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::{
    cli::{Out, is_terminal},
    services::certificates::{KeyOutcome, Outcome, Row, wire::ImportRow},
    x509::visible,
};

/// How often each thing happened.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    dry_run: bool,
    new: usize,
    supersedes: usize,
    known: usize,
    repeated: usize,
    kept_unreadable: usize,
    unreadable: usize,
    certificate_requests: usize,
    certificate_lists: usize,
    private_keys_stored: usize,
    private_keys_not_stored: usize,
    /// Files of a folder in which nothing was recognised.
    skipped_files: usize,
    /// Live folders, such as `certbot in /etc/letsencrypt/live`.
    live_folders: Vec<String>,
}

/// Says it. A reader that goes away ends the printing and not the import.
pub struct Telling<'a> {
    out: Out<'a>,
    as_json: bool,
    is_heard: bool,
    has_rows: bool,
    /// Moves as bytes are read.
    pub bar: ProgressBar,
    summary: Summary,
}

impl<'a> Telling<'a> {
    /// Begins to tell about `bytes` bytes; 0 when nobody knows how many.
    pub fn begin(out: Out<'a>, as_json: bool, dry_run: bool, bytes: u64) -> anyhow::Result<Self> {
        let summary = Summary { dry_run, ..Summary::default() };
        let mut telling = Self { out, as_json, is_heard: true, has_rows: false, bar: bar(bytes), summary };
        if as_json {
            telling.say("{\"rows\": [")?;
        } else if dry_run {
            telling.say("dry run: nothing is stored\n")?;
        }
        Ok(telling)
    }

    /// A live folder was recognised.
    pub fn live(&mut self, layout: &str, lies_in: &Path) -> anyhow::Result<()> {
        let lies_in = lies_in.display().to_string();
        self.summary.live_folders.push(format!("{layout} in {lies_in}"));
        if self.as_json {
            return Ok(());
        }
        let lies_in = visible(&lies_in);
        self.say(&format!("live folders of {layout} in {lies_in}: the private keys there are left alone\n"))
    }

    /// A file in which nothing was recognised.
    pub fn skipped(&mut self) {
        self.summary.skipped_files += 1;
    }

    /// What became of some things.
    pub fn rows(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        let mut text = String::new();
        for row in rows {
            self.count(&row.outcome);
            if self.as_json {
                let separator = if std::mem::replace(&mut self.has_rows, true) { ",\n" } else { "\n" };
                write!(text, "{separator}{}", serde_json::to_string(&self.object(row))?)?;
            } else {
                writeln!(text, "{}", line(row))?;
            }
        }
        self.say(&text)
    }

    /// The summary, of a part when a fault ended the import; afterwards, how many things could not be read.
    pub fn end(mut self, is_whole: bool) -> anyhow::Result<usize> {
        self.bar.finish_and_clear();
        let text = match self.as_json {
            true => format!("\n], \"summary\": {}}}\n", serde_json::to_string(&self.summary)?),
            false => self.summary.sentence(is_whole),
        };
        self.say(&text)?;
        Ok(self.summary.unreadable)
    }

    /// Ids that a rehearsal gave out belong to nobody.
    fn object(&self, row: &Row) -> ImportRow {
        let object = ImportRow::from(row);
        match row.outcome {
            Outcome::New { .. } | Outcome::KeptUnreadable { .. } if self.summary.dry_run => {
                ImportRow { id: None, supersedes: Vec::new(), superseded_by: None, ..object }
            }
            _ => object,
        }
    }

    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        if !self.is_heard {
            return Ok(());
        }
        match self.bar.suspend(|| self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush())) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.is_heard = false,
            other => other?,
        }
        Ok(())
    }

    fn count(&mut self, outcome: &Outcome) {
        let summary = &mut self.summary;
        let number = match outcome {
            Outcome::New { supersedes, .. } => {
                summary.supersedes += supersedes.len();
                &mut summary.new
            }
            Outcome::Known { .. } | Outcome::KnownElsewhere => &mut summary.known,
            Outcome::Repeated { .. } => &mut summary.repeated,
            Outcome::KeptUnreadable { .. } => &mut summary.kept_unreadable,
            Outcome::Unreadable { .. } => &mut summary.unreadable,
            Outcome::CertificateRequest => &mut summary.certificate_requests,
            Outcome::CertificateList => &mut summary.certificate_lists,
            Outcome::PrivateKey(KeyOutcome::Stored) => &mut summary.private_keys_stored,
            Outcome::PrivateKey(_) => &mut summary.private_keys_not_stored,
        };
        *number += 1;
    }
}

impl Summary {
    fn sentence(&self, is_whole: bool) -> String {
        let new = if self.dry_run { "would be new" } else { "new" };
        let parts = [
            (self.new, new, new),
            (self.supersedes, "older one superseded", "older ones superseded"),
            (self.known, "known already", "known already"),
            (self.repeated, "repeated in this import", "repeated in this import"),
            (self.kept_unreadable, "kept by its fingerprint", "kept by their fingerprints"),
            (self.unreadable, "not imported", "not imported"),
            (self.certificate_requests, "request not stored", "requests not stored"),
            (self.certificate_lists, "revocation list not stored", "revocation lists not stored"),
            (self.private_keys_stored, "private key sealed and kept", "private keys sealed and kept"),
            (self.private_keys_not_stored, "private key not stored", "private keys not stored"),
            (self.skipped_files, "file skipped as nothing known", "files skipped as nothing known"),
        ];
        let told: Vec<String> = parts
            .iter()
            .filter(|(n, ..)| *n > 0)
            .map(|(n, one, many)| format!("{n} {}", if *n == 1 { one } else { many }))
            .collect();
        match told.as_slice() {
            // The fault says the rest.
            [] if !is_whole => String::new(),
            [] => "nothing to import\n".to_owned(),
            told => format!("{}\n", told.join("; ")),
        }
    }
}

/// `file, place: name: what happened`.
fn line(row: &Row) -> String {
    let place = if row.place.is_empty() { String::new() } else { format!(", {}", visible(&row.place)) };
    let name = if row.name.is_empty() { String::new() } else { format!("{}: ", visible(&row.name)) };
    format!("{}{place}: {name}{}", visible(&row.file), row.sentence())
}

fn bar(bytes: u64) -> ProgressBar {
    if !is_terminal() {
        return ProgressBar::hidden();
    }
    let length = Some(bytes).filter(|bytes| *bytes > 0);
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr());
    match ProgressStyle::with_template("{bar:30} {bytes} of {total_bytes}, {eta} left") {
        Ok(style) if length.is_some() => bar.with_style(style),
        _ => bar,
    }
}
