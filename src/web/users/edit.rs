//! `/settings/users/{id}`: one person: role and reach, a new link, an end to their access.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{self, FieldError, Role, users::Change},
    store::{teams::Team, users::User},
    web::{
        error::Result,
        filters,
        form::{Form, Id, field_errors, is_ticked},
        guard::Visit,
        parts::Field,
        session,
        settings::{self, Tick},
        shell::{Nav, Shell},
        urls,
    },
};

/// What the page sends.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    name: String,
    #[serde(default)]
    role: String,
    limited_to_teams: Option<String>,
    #[serde(default)]
    teams: Vec<i64>,
}

#[derive(Template, WebTemplate)]
#[template(path = "users/edit.html")]
struct Edit {
    shell: Shell,
    id: i64,
    heading: String,
    email: String,
    disabled: bool,
    name: Field,
    role: Field,
    limited: Field,
    teams: Vec<Tick>,
    teams_error: String,
    errors: Vec<FieldError>,
}

impl Edit {
    fn new(shell: Shell, user: &User, given: &Given, teams: &[Team], errors: Vec<FieldError>) -> Self {
        let limited = Field::switch(
            "limited_to_teams",
            "Only over what their teams own",
            is_ticked(&given.limited_to_teams),
        );
        let name = Field::text("name", "Name").required().length(1, 200).value(&given.name);
        Self {
            shell,
            id: user.id,
            heading: user.name.clone(),
            email: user.email.clone(),
            disabled: user.disabled_at.is_some(),
            name: name.errors(&errors),
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

/// The choice of a role, each with what it means.
pub(super) fn role_field(chosen: &str) -> Field {
    let field = Field::select("role", "Role").required().value(chosen);
    let label = |role: Role| format!("{}: {}", capital(role.as_str()), role.describe().to_lowercase());
    Role::ALL.into_iter().fold(field, |field, role| field.option(role.as_str(), label(role)))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// Shows the person.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let user = services::users::find(&app, &visit.actor, id).await?;
    let teams = services::teams::list(&app, &visit.actor).await?;
    let given = Given {
        name: user.name.clone(),
        role: user.role.clone(),
        limited_to_teams: user.limited_to_teams.then(|| "on".to_owned()),
        teams: user.team_ids.clone(),
    };
    Ok(Edit::new(visit.shell(Nav::Settings), &user, &given, &teams, Vec::new()).into_response())
}

/// Changes the person. Who changes their own role gets a new session id, everybody else's sessions end.
pub async fn post(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    Id(id): Id,
    Form(given): Form<Given>,
) -> Result {
    let own = if visit.actor.user() == Some(id) { session::keep(&session).await? } else { None };
    match change(&app, &visit, id, &given).await {
        Ok(()) => {
            if let (Some(kept), Some(caller)) = (own, visit.actor.caller()) {
                session::renew(&session, kept, caller).await?;
            }
            session::tell(&session, "Changes saved.", "They hold from now on.").await?;
            Ok(Redirect::to(urls::USERS).into_response())
        }
        Err(error) => refused(&app, &visit, id, &given, field_errors(error)?).await,
    }
}

/// Ends the person's access.
pub async fn disable(State(app): State<App>, session: Session, visit: Visit, Id(id): Id) -> Result {
    services::users::disable(&app, &visit.actor, id).await?;
    if visit.actor.user() == Some(id) {
        session.flush().await?;
        return Ok(Redirect::to(urls::LOGIN).into_response());
    }
    session::tell(&session, "Access ended.", "Their sessions and tokens no longer work.").await?;
    Ok(Redirect::to(urls::USERS).into_response())
}

/// Gives the person their access back.
pub async fn enable(State(app): State<App>, session: Session, visit: Visit, Id(id): Id) -> Result {
    services::users::enable(&app, &visit.actor, id).await?;
    session::tell(&session, "Access restored.", "They can sign in with the password they had.").await?;
    Ok(Redirect::to(urls::USERS).into_response())
}

async fn change(app: &App, visit: &Visit, id: i64, given: &Given) -> services::Result<()> {
    let change = Change {
        name: given.name.clone(),
        role: given.role.parse()?,
        limited_to_teams: is_ticked(&given.limited_to_teams),
        teams: given.teams.clone(),
    };
    services::users::edit(app, &visit.actor, id, &change).await
}

async fn refused(
    app: &App,
    visit: &Visit,
    id: i64,
    given: &Given,
    errors: Vec<FieldError>,
) -> Result<Response> {
    let user = services::users::find(app, &visit.actor, id).await?;
    let teams = services::teams::list(app, &visit.actor).await?;
    let page = Edit::new(visit.shell(Nav::Settings), &user, given, &teams, errors);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}
