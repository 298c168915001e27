//! What handlers take: a caller, a JSON body, a query, a path id; each refusal is a problem that names the thing.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{StatusCode, request::Parts},
};
use serde::de::DeserializeOwned;

use crate::{app::App, services::Actor};

use super::error::{Problem, ProblemField};

/// The caller behind the token.
pub struct Caller(pub Actor);

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Problem> {
        parts.extensions.get::<Actor>().cloned().map(Caller).ok_or_else(Problem::unauthorized)
    }
}

/// A JSON body.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let is_json =
            request.headers().get("content-type").and_then(|value| value.to_str().ok()).is_some_and(
                |value| {
                    value
                        .split(';')
                        .next()
                        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
                },
            );
        if !is_json {
            let detail = "This operation takes `Content-Type: application/json`.";
            return Err(Problem::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "media-type",
                "Another content type",
                detail,
            ));
        }
        let Body(bytes) = Body::from_request(request, app).await?;
        serde_json::from_slice(&bytes)
            .map(Json)
            .map_err(|error| malformed("body", format!("the body is not what this takes: {error}")))
    }
}

/// A body as it came, within the server's limit.
pub struct Body(pub Bytes);

impl FromRequest<App> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        Bytes::from_request(request, app).await.map(Body).map_err(|error| {
            let status = error.status();
            if status == StatusCode::PAYLOAD_TOO_LARGE {
                too_large()
            } else {
                Problem::new(
                    StatusCode::BAD_REQUEST,
                    "malformed",
                    "The request broke off",
                    "The body did not arrive whole.",
                )
            }
        })
    }
}

/// The body is over the limit.
pub fn too_large() -> Problem {
    let detail = "The body is larger than 10 MiB. Send the certificates in parts, or use `notafter certificates import`.";
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
}

/// The query string.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<App> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        axum_extra::extract::Query::<T>::from_request_parts(parts, app)
            .await
            .map(|axum_extra::extract::Query(value)| Query(value))
            .map_err(|error| malformed("query", format!("the query is not what this takes: {error}")))
    }
}

/// The id in the address. Anything that is no id is a thing that is not there.
pub struct Id(pub i64);

impl FromRequestParts<App> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        axum::extract::Path::<i64>::from_request_parts(parts, app)
            .await
            .map(|axum::extract::Path(id)| Id(id))
            .map_err(|_| {
                Problem::new(
                    StatusCode::NOT_FOUND,
                    "not-found",
                    "Not found",
                    "There is nothing at this address.",
                )
            })
    }
}

fn malformed(field: &'static str, message: String) -> Problem {
    let mut problem =
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The input is not right", message.clone());
    problem.errors = vec![ProblemField { field, message }];
    problem
}
