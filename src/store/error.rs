//! What can go wrong between us and PostgreSQL. Absence is not among it: lookups answer `Option`.

/// A database operation that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A unique constraint refused the row; the name is the constraint's.
    #[error("conflict on {0}")]
    Conflict(String),
    /// A serialisation failure, a lock or statement time-out: the same act may succeed when tried again.
    #[error("the database asks to try again: {0}")]
    Retry(#[source] sqlx::Error),
    /// The database's disk is full.
    #[error("the disk of the database is full: {0}")]
    Full(#[source] sqlx::Error),
    /// A text with a zero character, which PostgreSQL cannot hold. Whoever sent it is told so, unless a service named the field before.
    #[error("a text cannot be kept: {0}")]
    Text(#[source] sqlx::Error),
    /// The database cannot be reached, is starting or stopping, or has no memory or connection left.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// Anything else; a defect of ours.
    #[error("database: {0}")]
    Database(#[source] sqlx::Error),
    /// The job is in other hands: whoever held it was too slow, or a person cancelled it. Nothing was written.
    #[error("job {0} belongs to another worker now")]
    Lost(i64),
    /// An export stopped before its last row.
    #[error("the export was cut short")]
    CutShort,
    /// A stored value that no longer says what it must.
    #[error("stored {what} is damaged: {reason}")]
    Damaged {
        /// Table, column and row.
        what: String,
        /// Why it cannot be used.
        reason: String,
    },
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(database) => match database.code().as_deref() {
                Some("23505") => Error::Conflict(database.constraint().unwrap_or("unique").to_owned()),
                Some("40001" | "40P01" | "55P03" | "57014") => Error::Retry(error),
                Some("53100") => Error::Full(error),
                Some("22021" | "22P05") => Error::Text(error),
                // Class 53: out of memory or connections. 57P0x: shutting down or starting. 25006: read-only standby.
                Some(code)
                    if code.starts_with("53")
                        || code.starts_with("57P")
                        || code.starts_with("08")
                        || code == "25006" =>
                {
                    Error::Unavailable(error)
                }
                _ => Error::Database(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => Error::Unavailable(error),
            _ => Error::Database(error),
        }
    }
}
