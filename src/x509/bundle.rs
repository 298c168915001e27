//! Detects and reads whatever certificates come in: PEM in any mix, DER, PKCS#7, PKCS#12, Java key stores.
//!
//! Content decides, not the label and never a file name. One bad block does not lose the others: it becomes
//! [`Thing::Unreadable`] with its place and the reason. All that is read is bounded: bytes, entries, nesting, and the
//! password iterations that a file may ask for.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::ber::{self, Reader, SEQUENCE};
use super::pbe::{Password, Work};
use super::pem::{self, Blocks, Body};
use super::private_key::{self, Format};
use super::probe::{self, Kind};
use super::{jks, pkcs7, pkcs12};

/// What one reading may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most entries found, certificates and others together.
    pub entries: usize,
    /// The most bytes in one PEM block, decoded.
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
        /// As it was found, or decrypted if the password opened it. Of a damaged file it may be ciphertext.
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
/// `password` opens PKCS#12, checks Java key stores and opens encrypted PKCS#8 keys where it fits.
///
/// # Errors
/// When nothing can be read at all, or a limit is passed; see [`Error`].
pub fn read(bytes: &[u8], password: Option<&str>, limits: Limits) -> Result<Vec<Found>, Error> {
    if bytes.len() > limits.whole {
        return Err(Error::TooLarge { what: "the input".to_owned(), limit: limits.whole });
    }
    if bytes
        .iter()
        .all(|byte| byte.is_ascii_whitespace() || matches!(byte, 0 | 0xef | 0xbb | 0xbf | 0xff | 0xfe))
    {
        return Err(Error::Empty);
    }
    let mut reading = Reading { password, limits, work: Work::new(), found: Vec::new() };
    let recognised = if jks::is_store(bytes) {
        reading.java(bytes)?;
        true
    } else if bytes.first() == Some(&SEQUENCE) && reading.der(bytes)? {
        true
    } else if pem::is_armoured(bytes) {
        reading.pem(bytes)?;
        !reading.found.is_empty()
    } else if let Some(der) = pem::decode_bare(bytes) {
        reading.der(&der)?
    } else {
        false
    };
    if recognised { Ok(reading.found) } else { Err(Error::Unrecognised) }
}

struct Reading<'a> {
    password: Option<&'a str>,
    limits: Limits,
    work: Work,
    found: Vec<Found>,
}

impl Reading<'_> {
    fn push(&mut self, place: &str, thing: Thing) -> Result<(), Error> {
        if self.found.len() >= self.limits.entries {
            return Err(Error::TooMany { limit: self.limits.entries });
        }
        self.found.push(Found { place: place.to_owned(), thing });
        Ok(())
    }

    fn unreadable(&mut self, place: &str, label: &str, reason: String, bytes: &[u8]) -> Result<(), Error> {
        let thing = Thing::Unreadable { label: label.to_owned(), reason, bytes: bytes.to_vec() };
        self.push(place, thing)
    }

    /// One or several values one behind the other; false if the first is nothing that is known.
    fn der(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        if bytes.get(1) == Some(&0x80) {
            let Ok(definite) = ber::to_definite(bytes) else { return Ok(false) };
            return Ok(self.value(&definite, "entry 1")? || !self.found.is_empty());
        }
        let mut reader = Reader::new(bytes);
        for number in 1_usize.. {
            let place = format!("entry {number}");
            let rest = reader.rest();
            match reader.any() {
                _ if rest.is_empty() => break,
                Ok(element) if element.tag == SEQUENCE => {
                    if !self.value(element.whole, &place)? {
                        if number == 1 {
                            return Ok(false);
                        }
                        self.unreadable(&place, "DER", "it is not of a known kind".to_owned(), &[])?;
                    }
                }
                Err(error) if probe::begins_like_one(rest) => {
                    let bytes = if probe::begins_public(rest) { rest } else { &[] };
                    self.unreadable(&place, "DER", error.to_string(), bytes)?;
                    break;
                }
                _ if number == 1 => return Ok(false),
                _ => {
                    let reason = format!("{} bytes follow that are not DER", rest.len());
                    self.unreadable(&place, "DER", reason, &[])?;
                    break;
                }
            }
        }
        Ok(true)
    }

    /// One value of whatever kind; false if it is none that is known.
    fn value(&mut self, der: &[u8], place: &str) -> Result<bool, Error> {
        match probe::probe(der) {
            Kind::Certificate => self.push(place, Thing::Certificate(der.to_vec()))?,
            Kind::CertificateRequest => self.push(place, Thing::CertificateRequest(der.to_vec()))?,
            Kind::CertificateList => self.push(place, Thing::CertificateList(der.to_vec()))?,
            Kind::PrivateKey(format) => self.key(place, Zeroizing::new(der.to_vec()), format)?,
            Kind::Damaged { label, reason } => self.unreadable(place, label, reason, der)?,
            Kind::Pkcs7 => self.pkcs7(der, place)?,
            Kind::Pkcs12 => self.pkcs12(der, place)?,
            Kind::Unknown => return Ok(false),
        }
        Ok(true)
    }

    /// A value that its container says is a certificate or a list: if it is not, it is named, not dropped.
    fn member(&mut self, der: &[u8], place: &str, label: &str) -> Result<(), Error> {
        match probe::probe(der) {
            Kind::Certificate | Kind::CertificateList | Kind::CertificateRequest | Kind::Damaged { .. } => {
                self.value(der, place).map(drop)
            }
            _ => self.unreadable(place, label, "it is not what its container says it is".to_owned(), der),
        }
    }

    fn key(&mut self, place: &str, der: Zeroizing<Vec<u8>>, format: Format) -> Result<(), Error> {
        if format == Format::EncryptedPkcs8
            && let Some(password) = self.password
            && let Ok(der) = private_key::open(&der, &Password::new(password), &mut self.work)
        {
            return self.push(place, Thing::PrivateKey { der, format: Format::Pkcs8, encrypted: false });
        }
        let encrypted = private_key::is_encrypted(&der, format);
        self.push(place, Thing::PrivateKey { der, format, encrypted })
    }

    fn pkcs7(&mut self, der: &[u8], place: &str) -> Result<(), Error> {
        let contents = pkcs7::read(der).map_err(|error| Error::Unreadable(error.to_string()))?;
        let place = |number: usize| format!("{}entry {number}", inside(place));
        let mut number = 0;
        for (members, label) in [(&contents.certificates, "CERTIFICATE"), (&contents.lists, "X509 CRL")] {
            for member in members {
                number += 1;
                self.member(member, &place(number), label)?;
            }
        }
        if contents.others > 0 || number == 0 {
            let reason = match contents.others {
                0 => "the PKCS#7 bundle holds no certificates".to_owned(),
                others => format!("{others} entries of the PKCS#7 bundle are not X.509 certificates"),
            };
            self.unreadable(&place(number + 1), "PKCS7", reason, &[])?;
        }
        Ok(())
    }

    fn pkcs12(&mut self, der: &[u8], place: &str) -> Result<(), Error> {
        let room = self.limits.entries.saturating_sub(self.found.len());
        let bags = pkcs12::read(der, self.password, room, &mut self.work).map_err(|error| match error {
            pkcs12::Error::TooMany(_) => Error::TooMany { limit: self.limits.entries },
            other => other.into(),
        })?;
        for (bag, number) in bags.into_iter().zip(1_usize..) {
            let name = bag.alias.map_or_else(|| format!("entry {number}"), |alias| named(&alias));
            let place = format!("{}{name}", inside(place));
            match bag.content {
                pkcs12::Content::Certificate(der) => self.member(&der, &place, "CERTIFICATE")?,
                pkcs12::Content::CertificateList(der) => self.member(&der, &place, "X509 CRL")?,
                pkcs12::Content::PrivateKey { der, encrypted } => {
                    let format = if encrypted { Format::EncryptedPkcs8 } else { Format::Pkcs8 };
                    self.push(&place, Thing::PrivateKey { der, format, encrypted })?;
                }
                pkcs12::Content::Unreadable(reason) => self.unreadable(&place, "PKCS12", reason, &[])?,
            }
        }
        Ok(())
    }

    fn java(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for entry in jks::read(bytes, self.password, self.limits.entries)? {
            let place = named(&entry.alias);
            if let Some(der) = entry.key {
                self.push(&place, Thing::PrivateKey { der, format: Format::Java, encrypted: true })?;
            }
            for certificate in &entry.certificates {
                self.member(certificate, &place, "CERTIFICATE")?;
            }
        }
        Ok(())
    }

    fn pem(&mut self, bytes: &[u8]) -> Result<(), Error> {
        for block in Blocks::new(bytes, self.limits.block) {
            let block = block.map_err(|error| Error::Unreadable(error.to_string()))?;
            let place = block.place();
            // Parameters stand beside the keys that OpenSSL writes and say nothing of their own.
            if block.label.ends_with("PARAMETERS") {
                continue;
            }
            match block.body {
                Body::Der(der) => self.block(&place, &block.label, der)?,
                Body::LegacyEncrypted(der) => {
                    self.push(
                        &place,
                        Thing::PrivateKey { der, format: Format::LegacyEncrypted, encrypted: true },
                    )?;
                }
                Body::Damaged(reason) => self.unreadable(&place, &block.label, reason, &[])?,
                Body::TooLarge => return Err(Error::TooLarge { what: place, limit: self.limits.block }),
            }
        }
        Ok(())
    }

    fn block(&mut self, place: &str, label: &str, der: Zeroizing<Vec<u8>>) -> Result<(), Error> {
        if let Some(format) = private_key::format(&der) {
            return self.key(place, der, format);
        }
        if label.contains("PRIVATE KEY") {
            return self.unreadable(place, label, "it is not a private key of a known form".to_owned(), &[]);
        }
        let definite = ber::to_definite(&der);
        let der = match (label, &definite) {
            // OpenSSL's trust settings follow the certificate.
            ("TRUSTED CERTIFICATE", _) => {
                Reader::new(&der).any().map_or(der.as_slice(), |element| element.whole)
            }
            (_, Ok(definite)) => definite,
            (_, Err(error)) => {
                let bytes = if probe::begins_public(&der) { der.as_slice() } else { &[] };
                return self.unreadable(place, label, error.to_string(), bytes);
            }
        };
        match self.value(der, place) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let reason = "it is not a certificate, request, revocation list or private key".to_owned();
                self.unreadable(place, label, reason, &[])
            }
            Err(error @ (Error::TooMany { .. } | Error::TooLarge { .. })) => Err(error),
            Err(error) => self.unreadable(place, label, error.to_string(), &[]),
        }
    }
}

/// The place of a container as a prefix for what is in it: none if it is the whole input.
fn inside(place: &str) -> String {
    if place == "entry 1" { String::new() } else { format!("{place}, ") }
}

/// A place by alias, without what would disturb a page or a terminal.
fn named(alias: &str) -> String {
    let is_unruly = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let clean: String = alias.chars().map(|c| if is_unruly(c) { '\u{fffd}' } else { c }).take(128).collect();
    format!("alias {clean}")
}
