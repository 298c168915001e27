//! CSV as PostgreSQL itself writes it: COPY streams the rows, and memory stays flat however many there are.
//!
//! COPY takes no bound values, so the ids of a filtered list are first selected, bound as ever, into a setting of the transaction (the
//! application's role makes no tables, not even temporary ones). Text cells pass `csv_cell`, which keeps spreadsheets from running them
//! (S12). Lines end in CR LF (RFC 4180 §2).

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt};
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder, pool::PoolConnection};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use tokio::sync::mpsc;

use super::{Filter, Reach, Result, Sort, filter::narrowed, list::push_order, status};

/// How much is collected before it is sent on; one row is far too little for a socket.
const BLOCK: usize = 64 * 1024;
/// Blocks that may wait for a slow reader.
const WAITING: usize = 4;

/// One row for each entry; `{}` is what the rows come from.
const COLUMNS: &str = "c.id, csv_cell(c.name) as name, certificate_status(c.state, c.not_after, moment.at, moment.soon) as status, \
     to_char(c.not_before, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') as not_before, \
     case when c.unreadable is null then to_char(c.not_after, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') end as not_after, \
     case when c.unreadable is null then ceil(extract(epoch from c.not_after - moment.at) / 86400)::bigint end as days_left, \
     csv_cell(c.owner) as owner, teams.slug as team, csv_cell(c.environment) as environment, \
     csv_cell(array_to_string(c.tags, ' ')) as tags, csv_cell(c.issuer) as issuer, csv_cell(c.subject) as subject, \
     csv_cell(c.serial) as serial, encode(c.sha256, 'hex') as sha256, c.key, c.signature, \
     csv_cell(array_to_string(c.sans, ' ')) as sans, c.source, csv_cell(c.note) as note";

const MOMENT: &str = "cross join (select current_setting('notafter.at')::timestamptz as at, \
     current_setting('notafter.soon')::timestamptz as soon) moment \
     left join teams on teams.id = c.team_id";

const CHOSEN: &str = "unnest(current_setting('notafter.chosen')::bigint[]) with ordinality chosen (id, place) \
     join certificates c on c.id = chosen.id";

/// Blocks of CSV in UTF-8, a heading row first.
pub struct Csv {
    blocks: mpsc::Receiver<Result<Bytes>>,
}

impl Stream for Csv {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.blocks.poll_recv(cx)
    }
}

/// Streams the entries within reach that pass `filter`, in the order of the list; everything is in the order of its ids.
pub async fn csv(
    pool: &PgPool,
    reach: Reach<'_>,
    filter: &Filter,
    sort: Sort,
    now: OffsetDateTime,
) -> Result<Csv> {
    let mut conn = pool.acquire().await?;
    sqlx::raw_sql("begin").execute(&mut *conn).await?;
    // Whatever happens from here on, a transaction of an export does not go back to the pool half read.
    conn.close_on_drop();
    settle(&mut conn, now).await?;
    let is_whole = reach.is_none() && filter.is_empty() && sort == Sort::default();
    if !is_whole {
        choose(&mut conn, reach, &narrowed(pool, filter).await?, sort, now).await?;
    }
    let (sender, blocks) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        if let Err(error) = copy(&mut conn, is_whole, &sender).await {
            // A reader that went away is no fault.
            let _ = sender.send(Err(error)).await;
        }
    });
    Ok(Csv { blocks })
}

/// The times that the statement compares with, bound; and a time-out that suits a million rows.
async fn settle(conn: &mut PgConnection, now: OffsetDateTime) -> Result<()> {
    let text = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
    sqlx::query!(
        "select set_config('notafter.at', $1, true) as at, set_config('notafter.soon', $2, true) as soon,
                set_config('statement_timeout', '30min', true) as longest",
        text(now),
        text(now.saturating_add(status::SOON)),
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

async fn choose(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    filter: &Filter,
    sort: Sort,
    now: OffsetDateTime,
) -> Result<()> {
    let mut sql = QueryBuilder::<Postgres>::new(
        "select set_config('notafter.chosen', coalesce(array_agg(id), '{}')::text, true) from (select c.id from certificates c where ",
    );
    filter.push(&mut sql, reach, now);
    push_order(&mut sql, sort);
    sql.push(") chosen");
    sql.build().persistent(false).execute(conn).await?;
    Ok(())
}

async fn copy(
    conn: &mut PoolConnection<Postgres>,
    is_whole: bool,
    sender: &mpsc::Sender<Result<Bytes>>,
) -> Result<()> {
    let (from, order) = match is_whole {
        true => ("certificates c", "c.id"),
        false => (CHOSEN, "chosen.place"),
    };
    let statement = format!(
        "copy (select {COLUMNS} from {from} {MOMENT} order by {order}) to stdout (format csv, header true)"
    );
    let mut rows = conn.copy_out_raw(&statement).await?;
    let mut block = BytesMut::with_capacity(BLOCK + 8 * 1024);
    while let Some(row) = rows.try_next().await? {
        // PostgreSQL sends one row at a time and ends it with a bare line feed.
        block.extend_from_slice(row.strip_suffix(b"\n").unwrap_or(&row));
        block.extend_from_slice(b"\r\n");
        if block.len() >= BLOCK && sender.send(Ok(block.split().freeze())).await.is_err() {
            return Ok(());
        }
    }
    drop(rows);
    if !block.is_empty() {
        let _ = sender.send(Ok(block.freeze())).await;
    }
    Ok(())
}
