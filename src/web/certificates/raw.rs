//! `/certificates/{id}/raw`: every extension in words, the promises of CT logs, and the certificate itself.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::IntoResponse};

use crate::{
    app::App,
    services::certificates::{self, Detail},
    store::certificates::CertificateId,
    web::{
        error::Result,
        form::Id,
        guard::Visit,
        phrases,
        shell::{Nav, Shell},
    },
    x509::{Extension, pem},
};

use super::head::{Head, Side};

/// One log's promise.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Id of the log in base64, as log lists write it.
    pub log: String,
    /// When the log saw the certificate.
    pub at: String,
    /// The algorithm of its signature.
    pub signature: String,
}

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/raw.html")]
pub struct Page {
    shell: Shell,
    head: Head,
    is_readable: bool,
    version: u32,
    extensions: Vec<Extension>,
    promises: Vec<Promise>,
    size: String,
    pem: String,
}

impl Page {
    fn new(visit: &Visit, detail: &Detail) -> Self {
        let certificate = detail.certificate.as_ref();
        let size = i64::try_from(detail.der.len()).unwrap_or(i64::MAX);
        Self {
            shell: visit.shell(Nav::Certificates),
            head: Head::new(visit, detail, Side::Raw),
            is_readable: certificate.is_some(),
            version: certificate.map_or(0, crate::x509::Certificate::version),
            extensions: certificate.map(crate::x509::Certificate::extensions).unwrap_or_default(),
            promises: certificate.map(promises).unwrap_or_default(),
            size: phrases::counted(size, "byte", "bytes"),
            pem: pem::write("CERTIFICATE", &detail.der),
        }
    }
}

/// Shows it.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let detail = certificates::detail(&app, &visit.actor, CertificateId(id)).await?;
    Ok(Page::new(&visit, &detail).into_response())
}

fn promises(certificate: &crate::x509::Certificate) -> Vec<Promise> {
    let promise = |sct: crate::x509::sct::Sct| Promise {
        log: sct.log_id_base64,
        at: sct.timestamp.map_or_else(|| "Outside of the calendar".to_owned(), phrases::moment),
        signature: sct.signature,
    };
    certificate.scts().into_iter().map(promise).collect()
}
