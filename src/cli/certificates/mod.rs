//! `certificates …`: the inventory from the command line.

mod filters;
mod reference;
mod import;
mod list;
mod show;
mod edit;
mod export;

use clap::Subcommand;

use crate::{
    app::App,
    services::{self, Actor, Error},
};

use super::{Out, Usage, with_app};

/// The most slugs told to whoever names a team that is none.
const MAX_TEAMS: usize = 10;

/// Import, find, show, change and export certificates.
#[derive(Debug, Subcommand)]
pub enum Certificates {
    /// Read certificates from files, folders and live folders into the inventory
    Import(import::Import),
    /// List what the inventory holds
    List(list::List),
    /// Show one certificate
    Show(show::Show),
    /// Change owner, team, environment, tags or note of one certificate or several
    ///
    /// What is not given stays, and an empty value removes. Several are changed one after the other, as in `edit 49 50 --owner
    /// you@example.com`: one that cannot be changed is named, the others are changed, and the exit code is that of the worst.
    Edit(edit::Edit),
    /// Take a certificate out of use: its alerts fall silent
    Retire(edit::Retire),
    /// Bring a retired or superseded certificate back into use
    Restore(edit::Restore),
    /// Write one certificate in a server's format, or the list as CSV
    Export(export::Export),
}

/// Wrong fields as wrong usage; who names a team that is none is told which there are.
async fn wrong_fields(app: &App, actor: &Actor, error: Error) -> anyhow::Error {
    let is_team =
        matches!(&error, Error::Invalid(fields) if fields.iter().any(|wrong| wrong.field == "team"));
    let teams = match is_team {
        true => services::teams::list(app, actor).await.unwrap_or_default(),
        false => return Usage::of_fields(error),
    };
    let slugs: Vec<&str> = teams.iter().take(MAX_TEAMS).map(|team| team.slug.as_str()).collect();
    let told = match (slugs.as_slice(), teams.len().saturating_sub(MAX_TEAMS)) {
        ([], _) => "there are no teams yet".to_owned(),
        (slugs, 0) => format!("teams are {}", slugs.join(", ")),
        (slugs, more) => format!("teams are {} and {more} more", slugs.join(", ")),
    };
    Usage::new(format!("{error}; {told}")).into()
}

/// Runs one of them.
pub async fn run(command: Certificates, out: Out<'_>) -> anyhow::Result<()> {
    with_app(async move |app, actor| match command {
        Certificates::Import(command) => import::run(app, actor, &command, out).await,
        Certificates::List(command) => list::run(app, actor, &command, out).await,
        Certificates::Show(command) => show::run(app, actor, &command, out).await,
        Certificates::Edit(command) => edit::edit(app, actor, command, out).await,
        Certificates::Retire(command) => edit::retire(app, actor, &command, out).await,
        Certificates::Restore(command) => edit::restore(app, actor, &command, out).await,
        Certificates::Export(command) => export::run(app, actor, &command, out).await,
    })
    .await
}
