//! `certificates edit`, `retire` and `restore`.

use clap::Args;

use crate::{
    app::App,
    cli::{Out, Usage},
    services::{
        Actor,
        certificates::{self, Change, wire},
    },
    store::certificates::CertificateId,
    x509::visible,
};

use super::reference;

/// Which certificate, and how the answer is printed.
#[derive(Debug, Args)]
pub struct One {
    /// Its id, fingerprint or serial
    #[arg(value_name = "ID|SHA256|SERIAL", allow_hyphen_values = true)]
    certificate: String,
    /// Print the API's object as it is afterwards
    #[arg(long)]
    json: bool,
}

/// Change owner, team, environment, tags or note; what is not given stays, and an empty value removes.
#[derive(Debug, Args)]
pub struct Edit {
    #[command(flatten)]
    one: One,
    /// Mail address of who looks after it
    #[arg(long, value_name = "E")]
    owner: Option<String>,
    /// Slug of the team that owns it
    #[arg(long, value_name = "T")]
    team: Option<String>,
    /// Such as production
    #[arg(long, visible_alias = "env", value_name = "X")]
    environment: Option<String>,
    /// All its tags from now on; give the option once for each
    #[arg(long, value_name = "T")]
    tag: Option<Vec<String>>,
    /// Free text
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    note: Option<String>,
}

/// Take a certificate out of use.
#[derive(Debug, Args)]
pub struct Retire {
    #[command(flatten)]
    one: One,
    /// Why, for whoever looks at it later
    #[arg(long, value_name = "R", default_value = "")]
    reason: String,
}

/// Bring a certificate back into use.
#[derive(Debug, Args)]
pub struct Restore {
    #[command(flatten)]
    one: One,
}

/// Changes what was given and nothing else.
pub async fn edit(app: &App, actor: &Actor, command: Edit, out: Out<'_>) -> anyhow::Result<()> {
    let Edit { one, owner, team, environment, tag, note } = command;
    if [&owner, &team, &environment, &note].iter().all(|given| given.is_none()) && tag.is_none() {
        return Err(
            Usage::new("nothing to change: give --owner, --team, --environment, --tag or --note").into()
        );
    }
    let id = reference::find(app, actor, &one.certificate).await?;
    let entry = certificates::detail(app, actor, id).await?.entry;
    let change = Change {
        owner: owner.or(entry.owner).unwrap_or_default(),
        team: team.or(entry.team).unwrap_or_default(),
        environment: environment.or(entry.environment).unwrap_or_default(),
        tags: tag.unwrap_or(entry.tags),
        note: note.unwrap_or(entry.note),
        seen: Some(entry.changed_at),
    };
    certificates::edit(app, actor, id, &change).await.map_err(Usage::of_fields)?;
    said(app, actor, id, &one, "changed", out).await
}

/// Retires it.
pub async fn retire(app: &App, actor: &Actor, command: &Retire, out: Out<'_>) -> anyhow::Result<()> {
    let id = reference::find(app, actor, &command.one.certificate).await?;
    certificates::retire(app, actor, id, &command.reason).await.map_err(Usage::of_fields)?;
    said(app, actor, id, &command.one, "retired", out).await
}

/// Restores it.
pub async fn restore(app: &App, actor: &Actor, command: &Restore, out: Out<'_>) -> anyhow::Result<()> {
    let id = reference::find(app, actor, &command.one.certificate).await?;
    certificates::restore(app, actor, id).await?;
    said(app, actor, id, &command.one, "restored", out).await
}

async fn said(
    app: &App,
    actor: &Actor,
    id: CertificateId,
    one: &One,
    done: &str,
    out: Out<'_>,
) -> anyhow::Result<()> {
    let detail = wire::object(app, actor, id).await?;
    if one.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&detail)?)?);
    }
    Ok(writeln!(out, "{done} {} (id {id})", visible(&detail.certificate.name))?)
}
