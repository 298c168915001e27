//! What can go wrong with a PostgreSQL server of our own, each as a sentence that says what to do next.

use std::io;
use std::path::PathBuf;

/// Why the private PostgreSQL server could not be started, reached or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No folder holds both `postgres` and `initdb`.
    #[error(
        "no PostgreSQL server programs were found (looked in {looked}): install them (`apt-get install postgresql`), \
         name their folder in NOTAFTER_PG_BIN, or set DATABASE_URL to a server of yours"
    )]
    NoBinaries {
        /// Where was looked, for the reader.
        looked: String,
    },
    /// The folder named by the operator holds no server.
    #[error("NOTAFTER_PG_BIN names {folder}, which holds no working `postgres` and `initdb`")]
    BadBinaries {
        /// The folder as given.
        folder: PathBuf,
    },
    /// The cluster on disk was made by a version that is not installed.
    #[error(
        "the database in {cluster} was made by PostgreSQL {made_by}, but only version {found} is installed: install \
         PostgreSQL {made_by} (or name its folder in NOTAFTER_PG_BIN), or restore a backup into an empty data directory"
    )]
    VersionMismatch {
        /// Folder of the cluster.
        cluster: PathBuf,
        /// Major version written in `PG_VERSION`.
        made_by: String,
        /// Major versions that are installed.
        found: String,
    },
    /// All servers found are too old.
    #[error("PostgreSQL {found} is too old: version {least} or newer is needed")]
    TooOld {
        /// Major version found.
        found: u32,
        /// Least major version.
        least: u32,
    },
    /// PostgreSQL refuses to run as root and there is nobody else.
    #[error(
        "PostgreSQL does not run as root and this machine has no user `postgres`: create one \
         (`useradd --system postgres`), start notafter as another user, or set DATABASE_URL"
    )]
    NoServiceUser,
    /// The user id has no name; PostgreSQL insists on one.
    #[error(
        "user id {uid} has no name on this machine, and PostgreSQL needs one: add it to /etc/passwd or set DATABASE_URL"
    )]
    NamelessUser {
        /// The numeric user id.
        uid: u32,
    },
    /// The cluster belongs to somebody else and we may not switch to them.
    #[error("the database in {cluster} belongs to user id {owner}: start notafter as that user or as root")]
    ForeignCluster {
        /// Folder of the cluster.
        cluster: PathBuf,
        /// Its owner.
        owner: u32,
    },
    /// The record in the data directory names a folder that is gone.
    #[error(
        "{record} says that the database lives in {cluster}, which is not there: bring the folder back, or remove \
         {record} to begin with an empty database"
    )]
    ClusterGone {
        /// The record's file.
        record: PathBuf,
        /// The folder it names.
        cluster: PathBuf,
    },
    /// What a running server kept its data in is gone: nothing is made in its place.
    #[error("the database in {cluster} is gone; bring the folder back and start the console again")]
    DataGone {
        /// The folder of the cluster.
        cluster: PathBuf,
    },
    /// Whoever wanted the server started does not want it any more.
    #[error("the start was called off")]
    Dismissed,
    /// The server gave up while starting.
    #[error("PostgreSQL stopped while starting; its last words in {log} were: {tail}")]
    Died {
        /// The log file.
        log: PathBuf,
        /// The last lines of the log.
        tail: String,
    },
    /// Making a new cluster failed.
    #[error("initdb could not make a database in {cluster}: {tail}")]
    InitFailed {
        /// The folder.
        cluster: PathBuf,
        /// What initdb said.
        tail: String,
    },
    /// A server runs but does not answer.
    #[error(
        "PostgreSQL (process {pid}) runs on {cluster} but does not answer: see {log}, or stop it with `kill -INT {pid}`"
    )]
    Silent {
        /// Its process id.
        pid: i32,
        /// Folder of the cluster.
        cluster: PathBuf,
        /// The log file.
        log: PathBuf,
    },
    /// The server does not stop.
    #[error("PostgreSQL (process {pid}) did not stop within a minute: see {log}")]
    DoesNotStop {
        /// Its process id.
        pid: i32,
        /// The log file.
        log: PathBuf,
    },
    /// Another process of ours is starting or stopping the server and does not finish.
    #[error("another notafter process holds {lock} while it starts or stops PostgreSQL and does not finish")]
    Busy {
        /// The lock file.
        lock: PathBuf,
    },
    /// A name that cannot be a database's.
    #[error("`{name}` is no name for a database: use 1 to 63 of a-z, 0-9 and _, not beginning with a digit")]
    BadName {
        /// The name as given.
        name: String,
    },
    /// A file or folder could not be read, made or changed.
    #[error("cannot {act} {path}: {source}")]
    File {
        /// What was tried, as a verb.
        act: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A statement of ours failed on the server.
    #[error("PostgreSQL refused to {act}: {source}")]
    Sql {
        /// What was tried, as a verb with its object.
        act: String,
        /// The server's reason.
        source: sqlx::Error,
    },
}

/// Turns an IO error into one that names the act and the path.
pub(super) fn file(act: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Error {
    let path = path.into();
    move |source| Error::File { act, path, source }
}

/// Turns a database error into one that names the act.
pub(super) fn sql(act: impl Into<String>) -> impl FnOnce(sqlx::Error) -> Error {
    let act = act.into();
    move |source| Error::Sql { act, source }
}
