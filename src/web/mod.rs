//! Pages for people: the login wall, then one folder per noun and one file per page, each with its view struct, `get`, `post` and form.

pub mod phrases;
pub mod filters;
pub mod assets;
pub mod parts;
pub mod shell;
pub mod error_page;
pub mod auth;

use axum::Router;

use crate::{app::App, routes::Routes};

/// Every page with who may use it.
pub fn routes() -> Routes {
    Routes::new().merge(assets::routes())
}

/// The pages behind sessions, the origin check and the login wall.
pub fn router(app: &App) -> Router<App> {
    let _ = app;
    routes().into_router(|handler, _access| handler)
}
