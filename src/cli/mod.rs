//! The command line: one file per noun, in-process on the same database, with the same services and the same audit (as the operating
//! system's user). The only home of clap.

mod table;
mod alerts;
mod certificates;
mod inspect;
mod serve;
mod jobs;
mod audit;
mod users;
mod tokens;

use std::{
    fmt::Display,
    io::{IsTerminal, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};

use crate::{
    config::{self, Config},
    services::{self, Actor},
    start,
    x509::visible,
};

/// A command was asked for something that it cannot mean: exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Usage(String);

impl Usage {
    /// Says what is wrong with the command.
    pub fn new(message: impl Into<String>) -> Usage {
        Usage(message.into())
    }

    /// A wrong value of an option is wrong usage; every other error stays what it is.
    pub fn of_fields(error: services::Error) -> anyhow::Error {
        match error {
            services::Error::Invalid(_) => Usage(error.to_string()).into(),
            other => other.into(),
        }
    }
}

/// Some of several things were not done, and each of them was told: what is left is a summary and the exit code of the worst.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Partly {
    message: String,
    code: u8,
}

impl Partly {
    /// Tells of one failure of several, on standard error, and answers its exit code.
    pub fn tell(about: &str, error: &anyhow::Error) -> u8 {
        let _ = writeln!(std::io::stderr(), "notafter: {}: {}", visible(about), sentence(error));
        exit_code(error)
    }

    /// What to end with.
    pub fn new(message: impl Into<String>, code: u8) -> Partly {
        Partly { message: message.into(), code }
    }
}

/// `1 mail`, `3 mails`.
fn counted(number: impl Display, one: &str, many: &str) -> String {
    let number = number.to_string();
    format!("{number} {}", if number == "1" { one } else { many })
}

/// Where a command prints what it was asked for.
pub type Out<'a> = &'a mut (dyn Write + Send);

/// A web console for X.509 certificates: what you have, who owns it, and a mail before it ends.
#[derive(Debug, Parser)]
#[command(name = "notafter", version, propagate_version = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the console: pages, API and worker (the default)
    Serve(serve::Serve),
    /// Start a worker without pages
    Work,
    /// Bring the database schema up to date and stop
    Migrate,
    /// Say what is in a file: certificate, request, revocation list, PKCS#7, PKCS#12, Java key store
    Inspect(inspect::Inspect),
    /// Expiry alerts: what was sent, look now, send a test
    Alerts(alerts::Alerts),
    /// Background work: list it, try a failed piece again
    Jobs(jobs::Jobs),
    /// The audit log: prove that it is whole, export it
    Audit(audit::Audit),
    /// People: add, change, disable
    Users(users::Users),
    /// API tokens: make, list, revoke
    Tokens(tokens::Tokens),
    /// Import, find, show, change and export certificates
    #[command(subcommand)]
    Certificates(Box<certificates::Certificates>),
    /// Print every route with who may use it
    Routes,
}

/// Parses the arguments, runs the command, and says how it went: 0 done, 1 failed, 2 wrong usage, 3 refused by policy or permission.
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(dispatch(arguments.command.unwrap_or_default())));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "notafter: {}", sentence(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}

impl Default for Command {
    fn default() -> Self {
        Command::Serve(serve::Serve::default())
    }
}

async fn dispatch(command: Command) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    let out: Out<'_> = &mut stdout;
    match command {
        Command::Serve(serve) => serve::serve(serve).await,
        Command::Work => serve::work().await,
        Command::Migrate => serve::migrate(out).await,
        Command::Inspect(command) => inspect::run(&command, out),
        Command::Certificates(command) => certificates::run(*command, out).await,
        Command::Routes => serve::routes(out),
        Command::Alerts(command) => {
            with_app(async |app, actor| alerts::run(app, actor, command, out).await).await
        }
        Command::Jobs(command) => {
            with_app(async |app, actor| jobs::run(app, actor, command, out).await).await
        }
        Command::Audit(command) => {
            with_app(async |app, actor| audit::run(app, actor, command, out).await).await
        }
        Command::Users(command) => {
            with_app(async |app, actor| users::run(app, actor, command, out).await).await
        }
        Command::Tokens(command) => {
            with_app(async |app, actor| tokens::run(app, actor, command, out).await).await
        }
    }
}

/// Opens the console's database as the command line does: joined or started, migrated, and left as it was found.
async fn with_app<F>(run: F) -> anyhow::Result<()>
where
    F: AsyncFnOnce(&crate::app::App, &Actor) -> anyhow::Result<()>,
{
    start::log_to_stderr("warn");
    let started = start::start(Config::from_env()?).await?;
    if let Some(made) = started.made() {
        // A full disk behind standard error is no reason not to run the command.
        let _ = writeln!(
            std::io::stderr(),
            "notafter: this is a new installation (NOTAFTER_DATA_DIR says where); {made}"
        );
    }
    let done = run(&started.app, &Actor::Cli(operating_system_user())).await;
    started.stop().await;
    done
}

fn operating_system_user() -> String {
    let id = rustix::process::getuid().as_raw();
    std::fs::read_to_string("/etc/passwd")
        .ok()
        .and_then(|text| text.lines().find_map(|line| user_of_line(line, id)))
        .unwrap_or_else(|| format!("uid {id}"))
}

fn user_of_line(line: &str, id: u32) -> Option<String> {
    let mut fields = line.split(':');
    let name = fields.next()?;
    (fields.nth(1)?.parse() == Ok(id)).then(|| name.to_owned())
}

/// Whether a person looks on, so that progress may be drawn.
pub fn is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Causes after the first are often the useful part; a service's public sentence stands alone.
fn sentence(error: &anyhow::Error) -> String {
    match error.downcast_ref::<services::Error>() {
        Some(services::Error::Internal(source)) => format!("an unexpected fault: {source}"),
        Some(public) => public.to_string(),
        None => format!("{error:#}"),
    }
}

fn exit_code(error: &anyhow::Error) -> u8 {
    if let Some(partly) = error.downcast_ref::<Partly>() {
        return partly.code;
    }
    if let Some(services::Error::Forbidden(_) | services::Error::Refused(_) | services::Error::StepUp) =
        error.downcast_ref()
    {
        return 3;
    }
    if error.downcast_ref::<config::Error>().is_some() || error.downcast_ref::<Usage>().is_some() {
        return 2;
    }
    1
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
    })
}
