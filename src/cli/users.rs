//! `notafter users`: people from the shell, as the operating system's user.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    app::App,
    services::{
        self, Actor, Role,
        users::{Change, Invitation, Newcomer},
    },
    web::urls,
    x509::text::visible,
};

use super::Out;

/// Add, change and disable the people who may use the console.
#[derive(Debug, Args)]
pub struct Users {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add somebody and print the one-time link with which they set their password
    Create(Create),
    /// Print everybody
    List(List),
    /// Change somebody's role
    Role(ChangeRole),
    /// Print a new one-time link with which somebody sets a new password
    ResetLink(Named),
    /// End somebody's access, their sessions and their tokens
    Disable(Named),
    /// Give somebody their access back
    Enable(Named),
}

/// Who to add.
#[derive(Debug, Args)]
struct Create {
    /// The address they sign in with
    #[arg(long)]
    email: String,
    /// administrator, operator, approver, auditor or viewer
    #[arg(long)]
    role: String,
    /// Their name; without it, the address stands in
    #[arg(long, default_value = "")]
    name: String,
    /// Short name of a team they are in; may be given several times. The role then holds only over what these own
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
    /// Print JSON: id, email, link
    #[arg(long)]
    json: bool,
}

/// How to print.
#[derive(Debug, Args)]
struct List {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A person and a role.
#[derive(Debug, Args)]
struct ChangeRole {
    /// The address they sign in with
    #[arg(long)]
    email: String,
    /// administrator, operator, approver, auditor or viewer
    #[arg(long)]
    role: String,
    /// Short name of a team the role is limited to; may be given several times. Without it the role is not limited
    #[arg(long = "team", value_name = "TEAM")]
    teams: Vec<String>,
}

/// A person.
#[derive(Debug, Args)]
struct Named {
    /// The address they sign in with
    #[arg(long)]
    email: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs a command.
pub async fn run(app: &App, actor: &Actor, command: Users, out: Out<'_>) -> anyhow::Result<()> {
    match command.command {
        Command::Create(create) => add(app, actor, create, out).await,
        Command::List(list) => print(app, actor, list.json, out).await,
        Command::Role(change) => change_role(app, actor, change, out).await,
        Command::ResetLink(named) => {
            let id = services::users::id_of(app, actor, &named.email).await?;
            let invitation = services::users::invite(app, actor, id).await?;
            print_link(app, &invitation, named.json, out)
        }
        Command::Disable(named) => {
            let id = services::users::id_of(app, actor, &named.email).await?;
            services::users::disable(app, actor, id).await?;
            done(&named, id, "is disabled; sessions and tokens are ended", out)
        }
        Command::Enable(named) => {
            let id = services::users::id_of(app, actor, &named.email).await?;
            services::users::enable(app, actor, id).await?;
            done(&named, id, "may sign in again", out)
        }
    }
}

async fn add(app: &App, actor: &Actor, create: Create, out: Out<'_>) -> anyhow::Result<()> {
    let teams = team_ids(app, actor, &create.teams).await?;
    let newcomer = Newcomer {
        email: create.email,
        name: create.name,
        role: create.role.parse()?,
        limited_to_teams: !teams.is_empty(),
        teams,
    };
    let invitation = services::users::create(app, actor, &newcomer).await?;
    print_link(app, &invitation, create.json, out)
}

async fn change_role(app: &App, actor: &Actor, change: ChangeRole, out: Out<'_>) -> anyhow::Result<()> {
    let role: Role = change.role.parse()?;
    let id = services::users::id_of(app, actor, &change.email).await?;
    let user = services::users::find(app, actor, id).await?;
    let limited = team_ids(app, actor, &change.teams).await?;
    let limited_to_teams = !limited.is_empty();
    let teams = if limited_to_teams { limited } else { user.team_ids };
    services::users::edit(app, actor, id, &Change { name: user.name, role, limited_to_teams, teams }).await?;
    writeln!(out, "{} is {role} now", user.email)?;
    Ok(())
}

async fn print(app: &App, actor: &Actor, as_json: bool, out: Out<'_>) -> anyhow::Result<()> {
    let users = services::users::list(app, actor).await?;
    if as_json {
        let list: Vec<_> = users
            .iter()
            .map(|user| {
                json!({
                    "id": user.id, "email": user.email, "name": user.name, "role": user.role,
                    "limited_to_teams": user.limited_to_teams, "teams": user.team_ids,
                    "disabled": user.disabled_at.is_some(), "has_password": user.has_password,
                })
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
        return Ok(());
    }
    for user in users {
        let state = match (user.disabled_at, user.has_password) {
            (Some(_), _) => "disabled",
            (None, false) => "invited",
            (None, true) => "active",
        };
        writeln!(
            out,
            "{:>6}  {:<13}  {state:<8}  {:<40}  {}",
            user.id,
            user.role,
            user.email,
            visible(&user.name)
        )?;
    }
    Ok(())
}

fn print_link(app: &App, invitation: &Invitation, as_json: bool, out: Out<'_>) -> anyhow::Result<()> {
    let link = format!("{}{}", app.config.base_url(), urls::password(invitation.link.expose()));
    if as_json {
        writeln!(out, "{}", json!({ "id": invitation.user, "email": invitation.email, "link": link }))?;
    } else {
        writeln!(
            out,
            "{} sets a password with this link, which works once and for three days:\n{link}",
            invitation.email
        )?;
    }
    Ok(())
}

fn done(named: &Named, id: i64, what: &str, out: Out<'_>) -> anyhow::Result<()> {
    if named.json {
        writeln!(out, "{}", json!({ "id": id, "email": named.email }))?;
    } else {
        writeln!(out, "{} {what}", named.email)?;
    }
    Ok(())
}

async fn team_ids(app: &App, actor: &Actor, slugs: &[String]) -> anyhow::Result<Vec<i64>> {
    let mut ids = Vec::new();
    for slug in slugs {
        ids.push(services::teams::id_of(app, actor, slug).await?);
    }
    Ok(ids)
}
