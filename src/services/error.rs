//! One vocabulary of failure for all doors: a public sentence, a private source. Each door maps it once.

use std::time::Duration;

use crate::store;

/// A field of a form or a JSON body, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// Name of the field as the form and the API call it.
    pub field: &'static str,
    /// A sentence for the person who typed it.
    pub message: String,
}

impl FieldError {
    /// Says `message` about `field`.
    pub fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

/// Why a service did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the actor may not know that there is (S7).
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The actor's role does not reach this far; the text says which role does.
    #[error("{0}")]
    Forbidden(String),
    /// The act wants a password given within the last five minutes (S5).
    #[error("confirm your password first")]
    StepUp,
    /// The input is wrong, field by field.
    #[error("{}", .0.iter().map(|e| e.message.as_str()).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<FieldError>),
    /// The thing has changed, or exists already.
    #[error("{0}")]
    Conflict(String),
    /// A rule says no, and trying again will not help.
    #[error("{0}")]
    Refused(String),
    /// Too many tries; come back later.
    #[error("too many tries, wait {} seconds", .0.as_secs().max(1))]
    Limited(Duration),
    /// Something we depend on is away; trying again will help.
    #[error("{0}")]
    Unavailable(String),
    /// A defect of ours. The source is for the log.
    #[error("an unexpected fault")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// One wrong field.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError::new(field, message)])
    }

    /// A defect, kept for the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Conflict(name) => Error::Conflict(format!("this exists already ({name})")),
            store::Error::Retry(_) | store::Error::Unavailable(_) => {
                tracing::warn!(error = %error, "the database did not answer in time");
                Error::Unavailable("the database is not available; nothing was changed".into())
            }
            store::Error::Full(_) => {
                tracing::error!(error = %error, "the disk of the database is full");
                Error::Unavailable("the disk of the database is full; nothing was changed".into())
            }
            store::Error::Text(_) => Error::invalid("text", "a text with a zero character cannot be kept"),
            store::Error::Lost(_) => Error::Conflict(error.to_string()),
            other => Error::internal(other),
        }
    }
}
