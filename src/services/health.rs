//! Whether the console does what it is there for: database, schema, worker, sweep, clock (R17), and the gauges that say so.

use std::time::Duration;

use time::OffsetDateTime;

use crate::{app::App, store};

use super::{Result, alerts};

/// A worker that was silent for longer is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// More than this between our clock and the database's is a fault (R9).
const SKEW: time::Duration = time::Duration::minutes(5);

/// One thing that must be right.
pub struct Check {
    /// Short name.
    pub name: &'static str,
    /// What was seen when it is right.
    pub detail: String,
    /// What is wrong, and what to do; `None` when right.
    pub fault: Option<String>,
}

impl Check {
    fn right(name: &'static str, detail: impl Into<String>) -> Check {
        Check { name, detail: detail.into(), fault: None }
    }

    fn wrong(name: &'static str, fault: impl Into<String>) -> Check {
        Check { name, detail: String::new(), fault: Some(fault.into()) }
    }
}

/// All checks, in order; the later ones are left out when the database is away.
pub async fn ready(app: &App) -> Vec<Check> {
    let now = app.now();
    match store::schema_is_current(&app.pool).await {
        Err(_) => return vec![Check::wrong("database", "the database does not answer")],
        Ok(false) => {
            return vec![Check::wrong(
                "migrations",
                "the schema is older or newer than this program; run `notafter migrate`",
            )];
        }
        Ok(true) => {}
    }
    vec![
        Check::right("database", "answers"),
        Check::right("migrations", "all applied"),
        worker(app).await,
        sweep(app, now).await,
        skew(app, now).await,
    ]
}

async fn worker(app: &App) -> Check {
    match store::jobs::workers::silence(&app.pool).await {
        Ok(Some(silence)) if silence.unsigned_abs() <= SILENCE => Check::right("worker", "at work"),
        Ok(Some(silence)) => {
            Check::wrong("worker", format!("no worker was heard for {} s", silence.whole_seconds()))
        }
        Ok(None) => Check::wrong(
            "worker",
            "no worker has started yet; `notafter serve` brings one, `notafter work` is one",
        ),
        Err(error) => Check::wrong("worker", error.to_string()),
    }
}

/// Silence must never be mistaken for health: no sweep for a day is a fault although everything else answers.
async fn sweep(app: &App, now: OffsetDateTime) -> Check {
    match alerts::health::health(app).await {
        Ok(health) if health.missed => {
            let since = health.last_sweep.map_or_else(|| "ever".to_owned(), |at| format!("since {at}"));
            Check::wrong("alert sweep", format!("no sweep reached its end {since}; see the jobs page"))
        }
        Ok(health) => Check::right(
            "alert sweep",
            health.last_sweep.map_or_else(
                || "due soon".to_owned(),
                |at| format!("{} minutes ago", (now - at).whole_minutes()),
            ),
        ),
        Err(error) => Check::wrong("alert sweep", error.to_string()),
    }
}

async fn skew(app: &App, now: OffsetDateTime) -> Check {
    match store::jobs::workers::skew(&app.pool, now).await {
        Ok(skew) if skew.abs() <= SKEW || app.config.test_mode => {
            Check::right("clock", "agrees with the database's")
        }
        Ok(skew) => Check::wrong(
            "clock",
            format!("this machine's clock is {} s away from the database's", skew.whole_seconds()),
        ),
        Err(error) => Check::wrong("clock", error.to_string()),
    }
}

/// Sets the gauges that are read from the database, right before they are shown.
pub async fn measure(app: &App) -> Result<()> {
    let now = app.now();
    let counts = store::jobs::workers::counts(&app.pool, None).await?;
    for (state, count) in [
        ("waiting", counts.waiting),
        ("running", counts.running),
        ("failing", counts.failing),
        ("parked", counts.parked),
    ] {
        metrics::gauge!("notafter_jobs", "state" => state).set(count as f64);
    }
    let oldest = store::jobs::workers::oldest_runnable(&app.pool, now).await?;
    metrics::gauge!("notafter_oldest_runnable_job_seconds").set(oldest.as_seconds_f64());
    // Also sets the time of the last sweep.
    alerts::health::health(app).await?;
    Ok(())
}
