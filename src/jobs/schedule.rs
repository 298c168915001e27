//! The timetable, as one table, and who keeps it: any number of processes may try, one advances it at a time.
//!
//! A tick is an instant of the timetable, not the moment somebody looked. Only the latest tick counts, so after days of downtime each kind
//! runs once, and a clock that steps back starts nothing twice.

use std::{collections::BTreeMap, time::Duration as Pause};

use serde_json::json;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::{
    app::App,
    store::{
        self,
        jobs::{
            NewJob, Priority,
            timetable::{self, Tick},
        },
    },
};

use super::{clock_check, count_check, prune, sweep_alerts, tell_parked};

/// When a kind is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// At every full multiple of the span since 1970.
    Every(Duration),
    /// Once a day at this hour and minute, UTC.
    Daily(i64, i64),
}

/// A line of the timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line {
    /// The kind of job.
    pub kind: &'static str,
    /// When.
    pub when: When,
    /// Tries of one job before it is parked.
    pub attempts: i32,
}

/// The timetable.
pub const TIMETABLE: &[Line] = &[
    // Stays one job for as long as the clocks differ.
    Line { kind: clock_check::KIND, when: When::Every(Duration::hours(1)), attempts: i32::MAX },
    Line { kind: sweep_alerts::KIND, when: When::Every(Duration::hours(1)), attempts: 3 },
    Line { kind: tell_parked::KIND, when: When::Every(Duration::hours(1)), attempts: 3 },
    Line { kind: prune::KIND, when: When::Daily(3, 40), attempts: 3 },
    Line { kind: count_check::KIND, when: When::Daily(4, 10), attempts: 3 },
];

/// How often the worker compares the timetable with its clock; no query is made unless something is due.
const LOOK: Pause = Pause::from_secs(2);

impl When {
    fn period(self) -> Duration {
        match self {
            When::Every(span) => span,
            When::Daily(..) => Duration::DAY,
        }
    }

    /// The latest tick that is not after `now`.
    pub fn latest(self, now: OffsetDateTime) -> OffsetDateTime {
        let (period, offset) = match self {
            When::Every(span) => (span.whole_seconds().max(1), 0),
            When::Daily(hour, minute) => (86_400, hour * 3_600 + minute * 60),
        };
        let tick = (now.unix_timestamp() - offset).div_euclid(period) * period + offset;
        OffsetDateTime::from_unix_timestamp(tick).unwrap_or(now).to_offset(UtcOffset::UTC)
    }
}

/// What is due at `now`, given the last ticks.
///
/// A last tick that lies more than a period ahead was made by a clock that was wrong: it is corrected, and nothing starts.
pub fn due(table: &[Line], last: &BTreeMap<String, OffsetDateTime>, now: OffsetDateTime) -> Vec<Tick> {
    let line_due = |line: &Line| {
        let at = line.when.latest(now);
        let job = || {
            NewJob::new(line.kind, json!({}), now)
                .keyed("timetable")
                .priority(Priority::Low)
                .attempts(line.attempts)
        };
        match last.get(line.kind) {
            Some(last) if *last > now + line.when.period() => Some(Tick { kind: line.kind, at, job: None }),
            Some(last) if *last >= at => None,
            _ => Some(Tick { kind: line.kind, at, job: Some(job()) }),
        }
    };
    table.iter().filter_map(line_due).collect()
}

/// Starts what is due at the application's clock; answers the kinds. None when another process is at it.
///
/// # Errors
/// The database's; then no tick is noted and no job exists.
pub async fn tick(app: &App) -> store::Result<Vec<&'static str>> {
    let now = app.now();
    timetable::tick(&app.queue_pool, now, |last| due(TIMETABLE, last, now)).await
}

/// Keeps the timetable until the worker ends.
pub(super) async fn keep(app: App) {
    let mut known = BTreeMap::new();
    loop {
        if !due(TIMETABLE, &known, app.now()).is_empty() {
            let looked = async {
                tick(&app).await?;
                timetable::last_ticks(&app.queue_pool).await
            };
            match looked.await {
                Ok(last) => known = last,
                Err(error) => tracing::debug!(%error, "timetable not kept; trying again"),
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const TABLE: &[Line] = &[
        Line { kind: "hourly", when: When::Every(Duration::hours(1)), attempts: 3 },
        Line { kind: "nightly", when: When::Daily(3, 40), attempts: 3 },
    ];

    fn kinds(last: &[(&str, OffsetDateTime)], now: OffsetDateTime) -> Vec<&'static str> {
        let last = last.iter().map(|(kind, at)| ((*kind).to_owned(), *at)).collect();
        due(TABLE, &last, now).into_iter().filter(|tick| tick.job.is_some()).map(|tick| tick.kind).collect()
    }

    #[test]
    fn a_tick_is_an_instant_of_the_timetable() {
        let now = datetime!(2026-11-20 03:39:59 UTC);
        assert_eq!(When::Every(Duration::hours(1)).latest(now), datetime!(2026-11-20 03:00 UTC));
        assert_eq!(When::Daily(3, 40).latest(now), datetime!(2026-11-19 03:40 UTC));
        assert_eq!(When::Daily(3, 40).latest(now + Duration::SECOND), datetime!(2026-11-20 03:40 UTC));
    }

    #[test]
    fn days_of_downtime_are_caught_up_once() {
        let last =
            [("hourly", datetime!(2026-11-01 03:00 UTC)), ("nightly", datetime!(2026-11-01 03:40 UTC))];
        let now = datetime!(2026-11-20 09:12 UTC);
        assert_eq!(kinds(&last, now), ["hourly", "nightly"]);
        let caught_up: Vec<_> = TABLE.iter().map(|line| (line.kind, line.when.latest(now))).collect();
        assert!(kinds(&caught_up, now).is_empty());
    }

    #[test]
    fn a_clock_that_steps_back_starts_nothing_twice_and_a_wrong_one_is_forgiven() {
        let ticked =
            [("hourly", datetime!(2026-11-20 09:00 UTC)), ("nightly", datetime!(2026-11-20 03:40 UTC))];
        assert!(kinds(&ticked, datetime!(2026-11-20 08:30 UTC)).is_empty());
        let ahead =
            [("hourly", datetime!(2031-01-01 00:00 UTC)), ("nightly", datetime!(2031-01-01 03:40 UTC))];
        let last = ahead.iter().map(|(kind, at)| ((*kind).to_owned(), *at)).collect();
        let ticks = due(TABLE, &last, datetime!(2026-11-20 08:30 UTC));
        assert!(ticks.len() == 2 && ticks.iter().all(|tick| tick.job.is_none()));
    }
}
