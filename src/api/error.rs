//! Every failure of the API as an RFC 9457 problem; one match from the services' vocabulary.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::services::{Error, FieldError};

/// A problem document (RFC 9457). `type` names the kind and leads to its explanation in `/api/docs`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// Where this kind of problem is explained.
    #[serde(rename = "type")]
    #[schema(example = "/api/docs#problem-invalid")]
    pub kind: String,
    /// The kind in a few words.
    pub title: &'static str,
    /// The HTTP status, again.
    pub status: u16,
    /// What happened this time, and what to do.
    pub detail: String,
    /// The fields that are wrong, when the input was.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemField>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// One wrong field.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProblemField {
    /// Name of the field, parameter or header.
    pub field: &'static str,
    /// What is wrong with it.
    pub message: String,
}

impl Problem {
    /// A problem of this kind; `slug` is its anchor in the documentation.
    pub fn new(status: StatusCode, slug: &str, title: &'static str, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("/api/docs#problem-{slug}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// No token, or one that does not count (any more).
    pub fn unauthorized() -> Problem {
        let detail = "Send a token as `Authorization: Bearer na_…`. Tokens are made under My account, or by `notafter tokens create`.";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "No valid token", detail)
    }

    /// The same with one sentence more.
    pub fn with(mut self, sentence: &str) -> Problem {
        self.detail = format!("{} {sentence}", self.detail);
        self
    }

    fn retry_after(mut self, seconds: u64) -> Problem {
        self.retry_after = Some(seconds);
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let text = sentence(&error);
        match error {
            Error::NotFound(_) => Problem::new(StatusCode::NOT_FOUND, "not-found", "Not found", text),
            Error::Forbidden(_) | Error::StepUp => {
                Problem::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", text)
            }
            Error::Invalid(fields) => {
                let mut problem =
                    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The input is not right", text);
                problem.errors = fields
                    .into_iter()
                    .map(|FieldError { field, message }| ProblemField { field, message })
                    .collect();
                problem
            }
            Error::Conflict(_) => {
                Problem::new(StatusCode::CONFLICT, "conflict", "It has changed, or exists", text)
            }
            Error::Refused(_) => {
                Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "refused", "A rule says no", text)
            }
            Error::Limited(wait) => {
                let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "limited", "Too many tries", text);
                problem.retry_after(wait.as_secs().max(1))
            }
            Error::Unavailable(_) => {
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now", text)
                    .retry_after(2)
            }
            Error::Internal(source) => {
                tracing::error!(error = %source, "an unexpected fault in the API");
                let detail = "This call met an unexpected fault and changed nothing. Try again; if it stays, give the administrator the \
                              x-request-id of this answer.";
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "fault", "An unexpected fault", detail)
            }
        }
    }
}

/// Upper case at the front and a full stop at the end: what the services say lower case becomes a sentence here.
fn sentence(error: &Error) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().collect::<String>()).unwrap_or_default();
    let stop = if text.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
