//! The OpenAPI 3.1 document at `/api/openapi.json`: made from the handlers' own annotations, compared with the routes by a test.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        path::{Operation, PathItem},
        security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use crate::{
    routes::{Access, Routes},
    services::{Permission, Role, Scope},
};

use super::{alerts, audit, certificates, inspect, jobs, people};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "notafter",
        description = "Certificates, who owns them, and who was told. Send a token as `Authorization: Bearer na_…`. Lists answer \
                       `items` and `next`; give `next` as `after` for the following page. Failures are RFC 9457 problems. Each operation names the \
                       scope of the token and the permission of its owner that it needs. Unsafe calls \
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
    modifiers(&Bearer, &OperationIds, &Needs),
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
            for (method, operation) in operations(item) {
                operation.operation_id = Some(format!("{method}_{words}"));
            }
        }
    }
}

/// Says of each operation what the table of routes asks of its caller: in words, and as the least scope beside the scheme.
struct Needs;

impl Modify for Needs {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for (method, path, access) in super::routes().table() {
            let item = document.paths.paths.get_mut(path).into_iter().flat_map(operations);
            for (_, operation) in item.filter(|(name, _)| method.as_str().eq_ignore_ascii_case(name)) {
                let told = operation.description.take().into_iter().chain([needs(access)]);
                operation.description = Some(told.collect::<Vec<_>>().join("\n\n"));
                if let Some(least) = least_scope(access) {
                    operation.security = Some(vec![SecurityRequirement::new("bearer", [least.as_str()])]);
                }
            }
        }
    }
}

fn permission(access: Access) -> Option<Permission> {
    match access {
        Access::Public | Access::SignedIn => None,
        Access::Needs(permission) | Access::StepUp(permission) => Some(permission),
    }
}

fn least_scope(access: Access) -> Option<Scope> {
    Scope::allowing(permission(access)?).first().copied()
}

/// ``Needs the scope `request` or `admin`, and the permission `CertificatesWrite` (administrator, operator).``
fn needs(access: Access) -> String {
    let Some(permission) = permission(access) else {
        return match access {
            Access::Public => "Needs no token.".to_owned(),
            _ => "Needs a token of any scope.".to_owned(),
        };
    };
    let scopes = Scope::allowing(permission);
    let scopes = match scopes.len() == Scope::ALL.len() {
        true => "any scope".to_owned(),
        false => {
            let named: Vec<String> = scopes.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
            format!("the scope {}", named.join(" or "))
        }
    };
    let roles = Role::granting(permission);
    let roles = match roles.len() == Role::ALL.len() {
        true => "every role".to_owned(),
        false => roles.into_iter().map(Role::as_str).collect::<Vec<_>>().join(", "),
    };
    format!("Needs {scopes}, and the permission `{permission:?}` ({roles}).")
}

/// The operations of a path, with their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let methods = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("patch", &mut item.patch),
        ("delete", &mut item.delete),
    ];
    methods.into_iter().filter_map(|(method, one)| one.as_mut().map(|one| (method, one)))
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
