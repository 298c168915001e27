//! The audit log's rows: inserted in the act's own transaction, sealed into a hash chain afterwards.

pub mod records;
pub mod seals;

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;
use sqlx::PgConnection;

use super::Result;

/// Who acted, as the record keeps it: names are copied, so that the record outlives the person's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// `user`, `token`, `cli`, `system` or `link`.
    pub kind: &'static str,
    /// Id of the user or token, if any.
    pub id: Option<i64>,
    /// Address of the person, name of the operating system's user, or `worker`.
    pub name: String,
    /// Where the request came from.
    pub address: Option<IpAddr>,
    /// Id of the request.
    pub request_id: Option<String>,
}

/// One record: who did what to which thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Who.
    pub who: Who,
    /// `noun.verb`, such as `certificate.imported`.
    pub act: &'static str,
    /// The noun's id, if there is one thing.
    pub object_id: Option<i64>,
    /// What people call the thing.
    pub object: String,
    /// The team the thing belongs to; decides who may read the record.
    pub team_id: Option<i64>,
    /// What changed; never a secret.
    pub detail: Value,
}

impl Event {
    /// A record about a thing without id, team or detail; add them with the other methods.
    pub fn new(who: Who, act: &'static str, object: impl Into<String>) -> Self {
        Self {
            who,
            act,
            object_id: None,
            object: object.into(),
            team_id: None,
            detail: Value::Object(Default::default()),
        }
    }

    /// Names the thing's row.
    pub fn on(mut self, id: i64) -> Self {
        self.object_id = Some(id);
        self
    }

    /// Names the team it belongs to.
    pub fn of_team(mut self, team: Option<i64>) -> Self {
        self.team_id = team;
        self
    }

    /// Says what changed.
    pub fn with(mut self, detail: Value) -> Self {
        self.detail = detail;
        self
    }
}

pub(super) async fn insert(conn: &mut PgConnection, event: &Event) -> Result<()> {
    insert_all(conn, std::slice::from_ref(event)).await
}

/// All in one statement, in this order: an import writes thousands.
pub(super) async fn insert_all(conn: &mut PgConnection, events: &[Event]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let texts = |pick: fn(&Event) -> &str| events.iter().map(|event| clean(pick(event))).collect::<Vec<_>>();
    let ids = |pick: fn(&Event) -> Option<i64>| events.iter().map(pick).collect::<Vec<_>>();
    let addresses: Vec<_> = events.iter().map(|event| event.who.address.map(IpNet::from)).collect();
    let requests: Vec<_> = events.iter().map(|event| event.who.request_id.as_deref().map(clean)).collect();
    let details: Vec<_> = events.iter().map(|event| event.detail.to_string()).collect();
    sqlx::query!(
        "insert into audit_events (actor_kind, actor_id, actor_name, address, request_id, act, object_id, object, team_id, detail)
        select actor_kind, actor_id, actor_name, address, request_id, act, object_id, object, team_id, detail
        from unnest($1::text[], $2::bigint[], $3::text[], $4::inet[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::bigint[], $10::text[])
            with ordinality
            as new (actor_kind, actor_id, actor_name, address, request_id, act, object_id, object, team_id, detail, place)
        order by place",
        &texts(|event| event.who.kind),
        &ids(|event| event.who.id) as &[Option<i64>],
        &texts(|event| &event.who.name),
        &addresses as &[Option<IpNet>],
        &requests as &[Option<String>],
        &texts(|event| event.act),
        &ids(|event| event.object_id) as &[Option<i64>],
        &texts(|event| &event.object),
        &ids(|event| event.team_id) as &[Option<i64>],
        &details,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// PostgreSQL keeps no zero character; a name that holds one must still be recorded.
fn clean(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}
