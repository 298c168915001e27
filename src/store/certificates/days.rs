//! How many entries end when: whole UTC days from their counters, the begun days at both ends counted from the index.

use sqlx::{PgConnection, PgPool};
use time::{Date, OffsetDateTime, macros::date};

use super::{Reach, Result, State, Status};

/// The entries that end on one UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// The day.
    pub day: Date,
    /// Active entries that end on it.
    pub n: i64,
}

/// How many entries have each status now; `teams` are those of the counters (`-1` = all).
pub async fn statuses(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    teams: &[i64],
    now: OffsetDateTime,
) -> Result<Vec<(Status, i64)>> {
    let states = states(conn, "", "", teams).await?;
    let of =
        |state: State| states.iter().filter(|(name, _)| name == state.as_str()).map(|(_, n)| n).sum::<i64>();
    let (from, to) = Status::Expiring.span(now);
    let (from, to) = (from.unwrap_or(now), to.unwrap_or(now));
    // Before all that a certificate can say, and not before the calendar of PostgreSQL.
    let ever = date!(-4000 - 01 - 01).midnight().assume_utc();
    let [expired, expiring] = within(conn, reach, teams, [(ever, from), (from, to)]).await?;
    let active = of(State::Active);
    let count = |status: Status| match status {
        Status::Expired => expired,
        Status::Expiring => expiring,
        Status::Valid => (active - expired - expiring).max(0),
        other => of(other.state()),
    };
    Ok(Status::ALL.into_iter().map(|status| (status, count(status))).collect())
}

/// How many entries are in each state, of everything or within one owner or environment.
pub(super) async fn states(
    conn: &mut PgConnection,
    scope: &str,
    scope_value: &str,
    teams: &[i64],
) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        "select value, sum(n)::bigint as \"n!\"
         from unnest($3::bigint[]) team (id)
         join certificate_counts on team_id = team.id
         where scope = $1 and scope_value = $2 and facet = 'state'
         group by value",
        scope,
        scope_value,
        teams,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.value, row.n)).collect())
}

/// How many active entries end at or after `from` and before `to`.
pub async fn between(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    teams: &[i64],
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> Result<i64> {
    Ok(within(conn, reach, teams, [(from, to)]).await?.iter().sum())
}

/// The same for several spans at once, in their order: whole days from their counters, a begun day at either end from the entries.
async fn within<const N: usize>(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    teams: &[i64],
    spans: [(OffsetDateTime, OffsetDateTime); N],
) -> Result<[i64; N]> {
    let spans = spans.map(|(from, to)| Span::of(from, to));
    let dates = |of: fn(&Span) -> Date| spans.iter().map(of).collect::<Vec<_>>();
    let times = |of: fn(&Span) -> OffsetDateTime| spans.iter().map(of).collect::<Vec<_>>();
    let wanted = Some(teams).filter(|teams| *teams != [-1]);
    let rows = sqlx::query_scalar!(
        "select (
             select coalesce(sum(n), 0)::bigint
             from unnest($1::bigint[]) team (id)
             join certificate_days on team_id = team.id
             where state = 'active' and day >= first_whole and day < after_whole
         ) + (
             select count(*)
             from certificates
             where state = 'active' and not_after >= head and not_after < head_end
               and ($8::bigint[] is null or team_id = any($8))
               and ($9::bigint[] is null or coalesce(team_id, 0) = any($9))
         ) + (
             select count(*)
             from certificates
             where state = 'active' and not_after >= tail and not_after < tail_end
               and ($8::bigint[] is null or team_id = any($8))
               and ($9::bigint[] is null or coalesce(team_id, 0) = any($9))
         ) as \"n!\"
         from unnest($2::date[], $3::date[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[])
             with ordinality span (first_whole, after_whole, head, head_end, tail, tail_end, place)
         order by place",
        teams,
        &dates(|span| span.first_whole),
        &dates(|span| span.after_whole),
        &times(|span| span.head.0),
        &times(|span| span.head.1),
        &times(|span| span.tail.0),
        &times(|span| span.tail.1),
        reach,
        wanted,
    )
    .fetch_all(conn)
    .await?;
    Ok(std::array::from_fn(|n| rows.get(n).copied().unwrap_or(0)))
}

/// A span of time as whole days and what is left of the days at its ends.
struct Span {
    first_whole: Date,
    after_whole: Date,
    head: (OffsetDateTime, OffsetDateTime),
    tail: (OffsetDateTime, OffsetDateTime),
}

impl Span {
    fn of(from: OffsetDateTime, to: OffsetDateTime) -> Span {
        let first_whole = if from.time() == time::Time::MIDNIGHT { from.date() } else { next(from.date()) };
        let after_whole = to.date();
        let begins = |day: Date| day.midnight().assume_utc();
        let (head_end, tail_begin) = match first_whole < after_whole {
            true => (begins(first_whole), begins(after_whole)),
            // No whole day in between: all of it is head.
            false => (to, to),
        };
        Span { first_whole, after_whole, head: (from, head_end), tail: (tail_begin, to) }
    }
}

/// The days on which active entries within reach end, from `first` to before `after`; a day without any is left out.
pub async fn histogram(pool: &PgPool, reach: Reach<'_>, first: Date, after: Date) -> Result<Vec<Day>> {
    let teams = reach.unwrap_or(&[-1]);
    Ok(sqlx::query_as!(
        Day,
        "select day, sum(n)::bigint as \"n!\"
         from unnest($1::bigint[]) team (id)
         join certificate_days on team_id = team.id
         where state = 'active' and day >= $2 and day < $3
         group by day
         having sum(n) > 0
         order by day",
        teams,
        first,
        after,
    )
    .fetch_all(pool)
    .await?)
}

/// How many counters differ from the table; a nightly check must find none.
pub async fn drift(pool: &PgPool) -> Result<i64> {
    let mut tx = pool.begin().await?;
    long(&mut tx).await?;
    let drift = sqlx::query_scalar!("select certificate_drift() as \"n!\"").fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(drift)
}

/// Counts everything anew if anything drifted, and answers how many counters had been wrong. Only the mending keeps writers waiting.
pub async fn reconcile(pool: &PgPool) -> Result<i64> {
    if drift(pool).await? == 0 {
        return Ok(0);
    }
    let mut tx = pool.begin().await?;
    long(&mut tx).await?;
    let drift = sqlx::query_scalar!("select reconcile_certificates() as \"n!\"").fetch_one(&mut *tx).await?;
    tx.commit().await?;
    Ok(drift)
}

/// Reading the whole table takes longer than a request may.
async fn long(tx: &mut sqlx::Transaction<'static, sqlx::Postgres>) -> Result<()> {
    sqlx::query_scalar!("select set_config('statement_timeout', '30min', true)").fetch_one(&mut **tx).await?;
    Ok(())
}

fn next(day: Date) -> Date {
    day.next_day().unwrap_or(Date::MAX)
}
