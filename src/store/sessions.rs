//! Sessions: rows keyed by the digest of the id that the browser holds, so that the table opens nothing (S4).
//!
//! Their limits go by the database's clock, the only one that all processes share; `ahead` moves it in tests ([`Clock::ahead`]).
//! Being seen again is bookkeeping, written on the pool; ending somebody's sessions is an act and takes a [`Tx`].
//!
//! [`Clock::ahead`]: crate::clock::Clock::ahead

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::{Result, Tx};

/// How long a session lives without a request.
pub const IDLE: Duration = Duration::minutes(30);

/// How long a session lives at most, counted from sign-in.
pub const ABSOLUTE: Duration = Duration::hours(12);

/// Being seen is written down no more often than this.
const SEEN_EVERY: Duration = Duration::minutes(1);

/// What a new session is made of.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    /// SHA-256 of the id.
    pub digest: &'a [u8],
    /// Whose it is.
    pub user: i64,
    /// What the door keeps in it.
    pub record: &'a Value,
    /// Where they signed in from.
    pub address: Option<IpAddr>,
    /// Their browser, as it calls itself.
    pub agent: Option<&'a str>,
    /// When they last gave their password.
    pub confirmed_at: Option<OffsetDateTime>,
    /// When they signed in, by [`clock`]; the absolute limit counts from here, over renewals of the id.
    pub began_at: OffsetDateTime,
}

/// A live session with the person as they are now.
#[derive(Debug, Clone)]
pub struct Present {
    /// Their id.
    pub user: i64,
    /// Their address.
    pub email: String,
    /// Their name.
    pub name: String,
    /// Their role word.
    pub role: String,
    /// The role holds only over their teams.
    pub limited_to_teams: bool,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// Ids of their teams.
    pub team_ids: Vec<i64>,
    /// When they last gave their password.
    pub confirmed_at: Option<OffsetDateTime>,
    /// Being seen is to be written down.
    pub is_news: bool,
}

/// A line of "where you are signed in".
#[derive(Debug, Clone)]
pub struct Device {
    /// Whether it is the one asking.
    pub is_this: bool,
    /// Where it signed in from.
    pub address: Option<IpNet>,
    /// The browser, as it calls itself.
    pub agent: Option<String>,
    /// When it signed in.
    pub began_at: OffsetDateTime,
    /// When it was last seen, to the minute.
    pub seen_at: OffsetDateTime,
}

/// The present by the clock that the limits go by.
pub async fn clock(pool: &PgPool, ahead: Duration) -> Result<OffsetDateTime> {
    let seconds = ahead.as_seconds_f64();
    Ok(sqlx::query_scalar!("select clock_timestamp() + make_interval(secs => $1) as \"now!\"", seconds)
        .fetch_one(pool)
        .await?)
}

/// Adds a session, unless its user is gone or disabled.
pub async fn insert(pool: &PgPool, new: NewSession<'_>, ahead: Duration) -> Result<bool> {
    let added = sqlx::query!(
        "insert into sessions (id_digest, user_id, record, address, agent, confirmed_at, created_at, seen_at, idle_until, absolute_until)
         select $1, u.id, $3, $4, $5, $6, $7, clock.now, least(clock.now + make_interval(secs => $9), $10), $10
           from users u,
                (select clock_timestamp() + make_interval(secs => $8) as now) clock
          where u.id = $2 and u.disabled_at is null
             on conflict (id_digest) do nothing",
        new.digest,
        new.user,
        new.record,
        new.address.map(IpNet::from) as _,
        new.agent,
        new.confirmed_at,
        new.began_at,
        ahead.as_seconds_f64(),
        IDLE.as_seconds_f64(),
        new.began_at + ABSOLUTE,
    )
    .execute(pool)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// Writes what the door keeps. Never inserts: a session that was ended meanwhile stays ended.
pub async fn save(pool: &PgPool, digest: &[u8], record: &Value) -> Result<()> {
    sqlx::query!("update sessions set record = $2 where id_digest = $1", digest, record)
        .execute(pool)
        .await?;
    Ok(())
}

/// What the door keeps in a live session.
pub async fn load(pool: &PgPool, digest: &[u8], ahead: Duration) -> Result<Option<Value>> {
    Ok(sqlx::query_scalar!(
        "select record
           from sessions
          where id_digest = $1
            and least(idle_until, absolute_until) > clock_timestamp() + make_interval(secs => $2)",
        digest,
        ahead.as_seconds_f64(),
    )
    .fetch_optional(pool)
    .await?)
}

/// Ends one session.
pub async fn delete(pool: &PgPool, digest: &[u8]) -> Result<()> {
    sqlx::query!("delete from sessions where id_digest = $1", digest).execute(pool).await?;
    Ok(())
}

/// Who is behind a live session, read anew for each request: a disabled user is nobody at once.
pub async fn present(pool: &PgPool, digest: &[u8], ahead: Duration) -> Result<Option<Present>> {
    Ok(sqlx::query_as!(
        Present,
        r#"select u.id as "user", u.email, u.name, u.role, u.limited_to_teams, u.theme,
                  array(select m.team_id from team_members m where m.user_id = u.id order by m.team_id) as "team_ids!",
                  s.confirmed_at, s.seen_at <= clock.now - make_interval(secs => $3) as "is_news!"
             from sessions s
             join users u on u.id = s.user_id,
                  (select clock_timestamp() + make_interval(secs => $2) as now) clock
            where s.id_digest = $1
              and s.idle_until > clock.now
              and s.absolute_until > clock.now
              and u.disabled_at is null"#,
        digest,
        ahead.as_seconds_f64(),
        SEEN_EVERY.as_seconds_f64(),
    )
    .fetch_optional(pool)
    .await?)
}

/// Moves the idle limit.
pub async fn seen(pool: &PgPool, digest: &[u8], ahead: Duration) -> Result<()> {
    sqlx::query!(
        "update sessions
            set seen_at = clock.now, idle_until = least(clock.now + make_interval(secs => $3), absolute_until)
           from (select clock_timestamp() + make_interval(secs => $2) as now) clock
          where id_digest = $1 and seen_at < clock.now",
        digest,
        ahead.as_seconds_f64(),
        IDLE.as_seconds_f64(),
    )
    .execute(pool)
    .await?;
    Ok(())
}

/// Live sessions of a person, this one first.
pub async fn of_user(pool: &PgPool, user: i64, this: &[u8], ahead: Duration) -> Result<Vec<Device>> {
    Ok(sqlx::query_as!(
        Device,
        r#"select id_digest = $2 as "is_this!", address as "address: IpNet", agent, created_at as began_at, seen_at
             from sessions
            where user_id = $1
              and least(idle_until, absolute_until) > clock_timestamp() + make_interval(secs => $3)
            order by id_digest = $2 desc, seen_at desc"#,
        user,
        this,
        ahead.as_seconds_f64(),
    )
    .fetch_all(pool)
    .await?)
}

/// Says that the person gave their password just now.
pub async fn confirm(tx: &mut Tx, digest: &[u8], now: OffsetDateTime) -> Result<()> {
    sqlx::query!("update sessions set confirmed_at = $2 where id_digest = $1", digest, now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Ends every session of a person but `keep`; answers how many there were.
pub async fn end_all(tx: &mut Tx, user: i64, keep: Option<&[u8]>) -> Result<u64> {
    let ended = sqlx::query!(
        "delete from sessions where user_id = $1 and ($2::bytea is null or id_digest <> $2)",
        user,
        keep,
    )
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected())
}

/// Ends one session as somebody's act.
pub async fn end(tx: &mut Tx, digest: &[u8]) -> Result<()> {
    sqlx::query!("delete from sessions where id_digest = $1", digest).execute(tx.conn()).await?;
    Ok(())
}
