//! `/setup`: the first administrator, through the link that the console printed.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use http::StatusCode;
use secrecy::SecretString;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{passwords, setup},
    web::{
        error::Result,
        form::{Form, Query, field_errors},
        guard::Sender,
        session, urls,
    },
};

use super::views::Setup;

/// What leads to the page.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    token: String,
}

/// What the page sends.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    token: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
}

/// Shows the form to who has the link; to everybody else there is no such page.
pub async fn get(State(app): State<App>, Sender(origin): Sender, Query(asked): Query<Asked>) -> Result {
    setup::check_link(&app, &asked.token, &origin).await?;
    Ok(Setup::new(&asked.token, "", "", passwords::LEAST, Vec::new()).into_response())
}

/// Makes the administrator and signs them in.
pub async fn post(
    State(app): State<App>,
    session: Session,
    Sender(origin): Sender,
    Form(given): Form<Given>,
) -> Result {
    let first = setup::FirstAdministrator {
        name: given.name.clone(),
        email: given.email.clone(),
        password: given.password,
    };
    match setup::complete(&app, &given.token, first, &origin).await {
        Ok(signed_in) => {
            session::begin(&app, &session, &signed_in, &origin).await?;
            session::tell(
                &session,
                "Your account is ready.",
                "Import your first certificates, then look at the alerts.",
            )
            .await?;
            Ok(Redirect::to(urls::OVERVIEW).into_response())
        }
        Err(error) => {
            let errors = field_errors(error)?;
            let page = Setup::new(&given.token, &given.name, &given.email, passwords::LEAST, errors);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}
