//! API tokens as tables show them: everybody's for administrators, one's own on the account page.

pub mod list;

use time::OffsetDateTime;

use crate::{
    routes::{Access, Routes},
    services::Permission,
    store::tokens::Token,
};

use super::{
    parts::{Badge, Tone},
    urls,
};

/// The pages of this folder.
pub fn routes() -> Routes {
    let change = Access::Needs(Permission::UsersWrite);
    Routes::new().get("/settings/tokens", change, list::get).post(
        "/settings/tokens/{id}/revoke",
        change,
        list::revoke,
    )
}

/// A line of a table of tokens.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) shown: String,
    pub(super) owner: String,
    pub(super) scopes: String,
    pub(super) from: String,
    pub(super) used_at: Option<OffsetDateTime>,
    pub(super) used_from: String,
    pub(super) expires_at: OffsetDateTime,
    pub(super) badge: Badge,
    pub(super) revoke: Option<String>,
}

impl Row {
    /// A token of the person who looks.
    pub(super) fn own(token: Token, now: OffsetDateTime) -> Self {
        let action = urls::revoke_own_token(token.id);
        Self { owner: String::new(), ..Self::new(token, action, now) }
    }

    /// A token of anybody.
    pub(super) fn of_anybody(token: Token, now: OffsetDateTime) -> Self {
        let action = urls::revoke_token(token.id);
        Self::new(token, action, now)
    }

    fn new(token: Token, action: String, now: OffsetDateTime) -> Self {
        let (badge, lives) = match (token.revoked_at, token.expires_at <= now) {
            (Some(_), _) => (Badge::new(Tone::Mute, "Revoked").with_icon("ban"), false),
            (None, true) => (Badge::new(Tone::Mute, "Ended").with_icon("archive"), false),
            (None, false) => (Badge::new(Tone::Ok, "Works"), true),
        };
        let from: Vec<String> = token.allowed_addresses.iter().map(ToString::to_string).collect();
        Self {
            name: token.name,
            shown: format!("na_{}_…", token.public_id),
            owner: token.email,
            scopes: token.scopes.join(", "),
            from: if from.is_empty() {
                "from anywhere".to_owned()
            } else {
                format!("from {}", from.join(", "))
            },
            used_at: token.last_used_at,
            used_from: token.last_used_address.map(|net| net.addr().to_string()).unwrap_or_default(),
            expires_at: token.expires_at,
            badge,
            revoke: lives.then_some(action),
        }
    }
}
