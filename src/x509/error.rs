//! What can be wrong with bytes that should be an X.509 object.

/// Why bytes are not the object they were read as; the caller may still keep their fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The structure is broken; `reason` names the field where that is known.
    #[error("{object} is unreadable: {reason}")]
    Unreadable {
        /// Which kind of object was expected.
        object: &'static str,
        /// What is wrong, and in which field.
        reason: String,
    },
    /// There are bytes after the end of the object.
    #[error("{extra} bytes follow the end of the {object}")]
    Trailing {
        /// Which kind of object was expected.
        object: &'static str,
        /// How many bytes follow.
        extra: usize,
    },
    /// The object is larger than this software reads.
    #[error("{object} of {size} bytes is larger than {limit} bytes")]
    TooLarge {
        /// Which kind of object was expected.
        object: &'static str,
        /// Its size in bytes.
        size: usize,
        /// The largest size that is read.
        limit: usize,
    },
}

impl Error {
    pub(crate) fn unreadable(object: &'static str, reason: impl Into<String>) -> Error {
        Error::Unreadable { object, reason: reason.into() }
    }
}
