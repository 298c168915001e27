//! My name and my colours.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use http::StatusCode;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    app::App,
    services,
    web::{
        error::Result,
        form::{Form, field_errors},
        guard::Visit,
        session, urls,
    },
};

use super::show;

/// What the form of the name sends.
#[derive(Deserialize)]
pub struct Named {
    #[serde(default)]
    name: String,
}

/// What a form of the colours sends: the menu on top of every page, or the page itself.
#[derive(Deserialize)]
pub struct Themed {
    #[serde(default)]
    theme: String,
    #[serde(default)]
    next: String,
}

/// Changes the name.
pub async fn rename(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    Form(given): Form<Named>,
) -> Result {
    match services::account::rename(&app, &visit.actor, &given.name).await {
        Ok(()) => {
            session::tell(&session, "Name saved.", "").await?;
            Ok(Redirect::to(urls::ACCOUNT).into_response())
        }
        Err(error) => {
            let errors = field_errors(error)?;
            let page = show::page(&app, &session, &visit, Some(&given.name), errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Changes the colours and goes back to the page that asked.
pub async fn set_theme(State(app): State<App>, visit: Visit, Form(given): Form<Themed>) -> Result {
    services::account::set_theme(&app, &visit.actor, &given.theme).await?;
    Ok(Redirect::to(urls::safe_next(&given.next)).into_response())
}
