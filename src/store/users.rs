//! People: their rows, the teams they are in, and the locks that keep the last administrator.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Result, Tx};

/// A person's row with their teams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its key.
    pub id: i64,
    /// The address they sign in with, lower case.
    pub email: String,
    /// What they are called.
    pub name: String,
    /// One of the role words.
    pub role: String,
    /// The role holds only over what their teams own.
    pub limited_to_teams: bool,
    /// `system`, `light` or `dark`.
    pub theme: String,
    /// Whether they ever set a password.
    pub has_password: bool,
    /// Since when they may not sign in.
    pub disabled_at: Option<OffsetDateTime>,
    /// When they last signed in.
    pub last_sign_in_at: Option<OffsetDateTime>,
    /// When they were added.
    pub created_at: OffsetDateTime,
    /// Ids of their teams, ascending.
    pub team_ids: Vec<i64>,
}

/// What sign-in compares with.
#[derive(Clone)]
pub struct Credentials {
    /// Whose they are.
    pub user: i64,
    /// Their name.
    pub name: String,
    /// The PHC string, if they set a password.
    pub password_hash: Option<String>,
    /// Whether they may not sign in.
    pub disabled: bool,
}

/// What a new row needs.
#[derive(Debug, Clone, Copy)]
pub struct NewUser<'a> {
    /// The address, lower case.
    pub email: &'a str,
    /// The name.
    pub name: &'a str,
    /// A role word.
    pub role: &'a str,
    /// Whether the role holds only over their teams.
    pub limited_to_teams: bool,
}

/// Everybody the reach covers, by name; `None` reaches all.
pub async fn list(pool: &PgPool, reach: Option<&[i64]>) -> Result<Vec<User>> {
    Ok(sqlx::query_as!(
        User,
        r#"select u.id, u.email, u.name, u.role, u.limited_to_teams, u.theme,
                  u.password_hash is not null as "has_password!", u.disabled_at, u.last_sign_in_at, u.created_at,
                  array(select m.team_id from team_members m where m.user_id = u.id order by m.team_id) as "team_ids!"
             from users u
            where $1::bigint[] is null
               or exists (select from team_members m where m.user_id = u.id and m.team_id = any($1))
            order by u.disabled_at is not null, lower(u.name), u.id"#,
        reach as _,
    )
    .fetch_all(pool)
    .await?)
}

/// One person, if the reach covers them.
pub async fn find(pool: &PgPool, reach: Option<&[i64]>, id: i64) -> Result<Option<User>> {
    Ok(sqlx::query_as!(
        User,
        r#"select u.id, u.email, u.name, u.role, u.limited_to_teams, u.theme,
                  u.password_hash is not null as "has_password!", u.disabled_at, u.last_sign_in_at, u.created_at,
                  array(select m.team_id from team_members m where m.user_id = u.id order by m.team_id) as "team_ids!"
             from users u
            where u.id = $2
              and ($1::bigint[] is null
                   or exists (select from team_members m where m.user_id = u.id and m.team_id = any($1)))"#,
        reach as _,
        id,
    )
    .fetch_optional(pool)
    .await?)
}

/// The id behind an address.
pub async fn id_of(pool: &PgPool, email: &str) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!("select id from users where email = $1", email).fetch_optional(pool).await?)
}

/// What sign-in compares with, by address.
pub async fn credentials(pool: &PgPool, email: &str) -> Result<Option<Credentials>> {
    Ok(sqlx::query_as!(
        Credentials,
        r#"select id as "user", name, password_hash, disabled_at is not null as "disabled!"
             from users
            where email = $1"#,
        email,
    )
    .fetch_optional(pool)
    .await?)
}

/// Whether anybody who may sign in runs the console.
pub async fn has_administrator(pool: &PgPool) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"select exists (select from users where role = 'administrator') as "exists!""#)
        .fetch_one(pool)
        .await?)
}

/// Takes the row for the rest of the transaction and reads it as it is now.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<User>> {
    Ok(sqlx::query_as!(
        User,
        r#"select u.id, u.email, u.name, u.role, u.limited_to_teams, u.theme,
                  u.password_hash is not null as "has_password!", u.disabled_at, u.last_sign_in_at, u.created_at,
                  array(select m.team_id from team_members m where m.user_id = u.id order by m.team_id) as "team_ids!"
             from users u
            where u.id = $1
              for update of u"#,
        id,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Locks every administrator who can sign in, in order of id, and answers their ids as they are once the locks are held: two
/// transactions that each remove the other's last one wait here for each other (S8).
pub async fn lock_administrators(tx: &mut Tx) -> Result<Vec<i64>> {
    Ok(sqlx::query_scalar!(
        "select id
           from users
          where role = 'administrator'
            and disabled_at is null
            and password_hash is not null
          order by id
            for update"
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Adds a person without a password.
pub async fn insert(tx: &mut Tx, new: NewUser<'_>, now: OffsetDateTime) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "insert into users (email, name, role, limited_to_teams, created_at)
         values ($1, $2, $3, $4, $5)
         returning id",
        new.email,
        new.name,
        new.role,
        new.limited_to_teams,
        now,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Writes name, role and limit.
pub async fn update(tx: &mut Tx, id: i64, name: &str, role: &str, limited_to_teams: bool) -> Result<()> {
    sqlx::query!(
        "update users set name = $2, role = $3, limited_to_teams = $4 where id = $1",
        id,
        name,
        role,
        limited_to_teams,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes the name.
pub async fn rename(tx: &mut Tx, id: i64, name: &str) -> Result<()> {
    sqlx::query!("update users set name = $2 where id = $1", id, name).execute(tx.conn()).await?;
    Ok(())
}

/// Writes the theme.
pub async fn set_theme(tx: &mut Tx, id: i64, theme: &str) -> Result<()> {
    sqlx::query!("update users set theme = $2 where id = $1", id, theme).execute(tx.conn()).await?;
    Ok(())
}

/// Makes `teams` all the teams of a person; an unknown team is left out.
pub async fn set_teams(tx: &mut Tx, id: i64, teams: &[i64]) -> Result<()> {
    sqlx::query!("delete from team_members where user_id = $1 and team_id <> all($2)", id, teams)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "insert into team_members (team_id, user_id)
         select t.id, $1
           from teams t
          where t.id = any($2)
             on conflict do nothing",
        id,
        teams,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes a new password's hash.
pub async fn set_password(tx: &mut Tx, id: i64, hash: &str, now: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "update users set password_hash = $2, password_changed_at = $3 where id = $1",
        id,
        hash,
        now
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Replaces a hash by one of the same password with stronger parameters; not if the password changed meanwhile.
pub async fn upgrade_hash(tx: &mut Tx, id: i64, old: &str, new: &str) -> Result<()> {
    sqlx::query!("update users set password_hash = $3 where id = $1 and password_hash = $2", id, old, new)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether this is still the hash of their password.
pub async fn has_hash(tx: &mut Tx, id: i64, hash: Option<&str>) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        "select exists (select from users where id = $1 and password_hash = $2) as \"is_same!\"",
        id,
        hash,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Says when they last signed in.
pub async fn signed_in(tx: &mut Tx, id: i64, now: OffsetDateTime) -> Result<()> {
    sqlx::query!("update users set last_sign_in_at = $2 where id = $1", id, now).execute(tx.conn()).await?;
    Ok(())
}

/// Ends (a time) or restores (`None`) the right to sign in.
pub async fn set_disabled(tx: &mut Tx, id: i64, at: Option<OffsetDateTime>) -> Result<()> {
    sqlx::query!("update users set disabled_at = $2 where id = $1", id, at).execute(tx.conn()).await?;
    Ok(())
}
