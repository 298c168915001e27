//! What the pages under `/settings` share: the row of tabs, each shown to who may open it, and choices of several things.

use crate::{
    services::{Actor, Permission},
    store::teams::Team,
};

use super::{parts::Tab, urls};

/// The tabs with the page at `current` marked.
pub fn tabs(actor: &Actor, current: &str) -> Vec<Tab> {
    let pages = [
        (urls::USERS, "People", Permission::UsersRead),
        (urls::TEAMS, "Teams", Permission::UsersRead),
        (urls::TOKENS, "API tokens", Permission::UsersWrite),
    ];
    let open = pages.into_iter().filter(|(.., permission)| actor.may(*permission));
    open.map(|(href, text, _)| Tab::new(href, text, href == current)).collect()
}

/// One box of a choice of several.
#[derive(Debug, Clone)]
pub struct Tick {
    /// What the form sends.
    pub value: String,
    /// What is read.
    pub label: String,
    /// A remark beside it.
    pub note: String,
    /// Whether it is chosen.
    pub checked: bool,
}

/// The teams to choose from, `chosen` of them ticked.
pub fn team_ticks(teams: &[Team], chosen: &[i64]) -> Vec<Tick> {
    let tick = |team: &Team| Tick {
        value: team.id.to_string(),
        label: team.name.clone(),
        note: team.slug.clone(),
        checked: chosen.contains(&team.id),
    };
    teams.iter().map(tick).collect()
}
