//! API tokens: a public id to find the row, and the digest of the secret to compare with (S28).

use std::net::IpAddr;

use ipnet::IpNet;
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use super::{Result, Tx};

/// The last use is written down no more often than this.
const USED_EVERY: Duration = Duration::minutes(1);

/// A token's row with its owner's address; never the secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its key.
    pub id: i64,
    /// The part of the token that may be shown.
    pub public_id: String,
    /// Its owner.
    pub user: i64,
    /// Its owner's address.
    pub email: String,
    /// What it is for.
    pub name: String,
    /// Scope words.
    pub scopes: Vec<String>,
    /// Where it may be used from; empty: anywhere.
    pub allowed_addresses: Vec<IpNet>,
    /// When it was made.
    pub created_at: OffsetDateTime,
    /// When it stops working.
    pub expires_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
    /// From where.
    pub last_used_address: Option<IpNet>,
    /// When it was revoked.
    pub revoked_at: Option<OffsetDateTime>,
}

/// What a new row needs.
#[derive(Debug, Clone, Copy)]
pub struct NewToken<'a> {
    /// The part that may be shown.
    pub public_id: &'a str,
    /// Its owner.
    pub user: i64,
    /// What it is for.
    pub name: &'a str,
    /// SHA-256 of the secret.
    pub digest: &'a [u8],
    /// Scope words.
    pub scopes: &'a [String],
    /// Where it may be used from; empty: anywhere.
    pub allowed_addresses: &'a [IpNet],
    /// When it stops working.
    pub expires_at: OffsetDateTime,
}

/// A token that may be in use, with its owner as they are now.
#[derive(Clone)]
pub struct Presented {
    /// Its key.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What the secret must hash to.
    pub digest: Vec<u8>,
    /// Scope words.
    pub scopes: Vec<String>,
    /// Where it may be used from; empty: anywhere.
    pub allowed_addresses: Vec<IpNet>,
    /// When it stops working.
    pub expires_at: OffsetDateTime,
    /// When it was last used.
    pub last_used_at: Option<OffsetDateTime>,
    /// Its owner.
    pub user: i64,
    /// Its owner's address.
    pub email: String,
    /// Its owner's name.
    pub user_name: String,
    /// Its owner's role word.
    pub role: String,
    /// The owner's role holds only over their teams.
    pub limited_to_teams: bool,
    /// The owner's teams.
    pub team_ids: Vec<i64>,
}

/// Tokens of a person, or of everybody (`None`), the live ones first.
pub async fn list(pool: &PgPool, user: Option<i64>, now: OffsetDateTime) -> Result<Vec<Token>> {
    Ok(sqlx::query_as!(
        Token,
        r#"select t.id, t.public_id, t.user_id as "user", u.email, t.name, t.scopes,
                  t.allowed_addresses as "allowed_addresses: Vec<IpNet>", t.created_at, t.expires_at, t.last_used_at,
                  t.last_used_address as "last_used_address: IpNet", t.revoked_at
             from tokens t
             join users u on u.id = t.user_id
            where $1::bigint is null or t.user_id = $1
            order by (t.revoked_at is not null or t.expires_at <= $2), t.created_at desc, t.id desc"#,
        user,
        now,
    )
    .fetch_all(pool)
    .await?)
}

/// One token, of a person or of anybody (`None`).
pub async fn find(pool: &PgPool, user: Option<i64>, id: i64) -> Result<Option<Token>> {
    Ok(sqlx::query_as!(
        Token,
        r#"select t.id, t.public_id, t.user_id as "user", u.email, t.name, t.scopes,
                  t.allowed_addresses as "allowed_addresses: Vec<IpNet>", t.created_at, t.expires_at, t.last_used_at,
                  t.last_used_address as "last_used_address: IpNet", t.revoked_at
             from tokens t
             join users u on u.id = t.user_id
            where t.id = $2 and ($1::bigint is null or t.user_id = $1)"#,
        user,
        id,
    )
    .fetch_optional(pool)
    .await?)
}

/// The unrevoked token of a public id whose owner may sign in.
pub async fn presented(pool: &PgPool, public_id: &str) -> Result<Option<Presented>> {
    Ok(sqlx::query_as!(
        Presented,
        r#"select t.id, t.name, t.digest, t.scopes, t.allowed_addresses as "allowed_addresses: Vec<IpNet>",
                  t.expires_at, t.last_used_at, u.id as "user", u.email, u.name as user_name, u.role, u.limited_to_teams,
                  array(select m.team_id from team_members m where m.user_id = u.id order by m.team_id) as "team_ids!"
             from tokens t
             join users u on u.id = t.user_id
            where t.public_id = $1
              and t.revoked_at is null
              and u.disabled_at is null"#,
        public_id,
    )
    .fetch_optional(pool)
    .await?)
}

/// Adds a token.
pub async fn insert(tx: &mut Tx, new: NewToken<'_>, now: OffsetDateTime) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "insert into tokens (public_id, user_id, name, digest, scopes, allowed_addresses, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)
         returning id",
        new.public_id,
        new.user,
        new.name,
        new.digest,
        new.scopes,
        new.allowed_addresses as _,
        now,
        new.expires_at,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Ends a token for good; `false` when it had ended before.
pub async fn revoke(tx: &mut Tx, id: i64, now: OffsetDateTime) -> Result<bool> {
    let ended =
        sqlx::query!("update tokens set revoked_at = $2 where id = $1 and revoked_at is null", id, now)
            .execute(tx.conn())
            .await?;
    Ok(ended.rows_affected() == 1)
}

/// Ends every token of a person; answers how many there were.
pub async fn revoke_all(tx: &mut Tx, user: i64, now: OffsetDateTime) -> Result<u64> {
    let ended = sqlx::query!(
        "update tokens set revoked_at = $2 where user_id = $1 and revoked_at is null",
        user,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(ended.rows_affected())
}

/// Writes down a use, at most once a minute.
pub async fn used(
    pool: &PgPool,
    id: i64,
    last: Option<OffsetDateTime>,
    address: Option<IpAddr>,
    now: OffsetDateTime,
) -> Result<()> {
    if last.is_some_and(|last| now - last < USED_EVERY) {
        return Ok(());
    }
    sqlx::query!(
        "update tokens set last_used_at = $2, last_used_address = $3 where id = $1",
        id,
        now,
        address.map(IpNet::from) as _,
    )
    .execute(pool)
    .await?;
    Ok(())
}
