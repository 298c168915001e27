//! The place after which a page of a list by time begins, opaque in addresses.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use time::OffsetDateTime;

/// Time and id of the last row before the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// The time that the list is ordered by.
    pub at: OffsetDateTime,
    /// The id, which decides among equal times.
    pub id: i64,
}

/// An `after=` that no page of ours made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in a list; begin again without `after`")]
pub struct BadAfter;

impl fmt::Display for After {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.at.unix_timestamp_nanos() / 1_000;
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{micros} {}", self.id)))
    }
}

impl FromStr for After {
    type Err = BadAfter;

    fn from_str(text: &str) -> Result<Self, BadAfter> {
        let plain = URL_SAFE_NO_PAD
            .decode(text)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or(BadAfter)?;
        let (micros, id) = plain.split_once(' ').ok_or(BadAfter)?;
        let nanos =
            micros.parse::<i128>().ok().and_then(|micros| micros.checked_mul(1_000)).ok_or(BadAfter)?;
        let at = OffsetDateTime::from_unix_timestamp_nanos(nanos).map_err(|_| BadAfter)?;
        Ok(After { at, id: id.parse().map_err(|_| BadAfter)? })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_place_reads_back_and_nothing_else_is_one() {
        let after = After { at: datetime!(2026-11-20 09:00:00.123456 UTC), id: 42 };
        assert_eq!(after.to_string().parse(), Ok(after));
        for bad in ["", "x", "AAAA", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OSAx"] {
            assert_eq!(bad.parse::<After>(), Err(BadAfter), "{bad}");
        }
    }
}
