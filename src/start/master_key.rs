//! Finds the master key and makes sure that it is the one that sealed what the database holds (S18, S19).

use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
};

use anyhow::{Context, bail, ensure};
use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::{
    clock::Clock,
    config::Config,
    crypto::master_key::MasterKey,
    services::Actor,
    store::{self, Tx},
};

const FILE: &str = "master.key";
const CHECK: &str = "master_key_check";
const VERSION: u32 = 1;

/// The key from `NOTAFTER_MASTER_KEY`, or from a file of mode 0600 in the data directory, made when missing.
///
/// # Errors
/// A key file that others may read, or a key that is not 32 bytes in base64.
pub(super) fn load(config: &Config) -> anyhow::Result<(MasterKey, Option<String>)> {
    if let Some(text) = &config.master_key {
        let key = MasterKey::from_base64(VERSION, text)
            .map_err(|error| anyhow::anyhow!("NOTAFTER_MASTER_KEY: {error}"))?;
        return Ok((key, None));
    }
    let path = config.data_dir.join(FILE);
    match read(&path)? {
        Some(text) => {
            let key = MasterKey::from_base64(VERSION, &text)
                .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
            Ok((key, None))
        }
        None => {
            let key = MasterKey::generate(VERSION);
            write(&path, &key)?;
            let notice = format!(
                "made a master key in {}; keep a copy of it apart from the database's backups",
                path.display()
            );
            Ok((key, Some(notice)))
        }
    }
}

fn read(path: &Path) -> anyhow::Result<Option<SecretString>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let mode = file.metadata()?.mode() & 0o777;
    ensure!(mode & 0o077 == 0, "{} may be read by others (mode {mode:o}); make it 0600", path.display());
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(SecretString::from(text.trim().to_owned())))
}

/// Written whole under another name first, so that a crash leaves no half key.
fn write(path: &Path, key: &MasterKey) -> anyhow::Result<()> {
    let fresh = path.with_extension(format!("new.{}", std::process::id()));
    let made = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
        writeln!(file, "{}", key.to_base64().expose_secret())?;
        file.sync_all()?;
        std::fs::hard_link(&fresh, path)
    };
    let done = made();
    let _ = std::fs::remove_file(&fresh);
    done.with_context(|| format!("cannot make {}", path.display()))
}

/// Compares the key with the check value that the database keeps; the first start keeps it.
///
/// # Errors
/// Another key than the one that sealed the database's secrets.
pub(super) async fn verify(pool: &sqlx::PgPool, clock: &dyn Clock, key: &MasterKey) -> anyhow::Result<()> {
    if let Some(stored) = store::settings::find(pool, CHECK).await? {
        return compare(&stored, key);
    }
    let mut tx = Tx::begin(pool).await?;
    let value = json!({ "version": key.version(), "check": STANDARD.encode(key.check_value()) });
    if store::settings::insert_once(&mut tx, CHECK, &value, clock.now()).await? {
        tx.commit(Actor::System.event("master_key.set", format!("version {}", key.version()))).await?;
        return Ok(());
    }
    // Another process was first; its key must be ours.
    match store::settings::find(pool, CHECK).await? {
        Some(stored) => compare(&stored, key),
        None => bail!("the check value of the master key is neither there nor can it be kept"),
    }
}

fn compare(stored: &Value, key: &MasterKey) -> anyhow::Result<()> {
    let check = stored
        .get("check")
        .and_then(Value::as_str)
        .and_then(|text| STANDARD.decode(text).ok())
        .unwrap_or_default();
    ensure!(
        key.verify_check(&check),
        "this master key is not the one that sealed the secrets in this database; give the right one in NOTAFTER_MASTER_KEY or {FILE}"
    );
    Ok(())
}
