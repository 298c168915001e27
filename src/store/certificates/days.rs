//! How many entries end when: whole UTC days from their counters, the begun days at both ends counted from the index.

use sqlx::PgPool;
use time::{Date, Duration, OffsetDateTime};

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
    pool: &PgPool,
    reach: Reach<'_>,
    teams: &[i64],
    now: OffsetDateTime,
) -> Result<Vec<(Status, i64)>> {
    let states = states(pool, "", "", teams).await?;
    let of =
        |state: State| states.iter().filter(|(name, _)| name == state.as_str()).map(|(_, n)| n).sum::<i64>();
    let (from, to) = Status::Expiring.span(now);
    let (from, to) = (from.unwrap_or(now), to.unwrap_or(now));
    let ever = OffsetDateTime::UNIX_EPOCH - Duration::days(365_000);
    let (expired, expiring) =
        tokio::try_join!(between(pool, reach, teams, ever, from), between(pool, reach, teams, from, to))?;
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
    pool: &PgPool,
    scope: &str,
    scope_value: &str,
    teams: &[i64],
) -> Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        "select value, sum(n)::bigint as \"n!\"
         from certificate_counts
         where scope = $1 and scope_value = $2 and facet = 'state' and team_id = any($3)
         group by value",
        scope,
        scope_value,
        teams,
    )
    .fetch_all(pool)
    .await?;
    Ok(rows.into_iter().map(|row| (row.value, row.n)).collect())
}

/// How many active entries end at or after `from` and before `to`.
pub async fn between(
    pool: &PgPool,
    reach: Reach<'_>,
    teams: &[i64],
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> Result<i64> {
    let first_whole = if from.time() == time::Time::MIDNIGHT { from.date() } else { next(from.date()) };
    let after_whole = to.date();
    if first_whole >= after_whole {
        return part(pool, reach, teams, from, to).await;
    }
    let whole = whole_days(pool, teams, first_whole, after_whole).await?;
    let head = part(pool, reach, teams, from, first_whole.midnight().assume_utc()).await?;
    let tail = part(pool, reach, teams, after_whole.midnight().assume_utc(), to).await?;
    Ok(head + whole + tail)
}

async fn whole_days(pool: &PgPool, teams: &[i64], first: Date, after: Date) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "select coalesce(sum(n), 0)::bigint as \"n!\"
         from certificate_days
         where state = 'active' and team_id = any($1) and day >= $2 and day < $3",
        teams,
        first,
        after,
    )
    .fetch_one(pool)
    .await?)
}

/// A piece of a day, counted.
async fn part(
    pool: &PgPool,
    reach: Reach<'_>,
    teams: &[i64],
    from: OffsetDateTime,
    to: OffsetDateTime,
) -> Result<i64> {
    if from >= to {
        return Ok(0);
    }
    let wanted = Some(teams).filter(|teams| *teams != [-1]);
    Ok(sqlx::query_scalar!(
        "select count(*) as \"n!\"
         from certificates
         where state = 'active' and not_after >= $1 and not_after < $2
           and ($3::bigint[] is null or team_id = any($3))
           and ($4::bigint[] is null or coalesce(team_id, 0) = any($4))",
        from,
        to,
        reach,
        wanted,
    )
    .fetch_one(pool)
    .await?)
}

/// The days on which active entries within reach end, from `first` to before `after`; a day without any is left out.
pub async fn histogram(pool: &PgPool, reach: Reach<'_>, first: Date, after: Date) -> Result<Vec<Day>> {
    let teams = reach.unwrap_or(&[-1]);
    Ok(sqlx::query_as!(
        Day,
        "select day, sum(n)::bigint as \"n!\"
         from certificate_days
         where state = 'active' and team_id = any($1) and day >= $2 and day < $3
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
