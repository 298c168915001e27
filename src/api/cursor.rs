//! `?after=` and `?limit=` of lists that run back in time.

use crate::{
    services::{Error, Result},
    store::after::After,
};

/// The longest page.
const MOST: i64 = 200;
/// The usual page.
const USUAL: i64 = 50;

/// Which part of a list is asked for.
pub(super) struct Part {
    /// `next` of the page before; empty: the first page.
    pub(super) after: String,
    /// Rows of a page.
    pub(super) limit: Option<i64>,
}

impl Part {
    /// The place to go on from, if one is given.
    pub(super) fn place(&self) -> Result<Option<After>> {
        if self.after.is_empty() {
            return Ok(None);
        }
        let place = self.after.parse().map_err(|_| {
            Error::invalid("after", "this is not the `next` of a page; begin with the first page")
        })?;
        Ok(Some(place))
    }

    /// How many rows.
    pub(super) fn limit(&self) -> i64 {
        self.limit.unwrap_or(USUAL).clamp(1, MOST)
    }
}
