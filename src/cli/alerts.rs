//! `notafter alerts`: what was sent to whom, look for what ends soon now, prove that mail arrives.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use crate::{
    app::App,
    services::{
        Actor,
        alerts::{deliveries, delivery::NO_RELAY, preview, sweep},
    },
    store::alerts::deliveries::{Delivery, Filter},
    x509::visible,
};

use super::{Out, counted, table::Table};

/// Expiry alerts: what was sent, look now, send a test.
#[derive(Debug, Args)]
pub struct Alerts {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print deliveries, the latest first
    List {
        /// Only those in this state
        #[arg(long, value_enum)]
        state: Option<State>,
        /// Only those about the certificate of this id
        #[arg(long)]
        certificate: Option<i64>,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: i64,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Look for certificates that end soon and queue the mails that are due; the console's worker sends them
    Sweep {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Send a test mail and print what the mail server said
    Test {
        /// Where to
        #[arg(long)]
        to: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum State {
    Waiting,
    Sent,
    Failed,
    Cancelled,
}

impl State {
    fn states(self) -> Vec<String> {
        let states: &[&str] = match self {
            State::Waiting => &["queued", "sending"],
            State::Sent => &["sent"],
            State::Failed => &["failed"],
            State::Cancelled => &["cancelled"],
        };
        states.iter().map(|state| (*state).to_owned()).collect()
    }
}

/// Runs the command.
pub async fn run(app: &App, actor: &Actor, command: Alerts, out: Out<'_>) -> anyhow::Result<()> {
    match command.command {
        Command::List { state, certificate, limit, json } => {
            let states = state.map(State::states);
            let filter = Filter { states: states.as_deref(), certificate, before: None };
            let found = deliveries::list(app, actor, &filter, limit).await?;
            if json {
                let list: Vec<Value> = found.iter().map(as_json).collect();
                writeln!(out, "{}", serde_json::to_string_pretty(&list)?)?;
            } else {
                print(&found, out)?;
            }
        }
        Command::Sweep { json } => {
            let swept = sweep::sweep(app, actor).await?;
            if json {
                let facts = json!({ "considered": swept.considered, "queued": swept.inserted, "unaddressed": swept.unaddressed });
                writeln!(out, "{}", serde_json::to_string_pretty(&facts)?)?;
            } else {
                let considered = counted(swept.considered, "certificate", "certificates");
                writeln!(out, "looked at {considered}, queued {}", counted(swept.inserted, "mail", "mails"))?;
                if swept.unaddressed > 0 {
                    let due = counted(swept.unaddressed, "is due", "are due");
                    writeln!(out, "{due} and there is nobody to tell")?;
                }
                if app.mail.is_none() {
                    writeln!(out, "{NO_RELAY}; mails wait")?;
                }
            }
        }
        Command::Test { to } => writeln!(out, "{}", visible(&preview::send_test(app, actor, &to).await?))?,
    }
    Ok(())
}

fn print(deliveries: &[Delivery], out: Out<'_>) -> anyhow::Result<()> {
    if deliveries.is_empty() {
        return Ok(writeln!(out, "no such deliveries")?);
    }
    let heading = ["ID", "STATE", "BEFORE", "CERTIFICATE", "TO", "ANSWER"].map(str::to_owned);
    let rows: Vec<[String; 6]> = std::iter::once(heading).chain(deliveries.iter().map(row)).collect();
    Ok(write!(out, "{}", Table::new([true, false, true, false, false, false]).lines(&rows))?)
}

/// A line of the list, in the words of its filter.
fn row(delivery: &Delivery) -> [String; 6] {
    let state = match delivery.state.as_str() {
        "queued" | "sending" => "waiting",
        state => state,
    };
    let threshold = match delivery.threshold {
        0 => "end".to_owned(),
        days => format!("{days} d"),
    };
    [
        delivery.id.to_string(),
        state.to_owned(),
        threshold,
        delivery.certificate_name.clone(),
        delivery.recipient.clone(),
        delivery.answer.clone().unwrap_or_default(),
    ]
}

fn as_json(delivery: &Delivery) -> Value {
    let time = |at: time::OffsetDateTime| at.format(&Rfc3339).ok();
    json!({
        "id": delivery.id,
        "certificate": delivery.certificate,
        "certificate_name": delivery.certificate_name,
        "not_after": time(delivery.not_after),
        "threshold": delivery.threshold,
        "recipient": delivery.recipient,
        "reason": delivery.reason,
        "state": delivery.state,
        "alert_id": delivery.alert_id,
        "attempts": delivery.attempts,
        "answer": delivery.answer,
        "created_at": time(delivery.created_at),
        "changed_at": time(delivery.changed_at),
    })
}
