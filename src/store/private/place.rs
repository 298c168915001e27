//! Where the private cluster lives on disk, and who may enter.
//!
//! The cluster folder is ours and holds `data/` and `run/` of the PostgreSQL user, `hba.conf` and `ident.conf`
//! that this user reads but cannot change. The log and the lock stay in the data directory. As root we never
//! write inside a folder of the other user, so it cannot lead our writes elsewhere by a link.
//!
//! Two things may have to live elsewhere, and each is recorded where it is looked for first: the cluster, when the
//! data directory lies below a folder that the PostgreSQL user may not enter (such as /root); the socket folder,
//! when its path is longer than a socket address can hold.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, chown, fchown, lchown};
use std::path::{Path, PathBuf};

use rustix::process::geteuid;

use crate::crypto::random;

use super::account::Account;
use super::error::{Error, file};

/// Home of clusters that cannot live in their data directory.
const ELSEWHERE: &str = "/var/lib/notafter";

/// Longest socket folder: 104 bytes of address on the strictest system, less `/.s.PGSQL.5432` and the final zero.
const MAX_SOCKET_FOLDER: usize = 89;

/// The folders and files of one private cluster, all absolute.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub cluster: PathBuf,
    pub sockets: PathBuf,
    pub log: PathBuf,
    /// What an operator should know, as plain sentences.
    pub notices: Vec<String>,
}

impl Place {
    pub fn data(&self) -> PathBuf {
        self.cluster.join("data")
    }

    pub fn hba(&self) -> PathBuf {
        self.cluster.join("hba.conf")
    }

    pub fn ident(&self) -> PathBuf {
        self.cluster.join("ident.conf")
    }

    /// Held by every process that uses the server.
    pub fn in_use(&self) -> PathBuf {
        self.cluster.join("in_use.lock")
    }
}

/// Makes the data directory when it is missing, and gives its absolute path.
pub(super) fn data_dir(path: &Path) -> Result<PathBuf, Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(file("make the data directory", path))?;
    path.canonicalize().map_err(file("read", path))
}

/// The folder of the cluster as recorded, or where it would go first.
pub(super) fn recorded_cluster(data_dir: &Path) -> Result<PathBuf, Error> {
    let record = record_of(data_dir);
    let Some(cluster) = read_line(&record)?.map(PathBuf::from) else {
        return Ok(data_dir.join("postgres"));
    };
    match cluster.is_dir() {
        true => Ok(cluster),
        false => Err(Error::ClusterGone { record, cluster }),
    }
}

/// Prepares every folder for the user that will run PostgreSQL.
pub(super) fn prepare(data_dir: &Path, account: &Account) -> Result<Place, Error> {
    let mut cluster = recorded_cluster(data_dir)?;
    if !cluster.exists() && !open_way(data_dir, account)? {
        cluster = settle_elsewhere(data_dir)?;
    }
    // Root keeps the folder itself and lets the user's group pass; otherwise it is all ours.
    make_folder(&cluster, 0o700)?;
    if account.switched {
        chown(&cluster, None, Some(account.gid)).map_err(file("hand over", &cluster))?;
        fs::set_permissions(&cluster, Permissions::from_mode(0o710)).map_err(file("open", &cluster))?;
    }
    let mut notices = Vec::new();
    if !cluster.starts_with(data_dir) {
        notices.push(format!(
            "the database lives in {}, because user {} may not enter {}",
            cluster.display(),
            account.name,
            data_dir.display()
        ));
    }
    let sockets = socket_folder(&cluster, account)?;
    if !sockets.starts_with(&cluster) {
        notices.push(format!(
            "PostgreSQL listens in {}, because the path of the data directory is too long for a socket",
            sockets.display()
        ));
    }
    let log = data_dir.join("postgres.log");
    Ok(Place { cluster, sockets, log, notices })
}

/// Whether `account` can reach the data directory; grants its group the way through the directory itself when
/// that takes nothing from anybody.
fn open_way(data_dir: &Path, account: &Account) -> Result<bool, Error> {
    if account.reaches(data_dir) {
        return Ok(true);
    }
    let above = data_dir.parent().is_none_or(|parent| account.reaches(parent));
    let metadata = fs::metadata(data_dir).map_err(file("read", data_dir))?;
    if !above || metadata.uid() != geteuid().as_raw() || metadata.mode() & 0o070 != 0 {
        return Ok(false);
    }
    chown(data_dir, None, Some(account.gid)).map_err(file("hand over", data_dir))?;
    let mode = (metadata.mode() & 0o7777) | 0o010;
    fs::set_permissions(data_dir, Permissions::from_mode(mode)).map_err(file("open", data_dir))?;
    Ok(true)
}

/// Picks a fresh folder under [`ELSEWHERE`] and records it in the data directory.
fn settle_elsewhere(data_dir: &Path) -> Result<PathBuf, Error> {
    make_folder(Path::new(ELSEWHERE), 0o711)?;
    let cluster = Path::new(ELSEWHERE).join(random::hex::<8>());
    make_folder(&cluster, 0o700)?;
    write_file(&record_of(data_dir), 0o600, None, &format!("{}\n", cluster.display()))?;
    Ok(cluster)
}

fn record_of(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres.location")
}

/// `run/` in the cluster, or a short folder of random name where that path is too long.
fn socket_folder(cluster: &Path, account: &Account) -> Result<PathBuf, Error> {
    let near = cluster.join("run");
    if near.as_os_str().len() <= MAX_SOCKET_FOLDER {
        own_folder(&near, account)?;
        return Ok(near);
    }
    let record = cluster.join("sockets.location");
    if let Some(folder) = read_line(&record)?.map(PathBuf::from) {
        // A restart of the machine empties /run, and then anybody may have taken the name in /tmp.
        if is_own_folder(&folder, account) {
            return Ok(folder);
        }
    }
    let base = ["/run", "/tmp"].into_iter().map(Path::new).find(|base| is_writable(base));
    let folder = base.unwrap_or(Path::new("/tmp")).join(format!("notafter-{}", random::hex::<8>()));
    own_folder(&folder, account)?;
    write_file(&record, 0o600, None, &format!("{}\n", folder.display()))?;
    Ok(folder)
}

fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK | rustix::fs::Access::EXEC_OK).is_ok()
}

fn is_own_folder(folder: &Path, account: &Account) -> bool {
    fs::symlink_metadata(folder).is_ok_and(|metadata| {
        metadata.is_dir() && metadata.uid() == account.uid && metadata.mode() & 0o077 == 0
    })
}

/// A folder that the PostgreSQL user owns and nobody else enters.
pub(super) fn own_folder(folder: &Path, account: &Account) -> Result<(), Error> {
    make_folder(folder, 0o700)?;
    match account.switched {
        true => lchown(folder, Some(account.uid), Some(account.gid)).map_err(file("hand over", folder)),
        false => Ok(()),
    }
}

/// Makes a folder with this mode unless it exists as a real folder.
fn make_folder(folder: &Path, mode: u32) -> Result<(), Error> {
    match DirBuilder::new().mode(mode).create(folder) {
        Ok(()) => fs::set_permissions(folder, Permissions::from_mode(mode)).map_err(file("open", folder)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => match fs::symlink_metadata(folder) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            _ => Err(file("make the folder", folder)(error)),
        },
        Err(error) => Err(file("make the folder", folder)(error)),
    }
}

/// Writes a file whole: beside it first, then in its place.
pub(super) fn write_file(path: &Path, mode: u32, group: Option<u32>, text: &str) -> Result<(), Error> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(file("replace", &beside)(error)),
        _ => {}
    }
    let mut open = OpenOptions::new();
    let mut new =
        open.write(true).create_new(true).mode(mode).open(&beside).map_err(file("write", &beside))?;
    new.write_all(text.as_bytes()).map_err(file("write", &beside))?;
    if group.is_some() {
        fchown(&new, None, group).map_err(file("hand over", &beside))?;
    }
    new.set_permissions(Permissions::from_mode(mode)).map_err(file("open", &beside))?;
    new.sync_all().map_err(file("write", &beside))?;
    fs::rename(&beside, path).map_err(file("replace", path))
}

/// The first line of a file, or `None` where there is no file.
pub(super) fn read_line(path: &Path) -> Result<Option<String>, Error> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(text.lines().next().map(|line| line.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file("read", path)(error)),
    }
}
