//! Which threshold a certificate has crossed. Pure: the rule, the dates and `now` in, at most one threshold out.
//!
//! A threshold of *t* days is crossed when *t* days or less are left. Certificates that live under 60 days would cross 30 days at birth, so
//! for them a threshold becomes a share of their own life: 33 % for 30 days, 20 % for 14, 10 % for 7, and on the lines between
//! (t/70 up to 14 days, (t + 10)/120 up to 30, t/90 beyond), never less than one hour. A 47-day certificate so alerts at 15.7, 9.4 and
//! 4.7 days, a six-day one at two days, 29 hours and 14 hours.
//!
//! One that had no more days left than the smallest threshold when somebody added it by hand is news at once, however short its life: nothing
//! renews it, and whoever brought it in should hear so before the hour is over. That first alert counts as the largest threshold, so that
//! the tighter ones of its own life still follow.

use time::{Duration, OffsetDateTime};

/// Lives shorter than this scale their thresholds.
pub const SHORT_LIFE: Duration = Duration::days(60);

/// An entry that had ended longer ago than this when it was added is history, and its end is no news.
pub const OLD_NEWS: Duration = Duration::days(30);

/// The threshold that stands for the end itself.
pub const THE_END: i32 = 0;

/// The dates of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    /// The first second, when it is known.
    pub not_before: Option<OffsetDateTime>,
    /// The last second; still valid in it (RFC 5280 §4.1.2.5).
    pub not_after: OffsetDateTime,
    /// When the entry was added.
    pub added_at: OffsetDateTime,
}

/// The tightest threshold that is crossed at `now`, if any: the one alert that is right, however long nobody looked (R8).
///
/// `days` may be in any order. After the end this is [`THE_END`] when `expired` is on, and else the smallest of `days`.
pub fn tightest(days: &[i32], expired: bool, life: Life, now: OffsetDateTime) -> Option<i32> {
    let left = life.not_after - now;
    if life.added_at - life.not_after > OLD_NEWS {
        return None;
    }
    if left < Duration::ZERO && expired {
        return Some(THE_END);
    }
    let crossed = days.iter().copied().filter(|days| left <= lead(*days, life)).min();
    crossed.or_else(|| first_sight(days, life))
}

fn first_sight(days: &[i32], life: Life) -> Option<i32> {
    let smallest = days.iter().copied().min()?;
    let was_short = life.not_after - life.added_at <= Duration::days(i64::from(smallest));
    was_short.then(|| days.iter().copied().max()).flatten()
}

/// How long before the end a threshold of `days` lies for this life.
pub fn lead(days: i32, life: Life) -> Duration {
    let days = i64::from(days);
    let whole = life.not_before.map(|start| life.not_after - start);
    match whole {
        Some(whole) if whole > Duration::ZERO && whole < SHORT_LIFE => {
            let (part, of) = match days {
                ..=14 => (days, 70),
                15..=30 => (days + 10, 120),
                _ => (days.min(90), 90),
            };
            Duration::seconds(whole.whole_seconds() * part / of).max(Duration::HOUR)
        }
        _ => Duration::days(days),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 09:00 UTC);
    const DAYS: [i32; 3] = [30, 14, 7];

    fn ends_in(left: Duration, whole: Duration) -> Life {
        let not_after = NOW + left;
        Life { not_before: Some(not_after - whole), not_after, added_at: NOW }
    }

    fn crossed(left: Duration) -> Option<i32> {
        tightest(&DAYS, true, ends_in(left, Duration::days(365)), NOW)
    }

    #[test]
    fn only_the_tightest_threshold_counts_and_the_last_second_is_still_valid() {
        assert_eq!(crossed(Duration::days(30) + Duration::SECOND), None);
        assert_eq!(crossed(Duration::days(30)), Some(30));
        assert_eq!(crossed(Duration::days(13)), Some(14));
        assert_eq!(crossed(Duration::days(7) + Duration::SECOND), Some(14));
        assert_eq!(crossed(Duration::days(7)), Some(7));
        assert_eq!(crossed(Duration::days(5)), Some(7));
        assert_eq!(crossed(Duration::ZERO), Some(7));
        assert_eq!(crossed(-Duration::SECOND), Some(THE_END));
    }

    #[test]
    fn short_lives_scale_by_the_shares_that_the_page_names() {
        let life = |days| ends_in(Duration::ZERO, Duration::days(days));
        let of_ten = |days: i32| lead(days, life(10)).whole_hours();
        assert_eq!((of_ten(30), of_ten(14), of_ten(7)), (80, 48, 24));
        assert_eq!(lead(30, life(60)), Duration::days(30));
        assert_eq!(lead(30, life(59)), Duration::seconds(59 * 86_400 * 40 / 120));
        assert_eq!(lead(7, ends_in(Duration::ZERO, Duration::hours(2))), Duration::HOUR);
        let fresh = tightest(&DAYS, true, ends_in(Duration::days(47), Duration::days(47)), NOW);
        assert_eq!(fresh, None, "a new 47-day certificate is silent");
        let six_days = tightest(&DAYS, true, ends_in(Duration::hours(20), Duration::days(6)), NOW);
        assert_eq!(six_days, Some(14));
    }

    #[test]
    fn what_is_added_with_a_week_left_is_news_at_once_however_short_its_life() {
        let six_days = ends_in(Duration::days(6), Duration::days(6));
        assert_eq!(tightest(&DAYS, true, six_days, NOW), Some(30));
        assert_eq!(
            tightest(&DAYS, true, six_days, NOW + Duration::days(5)),
            Some(14),
            "and its own thresholds follow"
        );
        let eight_days = ends_in(Duration::days(8), Duration::days(8));
        assert_eq!(tightest(&DAYS, true, eight_days, NOW), None);
    }

    #[test]
    fn without_the_end_as_a_threshold_the_smallest_still_tells() {
        assert_eq!(tightest(&DAYS, false, ends_in(-Duration::days(3), Duration::days(365)), NOW), Some(7));
        assert_eq!(tightest(&[], false, ends_in(-Duration::days(3), Duration::days(365)), NOW), None);
    }

    #[test]
    fn what_ended_long_before_it_was_added_is_history() {
        let long_ago = ends_in(-Duration::days(31), Duration::days(365));
        assert_eq!(tightest(&DAYS, true, long_ago, NOW), None);
        let known = Life { added_at: NOW - Duration::days(60), ..long_ago };
        assert_eq!(tightest(&DAYS, true, known, NOW), Some(THE_END), "but not when we only slept");
    }

    proptest! {
        #[test]
        fn a_threshold_is_crossed_once_and_never_left(
            whole_days in 1i64..800, first in 0i64..900, later in 0i64..900, days in prop::collection::vec(1i32..120, 1..6),
        ) {
            let life = ends_in(Duration::days(whole_days), Duration::days(whole_days));
            let (early, late) = (first.min(later), first.max(later));
            let at = |day: i64| tightest(&days, true, life, NOW + Duration::days(day));
            match (at(early), at(late)) {
                (Some(before), Some(after)) => prop_assert!(after <= before),
                (Some(_), None) => prop_assert!(false, "an alert that was due is due no more"),
                _ => {}
            }
            prop_assert_eq!(at(whole_days + 1), Some(THE_END));
        }

        #[test]
        fn a_lead_is_within_the_life_and_grows_with_the_days(hours in 2i64..24 * 60, small in 1i32..200, large in 1i32..200) {
            let life = ends_in(Duration::ZERO, Duration::hours(hours));
            let (small, large) = (small.min(large), small.max(large));
            prop_assert!(lead(small, life) <= lead(large, life));
            prop_assert!(lead(large, life) <= Duration::hours(hours));
        }
    }
}
