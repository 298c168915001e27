//! `/healthz`: the process answers. `/readyz`: database, schema, worker and the last sweep are as they should be, each named (R17).

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use crate::{app::App, services::health};

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(State(app): State<App>) -> Response {
    let checks = health::ready(&app).await;
    let ready = checks.iter().all(|check| check.fault.is_none());
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let list: Vec<_> = checks
        .iter()
        .map(|check| json!({ "check": check.name, "ok": check.fault.is_none(), "detail": check.fault.as_deref().unwrap_or(&check.detail) }))
        .collect();
    (status, Json(json!({ "ready": ready, "checks": list }))).into_response()
}
