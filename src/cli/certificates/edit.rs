//! `certificates edit`, `retire` and `restore`.

use clap::Args;

use crate::{
    app::App,
    cli::{Out, Partly, Usage, counted},
    services::{
        Actor,
        certificates::{
            self, Change,
            wire::{self, CertificateDetail},
        },
    },
    store::certificates::CertificateId,
    x509::visible,
};

use super::{reference, wrong_fields};

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
    /// Their ids, fingerprints or serials
    #[arg(value_name = "ID|SHA256|SERIAL", required = true)]
    certificates: Vec<String>,
    /// Print the API's object as it is afterwards; of several a list
    #[arg(long)]
    json: bool,
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
    let Edit { certificates, json, owner, team, environment, tag, note } = &command;
    if [owner, team, environment, note].iter().all(|given| given.is_none()) && tag.is_none() {
        return Err(
            Usage::new("nothing to change: give --owner, --team, --environment, --tag or --note").into()
        );
    }
    if let [only] = certificates.as_slice() {
        let changed = change(app, actor, &command, only).await?;
        return say(&changed, *json, "changed", out);
    }
    let (mut changed, mut codes) = (Vec::new(), Vec::new());
    for certificate in certificates {
        match change(app, actor, &command, certificate).await {
            Ok(detail) if *json => changed.push(detail),
            Ok(detail) => say(&detail, false, "changed", out)?,
            Err(error) => codes.push(Partly::tell(certificate, &error)),
        }
    }
    if *json {
        writeln!(out, "{}", serde_json::to_string_pretty(&changed)?)?;
    }
    match codes.iter().max() {
        None => Ok(()),
        Some(worst) => {
            let all = counted(certificates.len(), "certificate", "certificates");
            Err(Partly::new(format!("{} of {all} not changed", codes.len()), *worst).into())
        }
    }
}

async fn change(
    app: &App,
    actor: &Actor,
    given: &Edit,
    certificate: &str,
) -> anyhow::Result<CertificateDetail> {
    let id = reference::find(app, actor, certificate).await?;
    let entry = certificates::detail(app, actor, id).await?.entry;
    let change = Change {
        owner: given.owner.clone().or(entry.owner).unwrap_or_default(),
        team: given.team.clone().or(entry.team).unwrap_or_default(),
        environment: given.environment.clone().or(entry.environment).unwrap_or_default(),
        tags: given.tag.clone().unwrap_or(entry.tags),
        note: given.note.clone().unwrap_or(entry.note),
        seen: Some(entry.changed_at),
    };
    if let Err(error) = certificates::edit(app, actor, id, &change).await {
        return Err(wrong_fields(app, actor, error).await);
    }
    Ok(wire::object(app, actor, id).await?)
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
    say(&wire::object(app, actor, id).await?, one.json, done, out)
}

fn say(detail: &CertificateDetail, json: bool, done: &str, out: Out<'_>) -> anyhow::Result<()> {
    if json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(detail)?)?);
    }
    let (name, id) = (visible(&detail.certificate.name), detail.certificate.id);
    Ok(writeln!(out, "{done} {name} (id {id})")?)
}
