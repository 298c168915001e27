//! How many entries a list has.
//!
//! What has a counter is exact and costs one read: everything, one value of one facet, the statuses, a span of time. Anything else is
//! counted up to [`CAP`] and then says so.

use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::{
    Filter, Query, Reach, Result, days,
    filter::{BEGIN_SEARCH, CAP, Goal},
};

/// The team of the counters that stand for all teams.
pub(super) const ALL_TEAMS: [i64; 1] = [-1];

/// A number of entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub n: i64,
    /// Whether there may be more.
    pub capped: bool,
}

impl Count {
    fn exact(n: i64) -> Count {
        Count { n, capped: false }
    }

    fn up_to_cap(n: i64) -> Count {
        Count { n: n.min(CAP - 1), capped: n >= CAP }
    }
}

/// The teams whose counters add up to the list: reach and the team filter together.
pub(super) fn teams(reach: Reach<'_>, filter: &Filter) -> Vec<i64> {
    match (reach, filter.team.as_slice()) {
        (None, []) => ALL_TEAMS.to_vec(),
        (None, wanted) => wanted.to_vec(),
        (Some(teams), []) => teams.to_vec(),
        (Some(teams), wanted) => teams.iter().copied().filter(|team| wanted.contains(team)).collect(),
    }
}

/// How many entries the list of `filter` has.
///
/// # Errors
/// [`Retry`](crate::store::Error::Retry) when a search takes too long.
pub async fn count(pool: &PgPool, reach: Reach<'_>, filter: &Filter, now: OffsetDateTime) -> Result<Count> {
    if let Some(n) = counters(&mut *pool.acquire().await?, reach, filter, now).await? {
        return Ok(Count::exact(n));
    }
    if is_surely_long(reach, filter) {
        return Ok(Count::up_to_cap(CAP));
    }
    let n = match filter.reads_names() {
        // Nothing is written, so its end may wait until the connection is back.
        true => matches(&mut *pool.begin_with(BEGIN_SEARCH).await?, reach, filter, now).await?,
        false => matches(&mut *pool.acquire().await?, reach, filter, now).await?,
    };
    Ok(Count::up_to_cap(n))
}

/// What the counters say, where they know.
async fn counters(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    filter: &Filter,
    now: OffsetDateTime,
) -> Result<Option<i64>> {
    let teams = teams(reach, filter);
    let rest = filter.without_team();
    if let Some((facet, value)) = counter_of(&rest) {
        return Ok(Some(counter(conn, &teams, facet, value).await?));
    }
    let only_status = Filter { status: rest.status.clone(), ..Filter::default() };
    if rest == only_status {
        let counts = days::statuses(conn, reach, &teams, now).await?;
        let asked = counts.iter().filter(|(status, _)| rest.status.contains(status));
        return Ok(Some(asked.map(|(_, n)| n).sum()));
    }
    match rest.ends {
        Some(ends) if rest == (Filter { ends: Some(ends), ..Filter::default() }) => {
            let (from, to) = ends.span(now);
            Ok(Some(days::between(conn, reach, &teams, from, to).await?))
        }
        _ => Ok(None),
    }
}

/// Whether the text alone narrows the list, and so many names have it that counting would only reach the cap.
pub(super) fn is_surely_long(reach: Reach<'_>, filter: &Filter) -> bool {
    let is_common = match &filter.query {
        Some(Query::Weighed(_, weight)) => weight.is_surely_many,
        // The text of the names holds addresses too, which end in the same.
        _ => false,
    };
    is_common && reach.is_none() && *filter == Filter { query: filter.query.clone(), ..Filter::default() }
}

/// The counter that holds the length of the whole list, if one does.
fn counter_of(filter: &Filter) -> Option<(&'static str, &str)> {
    let single = |facet: &'static str, values: &'_ [String], same: Filter| match values {
        [_] if *filter == same => Some(facet),
        _ => None,
    };
    if filter.is_empty() {
        return Some(("total", ""));
    }
    let empty = Filter::default;
    let facet = single("owner", &filter.owner, Filter { owner: filter.owner.clone(), ..empty() })
        .or_else(|| {
            single(
                "environment",
                &filter.environment,
                Filter { environment: filter.environment.clone(), ..empty() },
            )
        })
        .or_else(|| single("issuer", &filter.issuer, Filter { issuer: filter.issuer.clone(), ..empty() }))
        .or_else(|| single("key", &filter.key, Filter { key: filter.key.clone(), ..empty() }))
        .or_else(|| single("tag", &filter.tag, Filter { tag: filter.tag.clone(), ..empty() }))?;
    let values = [&filter.owner, &filter.environment, &filter.issuer, &filter.key, &filter.tag];
    let value = values.into_iter().flatten().next()?;
    // There is no counter of entries without tags.
    (facet != "tag" || !value.is_empty()).then_some((facet, value.as_str()))
}

pub(super) async fn counter(conn: &mut PgConnection, teams: &[i64], facet: &str, value: &str) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "select coalesce(sum(n), 0)::bigint as \"n!\"
         from unnest($2::bigint[]) team (id)
         join certificate_counts on team_id = team.id
         where scope = '' and scope_value = '' and facet = $1 and value = $3",
        facet,
        teams,
        value,
    )
    .fetch_one(conn)
    .await?)
}

/// How many entries match, counted up to the cap.
async fn matches(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    filter: &Filter,
    now: OffsetDateTime,
) -> Result<i64> {
    let mut sql = QueryBuilder::<Postgres>::new("select count(*) from (select from certificates c where ");
    filter.push(&mut sql, reach, now, Goal::All);
    sql.push(" limit ").push_bind(CAP).push(") counted");
    Ok(sql.build_query_scalar::<i64>().fetch_one(&mut *conn).await?)
}
