//! `/settings/teams/{id}`: one team: its name and address, its members, its end.

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
    services::{self, FieldError, Permission},
    store::{teams::Team, users::User},
    web::{
        error::Result,
        filters,
        form::{Form, Id, field_errors},
        guard::Visit,
        session,
        settings::Tick,
        shell::{Nav, Shell},
        urls,
    },
};

use super::new::{Fields, Given};

/// What the form of members sends.
#[derive(Deserialize)]
pub struct Members {
    #[serde(default)]
    members: Vec<i64>,
}

#[derive(Template, WebTemplate)]
#[template(path = "teams/edit.html")]
struct Edit {
    shell: Shell,
    team: Team,
    fields: Fields,
    members: Vec<Tick>,
    may_change: bool,
    errors: Vec<FieldError>,
}

/// Shows the team.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let team = services::teams::find(&app, &visit.actor, id).await?;
    let given = Given {
        name: team.name.clone(),
        slug: team.slug.clone(),
        email: team.email.clone().unwrap_or_default(),
    };
    Ok(page(&app, &visit, team, &given, Vec::new()).await?.into_response())
}

/// Changes name, short name and address.
pub async fn post(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    Id(id): Id,
    Form(given): Form<Given>,
) -> Result {
    match services::teams::edit(&app, &visit.actor, id, &given.to_form()).await {
        Ok(()) => {
            session::tell(&session, "Changes saved.", "").await?;
            Ok(Redirect::to(&urls::team(id)).into_response())
        }
        Err(error) => {
            let errors = field_errors(error)?;
            let team = services::teams::find(&app, &visit.actor, id).await?;
            let page = page(&app, &visit, team, &given, errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

/// Replaces the members.
pub async fn set_members(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    Id(id): Id,
    Form(given): Form<Members>,
) -> Result<Response> {
    services::teams::set_members(&app, &visit.actor, id, &given.members).await?;
    session::tell(&session, "Members saved.", "What they see changes with their next click.").await?;
    Ok(Redirect::to(&urls::team(id)).into_response())
}

/// Removes the team.
pub async fn delete(State(app): State<App>, session: Session, visit: Visit, Id(id): Id) -> Result<Response> {
    services::teams::delete(&app, &visit.actor, id).await?;
    session::tell(&session, "Team removed.", "Its people stay.").await?;
    Ok(Redirect::to(urls::TEAMS).into_response())
}

async fn page(app: &App, visit: &Visit, team: Team, given: &Given, errors: Vec<FieldError>) -> Result<Edit> {
    let users = services::users::list(app, &visit.actor).await?;
    let tick = |user: &User| Tick {
        value: user.id.to_string(),
        label: user.name.clone(),
        note: user.email.clone(),
        checked: user.team_ids.contains(&team.id),
    };
    let members = users.iter().map(tick).collect();
    let may_change = visit.actor.may(Permission::UsersWrite);
    let fields = Fields::new(given, &errors);
    Ok(Edit { shell: visit.shell(Nav::Settings), fields, members, may_change, errors, team })
}
