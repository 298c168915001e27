//! Answers for machines that do not sign in: health, metrics.

use axum::Router;

use crate::{app::App, routes::Routes};

/// Every address with who may use it.
pub fn routes() -> Routes {
    Routes::new()
}

/// The addresses as a router.
pub fn router(_app: &App) -> Router<App> {
    routes().into_router(|handler, _access| handler)
}
