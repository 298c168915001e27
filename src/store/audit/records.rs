//! Records as they are read: one by one for the chain, page by page for people.

use serde::Serialize;
use sqlx::PgPool;
use time::{OffsetDateTime, UtcOffset, macros::datetime};

use crate::{
    crypto::digest::sha256,
    store::{Result, after::After},
};

/// The digest of a record and all before it.
pub type Hash = [u8; 32];

/// What the first record follows.
pub const GENESIS: Hash = [0; 32];

/// A record as the log keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number; grows, with gaps where a transaction was given up.
    pub id: i64,
    /// When it was written, by the database's clock.
    pub at: OffsetDateTime,
    /// `user`, `token`, `cli`, `system` or `link`.
    pub actor_kind: String,
    /// Id of the user or token.
    pub actor_id: Option<i64>,
    /// What they were called then.
    pub actor_name: String,
    /// Where the request came from.
    pub address: Option<String>,
    /// Id of the request.
    pub request_id: Option<String>,
    /// `noun.verb`.
    pub act: String,
    /// The thing's id.
    pub object_id: Option<i64>,
    /// What people called the thing then.
    pub object: String,
    /// The team it belonged to then.
    pub team_id: Option<i64>,
    /// JSON text: what changed.
    pub detail: String,
}

/// The fields in the order of their names, as the chain hashes them.
#[derive(Serialize)]
struct Canonical<'a> {
    act: &'a str,
    actor_id: Option<i64>,
    actor_kind: &'a str,
    actor_name: &'a str,
    address: Option<&'a str>,
    at: String,
    detail: &'a str,
    id: i64,
    object: &'a str,
    object_id: Option<i64>,
    request_id: Option<&'a str>,
    team_id: Option<i64>,
}

impl Record {
    /// The record as one line of JSON that every implementation writes alike: keys in order, no blanks, times in microseconds UTC.
    pub fn canonical(&self) -> String {
        let fields = Canonical {
            act: &self.act,
            actor_id: self.actor_id,
            actor_kind: &self.actor_kind,
            actor_name: &self.actor_name,
            address: self.address.as_deref(),
            at: self.timestamp(),
            detail: &self.detail,
            id: self.id,
            object: &self.object,
            object_id: self.object_id,
            request_id: self.request_id.as_deref(),
            team_id: self.team_id,
        };
        serde_json::to_string(&fields).unwrap_or_default()
    }

    /// When, to the microsecond: `2026-11-20T09:00:00.000000Z`.
    pub fn timestamp(&self) -> String {
        let at = self.at.to_offset(UtcOffset::UTC);
        let (date, time) = (at.date(), at.time());
        let (hour, minute, second) = time.as_hms();
        format!("{date}T{hour:02}:{minute:02}:{second:02}.{:06}Z", time.microsecond())
    }

    /// What seals it behind `previous`.
    pub fn hash(&self, previous: &[u8]) -> Hash {
        sha256(&[previous, self.canonical().as_bytes()].concat())
    }
}

const BEGINNING: OffsetDateTime = datetime!(0001-01-01 00:00 UTC);
const END: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);

/// What of the log is asked for. The empty filter asks for all of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Not before.
    pub from: Option<OffsetDateTime>,
    /// Before.
    pub until: Option<OffsetDateTime>,
    /// Exactly this actor, in any case of letters.
    pub actor: Option<String>,
    /// This act, or all acts of a noun.
    pub act: Option<String>,
    /// The thing with this id.
    pub object_id: Option<i64>,
    /// Part of the thing's name, the actor, the address, the request's id or the detail.
    pub text: Option<String>,
}

/// Records that `filter` asks for and `teams` may see (`None` = everything), newest first, at most `limit`.
pub async fn list(
    pool: &PgPool,
    filter: &Filter,
    teams: Option<&[i64]>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Record>> {
    let pattern = filter.text.as_deref().map(|text| format!("%{}%", escape_like(&text.to_lowercase())));
    // Bounds instead of nulls: the index serves them also in a plan made for every value.
    let after = after.unwrap_or(After { at: END, id: i64::MAX });
    let act = filter.act.as_deref().map(|act| format!("{}%", escape_like(act)));
    Ok(sqlx::query_as!(
        Record,
        r#"select id, at, actor_kind, actor_id, actor_name, host(address) as address, request_id, act, object_id, object, team_id, detail
        from audit_events
        where at >= $1
            and at < $2
            and ($3::text is null or lower(actor_name) = lower($3))
            and ($4::text is null or act like $4)
            and ($5::bigint is null or object_id = $5)
            and ($6::text is null or lower(object) like $6 or lower(actor_name) like $6 or host(address) like $6
                or request_id like $6 or lower(detail) like $6)
            and ($7::bigint[] is null or team_id = any($7))
            and (at, id) < ($8, $9)
        order by at desc, id desc
        limit $10"#,
        filter.from.unwrap_or(BEGINNING),
        filter.until.unwrap_or(END),
        filter.actor,
        act,
        filter.object_id,
        pattern,
        teams,
        after.at,
        after.id,
        limit,
    )
    .fetch_all(pool)
    .await?)
}

/// Every act that was ever recorded, in order: found by hopping through the index, not by reading the log.
pub async fn acts(pool: &PgPool) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"with recursive hop as (
            (select act from audit_events order by act using ~<~ limit 1)
            union all
            select (select event.act from audit_events event where event.act ~>~ hop.act order by event.act using ~<~ limit 1)
            from hop
            where hop.act is not null
        )
        select act as "act!" from hop where act is not null"#
    )
    .fetch_all(pool)
    .await?)
}

fn escape_like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record {
            id: 7,
            at: datetime!(2026-11-20 10:00:00.000_042 +1),
            actor_kind: "user".into(),
            actor_id: Some(3),
            actor_name: "ines@halden.example".into(),
            address: Some("192.0.2.7".into()),
            request_id: None,
            act: "certificate.imported".into(),
            object_id: Some(9),
            object: "a \"b\"\u{1}".into(),
            team_id: None,
            detail: "{\"n\":1}".into(),
        }
    }

    #[test]
    fn the_canonical_form_is_what_the_readme_says() {
        assert_eq!(
            record().canonical(),
            r#"{"act":"certificate.imported","actor_id":3,"actor_kind":"user","actor_name":"ines@halden.example","address":"192.0.2.7","at":"2026-11-20T09:00:00.000042Z","detail":"{\"n\":1}","id":7,"object":"a \"b\"\u0001","object_id":9,"request_id":null,"team_id":null}"#
        );
    }

    #[test]
    fn every_field_and_the_predecessor_count() {
        let hash = record().hash(&GENESIS);
        assert_ne!(hash, record().hash(&[1; 32]));
        assert_ne!(hash, Record { team_id: Some(1), ..record() }.hash(&GENESIS));
        assert_ne!(hash, Record { at: record().at + time::Duration::MICROSECOND, ..record() }.hash(&GENESIS));
    }
}
