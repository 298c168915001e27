//! `/certificates/sha256/{fingerprint}`: the address that anybody can build who has the certificate.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect},
};

use crate::{
    app::App,
    services::{Error, certificates},
    web::{error::Result, guard::Visit, urls},
};

/// Leads to the entry; the fingerprint may have colons, spaces and capitals.
pub async fn get(State(app): State<App>, visit: Visit, Path(fingerprint): Path<String>) -> Result {
    let digits: String = fingerprint.chars().filter(|c| !matches!(c, ':' | ' ')).collect();
    let bytes = hex::decode(&digits).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let sha256 = bytes.ok_or(Error::NotFound("certificate"))?;
    let id = certificates::find_by_sha256(&app, &visit.actor, &sha256).await?;
    Ok(Redirect::to(&urls::certificate(id.0)).into_response())
}
