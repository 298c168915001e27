//! [`super::phrases`] as askama filters: `use crate::web::filters;` beside the view struct, then `{{ not_after|date }}`.
//! They return plain text, which the template escapes.

#![expect(
    missing_docs,
    reason = "the attribute writes a struct and a method for each function, and documents neither"
)]

use askama::Values;
use time::OffsetDateTime;

use super::phrases;

/// `20 Nov 2026`.
#[askama::filter_fn]
pub fn date(moment: &OffsetDateTime, _: &dyn Values) -> askama::Result<String> {
    Ok(phrases::date(*moment))
}

/// `20 Nov 2026, 13:04 UTC`.
#[askama::filter_fn]
pub fn datetime(moment: &OffsetDateTime, _: &dyn Values) -> askama::Result<String> {
    Ok(phrases::moment(*moment))
}

/// `2026-11-20T13:04:00Z`, for `datetime` attributes.
#[askama::filter_fn]
pub fn iso(moment: &OffsetDateTime, _: &dyn Values) -> askama::Result<String> {
    Ok(phrases::instant(*moment))
}

/// `{{ not_after|days_left(now) }}`: `7 days left`, `Expired 3 days ago`.
#[askama::filter_fn]
pub fn days_left(not_after: &OffsetDateTime, _: &dyn Values, now: &OffsetDateTime) -> askama::Result<String> {
    Ok(phrases::days_left(*not_after, *now))
}

/// `{{ then|ago(now) }}`: `4 minutes ago`. The exact time belongs beside it.
#[askama::filter_fn]
pub fn ago(then: &OffsetDateTime, _: &dyn Values, now: &OffsetDateTime) -> askama::Result<String> {
    Ok(phrases::ago(*then, *now))
}

/// `1,263`.
#[askama::filter_fn]
pub fn thousands(number: impl ToString, _: &dyn Values) -> askama::Result<String> {
    Ok(phrases::thousands(&number))
}

/// The text with unseen characters written out; for anything that comes from a certificate or a stranger.
#[askama::filter_fn]
pub fn visible(text: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    Ok(phrases::visible(text.as_ref()))
}

/// `0A:7F:41` from hex digits.
#[askama::filter_fn]
pub fn colons(hex: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    Ok(phrases::colons(hex.as_ref()))
}

/// `9c41e0b7 52fd8a13` from hex digits.
#[askama::filter_fn]
pub fn groups(hex: impl AsRef<str>, _: &dyn Values) -> askama::Result<String> {
    Ok(phrases::groups(hex.as_ref()))
}
