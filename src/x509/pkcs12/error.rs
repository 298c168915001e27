//! Why a PKCS#12 file cannot be read.

use crate::x509::{ber, pbe};

/// Why a file cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The file is closed and no password was given.
    #[error("the PKCS#12 file needs a password")]
    PasswordNeeded,
    /// The password given does not open the file.
    #[error("the password does not open the PKCS#12 file")]
    WrongPassword,
    /// Opening the file would cost more than it may.
    #[error("the PKCS#12 file asks for {0} password iterations, more than a file may cost to open")]
    TooMuchWork(u64),
    /// More bags than the caller takes.
    #[error("the PKCS#12 file holds more than {0} certificates and keys")]
    TooMany(usize),
    /// Valid, but with something that is not implemented.
    #[error("the PKCS#12 file cannot be read: {0}")]
    Unsupported(String),
    /// The structure is broken.
    #[error("the PKCS#12 file is damaged: {0}")]
    Malformed(String),
}

impl From<ber::Error> for Error {
    fn from(error: ber::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl From<pbe::Error> for Error {
    fn from(error: pbe::Error) -> Self {
        match error {
            pbe::Error::WrongPassword => Self::WrongPassword,
            pbe::Error::TooMuchWork(iterations) => Self::TooMuchWork(iterations),
            pbe::Error::Unsupported(_) => Self::Unsupported(error.to_string()),
            pbe::Error::Malformed(error) => error.into(),
        }
    }
}
