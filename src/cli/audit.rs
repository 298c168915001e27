//! `notafter audit`: prove the log, take it away.

use std::pin::pin;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use futures_util::TryStreamExt;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    app::App,
    services::{
        Actor,
        audit::{self, Filter, export::Format, verify::Verdict},
    },
};

use super::{Out, counted};

/// The audit log: prove that it is whole, export it.
#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check every record, its seal and the anchors; name the first that is broken (exit code 1)
    Verify {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Print the records, newest first
    Export {
        /// How to write them
        #[arg(long, value_enum, default_value = "csv")]
        format: Written,
        /// Not before this time, RFC 3339
        #[arg(long, value_parser = moment)]
        from: Option<OffsetDateTime>,
        /// Before this time, RFC 3339
        #[arg(long, value_parser = moment)]
        until: Option<OffsetDateTime>,
        /// Only this actor
        #[arg(long)]
        actor: Option<String>,
        /// Only this act, such as certificate.imported
        #[arg(long)]
        act: Option<String>,
        /// Only records that hold this text
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Written {
    Csv,
    Json,
}

impl From<Written> for Format {
    fn from(written: Written) -> Format {
        match written {
            Written::Csv => Format::Csv,
            Written::Json => Format::Json,
        }
    }
}

/// Runs the command.
pub async fn run(app: &App, actor: &Actor, command: Audit, out: Out<'_>) -> anyhow::Result<()> {
    match command.command {
        Command::Verify { json } => {
            let verdict = audit::verify::verify(app, actor).await?;
            match json {
                true => writeln!(out, "{}", serde_json::to_string_pretty(&verdict)?)?,
                false => print(&verdict, out)?,
            }
            match verdict.first_broken {
                Some(broken) => bail!("the audit log is broken: {}", broken.reason),
                None if !verdict.altered_anchors.is_empty() => bail!("the anchor file was altered"),
                None => Ok(()),
            }
        }
        Command::Export { format, from, until, actor: name, act, search } => {
            let filter = Filter { from, until, actor: name, act, object_id: None, text: search };
            let mut pieces = pin!(audit::export::export(app, actor, filter, format.into())?);
            while let Some(piece) = pieces.try_next().await? {
                out.write_all(&piece)?;
            }
            Ok(())
        }
    }
}

fn print(verdict: &Verdict, out: Out<'_>) -> anyhow::Result<()> {
    let checked = counted(verdict.checked, "record", "records");
    writeln!(out, "{checked} checked, {} not sealed yet", verdict.unsealed_tail)?;
    writeln!(out, "{} compared", counted(verdict.anchors, "anchor", "anchors"))?;
    for line in &verdict.altered_anchors {
        writeln!(out, "line {line} of {} is not as it was written", audit::anchors::FILE)?;
    }
    if verdict.is_unbroken() {
        writeln!(out, "the log is unbroken; its head is {}", verdict.head)?;
    }
    Ok(())
}

fn moment(text: &str) -> Result<OffsetDateTime, String> {
    OffsetDateTime::parse(text, &Rfc3339)
        .map_err(|_| "must be RFC 3339, such as 2026-11-20T09:00:00Z".to_owned())
}
