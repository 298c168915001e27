//! The fields that say whose a certificate is, the same for one and for a whole import.

use crate::{
    services::FieldError,
    store::teams::Team,
    web::{parts::Field, phrases},
};

/// A team to choose: its slug and its name.
pub(super) type TeamChoice = (String, String);

/// What was typed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Typed<'a> {
    pub(super) owner: &'a str,
    pub(super) team: &'a str,
    pub(super) environment: &'a str,
    pub(super) tags: &'a str,
}

/// The teams of a list.
pub(super) fn choices(teams: Vec<Team>) -> Vec<TeamChoice> {
    teams.into_iter().map(|team| (team.slug, team.name)).collect()
}

/// Owner, team, environment, tags, with what was typed and what is wrong with it. Whoever is limited to teams cannot leave it open which of
/// them owns it.
pub(super) fn fields(
    typed: Typed<'_>,
    teams: &[TeamChoice],
    is_limited: bool,
    errors: &[FieldError],
) -> Vec<Field> {
    let team = Field::select("team", "Team").value(typed.team);
    let team = match (is_limited, teams) {
        (true, [_]) => team,
        (true, _) => team.option("", "Choose a team"),
        (false, _) => team.option("", "No team"),
    };
    let mut team = teams.iter().fold(team, |field, (slug, name)| field.option(slug, phrases::visible(name)));
    if !typed.team.is_empty() && !team.options.iter().any(|option| option.selected) {
        team = team.option(typed.team, phrases::visible(typed.team));
    }
    vec![
        Field::email("owner", "Owner")
            .length(0, 254)
            .placeholder("you@example.com")
            .hint("One mail address. Alerts go there, and to the team.")
            .value(typed.owner)
            .errors(errors),
        team.hint("A team owns certificates together; who is limited to it sees no others.").errors(errors),
        Field::text("environment", "Environment")
            .length(0, 50)
            .placeholder("production")
            .value(typed.environment)
            .errors(errors),
        Field::text("tags", "Tags")
            .placeholder("pci, eu-west")
            .hint("Separated by commas.")
            .value(typed.tags)
            .errors(errors),
    ]
}

/// Tags as typed, one by one.
pub(super) fn tags(typed: &str) -> Vec<String> {
    typed.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}
