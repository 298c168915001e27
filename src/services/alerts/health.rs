//! Whether alerts work: a sweep that is missing, a relay that is missing and mail that was refused are all visible (R17).

use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    services::Result,
    store::alerts::sweeps::{self, LastSweep},
};

/// No sweep for longer than this is a missed sweep, although they are due every hour: days off are planned by a day, not by an hour.
pub const LONGEST_PAUSE: Duration = Duration::hours(25);

/// How long a new installation may take to its first sweep.
pub const FIRST_PAUSE: Duration = Duration::hours(2);

/// How alerts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// The last sweep that reached its end.
    pub last_sweep: Option<OffsetDateTime>,
    /// It is too long ago.
    pub missed: bool,
    /// A relay is configured.
    pub relay: bool,
    /// Entries that were due while there was nobody to tell.
    pub unaddressed: i64,
}

/// How alerts stand now. Also sets the metric, so that every process tells what the database knows.
pub async fn health(app: &App) -> Result<Health> {
    let now = app.now();
    let last = sweeps::last(&app.pool).await?;
    let missed = match last {
        Some(last) => is_missed(last, now),
        None => now - sweeps::possible_since(&app.pool).await? > FIRST_PAUSE,
    };
    let last_sweep = last.map(|last| last.finished_at);
    let seconds = last_sweep.map_or(0, OffsetDateTime::unix_timestamp);
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit a double exactly")]
    metrics::gauge!("notafter_last_sweep_timestamp_seconds").set(seconds as f64);
    Ok(Health {
        last_sweep,
        missed,
        relay: app.mail.is_some(),
        unaddressed: last.map_or(0, |last| last.unaddressed),
    })
}

fn is_missed(last: LastSweep, now: OffsetDateTime) -> bool {
    now - last.finished_at > LONGEST_PAUSE
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_sweep_is_missed_after_twenty_five_hours() {
        let last = LastSweep { finished_at: datetime!(2026-11-20 09:00 UTC), unaddressed: 0 };
        assert!(!is_missed(last, datetime!(2026-11-21 10:00 UTC)));
        assert!(is_missed(last, datetime!(2026-11-21 10:00:01 UTC)));
        assert!(!is_missed(last, datetime!(2026-11-19 09:00 UTC)), "a clock that steps back misses nothing");
    }
}
