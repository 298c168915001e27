//! My account: who I am here, my password, where I am signed in, my API tokens.

pub mod show;
pub mod profile;
pub mod password;
pub mod devices;
pub mod token;

use crate::{
    routes::{Access, Routes},
    services::Permission,
};

/// The pages of this folder.
pub fn routes() -> Routes {
    let mine = Access::Needs(Permission::OwnAccount);
    Routes::new()
        .get("/account", mine, show::get)
        .post("/account", mine, profile::rename)
        .post("/account/theme", mine, profile::set_theme)
        .post("/account/password", mine, password::post)
        .post("/account/sessions/end", mine, devices::end_others)
        .get("/account/tokens/new", Access::StepUp(Permission::OwnTokens), token::get)
        .post("/account/tokens", Access::StepUp(Permission::OwnTokens), token::post)
        .post("/account/tokens/{id}/revoke", mine, token::revoke)
}
