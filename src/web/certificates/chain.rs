//! `/certificates/{id}/chain`: who signed it, up to the root, as far as the inventory knows.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::IntoResponse};

use crate::{
    app::App,
    services::{Error, Permission, certificates},
    store::certificates::CertificateId,
    web::{
        error::Result,
        form::Id,
        guard::Visit,
        shell::{Nav, Shell},
    },
};

use super::{
    chain_view::ChainView,
    head::{Head, Side},
};

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/chain.html")]
pub struct Page {
    shell: Shell,
    head: Head,
    chain: ChainView,
    may_import: bool,
}

/// Shows it; what cannot be read has no chain.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let detail = certificates::detail(&app, &visit.actor, CertificateId(id)).await?;
    if detail.certificate.is_none() {
        return Err(Error::NotFound("chain of this certificate").into());
    }
    let chain = certificates::chain(&app, &visit.actor, CertificateId(id)).await?;
    let page = Page {
        shell: visit.shell(Nav::Certificates),
        head: Head::new(&visit, &detail, Side::Chain),
        chain: ChainView::new(&chain, detail.now),
        may_import: visit.actor.may(Permission::CertificatesWrite),
    };
    Ok(page.into_response())
}
