//! The frame that all doors share: a route cannot be written down without saying who may use it (S7).
//!
//! Each noun's `router()` returns [`Routes`]; the door turns them into an axum router and decides how a caller is recognised.

use axum::{handler::Handler, routing::MethodRouter};
use http::Method;

use crate::{app::App, services::Permission};

/// Names a request in the log, the audit event and the error page. Made by the server for each request; never taken from the client.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, signed in or not.
    Public,
    /// Anybody who is signed in.
    SignedIn,
    /// Whoever holds the permission.
    Needs(Permission),
    /// Whoever holds the permission and gave their password within five minutes (S5).
    StepUp(Permission),
}

/// One method of one path.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, in axum's syntax.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// What answers.
    pub handler: MethodRouter<App>,
}

/// The routes of a noun, or of a whole door.
#[derive(Default)]
pub struct Routes {
    entries: Vec<Route>,
}

impl Routes {
    /// No routes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `path`; must change nothing.
    pub fn get<H: Handler<T, App>, T: 'static>(self, path: &'static str, access: Access, handler: H) -> Self {
        self.route(Method::GET, path, access, axum::routing::get(handler))
    }

    /// Acts on `path`.
    pub fn post<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        self.route(Method::POST, path, access, axum::routing::post(handler))
    }

    /// Changes parts of `path`.
    pub fn patch<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        self.route(Method::PATCH, path, access, axum::routing::patch(handler))
    }

    /// Removes `path`.
    pub fn delete<H: Handler<T, App>, T: 'static>(
        self,
        path: &'static str,
        access: Access,
        handler: H,
    ) -> Self {
        self.route(Method::DELETE, path, access, axum::routing::delete(handler))
    }

    fn route(
        mut self,
        method: Method,
        path: &'static str,
        access: Access,
        handler: MethodRouter<App>,
    ) -> Self {
        self.entries.push(Route { method, path, access, handler });
        self
    }

    /// Both together.
    pub fn merge(mut self, other: Routes) -> Self {
        self.entries.extend(other.entries);
        self
    }

    /// Method, path and access of each route, in order of writing: for the matrix test and `notafter routes`.
    pub fn table(&self) -> Vec<(Method, &'static str, Access)> {
        self.entries.iter().map(|route| (route.method.clone(), route.path, route.access)).collect()
    }

    /// Builds the router, passing each handler through `guard`.
    pub fn into_router(
        self,
        guard: impl Fn(MethodRouter<App>, Access) -> MethodRouter<App>,
    ) -> axum::Router<App> {
        self.entries.into_iter().fold(axum::Router::new(), |router, route| {
            router.route(route.path, guard(route.handler, route.access))
        })
    }
}
