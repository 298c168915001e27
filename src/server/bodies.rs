//! Forms and calls are read before anybody works on them: whoever sends slowly, or without end, takes no slot and little memory (S31).

use std::time::Duration;

use axum::{
    body::{Body, HttpBody},
    extract::Request,
};
use http_body_util::BodyExt;

use super::refusals::Refusal;
use crate::shares::Shares;

/// The largest body of a form or a call. Routes that take files read theirs themselves.
const SMALL: usize = 128 * 1024;
/// The longest such a body may take to arrive.
const TIME: Duration = Duration::from_secs(10);

/// The request with its body in memory, counted in `reading` while it arrives.
pub(super) async fn arrived(request: Request, reading: &Shares, client: &str) -> Result<Request, Refusal> {
    if request.body().is_end_stream() {
        return Ok(request);
    }
    if request.body().size_hint().lower() > SMALL as u64 {
        return Err(Refusal::LARGE_FORM);
    }
    let _share = reading.take(Some(client)).ok_or(Refusal::BUSY)?;
    let (parts, body) = request.into_parts();
    let whole = tokio::time::timeout(TIME, read(body)).await.map_err(|_| Refusal::SLOW_FORM)??;
    Ok(Request::from_parts(parts, Body::from(whole)))
}

/// Copies into one buffer: kept as they came, a thousand tiny frames weigh far more than what they carry.
async fn read(mut body: Body) -> Result<Vec<u8>, Refusal> {
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Refusal::BROKEN_OFF)?.into_data() else { continue };
        if whole.len() + data.len() > SMALL {
            return Err(Refusal::LARGE_FORM);
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole)
}
