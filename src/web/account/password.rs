//! My password: the present one, then a new one; my other sessions end and this one gets a new id.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{self, Error, FieldError},
    web::{
        error::{Result, retry_after, sentence},
        form::{Form, field_errors},
        guard::{Sender, Visit},
        session, urls,
    },
};

use super::show;

/// What the form sends.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    new_password: SecretString,
}

/// Changes the password.
pub async fn post(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    Sender(origin): Sender,
    Form(given): Form<Given>,
) -> Result {
    let this = session::digest(&session).unwrap_or_default();
    let kept = session::keep(&session).await?;
    let (present, new) = (&given.password, &given.new_password);
    let error =
        match services::account::change_password(&app, &visit.actor, &this, present, new, &origin).await {
            Ok(_) => {
                if let (Some(kept), Some(caller)) = (kept, visit.actor.caller()) {
                    session::renew(&session, kept, caller).await?;
                }
                session::tell(&session, "Password changed.", "Your other devices are signed out.").await?;
                return Ok(Redirect::to(urls::ACCOUNT).into_response());
            }
            Err(error) => error,
        };
    let wait = retry_after(&error);
    let (status, errors) = match error {
        Error::Limited(_) => {
            (StatusCode::TOO_MANY_REQUESTS, vec![FieldError::new("password", sentence(&error.to_string()))])
        }
        other => (StatusCode::UNPROCESSABLE_ENTITY, field_errors(other)?),
    };
    let mut response = (status, show::page(&app, &session, &visit, None, errors).await?).into_response();
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}
