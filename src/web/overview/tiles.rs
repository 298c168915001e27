//! The numbers on top of the overview, each with the list it counts.

use crate::{
    app::App,
    services::{
        Actor, Result,
        certificates::{self, ListRequest},
    },
    web::{
        certificates::href,
        parts::{Tile, Tone},
    },
};

/// Expired, within 7 days, within 30 days, without owner, unreadable, all.
pub(super) async fn load(app: &App, actor: &Actor) -> Result<Vec<Tile>> {
    let status = |word: &str| ListRequest { status: vec![word.to_owned()], ..ListRequest::default() };
    let within = |span: &str| ListRequest { expires: span.to_owned(), ..ListRequest::default() };
    let ownerless = ListRequest { owner: vec!["none".to_owned()], ..ListRequest::default() };
    let kinds = [
        (status("expired"), Tone::Crit, "circle-x", "Expired", "in use as far as is known"),
        (within("7d"), Tone::High, "triangle-alert", "Within 7 days", "nothing renews them"),
        (within("30d"), Tone::Warn, "clock", "Within 30 days", "those within 7 days included"),
        (ownerless, Tone::Mute, "user-x", "Without owner", "alerts go to the team or the fallback"),
        (status("unreadable"), Tone::Mute, "file-question-mark", "Unreadable", "kept by their fingerprints"),
        (ListRequest::default(), Tone::Ok, "file-badge", "All certificates", "in every state"),
    ];
    let mut tiles = Vec::with_capacity(kinds.len());
    for (request, tone, icon, label, note) in kinds {
        let number = certificates::count(app, actor, &request).await?.n;
        let (label, note) = (label.to_owned(), note.to_owned());
        tiles.push(Tile { href: href(&request), tone, icon, label, number, note });
    }
    Ok(tiles)
}
