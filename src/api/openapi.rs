//! The OpenAPI 3.1 document at `/api/openapi.json`: made from the handlers' own annotations, compared with the routes by a test.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use crate::routes::{Access, Routes};

use super::{alerts, audit, certificates, inspect, jobs, people};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "notafter",
        description = "Certificates, who owns them, and who was told. Send a token as `Authorization: Bearer na_…`. Lists answer \
                       `items` and `next`; give `next` as `after` for the following page. Failures are RFC 9457 problems. Unsafe calls \
                       take an `Idempotency-Key`: the same key twice within a day acts once and answers the same."
    ),
    paths(
        certificates::list, certificates::import, certificates::csv, certificates::show, certificates::change, certificates::retire,
        certificates::restore, certificates::export, inspect::post,
        alerts::rule, alerts::change_rule, alerts::sweep, alerts::deliveries, alerts::send_again,
        audit::list, jobs::list, jobs::show, jobs::retry, jobs::cancel,
        people::list_users, people::create_user, people::show_user, people::change_user, people::disable_user, people::enable_user,
        people::list_teams, people::create_team, people::list_tokens, people::revoke_token,
    ),
    tags(
        (name = "certificates", description = "The inventory"),
        (name = "inspect", description = "Decode without storing"),
        (name = "alerts", description = "Expiry mail: the rule and its deliveries"),
        (name = "audit", description = "Who did what"),
        (name = "jobs", description = "Background work"),
        (name = "users", description = "People and teams"),
        (name = "tokens", description = "API tokens"),
    ),
    modifiers(&Bearer, &OperationIds),
    security(("bearer" = [])),
)]
struct Document;

struct Bearer;

impl Modify for Bearer {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("na_…").build();
        document
            .components
            .get_or_insert_default()
            .add_security_scheme("bearer", SecurityScheme::Http(scheme));
    }
}

/// Names each operation by its method and path: unique, as the specification asks, whatever the handlers are called.
struct OperationIds;

impl Modify for OperationIds {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (path, item) in &mut document.paths.paths {
            let words = path.trim_start_matches("/api/v1/").replace(['{', '}'], "").replace(['/', '.'], "_");
            let methods = [("get", &mut item.get), ("post", &mut item.post), ("patch", &mut item.patch)];
            for (method, operation) in
                methods.into_iter().filter_map(|(method, one)| one.as_mut().map(|one| (method, one)))
            {
                operation.operation_id = Some(format!("{method}_{words}"));
            }
        }
    }
}

/// The whole document.
pub fn document() -> utoipa::openapi::OpenApi {
    Document::openapi()
}

/// Public: what the API looks like is no secret, and tools fetch it before they have a token.
pub(super) fn routes() -> Routes {
    Routes::new().get("/api/openapi.json", Access::Public, get)
}

async fn get() -> Response {
    let mut response = Json(document()).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    response
}
