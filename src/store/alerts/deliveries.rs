//! Deliveries as people see them: what was sent to whom, and what the relay said.
//!
//! A row belongs to the team of its certificate; the reach of the reader is part of each statement (S7).

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Queued, SEND};
use crate::store::{Result, Tx};

/// One mail to one recipient about one threshold of one certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: i64,
    /// The entry; `None` once it was removed.
    pub certificate: Option<i64>,
    /// Name of the certificate when the delivery was made.
    pub certificate_name: String,
    /// Last second of the certificate.
    pub not_after: OffsetDateTime,
    /// Days before the end, as the rule says it; 0 = the end.
    pub threshold: i32,
    /// One address.
    pub recipient: String,
    /// Why this address: `owner`, `team`, `fallback` or `escalated`.
    pub reason: String,
    /// `queued`, `sending`, `sent`, `failed` or `cancelled`.
    pub state: String,
    /// Hex SHA-256 of fingerprint, threshold and recipient: the value of `X-Notafter-Alert-Id`.
    pub alert_id: String,
    /// How often it was tried.
    pub attempts: i32,
    /// The relay's last word, or why nothing was sent.
    pub answer: Option<String>,
    /// When it became due.
    pub created_at: OffsetDateTime,
    /// When its state last changed.
    pub changed_at: OffsetDateTime,
}

/// Deliveries by state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not sent yet.
    pub waiting: i64,
    /// Of those, what the relay did not take when it was tried.
    pub stuck: i64,
    /// Why, of the one tried last.
    pub stuck_answer: Option<String>,
    /// Refused for good.
    pub failed: i64,
}

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Only those in one of these states.
    pub states: Option<&'a [String]>,
    /// Only those about this entry.
    pub certificate: Option<i64>,
    /// Only those before this place: creation and id of the last one seen.
    pub before: Option<(OffsetDateTime, i64)>,
}

/// The latest first, at most `limit`.
pub async fn list(
    pool: &PgPool,
    reach: Option<&[i64]>,
    filter: &Filter<'_>,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let (before, before_id) = filter.before.unzip();
    let rows = sqlx::query_as!(
        Delivery,
        "select id, certificate_id as certificate, certificate_name, not_after, threshold, recipient, reason, state, alert_id, attempts,
             answer, created_at, changed_at
         from alert_deliveries
         where ($1::bigint[] is null or team_id = any($1))
           and ($2::text[] is null or state = any($2))
           and ($3::bigint is null or certificate_id = $3)
           and ($4::timestamptz is null or (created_at, id) < ($4, $5::bigint))
         order by created_at desc, id desc
         limit $6",
        reach,
        filter.states,
        filter.certificate,
        before,
        before_id,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows)
}

/// One delivery.
pub async fn find(pool: &PgPool, reach: Option<&[i64]>, id: i64) -> Result<Option<Delivery>> {
    let row = sqlx::query_as!(
        Delivery,
        "select id, certificate_id as certificate, certificate_name, not_after, threshold, recipient, reason, state, alert_id, attempts,
             answer, created_at, changed_at
         from alert_deliveries
         where id = $2
           and ($1::bigint[] is null or team_id = any($1))",
        reach,
        id,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row)
}

/// How many wait and how many failed.
pub async fn counts(pool: &PgPool, reach: Option<&[i64]>) -> Result<Counts> {
    let row = sqlx::query_as!(
        Counts,
        r#"select
             (select count(*) from alert_deliveries
              where state in ('queued', 'sending') and ($1::bigint[] is null or team_id = any($1))) as "waiting!",
             (select count(*) from alert_deliveries
              where state = 'queued' and attempts > 0 and ($1::bigint[] is null or team_id = any($1))) as "stuck!",
             (select answer from alert_deliveries
              where state = 'queued' and attempts > 0 and ($1::bigint[] is null or team_id = any($1))
              order by changed_at desc limit 1) as stuck_answer,
             (select count(*) from alert_deliveries
              where state = 'failed' and ($1::bigint[] is null or team_id = any($1))) as "failed!""#,
        reach,
    )
    .fetch_one(pool)
    .await?;
    Ok(row)
}

/// Gives everything that was or will be sent about an entry to the team that owns the entry now.
///
/// The caller holds the inventory. The jobs come before the deliveries, as when a delivery is settled.
pub async fn hand_over(tx: &mut Tx, certificate: i64, team: Option<i64>) -> Result<()> {
    sqlx::query!(
        "update jobs
         set team_id = $2
         where kind = $3
           and state in ('queued', 'running', 'parked')
           and key in (select id::text from alert_deliveries where certificate_id = $1)",
        certificate,
        team,
        SEND,
    )
    .execute(tx.conn())
    .await?;
    sqlx::query!("update alert_deliveries set team_id = $2 where certificate_id = $1", certificate, team)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Puts a failed delivery back in line. `None`: it is not there, or did not fail.
pub async fn requeue(
    tx: &mut Tx,
    reach: Option<&[i64]>,
    id: i64,
    now: OffsetDateTime,
) -> Result<Option<Queued>> {
    let row = sqlx::query_as!(
        Queued,
        "update alert_deliveries
         set state = 'queued', changed_at = $3
         where id = $2
           and state = 'failed'
           and ($1::bigint[] is null or team_id = any($1))
         returning id, certificate_name as name, team_id as team",
        reach,
        id,
        now,
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(row)
}
