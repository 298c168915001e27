//! The audit log for people and for proofs: search, export of what the search shows, sealing, anchors, verification.

pub mod anchors;
pub mod verify;

use futures_util::{Stream, stream};

use crate::{
    app::App,
    store::audit::{records, seals},
};

use super::{Actor, Permission, Result};

pub use crate::store::audit::{
    records::{After, Filter, Record},
    seals::Head,
};

/// Records of one page on a screen.
pub const PAGE: usize = 50;

/// Records read at a time by an export.
const STEP: i64 = 1_000;

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

/// Exactly the records that `list` with this filter shows, page after page; memory stays flat.
pub fn export<'a>(
    app: &App,
    actor: &Actor,
    filter: Filter,
) -> Result<impl Stream<Item = Result<Vec<Record>>> + Send + use<'a>> {
    actor.require(Permission::AuditRead)?;
    let (app, teams) = (app.clone(), actor.reach().as_sql().map(<[i64]>::to_vec));
    let start = Some(None);
    Ok(stream::try_unfold(start, move |place: Option<Option<After>>| {
        let (app, filter, teams) = (app.clone(), filter.clone(), teams.clone());
        async move {
            let Some(after) = place else { return Ok(None) };
            let records = records::list(&app.pool, &filter, teams.as_deref(), after, STEP).await?;
            let Some(last) = records.last() else { return Ok(None) };
            let next = (records.len() == STEP as usize).then_some(Some(After { at: last.at, id: last.id }));
            Ok(Some((records, next)))
        }
    }))
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
