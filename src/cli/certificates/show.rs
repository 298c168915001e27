//! `certificates show`: everything that is known about one certificate.

use clap::Args;
use time::OffsetDateTime;

use crate::{
    app::App,
    cli::Out,
    services::{
        Actor,
        certificates::{
            Chain, Format, chain, download,
            wire::{self, CertificateDetail},
        },
    },
    x509::visible,
};

use super::reference;

/// Show one certificate.
#[derive(Debug, Args)]
pub struct Show {
    /// Its id, SHA-256 or SHA-1 fingerprint or serial, with or without colons
    #[arg(value_name = "ID|SHA256|SERIAL", allow_hyphen_values = true)]
    certificate: String,
    /// Print the API's object
    #[arg(long)]
    json: bool,
    /// Print the certificate itself as PEM
    #[arg(long, conflicts_with = "json")]
    pem: bool,
}

/// Prints it.
pub async fn run(app: &App, actor: &Actor, command: &Show, out: Out<'_>) -> anyhow::Result<()> {
    let id = reference::find(app, actor, &command.certificate).await?;
    if command.pem {
        return Ok(out.write_all(&download(app, actor, id, Format::Pem, None).await?.bytes)?);
    }
    let detail = wire::object(app, actor, id).await?;
    if command.json {
        return Ok(writeln!(out, "{}", serde_json::to_string_pretty(&detail)?)?);
    }
    print(&detail, &chain(app, actor, id).await?, out)
}

fn print(detail: &CertificateDetail, chain: &Chain, out: Out<'_>) -> anyhow::Result<()> {
    let about = &detail.certificate;
    let said = &detail.said;
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let ids = |ids: &[i64]| ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let usage = [said.key_usage.join(", "), said.extended_key_usage.join(", ")];
    let lines: [(&str, String); 24] = [
        ("id", about.id.to_string()),
        ("status", status(detail)),
        ("unreadable", text(&about.unreadable)),
        ("subject", about.subject.clone()),
        ("issuer", about.issuer.clone()),
        ("serial", about.serial.clone()),
        ("not before", moment(about.not_before)),
        ("not after", moment(about.not_after)),
        ("names", about.sans.join(", ")),
        ("authority", if about.is_ca { "yes" } else { "" }.to_owned()),
        ("key", key(detail)),
        ("usage", usage.join("; ").trim_matches([';', ' ']).to_owned()),
        ("chain", chain_line(chain)),
        ("sha256", about.sha256.clone()),
        ("sha1", about.sha1.clone()),
        ("owner", text(&about.owner)),
        ("team", text(&about.team)),
        ("environment", text(&about.environment)),
        ("tags", about.tags.join(", ")),
        ("note", about.note.clone()),
        ("supersedes", ids(&about.supersedes)),
        ("superseded by", about.superseded_by.map(|id| id.to_string()).unwrap_or_default()),
        ("retired", text(&about.retired_reason)),
        ("added", format!("{} ({})", moment(Some(about.added_at)), about.source)),
    ];
    writeln!(out, "{}", visible(&about.name))?;
    for (name, value) in lines.iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(out, "  {name:14} {}", visible(value))?;
    }
    Ok(())
}

fn status(detail: &CertificateDetail) -> String {
    let about = &detail.certificate;
    match about.days_left {
        Some(1) => format!("{}, 1 day left", about.status),
        Some(days @ 0..) => format!("{}, {days} days left", about.status),
        Some(days) => format!("{}, ended {} days ago", about.status, days.unsigned_abs()),
        None => about.status.to_owned(),
    }
}

fn key(detail: &CertificateDetail) -> String {
    let about = &detail.certificate;
    let kept = if detail.key_is_kept { "; its private key is kept here" } else { "" };
    match about.key.as_str() {
        "" => String::new(),
        key => format!("{key}, signed with {}{kept}", about.signature),
    }
}

/// Names from the certificate up; an issuer that is not in the inventory is said so.
fn chain_line(chain: &Chain) -> String {
    let mut names: Vec<String> = chain.links.iter().map(|link| link.certificate.primary_name()).collect();
    if let Some(missing) = &chain.missing {
        names.push(format!("{missing} (not in the inventory)"));
    }
    names.join(" < ")
}

fn moment(at: Option<OffsetDateTime>) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
    at.and_then(|at| at.format(format).ok()).unwrap_or_default()
}
