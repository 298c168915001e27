//! What page, API and SQL call the status of an entry: one rule, written here and in `certificate_status` of the migration.

use time::{Duration, OffsetDateTime};

/// How long before its end a certificate counts as expiring.
pub const SOON: Duration = Duration::days(30);

/// What was decided about an entry, as the `state` column keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// In use, as far as we know.
    Active,
    /// Only the fingerprint is known.
    Unreadable,
    /// A newer certificate covers every name of it.
    Superseded,
    /// Somebody said it is no longer used.
    Retired,
    /// Its issuer withdrew it.
    Revoked,
}

impl State {
    /// The word in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Unreadable => "unreadable",
            State::Superseded => "superseded",
            State::Retired => "retired",
            State::Revoked => "revoked",
        }
    }
}

/// How an entry stands at a moment: its state, and for an active one its dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    /// More than thirty days left.
    Valid,
    /// Thirty days left, or less.
    Expiring,
    /// Ended.
    Expired,
    /// Withdrawn by its issuer.
    Revoked,
    /// Replaced by a newer one.
    Superseded,
    /// No longer used.
    Retired,
    /// Kept by its fingerprint only.
    Unreadable,
}

impl Status {
    /// All of them, in the order of a page.
    pub const ALL: [Status; 7] = [
        Status::Expired,
        Status::Expiring,
        Status::Valid,
        Status::Superseded,
        Status::Revoked,
        Status::Retired,
        Status::Unreadable,
    ];

    /// The status at `now` of an entry in `state` that ends at `not_after`. The last second still counts (RFC 5280 §4.1.2.5).
    pub fn of(state: &str, not_after: OffsetDateTime, now: OffsetDateTime) -> Status {
        match state {
            "unreadable" => Status::Unreadable,
            "superseded" => Status::Superseded,
            "retired" => Status::Retired,
            "revoked" => Status::Revoked,
            _ if not_after < now => Status::Expired,
            _ if not_after <= now.saturating_add(SOON) => Status::Expiring,
            _ => Status::Valid,
        }
    }

    /// The word in the API, in URLs and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Valid => "valid",
            Status::Expiring => "expiring",
            Status::Expired => "expired",
            Status::Revoked => "revoked",
            Status::Superseded => "superseded",
            Status::Retired => "retired",
            Status::Unreadable => "unreadable",
        }
    }

    /// The status of this word.
    pub fn parse(word: &str) -> Option<Status> {
        Status::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// The state that entries of this status are in.
    pub fn state(self) -> State {
        match self {
            Status::Valid | Status::Expiring | Status::Expired => State::Active,
            Status::Revoked => State::Revoked,
            Status::Superseded => State::Superseded,
            Status::Retired => State::Retired,
            Status::Unreadable => State::Unreadable,
        }
    }

    /// The span in which an entry of this status ends: from the first moment, to before the last; `None` is open.
    pub fn span(self, now: OffsetDateTime) -> (Option<OffsetDateTime>, Option<OffsetDateTime>) {
        let after_soon = now.saturating_add(SOON).saturating_add(Duration::microseconds(1));
        match self {
            Status::Expired => (None, Some(now)),
            Status::Expiring => (Some(now), Some(after_soon)),
            Status::Valid => (Some(after_soon), None),
            _ => (None, None),
        }
    }
}

/// Days from `now` to `end` as pages and mails count them: rounded up, so that "7 days left" and the 7-day threshold agree; 0 once it is
/// past, -1 a whole day later.
pub fn days_left(end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    -(now - end).whole_seconds().div_euclid(86_400)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

    #[test]
    fn the_last_second_still_counts_and_thirty_days_are_soon() {
        let of = |end| Status::of("active", end, NOW);
        assert_eq!(of(NOW), Status::Expiring);
        assert_eq!(of(NOW - Duration::seconds(1)), Status::Expired);
        assert_eq!(of(NOW + Duration::days(30)), Status::Expiring);
        assert_eq!(of(NOW + Duration::days(30) + Duration::seconds(1)), Status::Valid);
        assert_eq!(Status::of("retired", NOW - Duration::days(9), NOW), Status::Retired);
    }

    #[test]
    fn every_end_lies_in_the_span_of_its_status_and_in_no_other() {
        for seconds in [-100_000_000, -1, 0, 1, 2_592_000, 2_592_001, 100_000_000] {
            let end = NOW + Duration::seconds(seconds);
            for status in [Status::Valid, Status::Expiring, Status::Expired] {
                let (from, to) = status.span(NOW);
                let within = from.is_none_or(|from| end >= from) && to.is_none_or(|to| end < to);
                assert_eq!(within, Status::of("active", end, NOW) == status, "{seconds} {status:?}");
            }
        }
    }

    #[test]
    fn days_are_rounded_down() {
        assert_eq!(days_left(NOW + Duration::hours(23), NOW), 1);
        assert_eq!(days_left(NOW + Duration::hours(24), NOW), 1);
        assert_eq!(days_left(NOW - Duration::seconds(1), NOW), 0);
    }
}
