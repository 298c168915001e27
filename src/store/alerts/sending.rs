//! Sending one delivery, beat by beat. Each write names the job's fence, so that a worker whose lease ran out keeps nothing.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::{Queued, SEND};
use crate::store::{
    Result, Tx,
    jobs::{self, Lease, NewJob, Priority},
};

/// Tries of one job: at one an hour about two weeks. The sweep begins a new job for what is still not sent after that.
const TRIES: i32 = 350;

/// A delivery with the present facts about its certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its id.
    pub id: i64,
    /// `queued`, `sending`, `sent`, `failed` or `cancelled`.
    pub state: String,
    /// Days before the end, as the rule says it; 0 = the end.
    pub threshold: i32,
    /// One address.
    pub recipient: String,
    /// `owner`, `team`, `fallback` or `escalated`.
    pub reason: String,
    /// The value of `X-Notafter-Alert-Id`.
    pub alert_id: String,
    /// The Message-ID it always has.
    pub message_id: String,
    /// The fingerprint it is about.
    pub sha256: Vec<u8>,
    /// A tighter threshold has been inserted for the same recipient since.
    pub overtaken: bool,
    /// The entry; `None` when it was removed.
    pub certificate: Option<Subject>,
}

/// What a mail says about a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The entry.
    pub id: i64,
    /// Fingerprint.
    pub sha256: Vec<u8>,
    /// What people call it.
    pub name: String,
    /// Its alternative names, as `DNS:x`.
    pub sans: Vec<String>,
    /// What people call its issuer.
    pub issuer_name: String,
    /// Hex, lower case.
    pub serial: String,
    /// The first second of its life.
    pub not_before: Option<OffsetDateTime>,
    /// The last second of its life.
    pub not_after: OffsetDateTime,
    /// Who owns it.
    pub owner: Option<String>,
    /// The team that owns it.
    pub team: Option<i64>,
    /// What people call that team.
    pub team_name: Option<String>,
    /// Where it is used.
    pub environment: Option<String>,
    /// Free labels, sorted.
    pub tags: Vec<String>,
    /// Free text.
    pub note: String,
    /// When it came into the inventory.
    pub added_at: OffsetDateTime,
    /// How it came into the inventory.
    pub source: String,
    /// `active`, `superseded`, `retired`, `revoked`…
    pub state: String,
    /// It signs others.
    pub is_ca: bool,
}

/// Begins jobs for these deliveries, those that have one excepted.
pub async fn enqueue(conn: &mut PgConnection, queued: &[Queued], now: OffsetDateTime) -> Result<u64> {
    let job = |one: &Queued| {
        NewJob::new(SEND, serde_json::json!({ "delivery": one.id }), now)
            .keyed(one.id.to_string())
            .about(one.name.as_str(), one.team)
            .priority(Priority::High)
            .attempts(TRIES)
    };
    let jobs: Vec<NewJob> = queued.iter().map(job).collect();
    jobs::enqueue_all(conn, &jobs, now).await
}

/// Begins jobs for what waits without one: inserted while no relay was configured, or given up by its job. At most 10,000 at a time.
pub async fn enqueue_stranded(pool: &PgPool, now: OffsetDateTime) -> Result<u64> {
    let mut tx = pool.begin().await?;
    let queued = sqlx::query_as!(
        Queued,
        "select id, certificate_name as name, team_id as team
         from alert_deliveries
         where state in ('queued', 'sending')
           and not exists (
             select from jobs
             where jobs.kind = $1
               and jobs.key = alert_deliveries.id::text
               and jobs.state in ('queued', 'running'))
         order by id
         limit 10000",
        SEND,
    )
    .fetch_all(&mut *tx)
    .await?;
    let begun = if queued.is_empty() { 0 } else { enqueue(&mut tx, &queued, now).await? };
    tx.commit().await?;
    Ok(begun)
}

/// The delivery and its certificate as they are now.
pub async fn find(pool: &PgPool, id: i64) -> Result<Option<Due>> {
    let row = sqlx::query!(
        r#"select id, state, threshold, recipient, reason, alert_id, message_id, certificate_sha256, certificate_id,
             exists (
               select from alert_deliveries tighter
               where tighter.certificate_sha256 = alert_deliveries.certificate_sha256
                 and tighter.recipient = alert_deliveries.recipient
                 and tighter.threshold < alert_deliveries.threshold
                 and tighter.state <> 'cancelled') as "overtaken!"
         from alert_deliveries
         where id = $1"#,
        id,
    )
    .fetch_optional(pool)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let certificate = match row.certificate_id {
        Some(certificate) => subject(pool, None, certificate).await?,
        None => None,
    };
    Ok(Some(Due {
        id: row.id,
        state: row.state,
        threshold: row.threshold,
        recipient: row.recipient,
        reason: row.reason,
        alert_id: row.alert_id,
        message_id: row.message_id,
        sha256: row.certificate_sha256,
        overtaken: row.overtaken,
        certificate,
    }))
}

/// What a mail would say about this entry, if the reader can reach it.
pub async fn subject(pool: &PgPool, reach: Option<&[i64]>, id: i64) -> Result<Option<Subject>> {
    let row = sqlx::query_as!(
        Subject,
        r#"select certificates.id, sha256, certificates.name, sans, issuer_name, serial, not_before, not_after as "not_after!", owner,
             team_id as team, teams.name as "team_name?", environment, tags, note, added_at, source, state, is_ca
         from certificates
         left join teams on teams.id = team_id
         where certificates.id = $2
           and ($1::bigint[] is null or team_id = any($1))"#,
        reach,
        id,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row)
}

/// The entry in force that ends next, or else the one that ended last: what a preview shows unless told otherwise.
pub async fn next_to_end(pool: &PgPool, reach: Option<&[i64]>, now: OffsetDateTime) -> Result<Option<i64>> {
    let next = sqlx::query_scalar!(
        "select id
         from certificates
         where state = 'active'
           and not_after >= $2
           and ($1::bigint[] is null or team_id = any($1))
         order by not_after, id
         limit 1",
        reach,
        now,
    )
    .fetch_optional(pool)
    .await?;
    if next.is_some() {
        return Ok(next);
    }
    let last = sqlx::query_scalar!(
        "select id
         from certificates
         where state = 'active'
           and ($1::bigint[] is null or team_id = any($1))
         order by not_after desc, id desc
         limit 1",
        reach,
    )
    .fetch_optional(pool)
    .await?;
    Ok(last)
}

/// Writes down that the mail is about to be sent (R1). The job is held first, as whoever cancels it does: a cancelled one is never begun.
/// `false`: the job is no longer ours, or somebody settled the delivery.
pub async fn plan(pool: &PgPool, lease: Lease, id: i64, now: OffsetDateTime) -> Result<bool> {
    let done = sqlx::query!(
        "with held as materialized (
             select id from jobs where jobs.id = $2 and fence = $3 and jobs.state = 'running' for update
         )
         update alert_deliveries
         set state = 'sending', attempts = attempts + 1, changed_at = $4
         where id = $1
           and state in ('queued', 'sending', 'failed')
           and exists (select from held)",
        id,
        lease.job,
        lease.fence,
        now,
    )
    .execute(pool)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Writes down why it was not sent this time; it stays in line.
pub async fn postpone(pool: &PgPool, lease: Lease, id: i64, answer: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "with held as materialized (
             select id from jobs where jobs.id = $2 and fence = $3 and jobs.state = 'running' for update
         )
         update alert_deliveries
         set state = 'queued', answer = $4, changed_at = $5
         where id = $1
           and state in ('queued', 'sending', 'failed')
           and exists (select from held)",
        id,
        lease.job,
        lease.fence,
        answer,
        now,
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// How a delivery was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// The relay took it.
    Sent,
    /// The relay refused it for good.
    Failed,
    /// It is no longer due.
    Cancelled,
}

impl Settled {
    /// The word used in the row and in the metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Settled::Sent => "sent",
            Settled::Failed => "failed",
            Settled::Cancelled => "cancelled",
        }
    }
}

/// Settles a delivery. The caller holds the job in the same `tx`.
pub async fn settle(tx: &mut Tx, id: i64, settled: Settled, answer: &str, now: OffsetDateTime) -> Result<()> {
    let sent_at = (settled == Settled::Sent).then_some(now);
    sqlx::query!(
        "update alert_deliveries
         set state = $2, answer = $3, changed_at = $4, sent_at = $5
         where id = $1",
        id,
        settled.as_str(),
        answer,
        now,
        sent_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Gives up the delivery of this job, which a person cancelled: it stays listed as failed, and can be sent again by hand. One that another
/// job is about to send stays as it is.
pub async fn abandon(tx: &mut Tx, job: i64, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update alert_deliveries
         set state = 'failed', changed_at = $2,
             answer = case state
                 when 'sending' then 'its job was cancelled while it was being sent; it may have arrived'
                 else 'not sent: its job was cancelled' end
         where id::text = (select key from jobs where id = $1 and kind = $3)
           and state in ('queued', 'sending')
           and not exists (
             select from jobs
             where kind = $3 and key = alert_deliveries.id::text and jobs.state in ('queued', 'running'))",
        job,
        now,
        SEND,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ids and names of the entries in force that end next, for a choice; at most `limit`.
pub async fn soonest(
    pool: &PgPool,
    reach: Option<&[i64]>,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        "select id, name
         from certificates
         where state = 'active'
           and not_after >= $2
           and ($1::bigint[] is null or team_id = any($1))
         order by not_after, id
         limit $3",
        reach,
        now,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}
