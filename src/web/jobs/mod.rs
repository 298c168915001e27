//! `/jobs`: background work, what fails first.

pub mod detail;
pub mod list;

use time::{Duration, OffsetDateTime};

use crate::{
    routes::{Access, Routes},
    services::{
        Permission,
        jobs::{Job, title},
    },
    web::{
        parts::{Badge, Tone},
        phrases,
    },
};

/// The pages and acts.
pub fn routes() -> Routes {
    Routes::new()
        .get("/jobs", Access::Needs(Permission::JobsRead), list::get)
        .post("/jobs/retry", Access::Needs(Permission::JobsWrite), list::retry_all)
        .get("/jobs/{id}", Access::Needs(Permission::JobsRead), detail::get)
        .post("/jobs/{id}/retry", Access::Needs(Permission::JobsWrite), detail::retry)
        .post("/jobs/{id}/cancel", Access::Needs(Permission::JobsWrite), detail::cancel)
}

/// What a job is called: `Send alert, vpn.halden.example`.
fn name(job: &Job) -> String {
    match job.label.is_empty() {
        true => title(&job.kind),
        false => format!("{}, {}", title(&job.kind), job.label),
    }
}

/// Where a job stands, in a word.
fn badge(job: &Job) -> Badge {
    let tries = |verb: &str| format!("{verb} {}", phrases::counted(i64::from(job.attempts), "time", "times"));
    match job.state.as_str() {
        "parked" => Badge::new(Tone::Crit, "Given up"),
        "queued" if job.cause.is_some() && job.attempts > 0 => Badge::new(Tone::High, tries("Failed")),
        "queued" => Badge::new(Tone::Mute, "Waiting").with_icon("clock"),
        "running" => Badge::new(Tone::Info, "Running").with_icon("refresh-cw"),
        "done" => Badge::new(Tone::Ok, "Done"),
        _ => Badge::new(Tone::Mute, "Cancelled").with_icon("ban"),
    }
}

/// A moment to come as its distance: `in 12 minutes`, `in 3 hours`; `now` when it has come.
fn until(at: OffsetDateTime, now: OffsetDateTime) -> String {
    let left = at - now;
    if left <= Duration::ZERO {
        "now".to_owned()
    } else if left < Duration::MINUTE {
        "in less than a minute".to_owned()
    } else if left < Duration::HOUR {
        format!("in {}", phrases::counted(left.whole_minutes(), "minute", "minutes"))
    } else if left < Duration::days(2) {
        format!("in {}", phrases::counted(left.whole_hours(), "hour", "hours"))
    } else {
        format!("in {}", phrases::counted(left.whole_days(), "day", "days"))
    }
}

/// `3.1 s`, `240 ms`, `12 min`.
fn lasted(millis: i64) -> String {
    match millis {
        ..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min", millis / 60_000),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn distances_and_durations_are_read_as_people_say_them() {
        let now = datetime!(2026-11-20 09:00 UTC);
        for (ahead, words) in [
            (Duration::seconds(-5), "now"),
            (Duration::seconds(59), "in less than a minute"),
            (Duration::minutes(1), "in 1 minute"),
            (Duration::hours(47), "in 47 hours"),
            (Duration::hours(48), "in 2 days"),
        ] {
            assert_eq!(until(now + ahead, now), words);
        }
        assert_eq!(
            (lasted(999), lasted(3_149), lasted(61_000)),
            ("999 ms".into(), "3.1 s".into(), "1 min".into())
        );
    }
}
