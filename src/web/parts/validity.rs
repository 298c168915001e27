//! A certificate's life as a bar and as a track, drawn from its two dates and `now`. Lengths are SVG numbers, which the
//! content security policy leaves alone; a `style` attribute it would refuse.

use time::{Duration, OffsetDateTime};

use super::Tone;
use crate::web::phrases;

/// The width of the bar, and its least visible part.
const BAR: i64 = 72;
const BAR_LEAST: i64 = 2;
/// The width of the track.
const LINE: i64 = 1000;
/// The widths of the two upright marks, kept inside the track.
const NOW_MARK: i64 = 3;
const STOP_MARK: i64 = 4;

impl Tone {
    /// What the time left until `not_after` means. The edges are those of the filters and alerts: 7 and 30 days to the second.
    pub fn of_end(not_after: OffsetDateTime, now: OffsetDateTime) -> Self {
        let left = not_after - now;
        if left < Duration::ZERO {
            Self::Crit
        } else if left <= Duration::days(7) {
            Self::High
        } else if left <= Duration::days(30) {
            Self::Warn
        } else {
            Self::Ok
        }
    }
}

/// The part of `length` that `part` is of `whole`, held between nothing and all.
fn share(part: Duration, whole: Duration, length: i64) -> i64 {
    if whole <= Duration::ZERO {
        return length;
    }
    let share = part.as_seconds_f64() / whole.as_seconds_f64();
    // Clamped before the cast, so the value fits.
    (share.clamp(0.0, 1.0) * length as f64).round() as i64
}

/// How much of a lifetime is used up, with the words beside it.
#[derive(Debug, Clone)]
pub struct Life {
    /// The filled part of the bar, of 72.
    pub width: i64,
    /// What the time left means.
    pub tone: Tone,
    /// `7 days left`.
    pub words: String,
    /// `27 Nov 2026`.
    pub date: String,
    /// `27 Nov 2026, 13:04 UTC`.
    pub moment: String,
    /// `2026-11-27T13:04:00Z`.
    pub instant: String,
}

impl Life {
    /// The life from `not_before` to `not_after` as it stands at `now`.
    pub fn new(not_before: OffsetDateTime, not_after: OffsetDateTime, now: OffsetDateTime) -> Self {
        Self {
            width: share(now - not_before, not_after - not_before, BAR).max(BAR_LEAST),
            tone: Tone::of_end(not_after, now),
            words: phrases::days_left(not_after, now),
            date: phrases::date(not_after),
            moment: phrases::moment(not_after),
            instant: phrases::instant(not_after),
        }
    }

    /// The same in the muted colour, for an entry whose end alarms nobody (superseded, retired, revoked).
    pub fn muted(mut self) -> Self {
        self.tone = Tone::Mute;
        self
    }
}

/// One of the dates below the track.
#[derive(Debug, Clone)]
pub struct Stop {
    /// The class of its colour key.
    pub key: &'static str,
    /// What it is.
    pub term: &'static str,
    /// `27 Nov 2026`.
    pub date: String,
    /// Its exact time for machines; empty for today.
    pub instant: String,
    /// `13:04 UTC`, or how far the life has come.
    pub note: String,
}

/// The validity line: from the first second to the last, where it stands today, and what lies past its end.
#[derive(Debug, Clone)]
pub struct Track {
    /// What the time left means.
    pub tone: Tone,
    /// Where the validity starts, of 1000.
    pub start: i64,
    /// Where it ends.
    pub end: i64,
    /// How long its used part is.
    pub used: i64,
    /// How long the time after its end is.
    pub late: i64,
    /// The left edge of today's mark.
    pub now: i64,
    /// The left edge of the end's mark.
    pub stop: i64,
    /// The dates in words.
    pub stops: [Stop; 3],
}

impl Track {
    /// The validity from `not_before` to `not_after` as it stands at `now`, which may lie outside.
    pub fn new(not_before: OffsetDateTime, not_after: OffsetDateTime, now: OffsetDateTime) -> Self {
        let first = not_before.min(now);
        let whole = not_after.max(now) - first;
        let at = |moment: OffsetDateTime| share(moment - first, whole, LINE);
        let (start, today) = (at(not_before), at(now));
        let end = at(not_after).max(start);
        Self {
            tone: Tone::of_end(not_after, now),
            start,
            end,
            used: today.clamp(start, end) - start,
            late: (today - end).max(0),
            now: (today - NOW_MARK / 2).clamp(0, LINE - NOW_MARK),
            stop: (end - STOP_MARK).max(0),
            stops: stops(not_before, not_after, now),
        }
    }
}

fn stops(not_before: OffsetDateTime, not_after: OffsetDateTime, now: OffsetDateTime) -> [Stop; 3] {
    let exact = |key, term, moment| Stop {
        key,
        term,
        date: phrases::date(moment),
        instant: phrases::instant(moment),
        note: phrases::clock_time(moment),
    };
    let today = Stop {
        key: "key--now",
        term: "Today",
        date: phrases::date(now),
        instant: String::new(),
        note: progress(not_before, not_after, now),
    };
    [exact("key--used", "Not before", not_before), today, exact("key--stop", "Not after", not_after)]
}

fn progress(not_before: OffsetDateTime, not_after: OffsetDateTime, now: OffsetDateTime) -> String {
    let whole = (not_after - not_before).whole_days();
    if now < not_before {
        return "not yet valid".to_owned();
    }
    if now > not_after {
        return phrases::days_left(not_after, now).to_lowercase();
    }
    format!("{} of {} days", phrases::thousands(&(now - not_before).whole_days()), phrases::thousands(&whole))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-05-13 13:04 UTC);
    const END: OffsetDateTime = datetime!(2026-11-27 13:04 UTC);

    #[test]
    fn the_tone_turns_at_the_second_of_the_threshold() {
        assert_eq!(Tone::of_end(END, END - Duration::days(30)), Tone::Warn);
        assert_eq!(Tone::of_end(END, END - Duration::days(30) - Duration::SECOND), Tone::Ok);
        assert_eq!(Tone::of_end(END, END - Duration::days(7)), Tone::High);
        assert_eq!(Tone::of_end(END, END), Tone::High);
        assert_eq!(Tone::of_end(END, END + Duration::SECOND), Tone::Crit);
    }

    #[test]
    fn a_track_inside_its_validity_fills_the_line() {
        let track = Track::new(START, END, datetime!(2026-11-20 13:04 UTC));
        assert_eq!((track.start, track.end, track.used, track.late), (0, 1000, 965, 0));
        assert_eq!(track.stop, 996);
        assert_eq!(track.stops.map(|stop| stop.note), ["13:04 UTC", "191 of 198 days", "13:04 UTC"]);
    }

    #[test]
    fn a_track_past_its_end_shows_the_time_since() {
        let track = Track::new(START, END, END + (END - START));
        assert_eq!((track.start, track.end, track.used, track.late), (0, 500, 500, 500));
        assert_eq!(track.now, 997);
    }

    #[test]
    fn a_track_before_its_start_and_one_without_length_stay_on_the_line() {
        let early = Track::new(START, END, START - (END - START));
        assert_eq!((early.start, early.used, early.now), (500, 0, 0));
        for (from, to) in [(END, START), (START, START)] {
            let odd = Track::new(from, to, START);
            assert!(odd.end >= odd.start && odd.used >= 0 && odd.stop >= 0, "{odd:?}");
        }
    }

    #[test]
    fn a_life_is_never_invisible_and_never_too_long() {
        assert_eq!(Life::new(START, END, START).width, 2);
        assert_eq!(Life::new(START, END, END + Duration::days(900)).width, 72);
        let far = Life::new(datetime!(1950-01-01 00:00 UTC), datetime!(9999-12-31 23:59:59 UTC), START);
        assert_eq!((far.width, far.words.as_str()), (2, "No end date"));
    }
}
