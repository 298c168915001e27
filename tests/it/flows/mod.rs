//! Stories in a real browser, from the first page to the last.

mod browser_first_hour;
mod browser_every_page;
