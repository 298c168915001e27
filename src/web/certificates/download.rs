//! `/certificates/{id}/download?format=`: one certificate as a file that is saved, never shown.

use axum::{extract::State, response::IntoResponse};
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use serde::Deserialize;

use crate::{
    app::App,
    services::{
        Error,
        certificates::{self, Format},
    },
    store::certificates::CertificateId,
    web::{
        error::Result,
        form::{Id, Query},
        guard::Visit,
    },
};

/// Which format.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    format: String,
}

/// Sends the file. Formats that want a password are the API's.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id, Query(asked): Query<Asked>) -> Result {
    let known = [Format::Pem, Format::FullChain, Format::Der, Format::P7b];
    let format = Format::parse(&asked.format)
        .filter(|format| known.contains(format))
        .ok_or_else(|| Error::invalid("format", "a download's format is one of pem, fullchain, der, p7b"))?;
    let file = certificates::download(&app, &visit.actor, CertificateId(id), format, None).await?;
    let attachment = format!("attachment; filename=\"{}\"", file.file_name);
    let headers = [(CONTENT_TYPE, file.content_type.to_owned()), (CONTENT_DISPOSITION, attachment)];
    Ok((headers, file.bytes).into_response())
}
