//! The mail that proves that mail arrives.

use askama::Template;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{services::Result, x509::visible};

use super::{Rendered, render};

#[derive(Template)]
#[template(path = "email/test/subject.txt")]
struct SubjectLine<'a> {
    prefix: &'a str,
}

#[derive(Template)]
#[template(path = "email/test/body.txt")]
struct Text<'a> {
    asked_by: &'a str,
    at: &'a str,
    base_url: &'a str,
}

#[derive(Template)]
#[template(path = "email/test/body.html")]
struct Html<'a> {
    asked_by: &'a str,
    at: &'a str,
    base_url: &'a str,
}

/// Writes the mail that `asked_by` asked for.
///
/// # Errors
/// Only for a defect in a template.
pub fn compose(prefix: &str, asked_by: &str, base_url: &str, now: OffsetDateTime) -> Result<Rendered> {
    let asked_by = &visible(asked_by);
    let at = &now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_default();
    Ok(Rendered {
        subject: render(&SubjectLine { prefix })?.trim().to_owned(),
        text: render(&Text { asked_by, at, base_url })?,
        html: render(&Html { asked_by, at, base_url })?,
    })
}
