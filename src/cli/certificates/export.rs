//! `certificates export`: one certificate in the format of a server, or the list as CSV.

use std::{
    fs::File,
    io::{IsTerminal, Write},
    path::PathBuf,
};

use anyhow::Context;
use clap::Args;

use crate::{
    app::App,
    cli::{Out, Usage, inspect::password},
    services::{
        Actor,
        certificates::{Format, download},
    },
};

use super::{filters::Filters, list, reference};

/// Write one certificate in a server's format, or the list as CSV. No format holds a private key.
#[derive(Debug, Args)]
pub struct Export {
    /// Id, fingerprint or serial; without it the list is exported
    #[arg(value_name = "ID|SHA256|SERIAL")]
    certificate: Option<String>,
    #[command(flatten)]
    filters: Filters,
    /// csv for the list; pem, fullchain, der, p7b, p12 or jks for one certificate
    #[arg(long, value_name = "F")]
    format: Option<String>,
    /// File holding the password that p12 and jks are protected by
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Write to this file; - or nothing is standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Writes the file.
pub async fn run(app: &App, actor: &Actor, command: &Export, out: Out<'_>) -> anyhow::Result<()> {
    let file = command.out.as_ref().filter(|path| path.as_os_str() != "-");
    let format = command.format.as_deref();
    match (&command.certificate, format) {
        (None, None | Some("csv")) => {
            let request = command.filters.request();
            match file {
                Some(path) => list::csv(app, actor, &request, &mut create(path)?).await,
                None => list::csv(app, actor, &request, out).await,
            }
        }
        (None, Some(_)) => {
            Err(Usage::new("this format is for one certificate; name it, or use --format csv").into())
        }
        (Some(_), _) if !command.filters.is_empty() => {
            Err(Usage::new("filters choose from the list; leave them out for one certificate").into())
        }
        (Some(named), format) => {
            let format = one_format(format.unwrap_or("pem"))?;
            let to_screen = file.is_none() && std::io::stdout().is_terminal();
            if to_screen && !matches!(format, Format::Pem | Format::FullChain) {
                return Err(Usage::new("this format is not text; give --out FILE").into());
            }
            let password = command.password_file.as_ref().map(password).transpose()?;
            let id = reference::find(app, actor, named).await?;
            let made = download(app, actor, id, format, password.as_ref()).await.map_err(Usage::of_fields)?;
            match file {
                Some(path) => Ok(create(path)?.write_all(&made.bytes)?),
                None => Ok(out.write_all(&made.bytes)?),
            }
        }
    }
}

fn one_format(word: &str) -> anyhow::Result<Format> {
    Format::parse(word).ok_or_else(|| {
        let words: Vec<&str> = Format::ALL.iter().map(|format| format.as_str()).collect();
        Usage::new(format!("the format of a certificate is one of {}", words.join(", "))).into()
    })
}

fn create(path: &PathBuf) -> anyhow::Result<File> {
    File::create(path).with_context(|| format!("cannot write {}", path.display()))
}
