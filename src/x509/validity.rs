//! The validity period (RFC 5280 §4.1.2.5), always in UTC and inclusive at both ends.

use time::{Duration, OffsetDateTime, UtcOffset};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

/// From when until when a certificate is valid, to the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second of validity.
    pub not_before: OffsetDateTime,
    /// The last second of validity.
    pub not_after: OffsetDateTime,
}

impl Validity {
    /// The time between the two dates; negative where they are the wrong way round.
    pub fn lifetime(&self) -> Duration {
        self.not_after - self.not_before
    }
}

/// Reads the DER of a `UTCTime` or `GeneralizedTime`; `None` if it is neither, or has no form in UTC, as an
/// offset near the year 9999 may bring about.
pub(crate) fn time(der: &[u8]) -> Option<OffsetDateTime> {
    let (_, time) = ASN1Time::from_der(der).ok()?;
    time.to_datetime().checked_to_offset(UtcOffset::UTC)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn parse(tag: u8, text: &str) -> Option<OffsetDateTime> {
        let mut der = vec![tag, u8::try_from(text.len()).unwrap()];
        der.extend_from_slice(text.as_bytes());
        time(&der)
    }

    #[test]
    fn two_digit_years_turn_at_fifty() {
        assert_eq!(parse(0x17, "491231235959Z").unwrap(), datetime!(2049-12-31 23:59:59 UTC));
        assert_eq!(parse(0x17, "500101000000Z").unwrap(), datetime!(1950-01-01 00:00:00 UTC));
        assert_eq!(parse(0x17, "000229000000Z").unwrap(), datetime!(2000-02-29 00:00:00 UTC));
    }

    #[test]
    fn far_dates_are_kept() {
        assert_eq!(parse(0x18, "99991231235959Z").unwrap(), datetime!(9999-12-31 23:59:59 UTC));
        assert_eq!(parse(0x18, "19491231235959Z").unwrap(), datetime!(1949-12-31 23:59:59 UTC));
        assert_eq!(parse(0x18, "00010101000000Z").unwrap(), datetime!(0001-01-01 00:00:00 UTC));
    }

    #[test]
    fn offsets_are_brought_to_utc_where_that_exists() {
        assert_eq!(parse(0x17, "200101000000+0100").unwrap(), datetime!(2019-12-31 23:00:00 UTC));
        for text in ["20231301000000Z", "20230230000000Z", "", "Z", "99991231"] {
            assert_eq!(parse(0x18, text), None, "{text}");
        }
    }
}
