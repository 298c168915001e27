//! The mail about background jobs that were given up.

use askama::Template;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    services::{Result, jobs::title},
    store::jobs::parked::Parked,
    x509::visible,
};

use super::{Rendered, render};

/// The longest cause in a mail, in characters; the page has all of it.
const LONGEST_CAUSE: usize = 300;

struct Row {
    name: String,
    cause: String,
    at: String,
    tries: String,
    path: String,
}

#[derive(Template)]
#[template(path = "email/parked/subject.txt")]
struct SubjectLine<'a> {
    prefix: &'a str,
    rows: &'a [Row],
}

#[derive(Template)]
#[template(path = "email/parked/body.txt")]
struct Text<'a> {
    rows: &'a [Row],
    base_url: &'a str,
}

#[derive(Template)]
#[template(path = "email/parked/body.html")]
struct Html<'a> {
    rows: &'a [Row],
    base_url: &'a str,
}

/// Writes the mail about `jobs`, at least one.
///
/// # Errors
/// Only for a defect in a template.
pub fn compose(prefix: &str, jobs: &[Parked], base_url: &str) -> Result<Rendered> {
    let rows: Vec<Row> = jobs.iter().map(row).collect();
    Ok(Rendered {
        subject: render(&SubjectLine { prefix, rows: &rows })?.trim().to_owned(),
        text: render(&Text { rows: &rows, base_url })?,
        html: render(&Html { rows: &rows, base_url })?,
    })
}

fn row(job: &Parked) -> Row {
    let when =
        |at: OffsetDateTime| at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).unwrap_or_default();
    let cause = visible(job.cause.as_deref().unwrap_or("it did not say why"));
    let cut: String = cause.chars().take(LONGEST_CAUSE).collect();
    Row {
        name: visible(format!("{} {}", title(&job.kind), job.label).trim_end()),
        cause: if cut.len() < cause.len() { format!("{cut}…") } else { cut },
        at: job.finished_at.map(when).unwrap_or_default(),
        tries: if job.attempts == 1 { "1 try".to_owned() } else { format!("{} tries", job.attempts) },
        path: format!("/jobs/{}", job.id),
    }
}
