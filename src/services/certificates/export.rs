//! Taking certificates out: one in the format a server wants, or the list as CSV.
//!
//! Names of files are made from the entry's id, never from what a certificate says (S12). None of the formats holds a private key.

use bytes::BytesMut;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::{App, People},
    services::{Actor, Error, Permission, Result},
    store::certificates::{self as rows, CertificateId, export::Csv},
    x509::{jks, pem, pkcs7, pkcs12},
};

use super::{
    csv_rows,
    query::{self, ListRequest},
    view,
};

/// How a certificate leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The certificate alone, as text.
    Pem,
    /// The certificate and what leads to its root, without the root, as text.
    FullChain,
    /// The certificate alone, as bytes.
    Der,
    /// The chain as PKCS#7.
    P7b,
    /// The chain as PKCS#12 under a password, without a key.
    P12,
    /// The chain as a Java key store under a password, without a key.
    Jks,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 6] =
        [Format::Pem, Format::FullChain, Format::Der, Format::P7b, Format::P12, Format::Jks];

    /// The word in the address.
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Pem => "pem",
            Format::FullChain => "fullchain",
            Format::Der => "der",
            Format::P7b => "p7b",
            Format::P12 => "p12",
            Format::Jks => "jks",
        }
    }

    /// The format of this word.
    pub fn parse(word: &str) -> Option<Format> {
        Format::ALL.into_iter().find(|format| format.as_str() == word)
    }

    fn content_type(self) -> &'static str {
        match self {
            Format::Pem | Format::FullChain => "application/x-pem-file",
            Format::Der => "application/pkix-cert",
            Format::P7b => "application/x-pkcs7-certificates",
            Format::P12 => "application/x-pkcs12",
            Format::Jks => "application/octet-stream",
        }
    }

    fn file_name(self, id: CertificateId) -> String {
        match self {
            Format::FullChain => format!("certificate-{id}-fullchain.pem"),
            _ => format!("certificate-{id}.{}", self.as_str()),
        }
    }
}

/// A file to send as an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Made from the id.
    pub file_name: String,
    /// Fixed by the format.
    pub content_type: &'static str,
    /// The content.
    pub bytes: Vec<u8>,
}

/// One certificate within reach in a format; rights are checked before the format is looked at.
///
/// # Errors
/// `Invalid("password")` when PKCS#12 or a key store is asked for without one; `Refused` for an unreadable certificate in anything but DER
/// and PEM.
pub async fn download(
    app: &App,
    actor: &Actor,
    id: CertificateId,
    format: Format,
    password: Option<&SecretString>,
) -> Result<Download> {
    actor.require(Permission::CertificatesRead)?;
    let der = rows::der(&app.pool, actor.reach().as_sql(), id).await?;
    let der = der.ok_or(Error::NotFound("certificate"))?;
    let bytes = match format {
        Format::Der => der,
        Format::Pem => pem::write("CERTIFICATE", &der).into_bytes(),
        _ => chained(app, actor, id, format, password).await?,
    };
    Ok(Download { file_name: format.file_name(id), content_type: format.content_type(), bytes })
}

async fn chained(
    app: &App,
    actor: &Actor,
    id: CertificateId,
    format: Format,
    password: Option<&SecretString>,
) -> Result<Vec<u8>> {
    let chain = view::chain(app, actor, id).await?;
    let ders: Vec<&[u8]> = chain.links.iter().map(|link| link.certificate.der()).collect();
    if ders.is_empty() {
        return Err(Error::Refused(
            "this certificate cannot be read, so only der and pem are possible".to_owned(),
        ));
    }
    let named: Vec<(String, &[u8])> =
        ders.iter().enumerate().map(|(place, der)| (format!("certificate-{id}-{place}"), *der)).collect();
    let named: Vec<(&str, &[u8])> = named.iter().map(|(name, der)| (name.as_str(), *der)).collect();
    match format {
        Format::P7b => Ok(pkcs7::write(&ders)),
        Format::P12 => pkcs12::write(&named, required(password)?).map_err(Error::internal),
        Format::Jks => {
            let created = u64::try_from(app.now().unix_timestamp()).unwrap_or_default() * 1_000;
            jks::write(&named, created, required(password)?).map_err(Error::internal)
        }
        Format::FullChain | Format::Pem | Format::Der => {
            let without_root = if chain.complete && ders.len() > 1 { ders.len() - 1 } else { ders.len() };
            let blocks = ders.iter().take(without_root).map(|der| pem::write("CERTIFICATE", der));
            Ok(blocks.collect::<String>().into_bytes())
        }
    }
}

fn required(password: Option<&SecretString>) -> Result<&str> {
    password
        .map(ExposeSecret::expose_secret)
        .filter(|password| !password.is_empty())
        .ok_or_else(|| Error::invalid("password", "this format is protected by a password; choose one"))
}

/// What the list shows, all pages of it, as CSV; memory stays flat.
///
/// # Errors
/// `Unavailable` while four other exports run, or two of this person.
pub async fn csv(app: &App, actor: &Actor, request: &ListRequest) -> Result<Csv> {
    actor.require(Permission::CertificatesRead)?;
    let filter = query::filter(app, actor, request).await?;
    let sort = query::sort(request)?;
    let now = app.now();
    let share = People::take(&app.people.exports, actor.user(), "exports").map_err(Error::Unavailable)?;
    let slot = app.export_slots.clone().try_acquire_owned().map_err(|_| {
        Error::Unavailable("several exports are running; try again when one of them has ended".into())
    })?;
    let wanted = rows::export::Wanted {
        reach: actor.reach().as_sql(),
        filter: &filter,
        sort,
        now,
        slot: Box::new((slot, share)),
    };
    let rewrite = move |row: &[u8], lines: &mut BytesMut| csv_rows::rewrite(row, now, lines);
    Ok(rows::export::csv(&app.pool, wanted, csv_rows::HEADING, rewrite).await?)
}
