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
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_TYPE, RETRY_AFTER},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::Semaphore;

use crate::web;

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
        return (StatusCode::URI_TOO_LONG, "The address is longer than 16 KiB.\n").into_response();
    }
    if path == "/healthz" {
        return next.run(request).await;
    }
    let Ok(_slot) = SLOTS.try_acquire() else {
        if SHED.fetch_add(1, Ordering::Relaxed).is_multiple_of(100) {
            tracing::warn!("more than {IN_FLIGHT} requests at once; some are told to come back");
        }
        return come_back("The console is busy. Try again in a second.\n", "1");
    };
    let is_page = !path.starts_with("/api/");
    match tokio::time::timeout(TIME, next.run(request)).await {
        // The layer that measures bodies answers with a bare line; a page of ours that says the same stays.
        Ok(response) if is_page && is_bare_refusal(&response) => web::error::too_large(),
        Ok(response) => response,
        Err(_) => come_back("This took longer than 30 seconds and was given up.\n", "5"),
    }
}

fn is_bare_refusal(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    response.status() == StatusCode::PAYLOAD_TOO_LARGE && !kind.starts_with("text/html")
}

fn come_back(sentence: &'static str, seconds: &'static str) -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}
