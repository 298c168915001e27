//! A certificate pasted into the search box.

use std::borrow::Cow;

use crate::{
    services::{Error, Result},
    store::certificates::Query,
    x509::bundle::{self, Limits, Thing, Work},
};

/// Reads a pasted certificate; its chain may follow it.
///
/// # Errors
/// `Invalid` on `q` when there is none.
pub(super) fn pasted(text: &str) -> Result<Query> {
    let found = bundle::read_within(
        rebroken(text).as_bytes(),
        None,
        Limits { entries: 16, ..Limits::default() },
        &Work::none(),
    );
    let certificate = found.ok().and_then(|found| {
        found.into_iter().find_map(|found| match found.thing {
            Thing::Certificate(der) => Some(crate::crypto::digest::sha256(&der)),
            _ => None,
        })
    });
    certificate
        .map(Query::Certificate)
        .ok_or_else(|| Error::invalid("q", "the pasted text holds no certificate that can be read"))
}

/// A search box makes one line of what is pasted into it; PEM needs its lines.
fn rebroken(text: &str) -> Cow<'_, str> {
    if text.contains('\n') {
        return Cow::Borrowed(text);
    }
    let lines = text.replace("-----BEGIN ", "\n-----BEGIN ").replace("-----END ", "\n-----END ");
    // What follows a label begins a line; the labels themselves hold single spaces only.
    let lines: Vec<String> = lines
        .split('\n')
        .map(|line| match line.get(5..).and_then(|rest| rest.find("-----")) {
            Some(at) if line.starts_with("-----BEGIN ") => {
                let (label, rest) = line.split_at(at + 10);
                format!("{label}\n{}", rest.split_whitespace().collect::<Vec<_>>().join("\n"))
            }
            _ => line.to_owned(),
        })
        .collect();
    Cow::Owned(lines.join("\n"))
}
