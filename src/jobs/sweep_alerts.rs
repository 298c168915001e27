//! Looks for certificates that end soon.

use crate::{
    app::App,
    services::{Actor, alerts::sweep},
    store::alerts::sweeps,
};

use super::{Claimed, Outcome};

/// The kind of job.
pub const KIND: &str = sweeps::SWEEP;

/// One sweep; made again from the start when it was cut off.
pub async fn run(app: &App, _job: &Claimed) -> Outcome {
    match sweep::sweep(app, &Actor::System).await {
        Ok(swept) => {
            Outcome::Done(format!("looked at {}, queued {} mails", swept.considered, swept.inserted))
        }
        Err(error) => Outcome::backoff(error),
    }
}

/// Asks for a sweep when a worker begins: the relay or the clock may have changed while nobody worked. The timetable makes up for a
/// database that is not there yet.
pub async fn at_start(app: &App) {
    if let Err(error) = sweep::ask(app).await {
        tracing::warn!(%error, "no sweep at start; the next is due within the hour");
    }
}
