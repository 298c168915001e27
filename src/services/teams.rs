//! Teams: made, changed and filled by administrators; removed only while they own nothing.

use std::collections::HashMap;

use serde_json::json;

use crate::{
    app::App,
    store::{self, Tx, teams::Team},
};

use super::{Actor, Error, FieldError, Permission, Result, users};

/// What a team is called and where its mail goes.
#[derive(Debug, Clone)]
pub struct TeamForm {
    /// Its name.
    pub name: String,
    /// Its name in URLs; empty: made from the name.
    pub slug: String,
    /// Where its alerts go; empty: nowhere.
    pub email: String,
}

/// The same, checked.
struct Checked {
    name: String,
    slug: String,
    email: Option<String>,
}

/// The teams the actor reaches.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<Team>> {
    actor.require(Permission::CertificatesRead)?;
    Ok(store::teams::list(&app.pool, actor.reach().as_sql()).await?)
}

/// One of them.
pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<Team> {
    actor.require(Permission::CertificatesRead)?;
    store::teams::find(&app.pool, actor.reach().as_sql(), id).await?.ok_or(Error::NotFound("team"))
}

/// What the teams of these slugs are called, for entries that the actor sees.
pub async fn names(app: &App, actor: &Actor, slugs: &[String]) -> Result<HashMap<String, String>> {
    actor.require(Permission::CertificatesRead)?;
    let found = store::certificates::edit::teams(&app.pool, slugs).await?;
    let ids: Vec<i64> = found.into_iter().map(|(id, _)| id).collect();
    let named = store::certificates::edit::team_names(&app.pool, &ids).await?;
    Ok(named.into_iter().map(|(_, slug, name)| (slug, name)).collect())
}

/// The id behind a slug.
pub async fn id_of(app: &App, actor: &Actor, slug: &str) -> Result<i64> {
    actor.require(Permission::CertificatesRead)?;
    let id = store::teams::id_of(&app.pool, slug).await?.ok_or(Error::NotFound("team"))?;
    Ok(find(app, actor, id).await?.id)
}

/// Adds a team.
pub async fn create(app: &App, actor: &Actor, form: &TeamForm) -> Result<i64> {
    let now = app.now();
    actor.require(Permission::UsersWrite)?;
    let team = check(form)?;
    let mut tx = Tx::begin(&app.pool).await?;
    let id = store::teams::insert(&mut tx, &team.slug, &team.name, team.email.as_deref(), now)
        .await
        .map_err(taken)?;
    let event = actor.event("team.created", &team.slug).on(id).of_team(Some(id));
    tx.commit(event.with(json!({ "name": team.name, "email": team.email }))).await?;
    Ok(id)
}

/// Changes name, slug and mail address.
pub async fn edit(app: &App, actor: &Actor, id: i64, form: &TeamForm) -> Result<()> {
    actor.require(Permission::UsersWrite)?;
    let before = find(app, actor, id).await?;
    let team = check(form)?;
    let mut tx = Tx::begin(&app.pool).await?;
    store::teams::lock(&mut tx, id).await?.ok_or(Error::NotFound("team"))?;
    store::teams::update(&mut tx, id, &team.slug, &team.name, team.email.as_deref()).await.map_err(taken)?;
    let event = actor.event("team.changed", &team.slug).on(id).of_team(Some(id));
    let detail = json!({
        "before": { "name": before.name, "slug": before.slug, "email": before.email },
        "after": { "name": team.name, "slug": team.slug, "email": team.email },
    });
    Ok(tx.commit(event.with(detail)).await?)
}

/// Makes these people the members. Who is limited to teams sees more or less at once, so the password is asked for (S5).
pub async fn set_members(app: &App, actor: &Actor, id: i64, members: &[i64]) -> Result<()> {
    let now = app.now();
    actor.require(Permission::UsersWrite)?;
    actor.require_step_up(now)?;
    let team = find(app, actor, id).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    store::teams::lock(&mut tx, id).await?.ok_or(Error::NotFound("team"))?;
    store::teams::set_members(&mut tx, id, members).await?;
    let event = actor.event("team.members_changed", team.slug).on(id).of_team(Some(id));
    Ok(tx.commit(event.with(json!({ "members": members }))).await?)
}

/// Removes a team that owns nothing.
///
/// # Errors
/// `Conflict` that says how many certificates it owns.
pub async fn delete(app: &App, actor: &Actor, id: i64) -> Result<()> {
    actor.require(Permission::UsersWrite)?;
    let team = find(app, actor, id).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    let owned = store::teams::lock(&mut tx, id).await?.ok_or(Error::NotFound("team"))?;
    if owned > 0 {
        let noun = if owned == 1 { "certificate" } else { "certificates" };
        return Err(Error::Conflict(format!(
            "{} owns {owned} {noun}; give them to another team first",
            team.name
        )));
    }
    if store::teams::keeps_keys(&mut tx, id).await? {
        return Err(Error::Conflict(format!(
            "{} owns private keys that are kept; remove them first",
            team.name
        )));
    }
    store::teams::delete(&mut tx, id).await?;
    Ok(tx.commit(actor.event("team.removed", team.slug).on(id)).await?)
}

fn check(form: &TeamForm) -> Result<Checked> {
    let mut wrong = Vec::new();
    let name = form.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        wrong.push(FieldError::new("name", "a team's name has 1 to 120 characters"));
    }
    let slug = if form.slug.trim().is_empty() { slug_of(&name) } else { form.slug.trim().to_owned() };
    if !is_slug(&slug) {
        wrong.push(FieldError::new(
            "slug",
            "a short name has 1 to 63 lower-case letters, digits and hyphens, and does not begin with a hyphen",
        ));
    }
    let email =
        Some(form.email.trim()).filter(|text| !text.is_empty()).map(|text| users::address("email", text));
    let email = match email.transpose() {
        Ok(email) => email,
        Err(Error::Invalid(errors)) => {
            wrong.extend(errors);
            None
        }
        Err(other) => return Err(other),
    };
    if wrong.is_empty() { Ok(Checked { name, slug, email }) } else { Err(Error::Invalid(wrong)) }
}

fn slug_of(name: &str) -> String {
    let plain: String =
        name.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    words.join("-").chars().take(63).collect()
}

fn is_slug(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=63).contains(&text.len()) && text.chars().all(allowed) && !text.starts_with('-')
}

fn taken(error: store::Error) -> Error {
    match error {
        store::Error::Conflict(_) => Error::invalid("slug", "another team has this short name"),
        other => other.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_made_of_a_name() {
        assert_eq!(slug_of("Payments & Billing (EU)"), "payments-billing-eu");
        assert!(is_slug(&slug_of(&"x".repeat(120))));
        assert!(!is_slug(&slug_of("日本")));
    }
}
