//! `alerts` and `deliveries`: the rule, a sweep now, and what the mail server said.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::{IntoParams, ToSchema};

use crate::{
    app::App,
    routes::{Access, Routes},
    services::{
        Permission,
        alerts::{deliveries, rules, sweep as sweeps},
    },
    store::{
        after::After,
        alerts::{deliveries as rows, rules::AlertRule},
    },
};

use super::{
    cursor::Part,
    error::Problem,
    extract::{Caller, Id, Json, Query},
};

/// The addresses of these nouns.
pub(super) fn routes() -> Routes {
    let (read, write) = (Access::Needs(Permission::AlertsRead), Access::Needs(Permission::AlertsWrite));
    Routes::new()
        .get("/api/v1/alerts", read, rule)
        .patch("/api/v1/alerts", write, change_rule)
        .post("/api/v1/alerts/sweep", write, sweep)
        .get("/api/v1/deliveries", read, deliveries)
        .post("/api/v1/deliveries/{id}/send", write, send_again)
}

/// When and to whom expiry mail goes.
#[derive(Serialize, ToSchema)]
pub(super) struct AlertRuleObject {
    /// Alerts are sent at all.
    enabled: bool,
    /// Days before the end, the largest first.
    thresholds: Vec<i32>,
    /// The end itself is a threshold too.
    expired: bool,
    /// Who is told about a certificate that has neither owner nor team address; null: every administrator.
    fallback: Option<String>,
    /// What each subject begins with.
    subject_prefix: String,
}

impl From<AlertRule> for AlertRuleObject {
    fn from(rule: AlertRule) -> Self {
        let AlertRule { enabled, thresholds, expired, fallback, subject_prefix } = rule;
        Self { enabled, thresholds, expired, fallback, subject_prefix }
    }
}

/// Show the rule
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", responses((status = 200, body = AlertRuleObject)))]
pub(super) async fn rule(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<axum::Json<AlertRuleObject>, Problem> {
    Ok(axum::Json(rules::find(&app, &actor).await?.into()))
}

/// What may be changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertRuleChange {
    enabled: Option<bool>,
    thresholds: Option<Vec<i32>>,
    expired: Option<bool>,
    /// An empty text: every administrator.
    fallback: Option<String>,
    subject_prefix: Option<String>,
}

/// Change the rule
#[utoipa::path(patch, path = "/api/v1/alerts", tag = "alerts", request_body = AlertRuleChange,
    responses((status = 200, body = AlertRuleObject), (status = 422, body = Problem)))]
pub(super) async fn change_rule(
    State(app): State<App>,
    Caller(actor): Caller,
    Json(given): Json<AlertRuleChange>,
) -> Result<axum::Json<AlertRuleObject>, Problem> {
    let before = rules::find(&app, &actor).await?;
    let rule = AlertRule {
        enabled: given.enabled.unwrap_or(before.enabled),
        thresholds: given.thresholds.unwrap_or(before.thresholds),
        expired: given.expired.unwrap_or(before.expired),
        fallback: given
            .fallback
            .map_or(before.fallback, |text| Some(text).filter(|text| !text.trim().is_empty())),
        subject_prefix: given.subject_prefix.unwrap_or(before.subject_prefix),
    };
    Ok(axum::Json(rules::change(&app, &actor, rule).await?.into()))
}

/// What a sweep did.
#[derive(Serialize, ToSchema)]
pub(super) struct SweepObject {
    /// Certificates that were looked at.
    considered: i64,
    /// Deliveries that are new.
    inserted: i64,
    /// Certificates that are due while there is nobody to tell.
    unaddressed: i64,
}

/// Sweep now
///
/// The worker sweeps every hour and after each import; this is for the impatient. Nobody is told twice.
#[utoipa::path(post, path = "/api/v1/alerts/sweep", tag = "alerts", responses((status = 200, body = SweepObject)))]
pub(super) async fn sweep(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<axum::Json<SweepObject>, Problem> {
    let done = sweeps::sweep(&app, &actor).await?;
    Ok(axum::Json(SweepObject {
        considered: done.considered,
        inserted: done.inserted,
        unaddressed: done.unaddressed,
    }))
}

/// One warning to one address.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryObject {
    id: i64,
    /// Id of the certificate; null once it was removed.
    certificate: Option<i64>,
    certificate_name: String,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
    /// Days before the end; 0 = the end.
    threshold: i32,
    recipient: String,
    /// `owner`, `team`, `fallback` or `escalated`.
    reason: String,
    /// `queued`, `sending`, `sent`, `failed` or `cancelled`.
    state: String,
    /// The value of the mail's `X-Notafter-Alert-Id`.
    alert_id: String,
    attempts: i32,
    /// The mail server's last word, or why nothing was sent.
    answer: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    changed_at: OffsetDateTime,
}

impl From<rows::Delivery> for DeliveryObject {
    fn from(row: rows::Delivery) -> Self {
        Self {
            id: row.id,
            certificate: row.certificate,
            certificate_name: row.certificate_name,
            not_after: row.not_after,
            threshold: row.threshold,
            recipient: row.recipient,
            reason: row.reason,
            state: row.state,
            alert_id: row.alert_id,
            attempts: row.attempts,
            answer: row.answer,
            created_at: row.created_at,
            changed_at: row.changed_at,
        }
    }
}

/// Which deliveries.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeliveryFilter {
    /// `queued`, `sending`, `sent`, `failed` or `cancelled`
    state: Option<String>,
    /// Only those about this certificate
    certificate: Option<i64>,
    /// `next` of the page before
    after: String,
    /// Rows of a page: 1 to 200, 50 unless given
    limit: Option<i64>,
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
pub(super) struct DeliveryPage {
    items: Vec<DeliveryObject>,
    /// Give it as `after` for the next page; null on the last.
    next: Option<String>,
}

/// List deliveries, the latest first
#[utoipa::path(get, path = "/api/v1/deliveries", tag = "alerts", params(DeliveryFilter), responses((status = 200, body = DeliveryPage)))]
pub(super) async fn deliveries(
    State(app): State<App>,
    Caller(actor): Caller,
    Query(given): Query<DeliveryFilter>,
) -> Result<axum::Json<DeliveryPage>, Problem> {
    let part = Part { after: given.after, limit: given.limit };
    let states = given.state.as_ref().map(std::slice::from_ref);
    let filter = rows::Filter {
        states,
        certificate: given.certificate,
        before: part.place()?.map(|place| (place.at, place.id)),
    };
    let limit = part.limit();
    let list = deliveries::list(&app, &actor, &filter, limit).await?;
    let next = list
        .last()
        .filter(|_| i64::try_from(list.len()) == Ok(limit))
        .map(|last| After { at: last.created_at, id: last.id }.to_string());
    Ok(axum::Json(DeliveryPage { items: list.into_iter().map(DeliveryObject::from).collect(), next }))
}

/// Send a refused delivery again
#[utoipa::path(post, path = "/api/v1/deliveries/{id}/send", tag = "alerts", params(("id" = i64, Path)),
    responses((status = 202, body = DeliveryObject), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn send_again(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
) -> Result<(StatusCode, axum::Json<DeliveryObject>), Problem> {
    let delivery = deliveries::send_again(&app, &actor, id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(delivery.into())))
}
