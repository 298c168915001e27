//! Bounds what one process works on at once and for how long; beyond that it says "come back" instead of getting slow (S31).

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::Request,
    http::{StatusCode, header::CONTENT_TYPE},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::Semaphore;

use super::refusals::Refusal;

/// Requests worked on at once.
const IN_FLIGHT: usize = 256;
/// The longest a request may take until its answer begins.
const TIME: Duration = Duration::from_secs(30);
/// The longest address.
const ADDRESS: usize = 16 * 1024;

static SLOTS: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(IN_FLIGHT));
static SHED: AtomicUsize = AtomicUsize::new(0);

/// Refuses over-long addresses, sheds load above the bound, and ends what takes too long. Health checks always pass.
pub(super) async fn limit(request: Request, next: Next) -> Response {
    let path = request.uri().path_and_query().map_or("", |address| address.as_str());
    if path.len() > ADDRESS {
        return Refusal::LONG_ADDRESS.into_response();
    }
    if path == "/healthz" {
        return next.run(request).await;
    }
    let Ok(_slot) = SLOTS.try_acquire() else {
        if SHED.fetch_add(1, Ordering::Relaxed).is_multiple_of(100) {
            tracing::warn!("more than {IN_FLIGHT} requests at once; some are told to come back");
        }
        return Refusal::BUSY.into_response();
    };
    match tokio::time::timeout(TIME, next.run(request)).await {
        Ok(response) if is_bare_refusal(&response) => Refusal::TOO_LARGE.into_response(),
        Ok(response) => response,
        Err(_) => Refusal::SLOW.into_response(),
    }
}

/// The layer that measures bodies answers with a bare line; a page or problem of ours that says the same stays.
fn is_bare_refusal(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    response.status() == StatusCode::PAYLOAD_TOO_LARGE && (kind.is_empty() || kind.starts_with("text/plain"))
}
