//! `audit`: the log, read only.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    routes::{Access, Routes},
    services::{Error, Permission, audit},
    store::audit::records::{Filter, Record},
};

use super::{
    cursor::Part,
    error::Problem,
    extract::{Caller, Query},
};

/// The addresses of this noun.
pub(super) fn routes() -> Routes {
    Routes::new().get("/api/v1/audit", Access::Needs(Permission::AuditRead), list)
}

/// One record.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditRecord {
    id: i64,
    #[serde(with = "time::serde::rfc3339")]
    at: OffsetDateTime,
    /// `user`, `token`, `cli`, `system` or `link`.
    actor_kind: String,
    actor_id: Option<i64>,
    /// What they were called then.
    actor: String,
    /// Where the request came from.
    address: Option<String>,
    request_id: Option<String>,
    /// `noun.verb`, such as `certificate.imported`.
    act: String,
    object_id: Option<i64>,
    /// What people called the thing then.
    object: String,
    /// What changed.
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<Record> for AuditRecord {
    fn from(record: Record) -> Self {
        Self {
            id: record.id,
            at: record.at,
            actor_kind: record.actor_kind,
            actor_id: record.actor_id,
            actor: record.actor_name,
            address: record.address,
            request_id: record.request_id,
            act: record.act,
            object_id: record.object_id,
            object: record.object,
            detail: serde_json::from_str(&record.detail).unwrap_or(Value::String(record.detail)),
        }
    }
}

/// Which records.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditFilter {
    /// Part of the thing's name, the actor, the address, the request's id or the detail
    q: Option<String>,
    /// Not before this RFC 3339 time
    from: Option<String>,
    /// Before this RFC 3339 time
    until: Option<String>,
    /// Exactly this actor
    actor: Option<String>,
    /// This act, or all acts of a noun
    act: Option<String>,
    /// Id of the thing
    object_id: Option<i64>,
    /// `next` of the page before
    after: String,
    /// Rows of a page: 1 to 200, 50 unless given
    limit: Option<i64>,
}

/// A page of records.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditPage {
    items: Vec<AuditRecord>,
    /// Give it as `after` for the next page; null on the last.
    next: Option<String>,
}

/// List the audit log, the latest first
#[utoipa::path(get, path = "/api/v1/audit", tag = "audit", params(AuditFilter),
    responses((status = 200, body = AuditPage), (status = 403, body = Problem)))]
pub(super) async fn list(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(given): Query<AuditFilter>,
) -> Result<axum::Json<AuditPage>, Problem> {
    let part = Part { after: given.after, limit: given.limit };
    let filter = Filter {
        from: moment("from", given.from)?,
        until: moment("until", given.until)?,
        actor: words("actor", given.actor)?,
        act: words("act", given.act)?,
        object_id: given.object_id,
        text: words("q", given.q)?,
    };
    let after = part.place()?;
    let limit = usize::try_from(part.limit()).unwrap_or(50);
    let page = audit::list(&app, &actor, &filter, after, limit).await?;
    let next = page.next.map(|place| place.to_string());
    Ok(axum::Json(AuditPage { items: page.records.into_iter().map(AuditRecord::from).collect(), next }))
}

fn words(field: &'static str, text: Option<String>) -> Result<Option<String>, Error> {
    match text {
        Some(text) if text.contains('\0') => {
            Err(Error::invalid(field, format!("no {field} holds a zero character")))
        }
        other => Ok(other),
    }
}

fn moment(field: &'static str, text: Option<String>) -> Result<Option<OffsetDateTime>, Error> {
    text.map(|text| {
        OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| {
            Error::invalid(field, format!("{field} is an RFC 3339 time, such as 2026-11-20T09:00:00Z"))
        })
    })
    .transpose()
}
