//! `POST /api/v1/inspect`: decodes anything without storing it.

use axum::extract::State;
use http::HeaderMap;
use secrecy::SecretString;

use crate::{
    app::App,
    routes::{Access, Routes},
    services::{
        Error,
        inspect::{self, Placed},
    },
    x509::bundle,
};

use super::{
    error::Problem,
    extract::{Body, Caller},
};

/// The header that carries a container's password: unlike a query it is not logged by proxies.
pub(super) const PASSWORD: &str = "x-container-password";

/// The problem; where a container wants its password, with the header that carries it.
pub(super) fn refusal(error: Error) -> Problem {
    let needed = bundle::Error::PasswordNeeded.to_string();
    let problem = Problem::from(error);
    match problem.errors.iter().any(|error| error.message.contains(&needed)) {
        true => problem.with("The password goes in the header X-Container-Password."),
        false => problem,
    }
}

pub(super) fn routes() -> Routes {
    Routes::new().post("/api/v1/inspect", Access::SignedIn, post)
}

/// Say what a file holds
///
/// Certificate, request, revocation list, PKCS#7, PKCS#12, Java key store, or any mix of them as PEM or DER. Nothing is stored.
#[utoipa::path(
    post, path = "/api/v1/inspect", tag = "inspect",
    params(("X-Container-Password" = Option<String>, Header, description = "Opens PKCS#12 files and Java key stores")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The file as it is, up to 10 MiB"),
    responses(
        (status = 200, description = "Everything that was found, in order", body = Vec<Placed>),
        (status = 413, description = "Larger than 10 MiB", body = Problem),
        (status = 422, description = "Nothing was recognised, or the password is wrong", body = Problem),
    ),
)]
pub(super) async fn post(
    State(app): State<App>,
    Caller(actor): Caller,
    headers: HeaderMap,
    Body(bytes): Body,
) -> Result<axum::Json<Vec<Placed>>, Problem> {
    let password = headers.get(PASSWORD).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let found = inspect::inspect_upload(&app, &actor, bytes, password.map(SecretString::from)).await;
    Ok(axum::Json(found.map_err(refusal)?))
}
