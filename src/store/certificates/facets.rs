//! How many entries each value of a facet would leave of a list.
//!
//! The facets of everything, and those within one owner or one environment, have counters. Of any other list they are counted up to
//! [`CAP`]; a facet without room to count shows its values without numbers. A number shown is always the length of the list behind it.

use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::{
    Filter, Reach, Result, State, Status,
    counts::{ALL_TEAMS, counter, teams},
    days,
    filter::{BEGIN_SEARCH, CAP, Goal},
};

/// The most values shown of one facet.
const MAX_VALUES: i64 = 12;
/// Within one owner or environment, so many rows are looked at for a status without a counter: it is done for every page.
const STEPS: i64 = 401;
/// What a list can be narrowed by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Facet {
    /// Valid, expiring, …
    Status,
    /// Mail address; empty = no owner.
    Owner,
    /// Id of the team; `0` = no team.
    Team,
    /// Empty = none.
    Environment,
    /// As the list shows it.
    Issuer,
    /// Such as `EC-256`.
    Key,
    /// A free label.
    Tag,
}

impl Facet {
    /// All, in the order of the page.
    pub const ALL: [Facet; 7] =
        [Facet::Status, Facet::Owner, Facet::Team, Facet::Environment, Facet::Issuer, Facet::Key, Facet::Tag];

    /// The parameter of the page's address.
    pub fn parameter(self) -> &'static str {
        match self {
            Facet::Status => "status",
            Facet::Owner => "owner",
            Facet::Team => "team",
            Facet::Environment => "env",
            Facet::Issuer => "issuer",
            Facet::Key => "key",
            Facet::Tag => "tag",
        }
    }

    /// The name in `certificate_counts`.
    fn counter(self) -> &'static str {
        match self {
            Facet::Status => "state",
            Facet::Owner => "owner",
            Facet::Team => "total",
            Facet::Environment => "environment",
            Facet::Issuer => "issuer",
            Facet::Key => "key",
            Facet::Tag => "tag",
        }
    }
}

/// One value of a facet within a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetValue {
    /// Which facet.
    pub facet: Facet,
    /// The value, as [`Filter`] takes it.
    pub value: String,
    /// How many entries of the list have it; `None` when the list is too long to count.
    pub count: Option<i64>,
}

/// Which counters stand for a filter: those of all entries, or those within one owner or environment.
enum Scope<'a> {
    All,
    Owner(&'a str),
    Environment(&'a str),
}

impl Scope<'_> {
    /// The counters of one owner or environment are not split by team.
    fn of<'a>(filter: &'a Filter, teams: &[i64]) -> Option<Scope<'a>> {
        let only_owner = |owner: &String| Filter { owner: vec![owner.clone()], ..Filter::default() };
        let only_place = |place: &String| Filter { environment: vec![place.clone()], ..Filter::default() };
        let rest = filter.without_team();
        if rest.is_empty() {
            return Some(Scope::All);
        }
        if teams != ALL_TEAMS {
            return None;
        }
        match (filter.owner.as_slice(), filter.environment.as_slice()) {
            ([owner], []) if rest == only_owner(owner) => Some(Scope::Owner(owner)),
            ([], [place]) if rest == only_place(place) => Some(Scope::Environment(place)),
            _ => None,
        }
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Scope::All => ("", ""),
            Scope::Owner(owner) => ("owner", owner),
            Scope::Environment(place) => ("environment", place),
        }
    }
}

/// How many active entries of the list end within each of these spans; `None` where that takes more than [`STEPS`] rows to see.
///
/// The rows are walked in the order of the owner's or the environment's index. Not the hits are bounded but the steps: most of what has
/// ended may be superseded.
async fn few_within(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    filter: &Filter,
    now: OffsetDateTime,
    statuses: [Status; 2],
) -> Result<[Option<i64>; 2]> {
    let mut sql = QueryBuilder::<Postgres>::new("select walked, n from (");
    for (n, status) in statuses.into_iter().enumerate() {
        sql.push(if n == 0 { "" } else { " union all " });
        sql.push("select ")
            .push_bind(i32::try_from(n).unwrap_or(0))
            .push(" as place, count(*) as walked, count(*) filter (where state = 'active') as n ");
        sql.push("from (select c.state from certificates c where ");
        filter.push(&mut sql, reach, now, Goal::All);
        let (from, to) = status.span(now);
        if let Some(from) = from {
            sql.push(" and c.not_after >= ").push_bind(from);
        }
        if let Some(to) = to {
            sql.push(" and c.not_after < ").push_bind(to);
        }
        sql.push(" order by c.not_after, c.id limit ").push_bind(STEPS).push(") walk");
    }
    sql.push(") counted order by place");
    let rows: Vec<(i64, i64)> = sql.build_query_as().fetch_all(conn).await?;
    Ok(std::array::from_fn(|n| rows.get(n).filter(|(walked, _)| *walked < STEPS).map(|(_, n)| *n)))
}

/// The values of every facet within the list, the most frequent first.
pub async fn facets(
    pool: &PgPool,
    reach: Reach<'_>,
    filter: &Filter,
    now: OffsetDateTime,
) -> Result<Vec<FacetValue>> {
    let teams = teams(reach, filter);
    if filter.reads_names() {
        // Nothing is written, so its end may wait until the connection is back.
        return sampled(&mut *pool.begin_with(BEGIN_SEARCH).await?, reach, filter, now).await;
    }
    // One connection, one thing after the other: each is quick, and the next request wants a connection too.
    let conn = &mut *pool.acquire().await?;
    let Some(scope) = Scope::of(filter, &teams) else {
        return sampled(conn, reach, filter, now).await;
    };
    let mut values = counted(conn, &scope, &teams).await?;
    values.extend(by_team(conn, reach, &scope, filter).await?);
    values.extend(by_status(conn, reach, &scope, filter, &teams, now).await?);
    let own = match scope {
        Scope::All => None,
        Scope::Owner(owner) => Some((Facet::Owner, owner)),
        Scope::Environment(place) => Some((Facet::Environment, place)),
    };
    if let Some((facet, value)) = own {
        let n = counter(conn, &teams, facet.counter(), value).await?;
        values.push(FacetValue { facet, value: value.to_owned(), count: Some(n) });
    }
    values.retain(|value| value.count != Some(0));
    Ok(values)
}

struct Counted {
    facet: String,
    value: String,
    n: i64,
}

/// Owner, environment, issuer, key and tag from the counters.
async fn counted(conn: &mut PgConnection, scope: &Scope<'_>, teams: &[i64]) -> Result<Vec<FacetValue>> {
    let (scope, scope_value) = scope.parts();
    let rows = match teams {
        [only] => {
            sqlx::query_as!(
                Counted,
                "select wanted.facet as \"facet!\", counted.value as \"value!\", counted.n as \"n!\"
                 from unnest(array['owner', 'environment', 'issuer', 'key', 'tag']) wanted (facet)
                 cross join lateral (
                     select value, n
                     from certificate_counts
                     where scope = $1 and scope_value = $2 and facet = wanted.facet and team_id = $3 and n > 0
                     order by n desc, value
                     limit $4
                 ) counted",
                scope,
                scope_value,
                only,
                MAX_VALUES,
            )
            .fetch_all(conn)
            .await?
        }
        several => {
            sqlx::query_as!(
                Counted,
                "select wanted.facet as \"facet!\", counted.value as \"value!\", counted.n as \"n!\"
                 from unnest(array['owner', 'environment', 'issuer', 'key', 'tag']) wanted (facet)
                 cross join lateral (
                     select value, sum(n)::bigint as n
                     from unnest($3::bigint[]) team (id)
                     join certificate_counts on team_id = team.id
                     where scope = $1 and scope_value = $2 and facet = wanted.facet
                     group by value
                     having sum(n) > 0
                     order by sum(n) desc, value
                     limit $4
                 ) counted",
                scope,
                scope_value,
                several,
                MAX_VALUES,
            )
            .fetch_all(conn)
            .await?
        }
    };
    let of = |counter: &str| Facet::ALL.into_iter().find(|facet| facet.counter() == counter);
    Ok(rows
        .into_iter()
        .filter_map(|row| Some(FacetValue { facet: of(&row.facet)?, value: row.value, count: Some(row.n) }))
        .collect())
}

/// Each team's part: the same counter, read once for each team within reach.
async fn by_team(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    scope: &Scope<'_>,
    filter: &Filter,
) -> Result<Vec<FacetValue>> {
    let (facet, value) = match scope {
        Scope::All => ("total", ""),
        Scope::Owner(owner) => ("owner", *owner),
        Scope::Environment(place) => ("environment", *place),
    };
    let wanted = Some(filter.team.as_slice()).filter(|wanted| !wanted.is_empty());
    let rows = sqlx::query!(
        "select team_id as \"team_id!\", n as \"n!\"
         from (
             -- Looked up for each team: the counters of all of them lie far apart.
             select id as team_id, (
                 select n from certificate_counts
                 where scope = '' and scope_value = '' and facet = $1 and team_id = id and value = $2
             ) as n
             from (select 0::bigint as id union all select id from teams) team
             where ($3::bigint[] is null or id = any($3))
               and ($4::bigint[] is null or id = any($4))
         ) counted
         where n > 0
         order by n desc, team_id
         limit $5",
        facet,
        value,
        reach,
        wanted,
        MAX_VALUES,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| FacetValue { facet: Facet::Team, value: row.team_id.to_string(), count: Some(row.n) })
        .collect())
}

/// The statuses: states from their counters; for an active entry the dates decide, from the day counters for everything, else from the
/// entries as far as they are few.
async fn by_status(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    scope: &Scope<'_>,
    filter: &Filter,
    teams: &[i64],
    now: OffsetDateTime,
) -> Result<Vec<FacetValue>> {
    let of =
        |status: Status, count| FacetValue { facet: Facet::Status, value: status.as_str().into(), count };
    if matches!(scope, Scope::All) {
        let counts = days::statuses(conn, reach, teams, now).await?;
        return Ok(counts.into_iter().map(|(status, n)| of(status, Some(n))).collect());
    }
    let (name, value) = scope.parts();
    let states = days::states(conn, name, value, teams).await?;
    let state =
        |state: State| states.iter().filter(|(name, _)| name == state.as_str()).map(|(_, n)| n).sum::<i64>();
    let [expired, expiring] =
        few_within(conn, reach, filter, now, [Status::Expired, Status::Expiring]).await?;
    let valid = expired.zip(expiring).map(|(expired, expiring)| state(State::Active) - expired - expiring);
    let count = |status: Status| match status {
        Status::Expired => expired,
        Status::Expiring => expiring,
        Status::Valid => valid,
        other => Some(state(other.state())),
    };
    Ok(Status::ALL.into_iter().map(|status| of(status, count(status))).collect())
}

/// The facets of a list that no counter covers: exact while it is shorter than the cap, else values without numbers.
async fn sampled(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    filter: &Filter,
    now: OffsetDateTime,
) -> Result<Vec<FacetValue>> {
    let mut sql = QueryBuilder::<Postgres>::new(
        "with sample as materialized (
             select coalesce(c.owner, '') as owner, coalesce(c.team_id, 0)::text as team, coalesce(c.environment, '') as environment,
                    c.issuer_name, c.key, c.tags, certificate_status(c.state, c.not_after, ",
    );
    sql.push_bind(now).push(", ").push_bind(now.saturating_add(super::status::SOON));
    sql.push(") as status from certificates c where ");
    filter.push(&mut sql, reach, now, Goal::All);
    sql.push(" limit ").push_bind(CAP);
    sql.push(
        "), spread as (
             select facet, value, count(*) as n, row_number() over (partition by facet order by count(*) desc, value) as place
             from (
                 select facet, value
                 from sample
                 cross join lateral (values ('owner', owner), ('team', team), ('env', environment), ('issuer', issuer_name),
                     ('key', key), ('status', status)) spread (facet, value)
                 union all
                 select 'tag', unnest(tags) from sample
             ) every
             group by facet, value
         )
         select facet, value, n, (select count(*) from sample) as whole from spread where place <= ",
    );
    sql.push_bind(MAX_VALUES).push(" order by facet, n desc, value");
    let rows: Vec<(String, String, i64, i64)> = sql.build_query_as().fetch_all(conn).await?;
    let of = |parameter: &str| Facet::ALL.into_iter().find(|facet| facet.parameter() == parameter);
    let is_whole = rows.first().is_none_or(|(_, _, _, whole)| *whole < CAP);
    let values = rows.into_iter().filter_map(|(parameter, value, n, _)| {
        Some(FacetValue { facet: of(&parameter)?, value, count: is_whole.then_some(n) })
    });
    if is_whole {
        return Ok(values.collect());
    }
    // Some rows of many do not tell which statuses the others have.
    let statuses =
        Status::ALL.into_iter().filter(|status| filter.status.is_empty() || filter.status.contains(status));
    let statuses = statuses.map(|status| FacetValue {
        facet: Facet::Status,
        value: status.as_str().into(),
        count: None,
    });
    Ok(values.filter(|value| value.facet != Facet::Status).chain(statuses).collect())
}
