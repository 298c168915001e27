//! In front of every operation: the token, the permission, and the idempotency key of unsafe calls.

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::{Extensions, HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{
    address,
    app::App,
    crypto::digest::sha256,
    routes::Access,
    services::{Actor, Caller, Error, calls, tokens},
    store::idempotency::Answer,
};

use super::{error::Problem, extract};

static KEY: HeaderName = HeaderName::from_static("idempotency-key");
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Bodies above this are refused before a key is looked at; also bounds a remembered answer.
const BODY: usize = 11 * 1024 * 1024;

/// Lets the call through, or answers why not.
pub(super) async fn guard(
    State((app, access)): State<(App, Access)>,
    mut request: Request,
    next: Next,
) -> Response {
    let permission = match access {
        Access::Public => return next.run(request).await,
        Access::SignedIn => None,
        Access::Needs(permission) | Access::StepUp(permission) => Some(permission),
    };
    let actor = match authenticate(&app, request.extensions(), request.headers()).await {
        Ok(actor) => actor,
        Err(problem) => return problem.into_response(),
    };
    if let Some(Err(error)) = permission.map(|permission| actor.require(permission)) {
        return Problem::from(error).into_response();
    }
    request.extensions_mut().insert(actor.clone());
    match request.headers().get(&KEY).cloned() {
        // What changes nothing is not remembered, so that nobody who only reads can fill the table.
        Some(key) if permission.is_some() && !request.method().is_safe() => {
            once(&app, &actor, &key, request, next).await.unwrap_or_else(Problem::into_response)
        }
        _ => next.run(request).await,
    }
}

/// Every way in which a token may be wrong gets the same answer (S29); too many wrong ones are told to wait.
async fn authenticate(app: &App, extensions: &Extensions, headers: &HeaderMap) -> Result<Actor, Problem> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(Problem::unauthorized)?;
    let origin = address::origin(headers, extensions, &app.config.trusted_proxies);
    let actor = tokens::authenticate(app, bearer, origin.address).await.map_err(|error| match error {
        Error::Refused(_) => Problem::unauthorized(),
        other => Problem::from(other),
    })?;
    Ok(match actor {
        Actor::Token { caller, token, name, scopes } => {
            let caller = Caller { request_id: origin.request_id, ..caller };
            Actor::Token { caller, token, name, scopes }
        }
        other => other,
    })
}

/// Runs the call unless its key says that it was run (R16).
async fn once(
    app: &App,
    actor: &Actor,
    key: &HeaderValue,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let key = key.to_str().unwrap_or_default().to_owned();
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY).await.map_err(|_| extract::too_large())?;
    let digest = digest(&parts, &body);
    if let calls::Begun::Again(answer) = calls::begin(app, actor, &key, &digest).await? {
        return Ok(replay(answer));
    }
    // On a task of its own: a caller that hangs up, or a time limit, must not part the act from the memory of it.
    let (app, actor) = (app.clone(), actor.clone());
    let acting = tokio::spawn(async move {
        act(&app, &actor, &key, Request::from_parts(parts, Body::from(body)), next).await
    });
    acting.await.map_err(|error| Problem::from(Error::internal(error)))?
}

/// Acts and remembers the answer.
async fn act(app: &App, actor: &Actor, key: &str, request: Request, next: Next) -> Result<Response, Problem> {
    let response = next.run(request).await;
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, BODY).await.map_err(|error| Problem::from(Error::internal(error)))?;
    let text =
        |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).map(str::to_owned);
    let answer = Answer {
        status: parts.status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        location: text(header::LOCATION),
        body: body.to_vec(),
    };
    if let Err(error) = calls::end(app, actor, key, &answer).await {
        tracing::warn!(%error, "the answer of an idempotent call could not be remembered");
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn digest(parts: &Parts, body: &Bytes) -> [u8; 32] {
    let address = parts.uri.path_and_query().map_or("", |address| address.as_str());
    let head = format!("{} {address}\n", parts.method);
    sha256(&[head.as_bytes(), body].concat())
}

fn replay(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = (status, answer.body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in [(header::CONTENT_TYPE, answer.content_type), (header::LOCATION, answer.location)] {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(&value).ok()) {
            headers.insert(name, value);
        }
    }
    headers.insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    response
}
