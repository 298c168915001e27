//! `/settings/users`: everybody, what they may do, and when they were last here.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::IntoResponse};
use time::OffsetDateTime;

use crate::{
    app::App,
    services::{self, Permission},
    store::{teams::Team, users::User},
    web::{
        error::Result,
        filters,
        guard::Visit,
        parts::{Badge, Tab, Tone},
        settings,
        shell::{Nav, Shell},
        urls,
    },
};

#[derive(Template, WebTemplate)]
#[template(path = "users/list.html")]
struct List {
    shell: Shell,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    may_change: bool,
    now: OffsetDateTime,
}

struct Row {
    name: String,
    email: String,
    href: Option<String>,
    /// With the teams that it is limited to; hostile text.
    role: String,
    reach: String,
    seen: Option<OffsetDateTime>,
    badge: Badge,
}

impl Row {
    fn new(user: User, teams: &[Team], may_change: bool) -> Self {
        let of_user: Vec<&str> = teams
            .iter()
            .filter(|team| user.team_ids.contains(&team.id))
            .map(|team| team.name.as_str())
            .collect();
        let teams = if of_user.is_empty() { "no team".to_owned() } else { of_user.join(", ") };
        let (role, reach) = match (user.limited_to_teams, of_user.is_empty()) {
            (true, _) => (format!("{} · {teams}", user.role), "Only what these teams own".to_owned()),
            (false, true) => (user.role, "Everything".to_owned()),
            (false, false) => (user.role, format!("Everything; in {teams}")),
        };
        let badge = match (user.disabled_at, user.has_password) {
            (Some(_), _) => Badge::new(Tone::Mute, "Disabled").with_icon("ban"),
            (None, false) => Badge::new(Tone::Info, "Invited").with_icon("hourglass"),
            (None, true) => Badge::new(Tone::Ok, "Active"),
        };
        Self {
            href: may_change.then(|| urls::user(user.id)),
            name: user.name,
            email: user.email,
            role,
            reach,
            seen: user.last_sign_in_at,
            badge,
        }
    }
}

/// Shows the list.
pub async fn get(State(app): State<App>, visit: Visit) -> Result {
    let users = services::users::list(&app, &visit.actor).await?;
    let teams = services::teams::list(&app, &visit.actor).await?;
    let may_change = visit.actor.may(Permission::UsersWrite);
    let rows = users.into_iter().map(|user| Row::new(user, &teams, may_change)).collect();
    let tabs = settings::tabs(&visit.actor, urls::USERS);
    Ok(List { shell: visit.shell(Nav::Settings), tabs, rows, may_change, now: app.now() }.into_response())
}
