//! `/alerts/preview/mail`: the HTML part of a mail and nothing else, for the sandboxed frame of the page.

use axum::{
    extract::State,
    response::{Html, IntoResponse},
};
use http::header::{CONTENT_SECURITY_POLICY, X_FRAME_OPTIONS};
use serde::Deserialize;

use crate::{
    app::App,
    services::{Error, alerts::preview},
    web::{
        error::{Failure, Result},
        form::Query,
        guard::SignedIn,
    },
};

/// A mail has its style inline and nothing else; the frame's sandbox is said here as well, for whoever opens it alone.
const CSP: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; form-action 'none'; base-uri 'none'; \
                   frame-ancestors 'self'; sandbox";

/// Which entry the mail is about.
#[derive(Debug, Deserialize)]
pub struct Asked {
    certificate: Option<i64>,
}

/// Shows the mail.
pub async fn get(State(app): State<App>, SignedIn(actor): SignedIn, Query(asked): Query<Asked>) -> Result {
    let preview = preview::preview(&app, &actor, asked.certificate).await?;
    let mail = preview.ok_or(Failure(Error::NotFound("certificate")))?.mail;
    Ok(([(CONTENT_SECURITY_POLICY, CSP), (X_FRAME_OPTIONS, "SAMEORIGIN")], Html(mail.html)).into_response())
}
