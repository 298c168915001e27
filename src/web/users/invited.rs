//! The link with which somebody sets their password: shown once, on the answer to the act that made it.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use time::OffsetDateTime;

use crate::{
    app::App,
    services::{self, users::Invitation},
    web::{
        error::Result,
        filters,
        form::Id,
        guard::Visit,
        shell::{Nav, Shell},
        urls,
    },
};

#[derive(Template, WebTemplate)]
#[template(path = "users/invited.html")]
struct Invited {
    shell: Shell,
    email: String,
    link: String,
    expires_at: OffsetDateTime,
}

/// Makes a new link and shows it.
pub async fn post(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let invitation = services::users::invite(&app, &visit.actor, id).await?;
    Ok(page(&app, &visit, &invitation))
}

/// Shows a link.
pub(super) fn page(app: &App, visit: &Visit, invitation: &Invitation) -> Response {
    let mut shell = visit.shell(Nav::Settings);
    shell.path = urls::USERS.to_owned();
    let link = format!("{}{}", app.config.base_url(), urls::password(invitation.link.expose()));
    let (email, expires_at) = (invitation.email.clone(), invitation.expires_at);
    Invited { shell, email, link, expires_at }.into_response()
}
