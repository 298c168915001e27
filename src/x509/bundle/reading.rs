//! One reading: from bytes of an unknown kind to everything in them.

use zeroize::Zeroizing;

use super::{Error, Found, Limits, Thing};
use crate::x509::ber::{self, Reader, SEQUENCE};
use crate::x509::pbe::{Password, Work};
use crate::x509::pem::{self, Block, Blocks, Body};
use crate::x509::private_key::{self, Format};
use crate::x509::probe::{self, Kind};
use crate::x509::{jks, pkcs7, pkcs12, visible};

/// How much of an alias is worth showing.
const MAX_ALIAS: usize = 128;

/// What was found so far, and what may still be spent.
pub(super) struct Reading<'a> {
    password: Option<&'a str>,
    limits: Limits,
    work: Work,
    found: Vec<Found>,
}

impl<'a> Reading<'a> {
    pub(super) fn new(password: Option<&'a str>, limits: Limits, work: Work) -> Self {
        Self { password, limits, work, found: Vec::new() }
    }

    /// Tells the kind of the whole input and reads it.
    pub(super) fn everything(mut self, bytes: &[u8]) -> Result<Vec<Found>, Error> {
        let recognised = if jks::is_store(bytes) {
            self.java(bytes)?;
            true
        } else if bytes.first() == Some(&SEQUENCE) && self.der(bytes)? {
            true
        } else if pem::is_armoured(bytes) {
            self.pem(bytes)?;
            !self.found.is_empty()
        } else if let Some(der) = pem::decode_bare(bytes) {
            self.der(&der)?
        } else {
            false
        };
        if recognised { Ok(self.found) } else { Err(Error::Unrecognised) }
    }

    fn push(&mut self, place: &str, thing: Thing) -> Result<(), Error> {
        if self.found.len() >= self.limits.entries {
            return Err(Error::TooMany { limit: self.limits.entries });
        }
        self.found.push(Found { place: place.to_owned(), thing });
        Ok(())
    }

    /// How many more entries may be found.
    fn room(&self) -> usize {
        self.limits.entries.saturating_sub(self.found.len())
    }

    /// A container is told how much room is left; the person is told the limit.
    fn own_limit(&self, error: Error) -> Error {
        match error {
            Error::TooMany { .. } => Error::TooMany { limit: self.limits.entries },
            other => other,
        }
    }

    fn unreadable(&mut self, place: &str, label: &str, reason: String, bytes: &[u8]) -> Result<(), Error> {
        let thing = Thing::Unreadable { label: label.to_owned(), reason, bytes: bytes.to_vec() };
        self.push(place, thing)
    }

    /// One or several values one behind the other; false if the first is nothing that is known.
    fn der(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        if bytes.get(1) == Some(&0x80) {
            return ber::to_definite(bytes).map_or(Ok(false), |definite| self.value(&definite, FIRST));
        }
        let mut reader = Reader::new(bytes);
        let mut number = 0_usize;
        // White space at the end is what editors and transfers leave.
        while !reader.rest().trim_ascii().is_empty() {
            number += 1;
            let place = format!("entry {number}");
            let rest = reader.rest();
            let element = reader.any();
            let known = match &element {
                Ok(element) if number == 1 => self.value(element.whole, &place)?,
                Ok(element) => self.contained(element.whole, &place, "DER")?,
                Err(error) if probe::begins_like_one(rest) => {
                    self.unreadable(&place, "DER", error.to_string(), public(rest))?;
                    true
                }
                Err(_) => false,
            };
            if !known && number == 1 {
                return Ok(false);
            }
            if !known {
                let reason = "what follows here is nothing that is known".to_owned();
                self.unreadable(&place, "DER", reason, &[])?;
            }
            if !known || element.is_err() {
                break;
            }
        }
        Ok(number > 0)
    }

    /// As [`Self::value`], for one among others: what makes a whole file unreadable is a fault of this one only.
    fn contained(&mut self, der: &[u8], place: &str, label: &str) -> Result<bool, Error> {
        match self.value(der, place) {
            Err(Error::TooMany { limit }) => Err(Error::TooMany { limit }),
            Err(error) => self.unreadable(place, label, error.to_string(), &[]).map(|()| true),
            known => known,
        }
    }

    /// One value of whatever kind; false if it is none that is known.
    fn value(&mut self, der: &[u8], place: &str) -> Result<bool, Error> {
        match probe::probe(der, self.limits.block) {
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
        match probe::probe(der, self.limits.block) {
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
        let contents = pkcs7::read(der, self.room()).map_err(|error| self.own_limit(error.into()))?;
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
        let bags = pkcs12::read(der, self.password, self.room(), &mut self.work);
        let bags = bags.map_err(|error| self.own_limit(error.into()))?;
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
            self.pem_block(block.map_err(|error| Error::Unreadable(error.to_string()))?)?;
        }
        Ok(())
    }

    /// One block of a PEM text.
    pub(super) fn pem_block(&mut self, block: Block) -> Result<(), Error> {
        let place = block.place();
        // Parameters stand beside the keys that OpenSSL writes and say nothing of their own.
        if block.label.ends_with("PARAMETERS") {
            return Ok(());
        }
        match block.body {
            Body::Der(der) => self.block(&place, &block.label, der),
            Body::LegacyEncrypted(der) => {
                self.push(&place, Thing::PrivateKey { der, format: Format::LegacyEncrypted, encrypted: true })
            }
            Body::Damaged(reason) => self.unreadable(&place, &block.label, reason, &[]),
            Body::TooLarge => Err(Error::TooLarge { what: place, limit: self.limits.block }),
        }
    }

    /// Hands over what was found since the last time.
    pub(super) fn take(&mut self) -> Vec<Found> {
        std::mem::take(&mut self.found)
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
            (_, Err(error)) => return self.unreadable(place, label, error.to_string(), public(&der)),
        };
        if !self.contained(der, place, label)? {
            let reason = "it is not a certificate, request, revocation list or private key".to_owned();
            self.unreadable(place, label, reason, &[])?;
        }
        Ok(())
    }
}

/// The place of the only value in an input, which containers do not repeat.
const FIRST: &str = "entry 1";

/// The place of a container as a prefix for what is in it: none if it is the whole input.
fn inside(place: &str) -> String {
    if place == FIRST { String::new() } else { format!("{place}, ") }
}

/// A place by alias: hostile text, so short and without characters that steer a terminal.
fn named(alias: &str) -> String {
    format!("alias {}", visible(&alias.chars().take(MAX_ALIAS).collect::<String>()))
}

/// `bytes` if they are sure to hold no secret.
fn public(bytes: &[u8]) -> &[u8] {
    if probe::begins_public(bytes) { bytes } else { &[] }
}
