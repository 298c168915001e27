//! `serve`, `work`, `migrate` and `routes`: the process itself.

use std::{io::Write, net::SocketAddr};

use clap::Args;

use crate::{api, config::Config, responders, routes::Access, server, start, web};

use super::Out;

/// Start the console.
#[derive(Debug, Default, Args)]
pub struct Serve {
    /// Address to listen on, instead of NOTAFTER_LISTEN
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Pages and API only; run `notafter work` elsewhere
    #[arg(long)]
    no_worker: bool,
}

/// Runs until the process is told to stop.
pub async fn serve(command: Serve) -> anyhow::Result<()> {
    let config = Config::with_listen(command.listen)?;
    start::log_json(&config.log);
    let started = start::start(config).await?;
    for notice in started.notices().iter().map(String::as_str).chain(started.made()) {
        // Standard error on a full disk is no reason not to start.
        let _ = writeln!(std::io::stderr(), "notafter: {notice}");
    }
    let done = server::serve(&started.app, !command.no_worker).await;
    started.stop().await;
    done
}

/// Runs the worker until the process is told to stop.
pub async fn work() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    start::log_json(&config.log);
    let started = start::start(config).await?;
    let done = server::work(&started.app).await;
    started.stop().await;
    done
}

/// Migrates and stops.
pub async fn migrate(out: Out<'_>) -> anyhow::Result<()> {
    start::log_to_stderr("warn");
    start::start(Config::from_env()?).await?.stop().await;
    writeln!(out, "the database schema is up to date")?;
    Ok(())
}

/// Prints method, path and access of every route.
pub fn routes(out: Out<'_>) -> anyhow::Result<()> {
    let all = web::routes().merge(api::routes()).merge(responders::routes());
    for (method, path, access) in all.table() {
        let access = match access {
            Access::Public => "public".to_owned(),
            Access::SignedIn => "signed in".to_owned(),
            Access::Needs(permission) => format!("{permission:?}"),
            Access::StepUp(permission) => format!("{permission:?}, password confirmed"),
        };
        writeln!(out, "{method:7} {path:48} {access}")?;
    }
    Ok(())
}
