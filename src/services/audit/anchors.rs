//! Anchors: heads of the chain noted outside the database, so that a tail cut off, or a chain written anew, shows.
//!
//! One JSON line each in `audit-anchors.jsonl` of the data directory (mode 0600, append only), with an authentication code under a key that
//! the database does not hold. Copying that file elsewhere is what makes it worth something against whoever owns this machine too.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    app::App,
    crypto::master_key::MacKey,
    services::{Error, Result},
    store::audit::seals::{self, Head},
};

/// The file's name in the data directory.
pub const FILE: &str = "audit-anchors.jsonl";

/// A noted head.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// When it was noted, RFC 3339.
    pub at: String,
    /// How far the chain reached.
    pub seq: i64,
    /// Its digest there, hex.
    pub hash: String,
    /// HMAC-SHA-256 over `seq`, `hash` and `at`, hex.
    pub mac: String,
}

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Anchors {
    /// Those whose code is right, in the file's order.
    pub genuine: Vec<Anchor>,
    /// Line numbers whose code is wrong or that cannot be read.
    pub altered: Vec<usize>,
}

impl Anchor {
    fn new(key: &MacKey, head: &Head, now: OffsetDateTime) -> Anchor {
        let at = now.format(&Rfc3339).unwrap_or_default();
        let hash = hex::encode(head.hash);
        let mac = hex::encode(key.sign(message(&at, head.seq, &hash).as_bytes()));
        Anchor { at, seq: head.seq, hash, mac }
    }

    fn is_genuine(&self, key: &MacKey) -> bool {
        let code = hex::decode(&self.mac).unwrap_or_default();
        key.verify(message(&self.at, self.seq, &self.hash).as_bytes(), &code)
    }
}

fn message(at: &str, seq: i64, hash: &str) -> String {
    format!("{seq} {hash} {at}")
}

/// Where the anchors are.
pub fn path(app: &App) -> PathBuf {
    app.config.data_dir.join(FILE)
}

/// Notes the head, unless it is the one noted last. Answers whether a line was added.
pub async fn note(app: &App) -> Result<bool> {
    let Some(head) = seals::head(&app.queue_pool).await? else { return Ok(false) };
    let key = key(app);
    let noted = read_file(&path(app), &key)?;
    if noted.genuine.last().is_some_and(|last| last.seq == head.seq && last.hash == hex::encode(head.hash)) {
        return Ok(false);
    }
    // A chain that lost what was noted last is not vouched for: `verify` says so until a person looked.
    if let Some(last) = noted.genuine.last() {
        let there = seals::links(&app.queue_pool, last.seq - 1, 1).await?;
        if there.first().is_none_or(|link| link.seq != last.seq || hex::encode(&link.hash) != last.hash) {
            tracing::error!(
                place = last.seq,
                "the audit log does not hold what was noted of it; run notafter audit verify"
            );
            return Ok(false);
        }
    }
    let mut line = serde_json::to_string(&Anchor::new(&key, &head, app.now())).map_err(Error::internal)?;
    line.push('\n');
    append(&path(app), &line).map_err(Error::internal)?;
    Ok(true)
}

/// All anchors of this machine.
pub fn read(app: &App) -> Result<Anchors> {
    read_file(&path(app), &key(app))
}

fn key(app: &App) -> MacKey {
    app.keys.current().mac_key("audit anchor")
}

/// One write call of a short line: two processes never mix theirs.
fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_data()
}

fn read_file(path: &Path, key: &MacKey) -> Result<Anchors> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Error::internal(error)),
    };
    let mut anchors = Anchors::default();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_str::<Anchor>(line) {
            Ok(anchor) if anchor.is_genuine(key) => anchors.genuine.push(anchor),
            _ => anchors.altered.push(number + 1),
        }
    }
    Ok(anchors)
}
