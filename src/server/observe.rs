//! One line in the log and one observation in the metrics for each request; a panic becomes a 500 that is counted.

use std::{any::Any, time::Instant};

use axum::{
    body::Body,
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, Method},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tracing::Instrument;
use uuid::Uuid;

use crate::routes::RequestId;

use super::refusals::Refusal;

static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id, and says how it went.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let id = Uuid::now_v7().simple().to_string();
    let method = name(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("other", MatchedPath::as_str).to_owned();
    request.extensions_mut().insert(RequestId(id.clone()));
    let span = tracing::info_span!("request", id = %id);
    let begun = Instant::now();
    let mut response = next.run(request).instrument(span).await;
    let (status, seconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64());
    tracing::info!(request = %id, method, route, status, ms = (seconds * 1000.0).round(), "answered");
    metrics::histogram!("notafter_http_request_duration_seconds",
        "method" => method, "route" => route, "status" => status.to_string())
    .record(seconds);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}

/// A method by its standard name. Anybody can invent one, as long as they like, and a label is kept for ever.
fn name(method: &Method) -> &'static str {
    const STANDARD: [&str; 9] =
        ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    STANDARD.into_iter().find(|name| method == name).unwrap_or("other")
}

/// The answer of a handler that panicked: no details for the client, all of them for the log (S30).
pub(super) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response<Body> {
    let message =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(message = message.unwrap_or("no message"), "a handler panicked");
    metrics::counter!("notafter_panics_total").increment(1);
    Refusal::FAULT.into_response()
}
