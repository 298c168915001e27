//! What handlers take from a request, refused as a page of ours rather than as a line of text.

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Request},
    response::{IntoResponse, Response},
};
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::services::{Error, FieldError};

use super::error::{Failure, sentence};

/// A form; a field may come several times.
pub struct Form<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Form<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        match axum_extra::extract::Form::<T>::from_request(request, state).await {
            Ok(form) => Ok(Self(form.0)),
            Err(rejection) => {
                tracing::debug!(error = %rejection, "a form could not be read");
                let reason = "this form could not be read; reload its page and fill it in again";
                Err(Failure(Error::Refused(reason.into())).into_response())
            }
        }
    }
}

/// A query; a name may come several times.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match axum_extra::extract::Query::<T>::from_request_parts(parts, state).await {
            Ok(query) => Ok(Self(query.0)),
            Err(_) => {
                Err(Failure(Error::Refused("the address of this page has a wrong query".into()))
                    .into_response())
            }
        }
    }
}

/// The number in a path such as `/jobs/7`; what is no number leads nowhere.
pub struct Id(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        match Path::<i64>::from_request_parts(parts, state).await {
            Ok(Path(id)) => Ok(Self(id)),
            Err(_) => Err(Failure(Error::NotFound("page")).into_response()),
        }
    }
}

/// A box that was ticked.
pub fn is_ticked(field: &Option<String>) -> bool {
    field.as_deref() == Some("on")
}

/// A service's field errors as the parts of a page show them; other failures go on to their own page.
pub fn field_errors(error: Error) -> Result<Vec<FieldError>, Failure> {
    match error {
        Error::Invalid(errors) => Ok(errors.into_iter().map(as_sentence).collect()),
        other => Err(Failure(other)),
    }
}

fn as_sentence(error: FieldError) -> FieldError {
    FieldError { message: sentence(&error.message), ..error }
}
