//! The audit log for people and for proofs: search, export of what the search shows, sealing, anchors, verification.

pub mod anchors;
pub mod export;
pub mod verify;

use crate::{
    app::App,
    store::{
        after::After,
        audit::{records, seals},
    },
};

use super::{Actor, Permission, Result};

pub use crate::store::audit::{
    records::{Filter, Record},
    seals::Head,
};

/// Records of one page on a screen.
pub const PAGE: usize = 50;

/// Records sealed in one transaction.
const BATCH: i64 = 2_000;

/// A page of the log.
pub struct Page {
    /// Newest first.
    pub records: Vec<Record>,
    /// Where the next page begins, if there is one.
    pub next: Option<After>,
}

/// The page of `filter` that begins after `after`. Whoever is limited to teams sees what concerns those.
pub async fn list(
    app: &App,
    actor: &Actor,
    filter: &Filter,
    after: Option<After>,
    limit: usize,
) -> Result<Page> {
    actor.require(Permission::AuditRead)?;
    let limit = limit.clamp(1, 500);
    let wanted = i64::try_from(limit).unwrap_or(500) + 1;
    let mut records = records::list(&app.pool, filter, actor.reach().as_sql(), after, wanted).await?;
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| more).map(|last| After { at: last.at, id: last.id });
    Ok(Page { records, next })
}

/// Every act that occurs in the log, for the filter's list.
pub async fn acts(app: &App, actor: &Actor) -> Result<Vec<String>> {
    actor.require(Permission::AuditRead)?;
    Ok(records::acts(&app.pool).await?)
}

/// The end of the chain, for the line above the list.
pub async fn head(app: &App, actor: &Actor) -> Result<Option<Head>> {
    actor.require(Permission::AuditRead)?;
    Ok(seals::head(&app.pool).await?)
}

/// Seals whatever can be sealed; answers how many records. Called by the worker every second.
pub async fn seal(app: &App) -> Result<usize> {
    let mut sealed = 0;
    while seals::is_due(&app.queue_pool).await? {
        match seals::seal(&app.queue_pool, BATCH).await? {
            0 => break,
            some => sealed += some,
        }
    }
    Ok(sealed)
}
