//! The rows of the list's CSV: PostgreSQL's own, made harmless for spreadsheets (S12), with times as RFC 3339 and what follows from them.
//!
//! PostgreSQL writes CSV faster than it formats times or looks at first characters, so that is done here, field by field, without taking
//! a row apart into strings.

use std::borrow::Cow;

use bytes::BytesMut;
use time::{Date, Month, OffsetDateTime, Time};

use crate::{
    services::spreadsheet::harmless,
    store::certificates::{Status, status::days_left},
};

/// The heading.
pub const HEADING: &str = "id,name,status,not_before,not_after,days_left,owner,team,environment,tags,issuer,subject,serial,sha256,key,\
                           signature,sans,source,note\r\n";

/// Which fields of a row come as they are: numbers, digests and words of ours.
const OURS: [usize; 4] = [0, 6, 12, 16];

/// Adds a row of `store::certificates::export::COLUMNS` to `lines` as it leaves at `now`.
pub fn rewrite(row: &[u8], now: OffsetDateTime, lines: &mut BytesMut) {
    let (mut state, mut not_before) = (&b""[..], &b""[..]);
    for (place, field) in (Fields { rest: Some(row) }).enumerate() {
        match (place, field) {
            // State and dates leave together, once all are known.
            (2, field) => state = field,
            (3, field) => not_before = field,
            (4, field) => {
                lines.extend_from_slice(b",");
                standing(state, not_before, field, now, lines);
            }
            (place, field) => {
                if place > 0 {
                    lines.extend_from_slice(b",");
                }
                if OURS.contains(&place) { lines.extend_from_slice(field) } else { text(field, lines) }
            }
        }
    }
    lines.extend_from_slice(b"\r\n");
}

/// `status,not_before,not_after,days_left`.
fn standing(state: &[u8], not_before: &[u8], not_after: &[u8], now: OffsetDateTime, lines: &mut BytesMut) {
    let state = std::str::from_utf8(state).unwrap_or_default();
    let ends = moment(not_after);
    let status = ends.map_or(state, |ends| Status::of(state, ends, now).as_str());
    lines.extend_from_slice(status.as_bytes());
    for time in [not_before, not_after] {
        lines.extend_from_slice(b",");
        rfc3339(time, lines);
    }
    lines.extend_from_slice(b",");
    if let Some(ends) = ends {
        lines.extend_from_slice(days_left(ends, now).to_string().as_bytes());
    }
}

/// A text from outside, which may be quoted already.
fn text(field: &[u8], lines: &mut BytesMut) {
    let (quote, inner) = match field.strip_prefix(b"\"") {
        Some(inner) => (&b"\""[..], inner),
        None => (&b""[..], field),
    };
    lines.extend_from_slice(quote);
    // The first character alone decides.
    let first = inner.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default();
    if inner.first().is_some_and(|first| !first.is_ascii_alphanumeric())
        && let Cow::Owned(_) = harmless(first)
    {
        lines.extend_from_slice(b"'");
    }
    lines.extend_from_slice(inner);
}

/// `2026-11-20 12:00:00+00`, as PostgreSQL writes it in UTC, with `T` and `Z`. The one year before 1 that a certificate can say is 0.
fn rfc3339(time: &[u8], lines: &mut BytesMut) {
    let Some((date, clock)) = split(time) else { return };
    match (time.ends_with(b" BC"), date.get(4..)) {
        (true, Some(rest)) => {
            lines.extend_from_slice(b"0000");
            lines.extend_from_slice(rest);
        }
        _ => lines.extend_from_slice(date),
    }
    lines.extend_from_slice(b"T");
    lines.extend_from_slice(clock);
    lines.extend_from_slice(b"Z");
}

fn split(time: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = time.iter().position(|byte| *byte == b' ')?;
    Some((time.get(..space)?, time.get(space + 1..space + 9)?))
}

fn moment(time: &[u8]) -> Option<OffsetDateTime> {
    let (date, clock) = split(time)?;
    let number = |digits: Option<&[u8]>| std::str::from_utf8(digits?).ok()?.parse::<u16>().ok();
    let small = |digits: Option<&[u8]>| u8::try_from(number(digits)?).ok();
    let year = if time.ends_with(b" BC") { 0 } else { i32::from(number(date.get(..4))?) };
    let month = Month::try_from(small(date.get(5..7))?).ok()?;
    let date = Date::from_calendar_date(year, month, small(date.get(8..10))?).ok()?;
    let clock =
        Time::from_hms(small(clock.get(..2))?, small(clock.get(3..5))?, small(clock.get(6..8))?).ok()?;
    Some(OffsetDateTime::new_utc(date, clock))
}

/// The fields of one row with their quotes.
struct Fields<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let row = self.rest?;
        // Between quotes there is an even number of them before each comma that separates: a doubled one counts as two.
        let mut inside = false;
        let end = row.iter().position(|byte| {
            inside ^= *byte == b'"';
            *byte == b',' && !inside
        });
        let (field, rest) = match end {
            Some(end) => (row.get(..end)?, row.get(end + 1..)),
            None => (row, None),
        };
        self.rest = rest;
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn rewritten(row: &str) -> String {
        let mut lines = BytesMut::new();
        rewrite(row.as_bytes(), datetime!(2026-11-20 12:00 UTC), &mut lines);
        String::from_utf8(lines.to_vec()).unwrap()
    }

    #[test]
    fn times_become_rfc_3339_and_say_the_status() {
        let row =
            |state: &str, end: &str| rewritten(&format!("7,a,{state},1949-12-31 23:59:59+00,{end},o\n"));
        let row = |state: &str, end: &str| row(state, end).replace('\n', "");
        let starts = "7,a,";
        for (state, end, said) in [
            ("active", "2027-02-18 09:00:00+00", "valid,1949-12-31T23:59:59Z,2027-02-18T09:00:00Z,90,o"),
            ("active", "2026-11-20 12:00:00+00", "expiring,1949-12-31T23:59:59Z,2026-11-20T12:00:00Z,0,o"),
            ("active", "9999-12-31 23:59:59+00", "valid,1949-12-31T23:59:59Z,9999-12-31T23:59:59Z,2912120,o"),
            (
                "active",
                "0001-01-01 00:00:00+00 BC",
                "expired,1949-12-31T23:59:59Z,0000-01-01T00:00:00Z,-740305,o",
            ),
            (
                "retired",
                "2020-01-01 00:00:00+00",
                "retired,1949-12-31T23:59:59Z,2020-01-01T00:00:00Z,-2515,o",
            ),
            ("unreadable", "", "unreadable,1949-12-31T23:59:59Z,,,o"),
        ] {
            assert_eq!(row(state, end), format!("{starts}{said}\r"), "{state} {end}");
        }
    }

    #[test]
    fn whatever_begins_like_a_formula_gets_its_mark_inside_the_quotes() {
        let end = "active,2026-01-01 00:00:00+00,2027-11-20 12:00:00+00";
        let row =
            rewritten(&format!("-7,\"=a,\"\"b\"\"\",{end},@o,t,,-x,\u{ff1d}i,\"\",-5,ab,k,g,+s,+s,\"c,d\""));
        let wanted = "-7,\"'=a,\"\"b\"\"\",valid,2026-01-01T00:00:00Z,2027-11-20T12:00:00Z,365,'@o,t,,'-x,'\u{ff1d}i,\"\",'-5,ab,k,g,'+s,+s,\"c,d\"\r\n";
        assert_eq!(row, wanted);
    }
}
