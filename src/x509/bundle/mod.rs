//! Detects and reads whatever certificates come in: PEM in any mix, DER, PKCS#7, PKCS#12, Java key stores.
//!
//! Content decides, not the label and never a file name. One bad block does not lose the others: it becomes
//! [`Thing::Unreadable`] with its place and the reason. All that is read is bounded: bytes, entries, nesting, and the
//! password iterations that a file may ask for.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::private_key::Format;
use super::{jks, pem, pkcs7, pkcs12};

use reading::Reading;

mod reading;
mod stream;

pub use crate::x509::pbe::Work;
pub use stream::Stream;

/// What one reading may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most entries found, certificates and others together.
    pub entries: usize,
    /// The most bytes in one certificate, request or key, and in one PEM block, decoded.
    pub block: usize,
    /// The most bytes of input.
    pub whole: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 2_000, block: pem::MAX_BLOCK, whole: 10 << 20 }
    }
}

/// One thing found, and where.
#[derive(Debug)]
pub struct Found {
    /// Such as `PEM block 2, line 41`, `entry 3` or `alias web`.
    pub place: String,
    /// What it is.
    pub thing: Thing,
}

/// What was found. Its `Debug` shows sizes, never content.
pub enum Thing {
    /// A certificate that x509-parser reads.
    Certificate(Vec<u8>),
    /// A certificate request (PKCS#10).
    CertificateRequest(Vec<u8>),
    /// A certificate revocation list.
    CertificateList(Vec<u8>),
    /// A private key.
    PrivateKey {
        /// As it was found, or decrypted if the password opened it.
        der: Zeroizing<Vec<u8>>,
        /// How it is written down.
        format: Format,
        /// Whether it still needs a password.
        encrypted: bool,
    },
    /// Something that cannot be read.
    Unreadable {
        /// What it calls itself or looks like.
        label: String,
        /// Why it cannot be read.
        reason: String,
        /// The bytes, for a fingerprint; empty where they may hold a secret or could not be decoded.
        bytes: Vec<u8>,
    },
}

impl fmt::Debug for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Certificate(der) => write!(f, "Certificate({} bytes)", der.len()),
            Self::CertificateRequest(der) => write!(f, "CertificateRequest({} bytes)", der.len()),
            Self::CertificateList(der) => write!(f, "CertificateList({} bytes)", der.len()),
            Self::PrivateKey { format, encrypted, .. } => {
                write!(f, "PrivateKey({format}, encrypted: {encrypted})")
            }
            Self::Unreadable { label, reason, bytes } => {
                write!(f, "Unreadable({label}: {reason}, {} bytes)", bytes.len())
            }
        }
    }
}

/// Why nothing was read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Nothing but white space.
    #[error("the input is empty")]
    Empty,
    /// None of the known formats.
    #[error(
        "nothing was recognised: looked for certificates, certificate requests, revocation lists and private keys \
         in PEM, DER, base64, PKCS#7, PKCS#12 and Java key stores"
    )]
    Unrecognised,
    /// The container needs a password and none was given.
    #[error("the file needs a password")]
    PasswordNeeded,
    /// The password given does not open the container.
    #[error("the password is wrong, or the file was changed after it was written")]
    WrongPassword,
    /// Opening the container would cost more than it may.
    #[error("the file asks for {iterations} password iterations, more than a file may cost to open")]
    TooMuchWork {
        /// What the file asks for.
        iterations: u64,
    },
    /// More entries than the limit.
    #[error("the input holds more than {limit} certificates and other entries")]
    TooMany {
        /// The limit.
        limit: usize,
    },
    /// More bytes than the limit.
    #[error("{what} is larger than {limit} bytes")]
    TooLarge {
        /// `the input`, or the place of the block.
        what: String,
        /// The limit.
        limit: usize,
    },
    /// The container was recognised and cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

impl From<pkcs12::Error> for Error {
    fn from(error: pkcs12::Error) -> Self {
        match error {
            pkcs12::Error::PasswordNeeded => Self::PasswordNeeded,
            pkcs12::Error::WrongPassword => Self::WrongPassword,
            pkcs12::Error::TooMuchWork(iterations) => Self::TooMuchWork { iterations },
            pkcs12::Error::TooMany(limit) => Self::TooMany { limit },
            pkcs12::Error::Unsupported(_) | pkcs12::Error::Malformed(_) => {
                Self::Unreadable(error.to_string())
            }
        }
    }
}

impl From<pkcs7::Error> for Error {
    fn from(error: pkcs7::Error) -> Self {
        match error {
            pkcs7::Error::TooMany(limit) => Self::TooMany { limit },
            pkcs7::Error::Malformed(_) | pkcs7::Error::NotSignedData => Self::Unreadable(error.to_string()),
        }
    }
}

impl From<jks::Error> for Error {
    fn from(error: jks::Error) -> Self {
        match error {
            jks::Error::WrongPassword => Self::WrongPassword,
            jks::Error::TooMany(limit) => Self::TooMany { limit },
            jks::Error::Jceks | jks::Error::Malformed(_) | jks::Error::AliasTooLong => {
                Self::Unreadable(error.to_string())
            }
        }
    }
}

/// Reads everything that `bytes` hold, in order and with duplicates.
///
/// `password` opens PKCS#12, checks Java key stores and opens encrypted PKCS#8 keys where it fits. Opening may take a
/// second of computing: call it where that holds up nobody.
///
/// # Errors
/// When nothing can be read at all, or a limit is passed; see [`Error`].
pub fn read(bytes: &[u8], password: Option<&str>, limits: Limits) -> Result<Vec<Found>, Error> {
    read_within(bytes, password, limits, &Work::new())
}

/// As [`read`], spending what several inputs share: many files of one form cost no more than one may.
///
/// # Errors
/// Those of [`read`].
pub fn read_within(
    bytes: &[u8],
    password: Option<&str>,
    limits: Limits,
    work: &Work,
) -> Result<Vec<Found>, Error> {
    if bytes.len() > limits.whole {
        return Err(Error::TooLarge { what: "the input".to_owned(), limit: limits.whole });
    }
    if bytes
        .iter()
        .all(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0xef | 0xbb | 0xbf | 0xff | 0xfe))
    {
        return Err(Error::Empty);
    }
    Reading::new(password, limits, work.clone()).everything(bytes)
}
