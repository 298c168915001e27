//! `/certificates.csv`: the list as a file, all its pages, row by row as the database gives them.

use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use futures_util::TryStreamExt;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};

use crate::{
    app::App,
    services::certificates::{self, ListRequest},
    web::{error::Result, form::Query, guard::Visit},
};

use super::address::Asked;

/// Streams the same entries that the list of the same query has.
pub async fn get(State(app): State<App>, visit: Visit, Query(asked): Query<Asked>) -> Result {
    let csv = certificates::csv(&app, &visit.actor, &ListRequest::from(asked)).await?;
    // The answer has begun by then: a fault can only end it early, so the log is told.
    let logged = csv.inspect_err(|error| tracing::error!(%error, "an export ended early"));
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8; header=present"),
        (CONTENT_DISPOSITION, "attachment; filename=\"certificates.csv\""),
    ];
    let response: Response = (headers, Body::from_stream(logged)).into_response();
    Ok(response)
}
