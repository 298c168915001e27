//! Pages for people: the login wall, then one folder per noun and one file per page, each with its view struct, `get`, `post` and form.

use axum::Router;

use crate::{app::App, routes::Routes};

/// Every page with who may use it.
pub fn routes() -> Routes {
    Routes::new()
}

/// The pages behind sessions, the origin check and the login wall.
pub fn router(app: &App) -> Router<App> {
    let _ = app;
    routes().into_router(|handler, _access| handler)
}
