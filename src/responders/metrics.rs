//! `/metrics` in the Prometheus text format, behind `NOTAFTER_METRICS_TOKEN`, or for loopback only when none is set.

use std::sync::LazyLock;

use axum::{
    extract::{ConnectInfo, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use secrecy::ExposeSecret;
use subtle::ConstantTimeEq;

use crate::{app::App, services::health};

/// Bounds in seconds; a page should be below the third.
const DURATIONS: &[f64] = &[0.005, 0.025, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// One recorder for the process; what happened before the first look is kept as well, because the server installs it at start.
static RECORDER: LazyLock<Option<PrometheusHandle>> = LazyLock::new(|| {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Full("notafter_http_request_duration_seconds".to_owned()), DURATIONS)
        .and_then(PrometheusBuilder::install_recorder)
        .inspect_err(|error| tracing::error!(%error, "metrics are not recorded"))
        .ok()
});

/// Begins to record.
pub(super) fn install() {
    LazyLock::force(&RECORDER);
}

pub(super) async fn get(
    State(app): State<App>,
    peer: Option<axum::Extension<ConnectInfo<std::net::SocketAddr>>>,
    headers: HeaderMap,
) -> Response {
    if !is_allowed(&app, peer.map(|extension| extension.0.0), &headers) {
        let sentence = "Send NOTAFTER_METRICS_TOKEN as a bearer token. Without one set, metrics are for this machine only.\n";
        return (StatusCode::UNAUTHORIZED, [(header::WWW_AUTHENTICATE, "Bearer")], sentence).into_response();
    }
    let Some(recorder) = RECORDER.as_ref() else {
        return (StatusCode::SERVICE_UNAVAILABLE, "Metrics are not recorded; see the log.\n").into_response();
    };
    if let Err(error) = health::measure(&app).await {
        tracing::warn!(%error, "the gauges of the database could not be read");
    }
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], recorder.render()).into_response()
}

/// Behind a proxy on this machine every peer is loopback, so a configured proxy makes the token necessary.
fn is_allowed(app: &App, peer: Option<std::net::SocketAddr>, headers: &HeaderMap) -> bool {
    let Some(token) = &app.config.metrics_token else {
        let forwarded = headers.contains_key("x-forwarded-for") || headers.contains_key("forwarded");
        return app.config.trusted_proxies.is_empty()
            && !forwarded
            && peer.is_some_and(|peer| peer.ip().is_loopback());
    };
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .is_some_and(|shown| bool::from(shown.as_bytes().ct_eq(token.expose_secret().as_bytes())))
}
