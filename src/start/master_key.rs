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
/// The bit of a directory where everybody removes only what they own.
const STICKY: u32 = 0o1000;

/// The key from `NOTAFTER_MASTER_KEY`, or from a file of mode 0600 in the data directory, made when missing.
///
/// # Errors
/// A key file that others may read or own, or a key that is not 32 bytes in base64.
pub(super) fn load(config: &Config) -> anyhow::Result<(MasterKey, Option<String>)> {
    if let Some(text) = &config.master_key {
        let key = MasterKey::from_base64(VERSION, text)
            .map_err(|error| anyhow::anyhow!("NOTAFTER_MASTER_KEY: {error}"))?;
        return Ok((key, None));
    }
    look_at(&config.data_dir)?;
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

/// Whoever may write beside the key may put another in its place. Said, not refused: the folder may be all that a container was given.
fn look_at(path: &Path) -> anyhow::Result<()> {
    let directory = std::fs::metadata(path).with_context(|| format!("cannot look at {}", path.display()))?;
    let mode = directory.mode() & 0o7777;
    let is_open = mode & 0o022 != 0 && mode & STICKY == 0;
    if is_open || !is_trusted(directory.uid()) {
        tracing::warn!(
            folder = %path.display(),
            owner = directory.uid(),
            mode = format!("{mode:o}"),
            "others may write where the master key is; NOTAFTER_DATA_DIR should belong to whoever runs the console, mode 700"
        );
    }
    Ok(())
}

/// Ourselves, and root, who can do everything anyhow.
fn is_trusted(owner: u32) -> bool {
    owner == 0 || owner == rustix::process::geteuid().as_raw()
}

fn read(path: &Path) -> anyhow::Result<Option<SecretString>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
    };
    let metadata = file.metadata()?;
    ensure!(
        is_trusted(metadata.uid()),
        "{} belongs to user {}; run this as that user, or give the file to this one with chown",
        path.display(),
        metadata.uid()
    );
    let mode = metadata.mode() & 0o777;
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

#[cfg(test)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::{PermissionsExt, chown},
        path::PathBuf,
    };

    use super::*;

    const NOBODY: u32 = 65534;

    /// A data directory of its own, removed at the end.
    struct DataDir(PathBuf);

    impl DataDir {
        fn new() -> DataDir {
            let path = std::env::temp_dir().join(format!("notafter-key-{}", uuid::Uuid::now_v7().simple()));
            fs::create_dir(&path).unwrap();
            DataDir(path).mode("", 0o700)
        }

        fn mode(self, name: &str, mode: u32) -> DataDir {
            fs::set_permissions(self.0.join(name), Permissions::from_mode(mode)).unwrap();
            self
        }

        fn load(&self) -> anyhow::Result<(MasterKey, Option<String>)> {
            let setting = ("NOTAFTER_DATA_DIR".to_owned(), self.0.to_str().unwrap().to_owned());
            load(&Config::from_pairs([setting]).unwrap())
        }
    }

    impl Drop for DataDir {
        fn drop(&mut self) {
            let _gone = fs::remove_dir_all(&self.0);
        }
    }

    fn refusal(folder: &DataDir) -> String {
        folder.load().map(|_key| ()).unwrap_err().to_string()
    }

    #[test]
    fn a_key_is_made_once_and_read_again() {
        let folder = DataDir::new();
        assert!(folder.load().unwrap().1.is_some());
        assert!(folder.load().unwrap().1.is_none());
        assert!(refusal(&folder.mode(FILE, 0o640)).contains("make it 0600"));
    }

    #[test]
    fn a_key_of_somebody_else_is_refused() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let folder = DataDir::new();
        folder.load().unwrap();
        chown(folder.0.join(FILE), Some(NOBODY), None).unwrap();
        assert!(refusal(&folder).contains("belongs to user 65534"));
    }
}
