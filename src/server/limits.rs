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
    http::{HeaderValue, StatusCode, header::RETRY_AFTER},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tokio::sync::Semaphore;

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
    match tokio::time::timeout(TIME, next.run(request)).await {
        Ok(response) => response,
        Err(_) => come_back("This took longer than 30 seconds and was given up.\n", "5"),
    }
}

fn come_back(sentence: &'static str, seconds: &'static str) -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static(seconds));
    response
}
