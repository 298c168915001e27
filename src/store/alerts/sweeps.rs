//! Sweeps: the walk through what ends soon, in batches, and the record that it was made.
//!
//! Starting and finishing a sweep is bookkeeping; only what it inserts is an act with an audit event.

use sqlx::{PgConnection, PgPool};
use time::OffsetDateTime;

use super::Queued;
use crate::store::{
    Result, Tx,
    jobs::{self, NewJob, Priority},
};

/// The kind of job that sweeps.
pub const SWEEP: &str = "sweep_alerts";

/// An entry that may be due, with what decides it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The entry.
    pub id: i64,
    /// Fingerprint.
    pub sha256: Vec<u8>,
    /// What people call it.
    pub name: String,
    /// The first second of its life.
    pub not_before: Option<OffsetDateTime>,
    /// The last second of its life.
    pub not_after: OffsetDateTime,
    /// Who owns it: an address, or a name.
    pub owner: Option<String>,
    /// Which team owns it.
    pub team: Option<i64>,
    /// When it was added.
    pub added_at: OffsetDateTime,
}

/// A delivery to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    /// The entry.
    pub certificate: i64,
    /// Its fingerprint.
    pub sha256: Vec<u8>,
    /// What people call it.
    pub name: String,
    /// Its last second.
    pub not_after: OffsetDateTime,
    /// Days before the end, as the rule says it; 0 = the end.
    pub threshold: i32,
    /// One address.
    pub recipient: String,
    /// `owner`, `team`, `fallback` or `escalated`.
    pub reason: &'static str,
    /// Hex SHA-256 of fingerprint, threshold and recipient.
    pub alert_id: String,
    /// The Message-ID it will always have.
    pub message_id: String,
}

/// Asks for a sweep as soon as a worker is free. Joins one that waits already, and follows one that runs.
///
/// Call it on the connection of the transaction that changed what a sweep looks at, as its last statement.
pub async fn enqueue(conn: &mut PgConnection, now: OffsetDateTime) -> Result<()> {
    let job = NewJob::new(SWEEP, serde_json::json!({}), now)
        .keyed("timetable")
        .priority(Priority::High)
        .attempts(3);
    jobs::enqueue(conn, &job, now).await?;
    Ok(())
}

/// As [`enqueue`], in a transaction of its own.
pub async fn enqueue_alone(pool: &PgPool, now: OffsetDateTime) -> Result<()> {
    let mut tx = pool.begin().await?;
    enqueue(&mut tx, now).await?;
    Ok(tx.commit().await?)
}

/// Entries in force that end not after `horizon`, after `after` in order of their end; at most `limit`.
pub async fn candidates(
    pool: &PgPool,
    horizon: OffsetDateTime,
    after: Option<(OffsetDateTime, i64)>,
    limit: i64,
) -> Result<Vec<Candidate>> {
    let (after_end, after_id) = after.unzip();
    let rows = sqlx::query_as!(
        Candidate,
        r#"select id, sha256, name, not_before, not_after as "not_after!", owner, team_id as team, added_at
         from certificates
         where state = 'active'
           and not_after <= $1
           and ($2::timestamptz is null or (not_after, id) > ($2, $3::bigint))
         order by not_after, id
         limit $4"#,
        horizon,
        after_end,
        after_id,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows)
}

/// Inserts those that are new and answers them.
///
/// One that exists is left alone, unless it was cancelled: then it is due again. One whose recipient already has an alert about the same
/// certificate at an equal or tighter threshold is not inserted, so neither a changed rule nor a clock that steps back repeats a mail. The
/// team is the entry's at this moment: the caller holds the inventory, and before any job, so that it stays that until the end of `tx`.
pub async fn insert(tx: &mut Tx, new: &[NewDelivery], now: OffsetDateTime) -> Result<Vec<Queued>> {
    let text =
        |pick: fn(&NewDelivery) -> &str| new.iter().map(|row| pick(row).to_owned()).collect::<Vec<_>>();
    let certificates: Vec<i64> = new.iter().map(|row| row.certificate).collect();
    let fingerprints: Vec<Vec<u8>> = new.iter().map(|row| row.sha256.clone()).collect();
    let ends: Vec<OffsetDateTime> = new.iter().map(|row| row.not_after).collect();
    let thresholds: Vec<i32> = new.iter().map(|row| row.threshold).collect();
    let queued = sqlx::query_as!(
        Queued,
        "insert into alert_deliveries (certificate_id, certificate_sha256, certificate_name, not_after, team_id, threshold, recipient,
             reason, alert_id, message_id, created_at, changed_at)
         select new.certificate_id, new.sha256, new.name, new.not_after, entry.team_id, new.threshold, new.recipient,
             new.reason, new.alert_id, new.message_id, $10, $10
         from unnest($1::bigint[], $2::bytea[], $3::text[], $4::timestamptz[], $5::integer[], $6::text[], $7::text[], $8::text[],
             $9::text[])
             as new (certificate_id, sha256, name, not_after, threshold, recipient, reason, alert_id, message_id)
         join certificates entry on entry.id = new.certificate_id
         where not exists (
             select from alert_deliveries old
             where old.certificate_sha256 = new.sha256
               and old.recipient = new.recipient
               and old.threshold <= new.threshold
               and old.state <> 'cancelled')
         on conflict (certificate_sha256, recipient, threshold) do update
         set state = 'queued', certificate_id = excluded.certificate_id, team_id = excluded.team_id, reason = excluded.reason,
             answer = null, changed_at = excluded.changed_at
         where alert_deliveries.state = 'cancelled'
         returning id, certificate_name as name, team_id as team",
        &certificates,
        &fingerprints,
        &text(|row| &row.name),
        &ends,
        &thresholds,
        &text(|row| &row.recipient),
        &text(|row| row.reason),
        &text(|row| &row.alert_id),
        &text(|row| &row.message_id),
        now,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(queued)
}

/// Writes down that a sweep begins.
pub async fn start(pool: &PgPool, now: OffsetDateTime) -> Result<i64> {
    Ok(sqlx::query_scalar!("insert into alert_sweeps (started_at) values ($1) returning id", now)
        .fetch_one(pool)
        .await?)
}

/// What a finished sweep saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Entries looked at.
    pub considered: i64,
    /// Deliveries inserted.
    pub inserted: i64,
    /// Entries that are due while there is nobody to tell.
    pub unaddressed: i64,
}

/// Writes down that the sweep reached its end, and forgets those of more than 90 days ago.
pub async fn finish(pool: &PgPool, id: i64, swept: Swept, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update alert_sweeps
         set finished_at = $2, considered = $3, inserted = $4, unaddressed = $5
         where id = $1",
        id,
        now,
        swept.considered,
        swept.inserted,
        swept.unaddressed,
    )
    .execute(pool)
    .await?;
    sqlx::query!(
        "delete from alert_sweeps
         where id < $1 and started_at < $2",
        id,
        now - time::Duration::days(90),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// The last sweep that reached its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastSweep {
    /// When it ended.
    pub finished_at: OffsetDateTime,
    /// Entries that were due while there was nobody to tell.
    pub unaddressed: i64,
}

/// The last sweep that reached its end, if any did.
pub async fn last(pool: &PgPool) -> Result<Option<LastSweep>> {
    let row = sqlx::query_as!(
        LastSweep,
        r#"select finished_at as "finished_at!", unaddressed
         from alert_sweeps
         where finished_at is not null
         order by finished_at desc
         limit 1"#,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row)
}

/// Since when sweeps could have been made: the installation of the alerts.
pub async fn possible_since(pool: &PgPool) -> Result<OffsetDateTime> {
    Ok(sqlx::query_scalar!("select created_at from alert_rules").fetch_one(pool).await?)
}
