//! Answers for machines that do not sign in: health, metrics.

mod health;
mod metrics;

use axum::Router;

use crate::{
    app::App,
    routes::{Access, Routes},
};

/// Every address with who may use it.
pub fn routes() -> Routes {
    Routes::new()
        .get("/healthz", Access::Public, health::healthz)
        .get("/readyz", Access::Public, health::readyz)
        .get("/metrics", Access::Public, metrics::get)
}

/// The addresses as a router. `/metrics` looks at its own token.
pub fn router(_app: &App) -> Router<App> {
    metrics::install();
    routes().into_router(|handler, _access| handler)
}
