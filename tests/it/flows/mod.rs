//! Stories from the first step to the last: in a real browser, and with the real program and a real relay.

mod browser_first_hour;
mod browser_every_page;
mod first_alert;
