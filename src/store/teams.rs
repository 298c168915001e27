//! Teams: who owns certificates together, and where mail for them goes.

use sqlx::PgPool;
use time::OffsetDateTime;

use super::{Result, Tx};

/// A team with how much hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Team {
    /// Its key.
    pub id: i64,
    /// Its name in URLs and filters.
    pub slug: String,
    /// What people call it.
    pub name: String,
    /// Where its alerts go.
    pub email: Option<String>,
    /// People in it.
    pub members: i64,
    /// Certificates it owns.
    pub certificates: i64,
}

/// The teams the reach covers, by name; `None` reaches all.
pub async fn list(pool: &PgPool, reach: Option<&[i64]>) -> Result<Vec<Team>> {
    Ok(sqlx::query_as!(
        Team,
        r#"select t.id, t.slug, t.name, t.email,
                  (select count(*) from team_members m where m.team_id = t.id) as "members!",
                  (select count(*) from certificates c where c.team_id = t.id) as "certificates!"
             from teams t
            where $1::bigint[] is null or t.id = any($1)
            order by lower(t.name), t.id"#,
        reach as _,
    )
    .fetch_all(pool)
    .await?)
}

/// One team, if the reach covers it.
pub async fn find(pool: &PgPool, reach: Option<&[i64]>, id: i64) -> Result<Option<Team>> {
    Ok(sqlx::query_as!(
        Team,
        r#"select t.id, t.slug, t.name, t.email,
                  (select count(*) from team_members m where m.team_id = t.id) as "members!",
                  (select count(*) from certificates c where c.team_id = t.id) as "certificates!"
             from teams t
            where t.id = $2 and ($1::bigint[] is null or t.id = any($1))"#,
        reach as _,
        id,
    )
    .fetch_optional(pool)
    .await?)
}

/// The id behind a slug.
pub async fn id_of(pool: &PgPool, slug: &str) -> Result<Option<i64>> {
    Ok(sqlx::query_scalar!("select id from teams where slug = $1", slug).fetch_optional(pool).await?)
}

/// Adds a team.
pub async fn insert(
    tx: &mut Tx,
    slug: &str,
    name: &str,
    email: Option<&str>,
    now: OffsetDateTime,
) -> Result<i64> {
    Ok(sqlx::query_scalar!(
        "insert into teams (slug, name, email, created_at) values ($1, $2, $3, $4) returning id",
        slug,
        name,
        email,
        now,
    )
    .fetch_one(tx.conn())
    .await?)
}

/// Takes the row for the rest of the transaction: no certificate can join the team meanwhile. Answers how many it owns.
pub async fn lock(tx: &mut Tx, id: i64) -> Result<Option<i64>> {
    let Some(id) = sqlx::query_scalar!("select id from teams where id = $1 for update", id)
        .fetch_optional(tx.conn())
        .await?
    else {
        return Ok(None);
    };
    Ok(Some(
        sqlx::query_scalar!(r#"select count(*) as "count!" from certificates where team_id = $1"#, id)
            .fetch_one(tx.conn())
            .await?,
    ))
}

/// Writes slug, name and mail address.
pub async fn update(tx: &mut Tx, id: i64, slug: &str, name: &str, email: Option<&str>) -> Result<()> {
    sqlx::query!("update teams set slug = $2, name = $3, email = $4 where id = $1", id, slug, name, email)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether private keys are kept for a team.
pub async fn keeps_keys(tx: &mut Tx, id: i64) -> Result<bool> {
    Ok(sqlx::query_scalar!(r#"select exists (select from keys where team_id = $1) as "keeps!""#, id)
        .fetch_one(tx.conn())
        .await?)
}

/// Makes `users` all the members of a team; an unknown user is left out.
pub async fn set_members(tx: &mut Tx, id: i64, users: &[i64]) -> Result<()> {
    sqlx::query!("delete from team_members where team_id = $1 and user_id <> all($2)", id, users)
        .execute(tx.conn())
        .await?;
    sqlx::query!(
        "insert into team_members (team_id, user_id)
         select $1, u.id
           from users u
          where u.id = any($2)
             on conflict do nothing",
        id,
        users,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Removes a team; lock it and see that it owns nothing first.
pub async fn delete(tx: &mut Tx, id: i64) -> Result<()> {
    sqlx::query!("delete from teams where id = $1", id).execute(tx.conn()).await?;
    Ok(())
}
