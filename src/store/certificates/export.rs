//! CSV as PostgreSQL itself writes it: COPY streams the rows, and memory stays flat however many there are.
//!
//! COPY takes no bound values, so the ids of a filtered list are first selected, bound as ever, into a setting of the transaction (the
//! application's role makes no tables, not even temporary ones). Whoever calls makes the cells harmless (S12). A connection is held while
//! the reader reads, so a reader that stops reading loses it.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt};
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder, pool::PoolConnection};
use time::OffsetDateTime;
use tokio::{sync::mpsc, time::timeout};

use super::{Filter, Reach, Result, Sort, filter::Goal, list::push_order};
use crate::store::Error;

/// How much is collected before it is sent on; one row is far too little for a socket.
const BLOCK: usize = 64 * 1024;
/// Blocks that may wait for a slow reader.
const WAITING: usize = 4;
/// How long a reader may take none of them before it has gone, as far as we can tell.
const PATIENCE: Duration = Duration::from_secs(60);

/// The fields of a row as PostgreSQL writes them; the state and the dates stand for themselves, an unreadable entry has no end.
pub const COLUMNS: &str = "c.id, c.name, c.state, c.not_before, case when c.unreadable is null then c.not_after end as not_after, c.owner, \
     teams.slug as team, c.environment, array_to_string(c.tags, ' ') as tags, c.issuer, c.subject, c.serial, encode(c.sha256, 'hex') as sha256, \
     c.key, c.signature, array_to_string(c.sans, ' ') as sans, c.source, c.note";

const TEAMS: &str = "left join teams on teams.id = c.team_id";

const CHOSEN: &str = "unnest(current_setting('notafter.chosen')::bigint[]) with ordinality chosen (id, place) \
     join certificates c on c.id = chosen.id";

/// What to export: the entries within reach that pass the filter, in the order of the list; everything is in the order of its ids.
pub struct Wanted<'a> {
    /// Whose entries.
    pub reach: Reach<'a>,
    /// Which of them.
    pub filter: &'a Filter,
    /// In which order.
    pub sort: Sort,
    /// The present.
    pub now: OffsetDateTime,
    /// Room for one export, taken until its last row is out.
    pub slot: Box<dyn Send + Sync>,
}

/// Blocks of CSV in UTF-8, a heading row first. Ends in an error unless every row was delivered: a file cut short is never taken for whole.
pub struct Csv {
    blocks: mpsc::Receiver<Block>,
    has_ended: bool,
}

enum Block {
    Rows(Bytes),
    Fault(Error),
    End,
}

impl Stream for Csv {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        self.blocks.poll_recv(cx).map(|block| match block {
            Some(Block::Rows(rows)) => Some(Ok(rows)),
            end => {
                self.has_ended = true;
                match end {
                    Some(Block::Fault(error)) => Some(Err(error)),
                    Some(Block::End) => None,
                    _ => Some(Err(Error::CutShort)),
                }
            }
        })
    }
}

/// Streams what is wanted. `heading` comes first; `rewrite` gets each row of [`COLUMNS`] without its line end, times in UTC, and adds what
/// leaves.
pub async fn csv(
    pool: &PgPool,
    wanted: Wanted<'_>,
    heading: &'static str,
    rewrite: impl Fn(&[u8], &mut BytesMut) + Send + 'static,
) -> Result<Csv> {
    let Wanted { reach, filter, sort, now, slot } = wanted;
    let is_whole = reach.is_none() && filter.is_empty() && sort == Sort::default();
    let mut conn = pool.acquire().await?;
    // Whatever happens from here on, a transaction of an export does not go back to the pool half read.
    conn.close_on_drop();
    sqlx::raw_sql("begin").execute(&mut *conn).await?;
    settle(&mut conn).await?;
    if !is_whole {
        choose(&mut conn, reach, filter, sort, now).await?;
    }
    let (sender, blocks) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let end = match copy(&mut conn, is_whole, heading, rewrite, &sender).await {
            Ok(true) => Block::End,
            // The stream ends in an error by itself, if anybody still reads it.
            Ok(false) => return,
            Err(error) => Block::Fault(error),
        };
        let _ = timeout(PATIENCE, sender.send(end)).await;
        drop(slot);
    });
    Ok(Csv { blocks, has_ended: false })
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
    filter.push(&mut sql, reach, now, Goal::All);
    push_order(&mut sql, sort);
    sql.push(") chosen");
    sql.build().execute(conn).await?;
    Ok(())
}

/// Answers whether every row was taken.
async fn copy(
    conn: &mut PoolConnection<Postgres>,
    is_whole: bool,
    heading: &'static str,
    rewrite: impl Fn(&[u8], &mut BytesMut),
    sender: &mpsc::Sender<Block>,
) -> Result<bool> {
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
        if block.len() >= BLOCK && !deliver(sender, block.split()).await {
            return Ok(false);
        }
    }
    drop(rows);
    Ok(deliver(sender, block).await)
}

/// `false`: the reader went away, or takes nothing any more.
async fn deliver(sender: &mpsc::Sender<Block>, block: BytesMut) -> bool {
    match timeout(PATIENCE, sender.send(Block::Rows(block.freeze()))).await {
        Ok(sent) => sent.is_ok(),
        Err(_) => {
            tracing::warn!("an export was given up: its reader took nothing for {} s", PATIENCE.as_secs());
            false
        }
    }
}
