//! `/account/confirm`: the password once more, before a sensitive act (S5).

use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{Error, FieldError, sign_in},
    web::{
        error::{Result, retry_after, sentence},
        form::{Form, Query, field_errors},
        guard::{Sender, Visit},
        parts::Action,
        session, urls,
    },
};

use super::views::StepUp;

/// What leads to the page.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    next: String,
}

/// What the page sends.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Asks for the password.
pub async fn get(visit: Visit, Query(asked): Query<Asked>) -> Response {
    page(&visit, urls::safe_next(&asked.next)).into_response()
}

/// Checks it and goes on.
pub async fn post(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    Sender(origin): Sender,
    Form(given): Form<Given>,
) -> Result {
    let next = urls::safe_next(&given.next);
    let digest = session::digest(&session).unwrap_or_default();
    let error = match sign_in::confirm(&app, &visit.actor, &digest, &given.password, &origin).await {
        Ok(()) => return Ok(Redirect::to(next).into_response()),
        Err(error) => error,
    };
    let wait = retry_after(&error);
    let (status, errors) = match error {
        Error::Limited(_) => {
            let errors = vec![FieldError::new("password", sentence(&error.to_string()))];
            (StatusCode::TOO_MANY_REQUESTS, errors)
        }
        other => (StatusCode::UNPROCESSABLE_ENTITY, field_errors(other)?),
    };
    let mut response = (status, page(&visit, next).with_errors(errors)).into_response();
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

fn page(visit: &Visit, next: &str) -> StepUp {
    let purpose = if next.starts_with(urls::USERS) || next.starts_with(urls::TEAMS) {
        "change who may use the console"
    } else if next.starts_with(urls::ACCOUNT) {
        "make an API token that acts in your name"
    } else if next.starts_with("/alerts") || next.starts_with("/settings") {
        "change the console's settings"
    } else {
        "do something that needs your password"
    };
    StepUp::new(urls::CONFIRM, &visit.email, purpose, next, Action::new(urls::OVERVIEW, "Not now"))
}
