//! JSON for programs under `/api/v1`: one file per noun, wire structs of its own, RFC 9457 problems.

use axum::Router;

use crate::{app::App, routes::Routes};

/// Every operation with who may use it.
pub fn routes() -> Routes {
    Routes::new()
}

/// The operations behind bearer tokens.
pub fn router(app: &App) -> Router<App> {
    let _ = app;
    routes().into_router(|handler, _access| handler)
}
