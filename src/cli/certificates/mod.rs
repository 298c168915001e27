//! `certificates …`: the inventory from the command line.

mod filters;
mod reference;
mod table;
mod import;
mod list;
mod show;
mod edit;
mod export;

use clap::Subcommand;

use super::{Out, with_app};

/// Import, find, show, change and export certificates.
#[derive(Debug, Subcommand)]
pub enum Certificates {
    /// Read certificates from files, folders and live folders into the inventory
    Import(import::Import),
    /// List what the inventory holds
    List(list::List),
    /// Show one certificate
    Show(show::Show),
    /// Change owner, team, environment, tags or note of a certificate
    Edit(edit::Edit),
    /// Take a certificate out of use: its alerts fall silent
    Retire(edit::Retire),
    /// Bring a retired or superseded certificate back into use
    Restore(edit::Restore),
    /// Write one certificate in a server's format, or the list as CSV
    Export(export::Export),
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
