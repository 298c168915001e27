//! Pages for people: the login wall, then one folder per noun and one file per page, each with its view struct, `get`, `post` and form.

pub mod phrases;
pub mod filters;
pub mod assets;
pub mod parts;
pub mod shell;
pub mod error_page;
pub mod urls;
pub mod error;
pub mod form;
pub mod session;
pub mod guard;
pub mod auth;
pub mod settings;
pub mod users;
pub mod teams;
pub mod tokens;
pub mod account;
pub mod overview;
pub mod certificates;
pub mod jobs;
pub mod audit;
pub mod alerts;

use axum::{Router, middleware};
use tower_http::csrf::{CsrfLayer, ProtectionError};

use crate::{app::App, routes::Routes};

/// Every page with who may use it.
pub fn routes() -> Routes {
    Routes::new()
        .merge(assets::routes())
        .merge(auth::routes())
        .merge(account::routes())
        .merge(users::routes())
        .merge(teams::routes())
        .merge(tokens::routes())
        .merge(jobs::routes())
        .merge(audit::routes())
        .merge(alerts::routes())
        .merge(overview::routes())
        .merge(certificates::routes())
}

/// The pages behind sessions, the origin check and the login wall.
///
/// From the outside in: failures become pages, a foreign origin ends here (S6), the session is named, then each route's own wall.
pub fn router(app: &App) -> Router<App> {
    let pages = routes()
        .into_router(|handler, access| guard::guard(app, handler, access))
        .fallback(error::not_found)
        .method_not_allowed_fallback(error::method_not_allowed);
    pages
        .layer(session::layer(app))
        .layer(middleware::map_response(session::complete_cookies))
        .layer(same_origin(app).with_rejection_response(|_: ProtectionError| error::cross_site()))
        .layer(middleware::from_fn(error::draw))
}

/// Forms come from the console itself: by `Sec-Fetch-Site`, else by `Origin` against `Host` or the address people use.
fn same_origin(app: &App) -> CsrfLayer {
    let layer = CsrfLayer::new();
    let Some(url) = &app.config.public_url else { return layer };
    let origin = url.origin().ascii_serialization();
    layer.add_trusted_origin(&origin).expect("an http(s) URL without a path has an origin that is one")
}
