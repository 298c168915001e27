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
use time::OffsetDateTime;
use tokio::sync::mpsc;

use super::{Filter, Reach, Result, Sort, filter::narrowed, list::push_order};

/// How much is collected before it is sent on; one row is far too little for a socket.
const BLOCK: usize = 64 * 1024;
/// Blocks that may wait for a slow reader.
const WAITING: usize = 4;

/// The fields of a row as PostgreSQL writes them; the state and the dates stand for themselves, an unreadable entry has no end.
pub const COLUMNS: &str = "c.id, c.name, c.state, c.not_before, case when c.unreadable is null then c.not_after end as not_after, c.owner, \
     teams.slug as team, c.environment, array_to_string(c.tags, ' ') as tags, c.issuer, c.subject, c.serial, encode(c.sha256, 'hex') as sha256, \
     c.key, c.signature, array_to_string(c.sans, ' ') as sans, c.source, c.note";

const TEAMS: &str = "left join teams on teams.id = c.team_id";

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

/// Streams the entries within reach that pass `filter`, in the order of the list; everything is in the order of its ids. `heading` comes
/// first; `rewrite` gets each row of [`COLUMNS`] without its line end, times in UTC, and adds what leaves.
pub async fn csv(
    pool: &PgPool,
    reach: Reach<'_>,
    filter: &Filter,
    sort: Sort,
    now: OffsetDateTime,
    heading: &'static str,
    rewrite: impl Fn(&[u8], &mut BytesMut) + Send + 'static,
) -> Result<Csv> {
    let mut conn = pool.acquire().await?;
    sqlx::raw_sql("begin").execute(&mut *conn).await?;
    // Whatever happens from here on, a transaction of an export does not go back to the pool half read.
    conn.close_on_drop();
    settle(&mut conn).await?;
    let is_whole = reach.is_none() && filter.is_empty() && sort == Sort::default();
    if !is_whole {
        choose(&mut conn, reach, &narrowed(pool, filter).await?, sort, now).await?;
    }
    let (sender, blocks) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        if let Err(error) = copy(&mut conn, is_whole, heading, rewrite, &sender).await {
            // A reader that went away is no fault.
            let _ = sender.send(Err(error)).await;
        }
    });
    Ok(Csv { blocks })
}

/// Times as the rows are said to have them; and a time-out that suits a million rows.
async fn settle(conn: &mut PgConnection) -> Result<()> {
    sqlx::query!(
        "select set_config('TimeZone', 'UTC', true) as zone, set_config('DateStyle', 'ISO', true) as style,
                set_config('statement_timeout', '30min', true) as longest",
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
    heading: &'static str,
    rewrite: impl Fn(&[u8], &mut BytesMut),
    sender: &mpsc::Sender<Result<Bytes>>,
) -> Result<()> {
    let (from, order) = match is_whole {
        true => ("certificates c", "c.id"),
        false => (CHOSEN, "chosen.place"),
    };
    let statement =
        format!("copy (select {COLUMNS} from {from} {TEAMS} order by {order}) to stdout (format csv)");
    let mut rows = conn.copy_out_raw(&statement).await?;
    let mut block = BytesMut::with_capacity(BLOCK + 8 * 1024);
    block.extend_from_slice(heading.as_bytes());
    while let Some(row) = rows.try_next().await? {
        // PostgreSQL sends one row at a time and ends it with a bare line feed.
        rewrite(row.strip_suffix(b"\n").unwrap_or(&row), &mut block);
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
