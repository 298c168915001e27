//! The chain over the records: who made it, how far it reaches, and the links to check it by.
//!
//! Writers never wait for a chain head. A sealer, one at a time by an advisory lock, takes the records that no running transaction can
//! still precede (`pg_snapshot_xmin`) and links them in the order of their transactions.

use sqlx::{Connection, PgConnection, PgPool};
use time::OffsetDateTime;

use super::records::{GENESIS, Hash, Record};
use crate::store::{Error, Result};

/// The advisory lock of the sealer.
const LOCK: i64 = 0x6e61_5f73_6561_6c01;

/// The last link of the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Its place, from 1.
    pub seq: i64,
    /// The digest of everything up to it.
    pub hash: Hash,
    /// When it was made.
    pub sealed_at: OffsetDateTime,
}

/// A link as stored, with the record it speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its place.
    pub seq: i64,
    /// The record's id.
    pub event_id: i64,
    /// The digest it claims to follow.
    pub previous: Vec<u8>,
    /// The digest it claims.
    pub hash: Vec<u8>,
    /// The record, if it is there.
    pub record: Option<Record>,
}

/// Whether there is anything to seal; one cheap query.
pub async fn is_due(pool: &PgPool) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"select exists (select 1 from audit_sealable) as "due!""#)
        .fetch_one(pool)
        .await?)
}

/// Seals up to `limit` records; answers how many. None when another process is at it.
pub async fn seal(pool: &PgPool, limit: i64) -> Result<usize> {
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    let ours = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "ours!""#, LOCK)
        .fetch_one(&mut *tx)
        .await?;
    if !ours {
        return Ok(0);
    }
    let last = sqlx::query!("select seq, hash from audit_seals order by seq desc limit 1")
        .fetch_optional(&mut *tx)
        .await?;
    let (mut seq, mut previous) = match last {
        Some(last) => (last.seq, digest(last.seq, last.hash)?),
        None => (0, GENESIS),
    };
    let records = sealable(&mut tx, limit).await?;
    let mut links = Links::default();
    for record in &records {
        let hash = record.hash(&previous);
        seq += 1;
        links.seqs.push(seq);
        links.events.push(record.id);
        links.previous.push(previous.to_vec());
        links.hashes.push(hash.to_vec());
        previous = hash;
    }
    append(&mut tx, &links).await?;
    tx.commit().await?;
    Ok(records.len())
}

/// Links to be written, column by column.
#[derive(Default)]
struct Links {
    seqs: Vec<i64>,
    events: Vec<i64>,
    previous: Vec<Vec<u8>>,
    hashes: Vec<Vec<u8>>,
}

/// The records to be linked next, in their order.
async fn sealable(conn: &mut PgConnection, limit: i64) -> Result<Vec<Record>> {
    Ok(sqlx::query_as!(
        Record,
        "select event.id, event.at, event.actor_kind, event.actor_id, event.actor_name, host(event.address) as address,
            event.request_id, event.act, event.object_id, event.object, event.team_id, event.detail
        from audit_events event
        join (select id, xid from audit_sealable order by xid, id limit $1) sealable on sealable.id = event.id
        order by sealable.xid, event.id",
        limit,
    )
    .fetch_all(conn)
    .await?)
}

async fn append(conn: &mut PgConnection, links: &Links) -> Result<()> {
    sqlx::query!(
        "insert into audit_seals (seq, event_id, previous, hash)
        select seq, event_id, previous, hash
        from unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[]) as new (seq, event_id, previous, hash)",
        &links.seqs,
        &links.events,
        &links.previous,
        &links.hashes,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The end of the chain; `None` while nothing is sealed.
pub async fn head(pool: &PgPool) -> Result<Option<Head>> {
    let last = sqlx::query!("select seq, hash, sealed_at from audit_seals order by seq desc limit 1")
        .fetch_optional(pool)
        .await?;
    last.map(|last| Ok(Head { seq: last.seq, hash: digest(last.seq, last.hash)?, sealed_at: last.sealed_at }))
        .transpose()
}

/// The links after `seq`, in order, at most `limit`.
pub async fn links(pool: &PgPool, seq: i64, limit: i64) -> Result<Vec<Link>> {
    let rows = sqlx::query_as!(
        Row,
        r#"select seal.seq, seal.event_id, seal.previous, seal.hash, event.id as "id?", event.at as "at?", event.actor_kind as "actor_kind?",
            event.actor_id, event.actor_name as "actor_name?", host(event.address) as address, event.request_id, event.act as "act?",
            event.object_id, event.object as "object?", event.team_id, event.detail as "detail?"
        from audit_seals seal
        left join audit_events event on event.id = seal.event_id
        where seal.seq > $1
        order by seal.seq
        limit $2"#,
        seq,
        limit,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(Link::from).collect())
}

/// A seal beside its record, whose columns are all missing when it is.
struct Row {
    seq: i64,
    event_id: i64,
    previous: Vec<u8>,
    hash: Vec<u8>,
    id: Option<i64>,
    at: Option<OffsetDateTime>,
    actor_kind: Option<String>,
    actor_id: Option<i64>,
    actor_name: Option<String>,
    address: Option<String>,
    request_id: Option<String>,
    act: Option<String>,
    object_id: Option<i64>,
    object: Option<String>,
    team_id: Option<i64>,
    detail: Option<String>,
}

impl Row {
    fn record(self) -> Option<Record> {
        Some(Record {
            id: self.id?,
            at: self.at?,
            actor_kind: self.actor_kind?,
            actor_id: self.actor_id,
            actor_name: self.actor_name?,
            address: self.address,
            request_id: self.request_id,
            act: self.act?,
            object_id: self.object_id,
            object: self.object?,
            team_id: self.team_id,
            detail: self.detail?,
        })
    }
}

impl From<Row> for Link {
    fn from(mut row: Row) -> Link {
        let (previous, hash) = (std::mem::take(&mut row.previous), std::mem::take(&mut row.hash));
        Link { seq: row.seq, event_id: row.event_id, previous, hash, record: row.record() }
    }
}

/// How many records wait for their seal.
pub async fn unsealed(pool: &PgPool) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        r#"select count(*) as "count!"
        from audit_events event
        where not exists (select 1 from audit_seals seal where seal.event_id = event.id)"#
    )
    .fetch_one(pool)
    .await?)
}

/// The first record that stands unsealed behind sealed ones: no act of ours writes it there.
pub async fn stray(pool: &PgPool) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!(
        "select event.id
        from audit_events event
        where event.xid < (
                select case when sealed.xid < pg_snapshot_xmin(pg_current_snapshot()) then sealed.xid end
                from audit_seals seal
                join audit_events sealed on sealed.id = seal.event_id
                order by seal.seq desc
                limit 1
            )
            and not exists (select 1 from audit_seals seal where seal.event_id = event.id)
        order by event.id
        limit 1"
    )
    .fetch_optional(pool)
    .await?)
}

fn digest(seq: i64, bytes: Vec<u8>) -> Result<Hash> {
    Hash::try_from(bytes).map_err(|_| Error::Damaged {
        what: format!("audit_seals.hash {seq}"),
        reason: "is not 32 bytes long".into(),
    })
}
