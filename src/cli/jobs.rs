//! `notafter jobs`: what runs, what fails, try again.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::{
    app::App,
    services::{
        Actor,
        jobs::{self, Job, View},
    },
};

use super::Out;

/// Background work: list it, try a failed piece again.
#[derive(Debug, Args)]
pub struct Jobs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print jobs, those that fail unless told otherwise
    List {
        /// Which of them
        #[arg(long, value_enum, default_value = "failing")]
        state: State,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: usize,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Run a failed job again
    Retry {
        /// Its id, as `jobs list` prints it
        id: i64,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Failing,
    Running,
    Waiting,
    Finished,
}

impl From<State> for View {
    fn from(state: State) -> View {
        match state {
            State::Failing => View::Failing,
            State::Running => View::Running,
            State::Waiting => View::Waiting,
            State::Finished => View::Finished,
        }
    }
}

/// Runs the command.
pub async fn run(app: &App, actor: &Actor, command: Jobs, out: Out<'_>) -> anyhow::Result<()> {
    match command.command {
        Command::List { state, limit, json } => {
            let page = jobs::list(app, actor, state.into(), None, limit).await?;
            if json {
                let list: Vec<Value> = page.jobs.iter().map(as_json).collect();
                writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
            } else {
                print(&page.jobs, out)?;
            }
            Ok(())
        }
        Command::Retry { id } => {
            let job = jobs::retry(app, actor, id).await?;
            writeln!(out, "job {id} ({}) will run again", jobs::title(&job.kind))?;
            Ok(())
        }
    }
}

fn print(jobs: &[Job], out: Out<'_>) -> anyhow::Result<()> {
    if jobs.is_empty() {
        writeln!(out, "no such jobs")?;
    }
    for job in jobs {
        let name = format!("{} {}", jobs::title(&job.kind), job.label);
        let cause = job.cause.as_deref().unwrap_or_default();
        writeln!(
            out,
            "{:>8}  {:<9}  {}/{}  {:<40}  {}",
            job.id,
            job.state,
            job.attempts,
            job.max_attempts,
            plain(&name),
            plain(cause)
        )?;
    }
    Ok(())
}

/// A line stays one line, and a terminal obeys nobody else's orders.
fn plain(text: &str) -> String {
    text.trim().chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn as_json(job: &Job) -> Value {
    let time = |at: Option<time::OffsetDateTime>| at.and_then(|at| at.format(&Rfc3339).ok());
    json!({
        "id": job.id,
        "kind": job.kind,
        "label": job.label,
        "state": job.state,
        "attempts": job.attempts,
        "max_attempts": job.max_attempts,
        "cause": job.cause,
        "run_at": time(Some(job.run_at)),
        "started_at": time(job.started_at),
        "finished_at": time(job.finished_at),
        "created_at": time(Some(job.created_at)),
    })
}
