//! What keeps mails from arriving, or their readers from following them, as the overview and the page of alerts say it.

use crate::{
    app::App,
    web::{
        parts::{Notice, Tone},
        phrases,
    },
};

/// The relay was tried and did not take `number` mails; `answer` is why, of the last one.
pub fn stuck(number: i64, answer: &str) -> Notice {
    let mails =
        phrases::counted(number, "mail was not taken by the relay", "mails were not taken by the relay");
    let text = format!("They are tried again by themselves. It said last: {}.", phrases::visible(answer));
    Notice::new(Tone::High, format!("{mails}."), text)
}

/// Mails lead to an address that only this machine can open.
pub fn lonely(app: &App) -> Option<Notice> {
    let config = &app.config;
    let is_lonely = app.mail.is_some() && config.public_url.is_none() && config.listen.ip().is_loopback();
    is_lonely.then(|| {
        let text = "Nobody else can open them. Set NOTAFTER_PUBLIC_URL to the address that people use.";
        Notice::new(Tone::Warn, format!("Links in mails lead to {}.", config.base_url()), text)
    })
}
