//! Bounds what one process works on at once and for how long; beyond that it says "come back" instead of getting slow (S31).

use std::time::Duration;

use axum::{
    extract::{Request, State},
    http::{
        Method, StatusCode, Version,
        header::{CONTENT_TYPE, HOST},
        uri::Authority,
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{address, app::App};

use super::{bodies, refusals::Refusal};
use crate::shares::Shares;

/// Requests worked on at once.
const IN_FLIGHT: usize = 256;
/// Bodies read at once: 512 MiB at the very most.
const BODIES: usize = 4096;
/// What one client may hold of either.
const EACH: usize = 128;
/// The longest a request may take until its answer begins.
const TIME: Duration = Duration::from_secs(30);
/// The longest address.
const ADDRESS: usize = 16 * 1024;
/// What files are sent to. Its handlers read them, once it is known who sends.
const UPLOADS: [&str; 3] = ["/certificates/import", "/api/v1/certificates", "/api/v1/inspect"];

/// What the requests of one router share.
#[derive(Clone)]
pub(super) struct Limits {
    app: App,
    slots: Shares,
    bodies: Shares,
}

impl Limits {
    /// Nothing is taken yet.
    pub(super) fn new(app: &App) -> Limits {
        Limits {
            app: app.clone(),
            slots: Shares::new("requests", IN_FLIGHT, EACH),
            bodies: Shares::new("bodies", BODIES, EACH),
        }
    }
}

/// Refuses what is malformed or over-long, sheds load above the bounds, and ends what takes too long. Health checks always pass.
pub(super) async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    pass(&limits, request, next).await.unwrap_or_else(Refusal::into_response)
}

async fn pass(limits: &Limits, request: Request, next: Next) -> Result<Response, Refusal> {
    if !names_its_host(&request) {
        return Err(Refusal::HOST);
    }
    let path = request.uri().path_and_query().map_or("", |address| address.as_str());
    if path.len() > ADDRESS {
        return Err(Refusal::LONG_ADDRESS);
    }
    if path == "/healthz" {
        return Ok(next.run(request).await);
    }
    let trusted = &limits.app.config.trusted_proxies;
    let client = address::origin(request.headers(), request.extensions(), trusted).prefix();
    let request =
        if is_upload(&request) { request } else { bodies::arrived(request, &limits.bodies, &client).await? };
    let _slot = limits.slots.take(Some(&client)).ok_or(Refusal::BUSY)?;
    match tokio::time::timeout(TIME, next.run(request)).await {
        Ok(response) if is_bare_refusal(&response) => Err(Refusal::TOO_LARGE),
        Ok(response) => Ok(response),
        Err(_) => Err(Refusal::SLOW),
    }
}

/// RFC 9112 §3.2: one `Host` that can be read, which HTTP/1.0 need not send. HTTP/2 may name it in `:authority` alone.
fn names_its_host(request: &Request) -> bool {
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) => request.version() != Version::HTTP_11,
        (Some(host), None) => host.is_empty() || Authority::try_from(host.as_bytes()).is_ok(),
        (Some(_), Some(_)) => false,
    }
}

fn is_upload(request: &Request) -> bool {
    request.method() == Method::POST && UPLOADS.contains(&request.uri().path())
}

/// The layer that measures bodies answers with a bare line; a page or problem of ours that says the same stays.
fn is_bare_refusal(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    response.status() == StatusCode::PAYLOAD_TOO_LARGE && (kind.is_empty() || kind.starts_with("text/plain"))
}

#[cfg(test)]
mod tests {
    use crate::{api, routes::Access, web};

    use super::*;

    #[test]
    fn files_are_taken_from_known_people_only() {
        let routes = web::routes().merge(api::routes()).table();
        for upload in UPLOADS {
            let access = routes.iter().find(|(method, path, _)| method == Method::POST && *path == upload);
            assert!(access.is_some_and(|(_, _, access)| *access != Access::Public), "{upload}");
        }
    }
}
