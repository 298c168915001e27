//! `/settings/teams`: who owns certificates together.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::IntoResponse};

use crate::{
    app::App,
    services::{self, Permission},
    store::teams::Team,
    web::{
        error::Result,
        filters,
        guard::Visit,
        parts::Tab,
        settings,
        shell::{Nav, Shell},
        urls,
    },
};

#[derive(Template, WebTemplate)]
#[template(path = "teams/list.html")]
struct List {
    shell: Shell,
    tabs: Vec<Tab>,
    teams: Vec<Team>,
    may_change: bool,
}

/// Shows the list.
pub async fn get(State(app): State<App>, visit: Visit) -> Result {
    let teams = services::teams::list(&app, &visit.actor).await?;
    let tabs = settings::tabs(&visit.actor, urls::TEAMS);
    let may_change = visit.actor.may(Permission::UsersWrite);
    Ok(List { shell: visit.shell(Nav::Settings), tabs, teams, may_change }.into_response())
}
