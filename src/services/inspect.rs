//! Decodes anything without storing it: for `notafter inspect`, `POST /api/v1/inspect` and nobody's inventory.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::x509::{
    Certificate, CertificateList, CertificateRequest,
    bundle::{self, Limits, Thing},
    inspect::{Inspected, InspectedKey},
    private_key,
};

use super::{Actor, Error, Result, reading::off_thread};

/// One thing found in the input, and where it was.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Placed {
    /// Such as `PEM block 2, line 41` or `alias web`.
    pub place: String,
    /// What it is.
    #[serde(flatten)]
    pub thing: Inspected,
}

/// Reads everything in `bytes`, in order. What was recognised but cannot be read is named, never dropped.
///
/// # Errors
/// `Invalid` on `password` when it is wrong or missing, on `file` when nothing at all was recognised or a limit is passed.
pub fn inspect(bytes: &[u8], password: Option<&str>, limits: Limits) -> Result<Vec<Placed>> {
    let found = bundle::read(bytes, password, limits).map_err(refusal)?;
    Ok(found.into_iter().map(|found| Placed { place: found.place, thing: describe(&found.thing) }).collect())
}

/// [`inspect`] for bytes that came over the network, when there is room for them.
///
/// # Errors
/// As [`inspect`]; `Unavailable` when other files take all the room.
pub async fn inspect_upload(
    app: &App,
    actor: &Actor,
    bytes: impl AsRef<[u8]> + Send + 'static,
    password: Option<SecretString>,
) -> Result<Vec<Placed>> {
    off_thread(app, actor.user(), move || {
        inspect(bytes.as_ref(), password.as_ref().map(ExposeSecret::expose_secret), Limits::default())
    })
    .await?
}

/// Which field of a form or call a bundle's refusal belongs to.
pub fn refusal(error: bundle::Error) -> Error {
    let field = match error {
        bundle::Error::PasswordNeeded | bundle::Error::WrongPassword => "password",
        _ => "file",
    };
    Error::invalid(field, error.to_string())
}

fn describe(thing: &Thing) -> Inspected {
    let read = match thing {
        Thing::Certificate(der) => {
            Certificate::from_der(der).map(|read| Inspected::from(&read)).map_err(|error| (der, error))
        }
        Thing::CertificateRequest(der) => {
            CertificateRequest::from_der(der).map(|read| Inspected::from(&read)).map_err(|error| (der, error))
        }
        Thing::CertificateList(der) => {
            CertificateList::from_der(der).map(|read| Inspected::from(&read)).map_err(|error| (der, error))
        }
        Thing::PrivateKey { der, format, encrypted } => {
            let about = private_key::describe(der, *format);
            return Inspected::PrivateKey(InspectedKey {
                key: about.algorithm,
                format: format.to_string(),
                advice: format.advice().map(str::to_owned),
                encrypted: *encrypted,
                spki_sha256: about.spki_sha256.map(hex::encode),
            });
        }
        Thing::Unreadable { label, reason, bytes } => {
            return Inspected::unreadable(bytes, format!("{label}: {reason}"));
        }
    };
    read.unwrap_or_else(|(der, error)| Inspected::unreadable(der, error.to_string()))
}
