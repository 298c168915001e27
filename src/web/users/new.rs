//! `/settings/users/new`: somebody new, who then sets their own password through a link.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Deserialize;

use crate::{
    app::App,
    services::{self, FieldError, Role, users::Newcomer},
    store::teams::Team,
    web::{
        error::Result,
        form::{Form, field_errors, is_ticked},
        guard::Visit,
        parts::Field,
        settings::{self, Tick},
        shell::{Nav, Shell},
        urls,
    },
};

use super::{edit::role_field, invited};

/// What the page sends.
#[derive(Deserialize, Default)]
pub struct Given {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
    limited_to_teams: Option<String>,
    #[serde(default)]
    teams: Vec<i64>,
}

#[derive(Template, WebTemplate)]
#[template(path = "users/new.html")]
struct AddPerson {
    shell: Shell,
    name: Field,
    email: Field,
    role: Field,
    limited: Field,
    teams: Vec<Tick>,
    teams_error: String,
    errors: Vec<FieldError>,
}

impl AddPerson {
    fn new(shell: Shell, given: &Given, teams: &[Team], errors: Vec<FieldError>) -> Self {
        let name = Field::text("name", "Name")
            .length(0, 200)
            .value(&given.name)
            .hint("Left empty, the address stands in.");
        let email = Field::email("email", "Email").required().value(&given.email);
        let email = if errors.is_empty() { email.autofocus() } else { email };
        let limited = Field::switch(
            "limited_to_teams",
            "Only over what their teams own",
            is_ticked(&given.limited_to_teams),
        );
        Self {
            shell,
            name: name.errors(&errors),
            email: email.hint("They sign in with it.").errors(&errors),
            role: role_field(&given.role).errors(&errors),
            limited: limited.errors(&errors),
            teams: settings::team_ticks(teams, &given.teams),
            teams_error: errors
                .iter()
                .find(|e| e.field == "teams")
                .map(|e| e.message.clone())
                .unwrap_or_default(),
            errors,
        }
    }
}

/// Shows the form.
pub async fn get(State(app): State<App>, visit: Visit) -> Result {
    let teams = services::teams::list(&app, &visit.actor).await?;
    let given = Given { role: Role::Viewer.to_string(), ..Given::default() };
    Ok(AddPerson::new(visit.shell(Nav::Settings), &given, &teams, Vec::new()).into_response())
}

/// Adds the person and shows their link, this once.
pub async fn post(State(app): State<App>, visit: Visit, Form(given): Form<Given>) -> Result {
    match create(&app, &visit, &given).await {
        Ok(invitation) => Ok(invited::page(&app, &visit, &invitation)),
        Err(error) => refused(&app, &visit, &given, field_errors(error)?).await,
    }
}

async fn create(app: &App, visit: &Visit, given: &Given) -> services::Result<services::users::Invitation> {
    let newcomer = Newcomer {
        email: given.email.clone(),
        name: given.name.clone(),
        role: given.role.parse()?,
        limited_to_teams: is_ticked(&given.limited_to_teams),
        teams: given.teams.clone(),
    };
    services::users::create(app, &visit.actor, &newcomer).await
}

async fn refused(app: &App, visit: &Visit, given: &Given, errors: Vec<FieldError>) -> Result<Response> {
    let teams = services::teams::list(app, &visit.actor).await?;
    let mut shell = visit.shell(Nav::Settings);
    shell.path = urls::NEW_USER.to_owned();
    Ok((StatusCode::UNPROCESSABLE_ENTITY, AddPerson::new(shell, given, &teams, errors)).into_response())
}
