//! Compares our clock with the database's: expiry dates and leases are only as good as the clocks behind them (R9).

use time::Duration;

use crate::{app::App, store::jobs::workers};

use super::{Claimed, Outcome};

/// The kind of job.
pub const KIND: &str = "check_clock";

/// The greatest difference that is not worth a word.
const TOLERATED: Duration = Duration::minutes(5);

/// How soon it looks again while they differ: as often as the timetable would.
const PACE: Duration = Duration::HOUR;

/// Fails, visibly on the jobs page and as one job, while the clocks are more than [`TOLERATED`] apart.
pub async fn run(app: &App, _job: &Claimed) -> Outcome {
    match workers::skew(&app.pool, app.now()).await {
        Ok(skew) if skew.abs() <= TOLERATED => {
            Outcome::Done(format!("{} ms from the database's clock", skew.whole_milliseconds()))
        }
        Ok(skew) => Outcome::RetryAt {
            at: app.now() + PACE,
            cause: format!(
                "this machine's clock is {} s {} the database's; set both by NTP",
                skew.abs().whole_seconds(),
                if skew.is_positive() { "ahead of" } else { "behind" },
            ),
        },
        Err(error) => Outcome::backoff(error),
    }
}
