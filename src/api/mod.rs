//! JSON for programs under `/api/v1`: one file per noun, wire structs of its own, RFC 9457 problems.

pub mod error;
mod extract;
mod cursor;
mod guard;
mod inspect;
mod certificates;
mod alerts;
mod audit;
mod jobs;
mod people;
pub mod openapi;
mod docs;

use axum::{Router, middleware};

use crate::{app::App, routes::Routes};

use self::error::Problem;

/// Every operation with who may use it.
pub fn routes() -> Routes {
    Routes::new()
        .merge(inspect::routes())
        .merge(certificates::routes())
        .merge(alerts::routes())
        .merge(audit::routes())
        .merge(jobs::routes())
        .merge(people::routes())
        .merge(openapi::routes())
        .merge(docs::routes())
}

/// The operations behind bearer tokens. What is not an operation is a problem, not a page.
pub fn router(app: &App) -> Router<App> {
    let guarded = routes().into_router(|handler, access| {
        handler.layer(middleware::from_fn_with_state((app.clone(), access), guard::guard))
    });
    guarded
        .method_not_allowed_fallback(method_not_allowed)
        .route("/api/v1", axum::routing::any(not_found))
        .route("/api/v1/{*rest}", axum::routing::any(not_found))
}

async fn not_found() -> Problem {
    let detail = "There is no operation at this address. `/api/docs` lists them all.";
    Problem::new(http::StatusCode::NOT_FOUND, "not-found", "Not found", detail)
}

async fn method_not_allowed() -> Problem {
    let detail = "This address takes other methods. `/api/docs` lists them all.";
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method", "Another method", detail)
}
