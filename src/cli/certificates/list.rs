//! `certificates list`: a table for people, the API's objects for programs, CSV for spreadsheets.

use std::io::{BufWriter, Write};

use clap::Args;
use futures_util::TryStreamExt;

use crate::{
    app::App,
    cli::{Out, Usage, table::Table},
    services::{
        Actor,
        certificates::{
            self, ListRequest, Listing,
            wire::{self, CertificateObject},
        },
    },
};

use super::filters::Filters;

/// Rows of the table, unless --limit or --all say otherwise.
const SHOWN: u64 = 100;
/// Rows asked for at a time.
const PAGE: u64 = 200;

/// List what the inventory holds.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    filters: Filters,
    /// At most so many rows; without it a table has 100, JSON and CSV have all
    #[arg(long, value_name = "N", conflicts_with = "all")]
    limit: Option<u64>,
    /// All rows in the table too
    #[arg(long)]
    all: bool,
    /// Print the API's objects as a JSON list
    #[arg(long)]
    json: bool,
    /// Print CSV with a heading row
    #[arg(long, conflicts_with_all = ["json", "limit", "all"])]
    csv: bool,
}

/// Prints what passes the filters.
pub async fn run(app: &App, actor: &Actor, command: &List, out: Out<'_>) -> anyhow::Result<()> {
    let request = command.filters.request();
    if command.csv {
        return csv(app, actor, &request, out).await;
    }
    let most = match (command.limit, command.all || command.json) {
        (Some(limit), _) => limit,
        (None, true) => u64::MAX,
        (None, false) => SHOWN,
    };
    let pages = Pages { app, actor, request, left: most };
    if command.json { json(pages, out).await } else { table(pages, out).await }
}

/// Writes the list as CSV, as it comes.
pub async fn csv(app: &App, actor: &Actor, request: &ListRequest, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut blocks = certificates::csv(app, actor, request).await.map_err(Usage::of_fields)?;
    while let Some(block) = blocks.try_next().await? {
        out.write_all(&block)?;
    }
    Ok(out.flush()?)
}

/// The list, page by page.
struct Pages<'a> {
    app: &'a App,
    actor: &'a Actor,
    request: ListRequest,
    left: u64,
}

impl Pages<'_> {
    /// The next rows; empty at the end.
    async fn next(&mut self) -> anyhow::Result<Vec<CertificateObject>> {
        if self.left == 0 {
            return Ok(Vec::new());
        }
        self.request.limit = Some(i64::try_from(self.left.min(PAGE))?);
        let Listing { entries, next, now, .. } =
            certificates::list(self.app, self.actor, &self.request).await.map_err(Usage::of_fields)?;
        self.left = match next {
            Some(_) => self.left - u64::try_from(entries.len())?,
            None => 0,
        };
        self.request.after = next.unwrap_or_default();
        Ok(wire::objects(self.app, self.actor, &entries, now).await?)
    }
}

async fn json(mut pages: Pages<'_>, out: Out<'_>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(out);
    write!(out, "[")?;
    let mut separator = "\n";
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            break;
        }
        for object in page {
            write!(out, "{separator}{}", serde_json::to_string(&object)?)?;
            separator = ",\n";
        }
    }
    writeln!(out, "\n]")?;
    Ok(out.flush()?)
}

async fn table(mut pages: Pages<'_>, out: Out<'_>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(out);
    let mut table = Table::new([true, false, false, true, false, false, false]);
    let heading = ["ID", "NAME", "STATUS", "DAYS", "ENDS", "OWNER", "TEAM"].map(str::to_owned);
    let mut rows = vec![heading];
    let mut shown = 0;
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            break;
        }
        shown += page.len();
        rows.extend(page.into_iter().map(row));
        write!(out, "{}", table.lines(&rows))?;
        rows.clear();
    }
    out.flush()?;
    if shown == 0 {
        return nothing(&pages).await;
    }
    if !pages.request.after.is_empty() {
        let count = certificates::count(pages.app, pages.actor, &pages.request).await?;
        let more = format!("{shown} of {} shown; --all shows all of them", count.n);
        writeln!(std::io::stderr(), "notafter: {more}")?;
    }
    Ok(())
}

/// Why a list is empty, and what to do: on standard error, because it is no row.
async fn nothing(pages: &Pages<'_>) -> anyhow::Result<()> {
    let all = certificates::count(pages.app, pages.actor, &ListRequest::default()).await?;
    let why = match all.n {
        0 => "the inventory is empty; notafter certificates import PATH fills it",
        _ => "no certificate matches",
    };
    Ok(writeln!(std::io::stderr(), "notafter: {why}")?)
}

fn row(object: CertificateObject) -> [String; 7] {
    [
        object.id.to_string(),
        object.name,
        object.status.to_owned(),
        object.days_left.map(|days| days.to_string()).unwrap_or_default(),
        object.not_after.map(|end| end.date().to_string()).unwrap_or_default(),
        object.owner.unwrap_or_default(),
        object.team.unwrap_or_default(),
    ]
}
