//! `/login` and `/logout`.

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
    services::{self, Error, FieldError, sign_in},
    web::{
        error::{Failure, Result, retry_after, sentence},
        form::{Form, Query},
        guard::{MaybeSignedIn, Sender, SignedIn},
        parts::{Notice, Tone},
        session, urls,
    },
};

use super::views::Login;

/// What leads to the page.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    next: String,
    #[serde(default)]
    said: String,
}

/// What the page sends.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// Shows the form, or goes on when somebody is signed in.
pub async fn get(State(app): State<App>, signed_in: MaybeSignedIn, Query(asked): Query<Asked>) -> Response {
    let next = urls::safe_next(&asked.next);
    if signed_in.0.is_some() {
        return Redirect::to(next).into_response();
    }
    let page = Login::new("", carried(next), &console(&app), Vec::new());
    match asked.said.as_str() {
        "signed-out" => page
            .with_notice(Notice::new(Tone::Ok, "You are signed out.", "This browser holds no session."))
            .into_response(),
        "password-set" => page
            .with_notice(Notice::new(Tone::Ok, "Your password is set.", "Sign in with it."))
            .into_response(),
        _ => page.into_response(),
    }
}

/// Signs in and goes on.
pub async fn post(
    State(app): State<App>,
    session: Session,
    Sender(origin): Sender,
    Form(given): Form<Given>,
) -> Result {
    match sign_in::sign_in(&app, &given.email, &given.password, &origin).await {
        Ok(signed_in) => {
            session::begin(&app, &session, &signed_in, &origin).await?;
            Ok(Redirect::to(urls::safe_next(&given.next)).into_response())
        }
        Err(error @ (Error::Refused(_) | Error::Limited(_))) => Ok(again(&app, &given, &error)),
        Err(error) => Err(Failure(error)),
    }
}

/// Ends this session.
pub async fn sign_out(State(app): State<App>, session: Session, SignedIn(actor): SignedIn) -> Result {
    if let Some(digest) = session::digest(&session) {
        services::sessions::sign_out(&app, &actor, &digest).await?;
    }
    session.flush().await?;
    Ok(Redirect::to(&format!("{}?said=signed-out", urls::LOGIN)).into_response())
}

/// The form once more, with the one sentence that does not tell which part was wrong.
fn again(app: &App, given: &Given, error: &Error) -> Response {
    let next = carried(urls::safe_next(&given.next));
    let said = sentence(&error.to_string());
    let (status, page) = match error {
        Error::Limited(_) => {
            let notice = Notice::new(Tone::Warn, "Too many tries.", said);
            let page = Login::new(&given.email, next, &console(app), Vec::new()).with_notice(notice);
            (StatusCode::TOO_MANY_REQUESTS, page)
        }
        _ => {
            let errors = vec![FieldError::new("email", said)];
            (StatusCode::UNAUTHORIZED, Login::new(&given.email, next, &console(app), errors))
        }
    };
    let mut response = (status, page).into_response();
    if let Some(seconds) = retry_after(error) {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// `next` as the form carries it: nothing for the overview.
fn carried(next: &str) -> &str {
    if next == urls::OVERVIEW { "" } else { next }
}

/// Which console this is, without its scheme.
fn console(app: &App) -> String {
    let base = app.config.base_url();
    base.split_once("://").map_or(base.clone(), |(_, host)| host.to_owned())
}
