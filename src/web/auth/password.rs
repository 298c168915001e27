//! `/password/{token}`: a password through a one-time link. Opening it changes nothing; only sending the form uses it up.

use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect},
};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;

use crate::{
    app::App,
    services::{account, passwords},
    web::{
        error::Result,
        form::{Form, field_errors},
        guard::Sender,
        urls,
    },
};

use super::views::Password;

/// What the page sends.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    password: SecretString,
}

/// Shows the form to who has the link.
pub async fn get(State(app): State<App>, Sender(origin): Sender, Path(token): Path<String>) -> Result {
    let email = account::open_link(&app, &token, &origin).await?;
    Ok(Password::new(&urls::password(&token), &email, passwords::LEAST, Vec::new()).into_response())
}

/// Sets the password; the person then signs in with it.
pub async fn post(
    State(app): State<App>,
    Sender(origin): Sender,
    Path(token): Path<String>,
    Form(given): Form<Given>,
) -> Result {
    match account::set_password(&app, &token, &given.password, &origin).await {
        Ok(()) => Ok(Redirect::to(&format!("{}?said=password-set", urls::LOGIN)).into_response()),
        Err(error) => {
            let errors = field_errors(error)?;
            let email = account::open_link(&app, &token, &origin).await?;
            let page = Password::new(&urls::password(&token), &email, passwords::LEAST, errors);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}
