//! `/certificates/{id}/retire` and `/restore`: out of use with a reason, and back.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use http::StatusCode;
use serde::Deserialize;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{
        Error, FieldError,
        certificates::{self, Detail},
    },
    store::certificates::CertificateId,
    web::{
        error::Result,
        form::{self, Form, Id},
        guard::Visit,
        parts::Field,
        session,
        shell::{Nav, Shell},
        urls,
    },
};

/// What the form sends.
#[derive(Deserialize)]
pub struct Given {
    #[serde(default)]
    reason: String,
}

/// The page for whoever has no dialog, and after a wrong try.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/retire.html")]
pub struct Page {
    shell: Shell,
    name: String,
    back: String,
    action: String,
    reason: Field,
    errors: Vec<FieldError>,
}

impl Page {
    fn new(visit: &Visit, detail: &Detail, typed: &str, errors: Vec<FieldError>) -> Self {
        Self {
            shell: visit.shell(Nav::Certificates),
            name: detail.entry.name.clone(),
            back: urls::certificate(detail.entry.id),
            action: urls::certificate_part(detail.entry.id, "retire"),
            reason: Field::text("reason", "Reason")
                .length(0, 500)
                .hint("Kept with the certificate and in the audit log. It may stay empty.")
                .value(typed)
                .errors(&errors),
            errors,
        }
    }
}

/// Asks for the reason.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let detail = certificates::detail(&app, &visit.actor, CertificateId(id)).await?;
    Ok(Page::new(&visit, &detail, "", Vec::new()).into_response())
}

/// Retires it.
pub async fn post(
    State(app): State<App>,
    visit: Visit,
    session: Session,
    Id(id): Id,
    Form(given): Form<Given>,
) -> Result {
    match certificates::retire(&app, &visit.actor, CertificateId(id), &given.reason).await {
        Ok(()) => {
            session::tell(
                &session,
                "The certificate is retired.",
                "It stays in the inventory and sends no alerts.",
            )
            .await?;
            Ok(Redirect::to(&urls::certificate(id)).into_response())
        }
        Err(error @ Error::Invalid(_)) => {
            let detail = certificates::detail(&app, &visit.actor, CertificateId(id)).await?;
            let page = Page::new(&visit, &detail, &given.reason, form::field_errors(error)?);
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Brings it back.
pub async fn restore(State(app): State<App>, visit: Visit, session: Session, Id(id): Id) -> Result {
    certificates::restore(&app, &visit.actor, CertificateId(id)).await?;
    session::tell(&session, "The certificate is in use again.", "Its alerts sound as before.").await?;
    Ok(Redirect::to(&urls::certificate(id)).into_response())
}
