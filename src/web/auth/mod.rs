//! Coming in: sign-in, the first administrator, a password from a one-time link, the password once more before a sensitive act.

pub mod views;
pub mod login;
pub mod setup;
pub mod password;
pub mod confirm;

use crate::routes::{Access, Routes};

/// The pages of this folder.
pub fn routes() -> Routes {
    Routes::new()
        .get("/login", Access::Public, login::get)
        .post("/login", Access::Public, login::post)
        .post("/logout", Access::SignedIn, login::sign_out)
        .get("/setup", Access::Public, setup::get)
        .post("/setup", Access::Public, setup::post)
        .get("/password/{token}", Access::Public, password::get)
        .post("/password/{token}", Access::Public, password::post)
        .get("/account/confirm", Access::SignedIn, confirm::get)
        .post("/account/confirm", Access::SignedIn, confirm::post)
}
