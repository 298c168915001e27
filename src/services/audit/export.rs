//! The log taken away: exactly the records that the list with the same filter shows, page after page, so that memory stays flat.

use bytes::Bytes;
use futures_util::{Stream, stream};
use serde::Serialize;
use serde_json::Value;

use crate::{
    app::App,
    services::{
        Actor, Error, Permission, Result,
        spreadsheet::{self, Cell},
    },
    store::{
        after::After,
        audit::records::{self, Filter, Record},
    },
};

/// Records read at a time.
const STEP: i64 = 1_000;

const COLUMNS: [&str; 12] = [
    "id",
    "time",
    "actor_kind",
    "actor_id",
    "actor",
    "address",
    "request_id",
    "act",
    "object_id",
    "object",
    "team_id",
    "detail",
];

/// How an export is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One line each, with a header.
    Csv,
    /// One array.
    Json,
}

/// A record on the wire.
#[derive(Serialize)]
struct Wire<'a> {
    id: i64,
    time: String,
    actor_kind: &'a str,
    actor_id: Option<i64>,
    actor: &'a str,
    address: Option<&'a str>,
    request_id: Option<&'a str>,
    act: &'a str,
    object_id: Option<i64>,
    object: &'a str,
    team_id: Option<i64>,
    detail: Value,
}

/// A record as JSON, with the detail readable.
pub fn as_json(record: &Record) -> Value {
    serde_json::to_value(wire(record)).unwrap_or_default()
}

/// Where an export stands.
enum Place {
    Start,
    After(After),
    End,
    Over,
}

/// The pieces of the export, to be sent or written one after the other.
pub fn export(
    app: &App,
    actor: &Actor,
    filter: Filter,
    format: Format,
) -> Result<impl Stream<Item = Result<Bytes>> + Send + 'static> {
    actor.require(Permission::AuditRead)?;
    let (app, teams) = (app.clone(), actor.reach().as_sql().map(<[i64]>::to_vec));
    Ok(stream::try_unfold(Place::Start, move |place| {
        let (app, filter, teams) = (app.clone(), filter.clone(), teams.clone());
        async move {
            let (after, mut piece) = match place {
                Place::Start => (None, opening(format)),
                Place::After(after) => (Some(after), Vec::new()),
                Place::End => return Ok(Some((closing(format), Place::Over))),
                Place::Over => return Ok(None),
            };
            let page = records::list(&app.pool, &filter, teams.as_deref(), after, STEP).await?;
            for (place, record) in page.iter().enumerate() {
                write(&mut piece, record, format, after.is_none() && place == 0)?;
            }
            let full = i64::try_from(page.len()).is_ok_and(|length| length == STEP);
            let next = page.last().filter(|_| full).map(|last| After { at: last.at, id: last.id });
            Ok::<_, Error>(Some((Bytes::from(piece), next.map_or(Place::End, Place::After))))
        }
    }))
}

fn opening(format: Format) -> Vec<u8> {
    match format {
        Format::Csv => spreadsheet::row(COLUMNS.map(Cell::from)),
        Format::Json => b"[".to_vec(),
    }
}

fn closing(format: Format) -> Bytes {
    match format {
        Format::Csv => Bytes::new(),
        Format::Json => Bytes::from_static(b"\n]\n"),
    }
}

fn write(piece: &mut Vec<u8>, record: &Record, format: Format, is_first: bool) -> Result<()> {
    match format {
        Format::Csv => spreadsheet::append(piece, cells(record)),
        Format::Json => {
            piece.extend_from_slice(if is_first { b"\n" } else { b",\n" });
            serde_json::to_writer(piece, &wire(record)).map_err(Error::internal)?;
        }
    }
    Ok(())
}

fn cells(record: &Record) -> [Cell<'_>; 12] {
    [
        record.id.into(),
        record.timestamp().into(),
        record.actor_kind.as_str().into(),
        record.actor_id.into(),
        record.actor_name.as_str().into(),
        record.address.as_deref().into(),
        record.request_id.as_deref().into(),
        record.act.as_str().into(),
        record.object_id.into(),
        record.object.as_str().into(),
        record.team_id.into(),
        record.detail.as_str().into(),
    ]
}

fn wire(record: &Record) -> Wire<'_> {
    Wire {
        id: record.id,
        time: record.timestamp(),
        actor_kind: &record.actor_kind,
        actor_id: record.actor_id,
        actor: &record.actor_name,
        address: record.address.as_deref(),
        request_id: record.request_id.as_deref(),
        act: &record.act,
        object_id: record.object_id,
        object: &record.object,
        team_id: record.team_id,
        detail: serde_json::from_str(&record.detail).unwrap_or_else(|_| Value::String(record.detail.clone())),
    }
}
