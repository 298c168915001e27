//! `certificates`: list, one, import, change, retire, restore, export.

use axum::{
    body::Body as Streamed,
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use zeroize::Zeroizing;

use crate::{
    app::App,
    routes::{Access, Routes},
    services::{
        Error, Permission,
        certificates::{
            self,
            edit::{self, Change},
            export::{self, Format},
            import::{Options, Source, Upload},
            query::{self, ListRequest},
            wire::{self, CertificateDetail, CertificateObject, ImportRow},
        },
    },
    store::certificates::CertificateId,
};

use super::{
    error::Problem,
    extract::{self, Body, Caller, Id, Json, Query},
    inspect::{PASSWORD, refusal},
};

/// The addresses of this noun.
pub(super) fn routes() -> Routes {
    let (read, write) =
        (Access::Needs(Permission::CertificatesRead), Access::Needs(Permission::CertificatesWrite));
    Routes::new()
        .get("/api/v1/certificates", read, list)
        .post("/api/v1/certificates", write, import)
        .get("/api/v1/certificates/{id}", read, show)
        .patch("/api/v1/certificates/{id}", write, change)
        .post("/api/v1/certificates/{id}/retire", write, retire)
        .post("/api/v1/certificates/{id}/restore", write, restore)
        .get("/api/v1/certificates/{id}/export", read, export)
        .get("/api/v1/certificates.csv", read, csv)
}

/// The filters of the list; the same words as in the address of the page.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filters {
    /// Free text, serial, fingerprint, owner, `*.example.com`, or a pasted PEM
    q: String,
    /// `valid`, `expiring`, `expired`, `revoked`, `superseded`, `retired`, `unreadable`; may be repeated
    status: Vec<String>,
    /// `14d`, a day, or `2026-12-01..2026-12-07`
    expires: String,
    /// Mail address, or `none`; may be repeated
    owner: Vec<String>,
    /// Slug, or `none`; may be repeated
    team: Vec<String>,
    /// Environment, or `none`; may be repeated
    env: Vec<String>,
    /// What the list calls the issuer; may be repeated
    issuer: Vec<String>,
    /// Such as `EC-256`; may be repeated
    key: Vec<String>,
    /// All of these tags, or `none`; may be repeated
    tag: Vec<String>,
    /// `expires`, `name`, `added` …; a leading `-` turns the order round
    sort: String,
    /// `next` of the page before
    after: String,
    /// Rows of a page: 1 to 200, 50 unless given
    limit: Option<i64>,
}

impl From<Filters> for ListRequest {
    fn from(filters: Filters) -> Self {
        let Filters { q, status, expires, owner, team, env, issuer, key, tag, sort, after, limit } = filters;
        Self {
            q,
            status,
            expires,
            owner,
            team,
            env,
            issuer,
            key,
            tag,
            sort,
            after,
            before: String::new(),
            limit,
        }
    }
}

/// One page of certificates.
#[derive(Serialize, ToSchema)]
pub(super) struct CertificatePage {
    items: Vec<CertificateObject>,
    /// Give it as `after` for the next page; null on the last.
    next: Option<String>,
}

/// List certificates
#[utoipa::path(get, path = "/api/v1/certificates", tag = "certificates", params(Filters), responses(
    (status = 200, body = CertificatePage), (status = 422, description = "A filter is not right", body = Problem)))]
pub(super) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(filters): Query<Filters>,
) -> Result<axum::Json<CertificatePage>, Problem> {
    let listing = query::list(&app, &actor, &filters.into()).await?;
    let items = wire::objects(&app, &actor, &listing.entries, listing.now).await?;
    Ok(axum::Json(CertificatePage { items, next: listing.next }))
}

/// Export certificates as CSV
///
/// The same filters and order as the list, all rows, streamed. Cells that a spreadsheet would run get a quote mark in front.
#[utoipa::path(get, path = "/api/v1/certificates.csv", tag = "certificates", params(Filters), responses(
    (status = 200, description = "RFC 4180, UTF-8", content_type = "text/csv", body = String)))]
pub(super) async fn csv(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(filters): Query<Filters>,
) -> Result<Response, Problem> {
    let rows = export::csv(&app, &actor, &filters.into()).await?;
    Ok(attachment("text/csv; charset=utf-8", "certificates.csv", Streamed::from_stream(rows)))
}

/// Show a certificate
#[utoipa::path(get, path = "/api/v1/certificates/{id}", tag = "certificates", params(("id" = i64, Path)), responses(
    (status = 200, body = CertificateDetail), (status = 404, body = Problem)))]
pub(super) async fn show(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
) -> Result<axum::Json<CertificateDetail>, Problem> {
    Ok(axum::Json(wire::object(&app, &actor, CertificateId(id)).await?))
}

/// What all certificates of an import are given.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ImportOptions {
    /// Mail address of who looks after them
    owner: String,
    /// Slug of the team that owns them
    team: String,
    /// Such as `production`
    environment: String,
    /// May be repeated
    tag: Vec<String>,
    /// Seal and keep private keys that are found; needs the role administrator
    keep_keys: bool,
}

/// What an import did.
#[derive(Serialize, ToSchema)]
pub(super) struct ImportReport {
    /// One row for each thing found, in order.
    items: Vec<ImportRow>,
}

/// Import certificates
///
/// The body is one file (PEM with any mix, DER, PKCS#7, PKCS#12, Java key store), or `multipart/form-data` with several and an optional
/// `password` before them. Certificates that are known already are reported, not refused. A file that cannot be read ends the call before
/// anything is stored.
#[utoipa::path(post, path = "/api/v1/certificates", tag = "certificates",
    params(ImportOptions, ("X-Container-Password" = Option<String>, Header, description = "Opens PKCS#12 files and Java key stores"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key twice acts once")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "Up to 10 MiB and 2,000 certificates"),
    responses((status = 200, body = ImportReport), (status = 413, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn import(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(given): Query<ImportOptions>,
    request: Request,
) -> Result<axum::Json<ImportReport>, Problem> {
    let options = Options {
        owner: given.owner,
        team: given.team,
        environment: given.environment,
        tags: given.tag,
        keep_keys: given.keep_keys,
        ..Options::of(Source::Api)
    };
    let uploads = uploads(request, &app).await?;
    let report = certificates::import_all(&app, &actor, uploads, &options).await.map_err(refusal)?;
    Ok(axum::Json(ImportReport { items: report.rows.iter().map(ImportRow::from).collect() }))
}

async fn uploads(request: Request, app: &App) -> Result<Vec<Upload>, Problem> {
    let password = password(request.headers());
    let is_multipart = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().to_ascii_lowercase().starts_with(b"multipart/form-data"));
    if !is_multipart {
        let Body(bytes) = Body::from_request(request, app).await?;
        return Ok(vec![Upload {
            file_name: "body".into(),
            bytes: Zeroizing::new(bytes.to_vec()),
            password,
        }]);
    }
    let mut parts = Multipart::from_request(request, app).await.map_err(|_| broken())?;
    let (mut uploads, mut password) = (Vec::new(), password);
    while let Some(part) = parts.next_field().await.map_err(of_part)? {
        let file_name = part.file_name().map(str::to_owned);
        let is_password = part.name() == Some("password") && file_name.is_none();
        let bytes = Zeroizing::new(part.bytes().await.map_err(of_part)?.to_vec());
        if is_password {
            password = Some(SecretString::from(String::from_utf8_lossy(&bytes).into_owned()));
        } else {
            uploads.push(Upload {
                file_name: file_name.unwrap_or_else(|| "pasted".into()),
                bytes,
                password: password.clone(),
            });
        }
    }
    if uploads.is_empty() {
        return Err(Error::invalid("file", "the form holds no file").into());
    }
    Ok(uploads)
}

fn password(headers: &HeaderMap) -> Option<SecretString> {
    headers.get(PASSWORD).and_then(|value| value.to_str().ok()).map(SecretString::from)
}

fn of_part(error: axum::extract::multipart::MultipartError) -> Problem {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { extract::too_large() } else { broken() }
}

fn broken() -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "malformed",
        "The request broke off",
        "The form did not arrive whole.",
    )
}

/// What may be changed. What is left out stays; an empty text removes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CertificateChange {
    /// Mail address of who looks after it.
    owner: Option<String>,
    /// Slug of the team that owns it.
    team: Option<String>,
    /// Such as `production`.
    environment: Option<String>,
    /// All its tags.
    tags: Option<Vec<String>>,
    /// Free text.
    note: Option<String>,
    /// `changed_at` of what was read: when it was changed since, the call is refused with 409.
    #[serde(default, with = "time::serde::rfc3339::option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    changed_at: Option<time::OffsetDateTime>,
}

/// Change owner, team, environment, tags or note
#[utoipa::path(patch, path = "/api/v1/certificates/{id}", tag = "certificates", params(("id" = i64, Path)),
    request_body = CertificateChange, responses((status = 200, body = CertificateDetail), (status = 404, body = Problem),
    (status = 409, description = "It was changed since it was read", body = Problem), (status = 422, body = Problem)))]
pub(super) async fn change(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
    Json(given): Json<CertificateChange>,
) -> Result<axum::Json<CertificateDetail>, Problem> {
    let id = CertificateId(id);
    let before = wire::object(&app, &actor, id).await?.certificate;
    let read_at = before.changed_at;
    let change = Change {
        owner: given.owner.or(before.owner).unwrap_or_default(),
        team: given.team.or(before.team).unwrap_or_default(),
        environment: given.environment.or(before.environment).unwrap_or_default(),
        tags: given.tags.unwrap_or(before.tags),
        note: given.note.unwrap_or(before.note),
        // What is left out stays as it was read here, so a change in between must not be overwritten.
        seen: Some(given.changed_at.unwrap_or(read_at)),
    };
    edit::edit(&app, &actor, id, &change).await?;
    Ok(axum::Json(wire::object(&app, &actor, id).await?))
}

/// Why a certificate leaves the inventory's attention.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Retirement {
    /// For the record.
    reason: String,
}

/// Retire a certificate: it stays in the inventory and alerts no more
#[utoipa::path(post, path = "/api/v1/certificates/{id}/retire", tag = "certificates", params(("id" = i64, Path)),
    request_body = Retirement, responses((status = 200, body = CertificateDetail), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn retire(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
    Json(given): Json<Retirement>,
) -> Result<axum::Json<CertificateDetail>, Problem> {
    edit::retire(&app, &actor, CertificateId(id), &given.reason).await?;
    Ok(axum::Json(wire::object(&app, &actor, CertificateId(id)).await?))
}

/// Bring a retired certificate back
#[utoipa::path(post, path = "/api/v1/certificates/{id}/restore", tag = "certificates", params(("id" = i64, Path)),
    responses((status = 200, body = CertificateDetail), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn restore(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
) -> Result<axum::Json<CertificateDetail>, Problem> {
    edit::restore(&app, &actor, CertificateId(id)).await?;
    Ok(axum::Json(wire::object(&app, &actor, CertificateId(id)).await?))
}

/// In which form.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ExportOptions {
    /// `pem`, `fullchain`, `der`, `p7b`, `p12` or `jks`
    format: String,
}

/// Export a certificate
///
/// `p12` and `jks` hold the certificate and its chain as trusted entries and need `X-Container-Password`. Private keys are never in it.
#[utoipa::path(get, path = "/api/v1/certificates/{id}/export", tag = "certificates",
    params(("id" = i64, Path), ExportOptions, ("X-Container-Password" = Option<String>, Header)),
    responses((status = 200, description = "The file", content_type = "application/octet-stream", body = Vec<u8>),
    (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn export(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
    Query(given): Query<ExportOptions>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let wanted = if given.format.is_empty() { "pem" } else { &given.format };
    let format = Format::parse(wanted)
        .ok_or_else(|| Error::invalid("format", "the format is one of pem, fullchain, der, p7b, p12, jks"))?;
    let file = export::download(&app, &actor, CertificateId(id), format, password(&headers).as_ref()).await?;
    Ok(attachment(file.content_type, &file.file_name, Streamed::from(file.bytes)))
}

/// A download of a fixed type under a name of our making (S12).
pub(super) fn attachment(content_type: &'static str, file_name: &str, body: Streamed) -> Response {
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{file_name}\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}
