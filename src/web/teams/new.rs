//! `/settings/teams/new`: a new team.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use http::StatusCode;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{self, FieldError, teams::TeamForm},
    web::{
        error::Result,
        form::{Form, field_errors},
        guard::Visit,
        parts::Field,
        session,
        shell::{Nav, Shell},
        urls,
    },
};

/// What the page sends; the page of one team sends the same.
#[derive(Deserialize, Default)]
pub struct Given {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) slug: String,
    #[serde(default)]
    pub(super) email: String,
}

impl Given {
    pub(super) fn to_form(&self) -> TeamForm {
        TeamForm { name: self.name.clone(), slug: self.slug.clone(), email: self.email.clone() }
    }
}

/// The three fields of a team.
pub(super) struct Fields {
    pub(super) name: Field,
    pub(super) slug: Field,
    pub(super) email: Field,
}

impl Fields {
    pub(super) fn new(given: &Given, errors: &[FieldError]) -> Self {
        let slug = Field::text("slug", "Short name").length(0, 63).value(&given.slug);
        let slug = slug.hint("In addresses and filters: lower-case letters, digits, hyphens. Left empty, it is made from the name.");
        let email = Field::email("email", "Mail address").value(&given.email);
        let email = email.hint("Alerts about the team's certificates go there as well.");
        Self {
            name: Field::text("name", "Name").required().length(1, 120).value(&given.name).errors(errors),
            slug: slug.errors(errors),
            email: email.errors(errors),
        }
    }
}

#[derive(Template, WebTemplate)]
#[template(path = "teams/new.html")]
struct New {
    shell: Shell,
    fields: Fields,
    errors: Vec<FieldError>,
}

/// Shows the form.
pub async fn get(visit: Visit) -> Result {
    let fields = Fields::new(&Given::default(), &[]);
    Ok(New { shell: visit.shell(Nav::Settings), fields, errors: Vec::new() }.into_response())
}

/// Adds the team and goes on to its members.
pub async fn post(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    Form(given): Form<Given>,
) -> Result {
    match services::teams::create(&app, &visit.actor, &given.to_form()).await {
        Ok(id) => {
            session::tell(&session, "Team added.", "Choose its members.").await?;
            Ok(Redirect::to(&urls::team(id)).into_response())
        }
        Err(error) => {
            let errors = field_errors(error)?;
            let mut shell = visit.shell(Nav::Settings);
            shell.path = urls::NEW_TEAM.to_owned();
            let page = New { shell, fields: Fields::new(&given, &errors), errors };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}
