//! From a service's failure to a page: one match. Middleware draws it, since only the request knows its reference.

use std::sync::Arc;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};

use crate::{
    routes::RequestId,
    services::{Error, account, setup},
};

use super::{error_page::ErrorPage, parts::Action, urls};

/// How long to wait for something that is away.
const AWAY_SECONDS: u64 = 5;

/// A service's failure on its way to a page. Handlers return it with `?`.
#[derive(Debug)]
pub struct Failure(pub Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl From<tower_sessions::session::Error> for Failure {
    fn from(error: tower_sessions::session::Error) -> Self {
        Self(Error::Unavailable(format!("the session could not be read or kept ({error})")))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = status(&self.0).into_response();
        response.extensions_mut().insert(Fault(Arc::new(self.0)));
        response
    }
}

/// What [`draw`] finds in a response that failed.
#[derive(Clone)]
struct Fault(Arc<Error>);

/// Answer of a page's handler.
pub type Result<T = Response> = std::result::Result<T, Failure>;

/// Replaces a failure by its page, and writes a defect into the log once.
pub async fn draw(request: Request, next: Next) -> Response {
    let reference = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let mut response = next.run(request).await;
    match response.extensions_mut().remove::<Fault>() {
        Some(Fault(error)) => page(&error, &reference),
        None => response,
    }
}

/// The page for a path that leads nowhere.
pub async fn not_found(uri: http::Uri) -> Response {
    let words = uri.path().rsplit('/').find(|part| !part.is_empty()).unwrap_or_default();
    let page = ErrorPage::new(StatusCode::NOT_FOUND, "Page not found", "No page has this address.")
        .with_advice("The link may be old or mistyped.");
    let page = if words.len() <= 300 { page.with_search(words) } else { page };
    (StatusCode::NOT_FOUND, page).into_response()
}

/// The page for a method that a path does not take.
pub async fn method_not_allowed() -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    let happened = "This address exists, but not for this kind of request.";
    (status, ErrorPage::new(status, "Not possible here", happened)).into_response()
}

/// The page for somebody who has to sign in first and sent a form.
pub fn unauthenticated() -> Response {
    let status = StatusCode::UNAUTHORIZED;
    let page =
        ErrorPage::new(status, "You are signed out", "Your session has ended, so nothing was changed.")
            .with_advice("Sign in and do it once more.")
            .with_actions(vec![Action::new(urls::LOGIN, "Sign in")]);
    (status, page).into_response()
}

/// The page for an act that wants the password once more; `next` is where to go on.
pub fn step_up(next: &str) -> Response {
    let status = StatusCode::FORBIDDEN;
    let happened = "This needs your password, given within the last five minutes. Nothing was changed.";
    let page = ErrorPage::new(status, "Confirm your password first", happened)
        .with_advice("Confirm it, then do it once more.")
        .with_actions(vec![Action::new(urls::confirm(next), "Confirm your password")]);
    (status, page).into_response()
}

/// The page for a request that another site caused.
pub fn cross_site() -> Response {
    let status = StatusCode::FORBIDDEN;
    let happened = "This request came from another site, so nothing was changed.";
    let page = ErrorPage::new(status, "Refused", happened)
        .with_advice("Open the console itself and do it there. Behind a proxy, NOTAFTER_PUBLIC_URL must be the address people use.");
    (status, page).into_response()
}

fn status(error: &Error) -> StatusCode {
    match error {
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Forbidden(_) | Error::StepUp => StatusCode::FORBIDDEN,
        Error::Invalid(_) | Error::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::Limited(_) => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn spent_link(advice: &str) -> ErrorPage {
    ErrorPage::new(StatusCode::NOT_FOUND, "This link does not work", "Nothing was changed.")
        .with_advice(advice)
        .with_actions(vec![Action::new(urls::LOGIN, "Sign in")])
}

fn page(error: &Error, reference: &str) -> Response {
    let status = status(error);
    let told = sentence(&error.to_string());
    let page = match error {
        Error::NotFound(setup::LINK) => spent_link(
            "It was used, or it is not the one that was printed last. When nobody has set the console up yet, start it again: \
             it prints a new one.",
        ),
        Error::NotFound(account::LINK) => {
            spent_link("It was used, or its time is over. An administrator can make a new one.")
        }
        Error::NotFound(_) => ErrorPage::new(status, "Not found", told)
            .with_advice("It may have been removed, or belong to a team you are not in."),
        Error::Forbidden(_) => ErrorPage::new(status, "Not for your role", told)
            .with_advice("An administrator can change your role. Nothing was changed."),
        Error::StepUp => return step_up(urls::OVERVIEW),
        Error::Invalid(_) => ErrorPage::new(status, "Something needs a change", told)
            .with_advice("Go back, change it and send it again. Nothing was changed."),
        Error::Refused(_) => ErrorPage::new(status, "Refused", told).with_advice("Nothing was changed."),
        Error::Conflict(_) => ErrorPage::new(status, "Not as things are now", told)
            .with_advice("Nothing was changed. Reload the page you came from to see how things are."),
        Error::Limited(_) => ErrorPage::new(status, "Too many tries", told)
            .with_advice("Nothing is lost; the wait ends by itself."),
        Error::Unavailable(_) => {
            tracing::warn!(%error, "a page could not be shown");
            ErrorPage::new(status, "Not available just now", told)
                .with_advice("Try again in a few seconds. What was saved before is safe.")
                .with_reference(reference)
        }
        Error::Internal(source) => {
            tracing::error!(error = %source, "a page failed");
            ErrorPage::new(status, "The console made a mistake", "An unexpected fault stopped this request.")
                .with_advice("Try again. If it stays, give an administrator the reference: the log says more under it.")
                .with_reference(reference)
        }
    };
    let mut response = (status, page).into_response();
    if let Some(seconds) = retry_after(error) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Seconds to wait, rounded up: a client that comes back exactly then gets in.
pub fn retry_after(error: &Error) -> Option<u64> {
    match error {
        Error::Limited(wait) => Some(wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)),
        Error::Unavailable(_) => Some(AWAY_SECONDS),
        _ => None,
    }
}

/// Our lower-case error as a sentence for a page.
pub fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().map(|c| c.to_uppercase().collect()).unwrap_or_default();
    let rest = letters.as_str();
    let stop = if rest.ends_with(['.', '?', '…']) { "" } else { "." };
    format!("{first}{rest}{stop}")
}
