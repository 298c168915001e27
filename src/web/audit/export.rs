//! `/audit.csv` and `/audit.json`: exactly what the page with the same address shows, streamed.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use http::{
    HeaderValue,
    header::{CONTENT_DISPOSITION, CONTENT_TYPE},
};

use crate::{
    app::App,
    services::audit::export::{self, Format},
    web::{error::Result, form::Query, guard::Visit},
};

use super::filter::Asked;

/// As a table.
pub async fn csv(State(app): State<App>, visit: Visit, Query(asked): Query<Asked>) -> Result {
    answer(&app, &visit, &asked, Format::Csv)
}

/// As JSON.
pub async fn json(State(app): State<App>, visit: Visit, Query(asked): Query<Asked>) -> Result {
    answer(&app, &visit, &asked, Format::Json)
}

fn answer(app: &App, visit: &Visit, asked: &Asked, format: Format) -> Result<Response> {
    let pieces = export::export(app, &visit.actor, asked.filter()?, format)?;
    // A fault in the middle cuts the answer off: a client sees that it is not whole.
    let pieces = pieces.inspect_err(|error| tracing::warn!(%error, "an export of the audit log broke off"));
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"notafter-audit.csv\""),
        Format::Json => ("application/json", "attachment; filename=\"notafter-audit.json\""),
    };
    let mut response = Body::from_stream(pieces).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CONTENT_DISPOSITION, HeaderValue::from_static(name));
    Ok(response)
}
