//! People: who may use the console, as what, and over what.
//!
//! What changes another person's power wants a password given within five minutes (S5) and ends that person's sessions. The last
//! administrator who can sign in stays one; two changes at once wait for each other (S8).

use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    crypto::token::LinkToken,
    store::{
        self, Tx, links,
        users::{NewUser, User},
    },
};

use super::{Actor, Error, Permission, Result, Role, setup};

/// How long a link to set a password works.
const LINK_LIFE: Duration = Duration::days(3);

/// The longest name of a person.
const NAME_LENGTH: usize = 200;

/// Somebody to add.
#[derive(Debug, Clone)]
pub struct Newcomer {
    /// The address they will sign in with.
    pub email: String,
    /// Their name; empty: the address stands in.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// Whether the role holds only over their teams.
    pub limited_to_teams: bool,
    /// Their teams.
    pub teams: Vec<i64>,
}

/// What an administrator changes about a person.
#[derive(Debug, Clone)]
pub struct Change {
    /// Their name.
    pub name: String,
    /// Their role.
    pub role: Role,
    /// Whether the role holds only over their teams.
    pub limited_to_teams: bool,
    /// Their teams.
    pub teams: Vec<i64>,
}

/// A link to set a password; shown once.
pub struct Invitation {
    /// Whose.
    pub user: i64,
    /// Their address.
    pub email: String,
    /// The token of the link.
    pub link: LinkToken,
    /// When it stops working.
    pub expires_at: OffsetDateTime,
}

/// The people that the actor may see.
pub async fn list(app: &App, actor: &Actor) -> Result<Vec<User>> {
    actor.require(Permission::UsersRead)?;
    Ok(store::users::list(&app.pool, actor.reach().as_sql()).await?)
}

/// One of them.
pub async fn find(app: &App, actor: &Actor, id: i64) -> Result<User> {
    actor.require(Permission::UsersRead)?;
    store::users::find(&app.pool, actor.reach().as_sql(), id).await?.ok_or(Error::NotFound("user"))
}

/// The id behind an address, for the command line.
pub async fn id_of(app: &App, actor: &Actor, email: &str) -> Result<i64> {
    actor.require(Permission::UsersRead)?;
    let email = email.trim().to_lowercase();
    let id = store::users::id_of(&app.pool, &email).await?.ok_or(Error::NotFound("user"))?;
    Ok(find(app, actor, id).await?.id)
}

/// Adds somebody and makes the link with which they set their password.
pub async fn create(app: &App, actor: &Actor, newcomer: &Newcomer) -> Result<Invitation> {
    let now = app.now();
    actor.require(Permission::UsersWrite)?;
    actor.require_step_up(now)?;
    leaves_administrators(actor, newcomer.role)?;
    let email = address("email", &newcomer.email)?;
    let name = person_name(if newcomer.name.trim().is_empty() { &email } else { &newcomer.name })?;
    check_limit(newcomer.role, newcomer.limited_to_teams, &newcomer.teams)?;
    let mut tx = Tx::begin(&app.pool).await?;
    let role = newcomer.role.as_str();
    let new = NewUser { email: &email, name: &name, role, limited_to_teams: newcomer.limited_to_teams };
    let user = store::users::insert(&mut tx, new, now).await.map_err(taken)?;
    store::users::set_teams(&mut tx, user, &newcomer.teams).await?;
    if newcomer.role == Role::Administrator {
        setup::close(&mut tx, now).await?;
    }
    let (link, expires_at) = add_link(&mut tx, user, now).await?;
    let detail =
        json!({ "role": role, "limited_to_teams": newcomer.limited_to_teams, "teams": newcomer.teams });
    tx.commit(actor.event("user.created", &email).on(user).with(detail)).await?;
    Ok(Invitation { user, email, link, expires_at })
}

/// Changes name, role, limit and teams; a change of power ends the person's sessions.
///
/// # Errors
/// `Conflict` when nobody would be left to administer the console.
pub async fn edit(app: &App, actor: &Actor, id: i64, change: &Change) -> Result<()> {
    let now = app.now();
    actor.require(Permission::UsersWrite)?;
    actor.require_step_up(now)?;
    leaves_administrators(actor, change.role)?;
    find(app, actor, id).await?;
    let name = person_name(&change.name)?;
    check_limit(change.role, change.limited_to_teams, &change.teams)?;
    let mut tx = Tx::begin(&app.pool).await?;
    let before = lock(&mut tx, actor, id, change.role != Role::Administrator).await?;
    let role = change.role.as_str();
    store::users::update(&mut tx, id, &name, role, change.limited_to_teams).await?;
    store::users::set_teams(&mut tx, id, &change.teams).await?;
    let mut teams = change.teams.clone();
    teams.sort_unstable();
    let same_power = before.role == role
        && before.limited_to_teams == change.limited_to_teams
        && (!change.limited_to_teams || before.team_ids == teams);
    if !same_power {
        store::sessions::end_all(&mut tx, id, None).await?;
    }
    let detail = json!({
        "before": { "name": before.name, "role": before.role, "limited_to_teams": before.limited_to_teams, "teams": before.team_ids },
        "after": { "name": name, "role": role, "limited_to_teams": change.limited_to_teams, "teams": teams },
    });
    Ok(tx.commit(actor.event("user.changed", before.email).on(id).with(detail)).await?)
}

/// Ends somebody's access: sessions and tokens are dead with the next request.
///
/// # Errors
/// `Conflict` when nobody would be left to administer the console, or they are disabled already.
pub async fn disable(app: &App, actor: &Actor, id: i64) -> Result<()> {
    let now = app.now();
    actor.require(Permission::UsersWrite)?;
    actor.require_step_up(now)?;
    find(app, actor, id).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    let user = lock(&mut tx, actor, id, true).await?;
    if user.disabled_at.is_some() {
        return Err(Error::Conflict(format!("{} is disabled already", user.email)));
    }
    store::users::set_disabled(&mut tx, id, Some(now)).await?;
    let sessions = store::sessions::end_all(&mut tx, id, None).await?;
    let tokens = store::tokens::revoke_all(&mut tx, id, now).await?;
    links::revoke(&mut tx, links::PASSWORD, Some(id)).await?;
    let detail = json!({ "sessions": sessions, "tokens": tokens });
    Ok(tx.commit(actor.event("user.disabled", user.email).on(id).with(detail)).await?)
}

/// Gives somebody their access back; their sessions and tokens stay ended.
pub async fn enable(app: &App, actor: &Actor, id: i64) -> Result<()> {
    let now = app.now();
    actor.require(Permission::UsersWrite)?;
    actor.require_step_up(now)?;
    find(app, actor, id).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    let user = lock(&mut tx, actor, id, false).await?;
    if user.disabled_at.is_none() {
        return Err(Error::Conflict(format!("{} is not disabled", user.email)));
    }
    store::users::set_disabled(&mut tx, id, None).await?;
    Ok(tx.commit(actor.event("user.enabled", user.email).on(id)).await?)
}

/// Makes a link with which somebody sets a new password; earlier links stop working, the old password works until then.
pub async fn invite(app: &App, actor: &Actor, id: i64) -> Result<Invitation> {
    let now = app.now();
    actor.require(Permission::UsersWrite)?;
    actor.require_step_up(now)?;
    find(app, actor, id).await?;
    let mut tx = Tx::begin(&app.pool).await?;
    let user = lock(&mut tx, actor, id, false).await?;
    if user.disabled_at.is_some() {
        return Err(Error::Conflict(format!("{} is disabled; enable them first", user.email)));
    }
    let (link, expires_at) = add_link(&mut tx, id, now).await?;
    tx.commit(actor.event("user.invited", &user.email).on(id)).await?;
    Ok(Invitation { user: id, email: user.email, link, expires_at })
}

/// Locks a person; when they are about to lose power, the other administrators as well, of whom one must remain.
async fn lock(tx: &mut Tx, actor: &Actor, id: i64, loses_power: bool) -> Result<User> {
    let administrators = if loses_power { store::users::lock_administrators(tx).await? } else { Vec::new() };
    let user = store::users::lock(tx, id).await?.ok_or(Error::NotFound("user"))?;
    if user.role == Role::Administrator.as_str() {
        leaves_administrators(actor, Role::Administrator)?;
    }
    if administrators == [id] {
        return Err(Error::Conflict(format!(
            "{} is the last administrator who can sign in; make somebody else one first",
            user.email
        )));
    }
    Ok(user)
}

/// A token cannot be asked for a password, so whoever finds one must not be able to make themselves an administrator with it (S5).
fn leaves_administrators(actor: &Actor, role: Role) -> Result<()> {
    match (actor, role) {
        (Actor::Token { .. }, Role::Administrator) => Err(Error::Forbidden(
            "a token does not make or change administrators; that takes a person on the page, or the command line".into(),
        )),
        _ => Ok(()),
    }
}

async fn add_link(tx: &mut Tx, user: i64, now: OffsetDateTime) -> Result<(LinkToken, OffsetDateTime)> {
    let link = LinkToken::generate();
    let expires_at = now + LINK_LIFE;
    links::insert(tx, link.digest().as_bytes(), links::PASSWORD, Some(user), now, expires_at).await?;
    Ok((link, expires_at))
}

fn check_limit(role: Role, limited: bool, teams: &[i64]) -> Result<()> {
    match (role, limited) {
        (Role::Administrator, true) => Err(Error::invalid(
            "limited_to_teams",
            "an administrator reaches everything; choose another role to limit",
        )),
        (_, true) if teams.is_empty() => {
            Err(Error::invalid("teams", "choose at least one team, or the person would see nothing"))
        }
        _ => Ok(()),
    }
}

fn taken(error: store::Error) -> Error {
    match error {
        store::Error::Conflict(_) => Error::invalid("email", "somebody with this address exists already"),
        other => other.into(),
    }
}

/// A mail address as people sign in with: lower case, trimmed.
pub(super) fn address(field: &'static str, text: &str) -> Result<String> {
    let email = text.trim().to_lowercase();
    if is_address(&email) {
        Ok(email)
    } else {
        Err(Error::invalid(field, "that is not a mail address such as name@host.example"))
    }
}

/// Whether text has the shape of a mail address. Only ASCII: two addresses must not look the same.
pub(super) fn is_address(text: &str) -> bool {
    let plain = text.len() <= 254 && text.bytes().all(|byte| byte.is_ascii_graphic());
    let odd = |c: char| matches!(c, '<' | '>' | '"' | ',' | ';' | ':' | '(' | ')' | '[' | ']' | '\\');
    match text.rsplit_once('@') {
        Some((local, host)) => {
            plain && !local.is_empty() && !host.is_empty() && !local.contains('@') && !text.contains(odd)
        }
        None => false,
    }
}

/// A person's name, trimmed.
pub(super) fn person_name(text: &str) -> Result<String> {
    let name = text.trim();
    match name.chars().count() {
        0 => Err(Error::invalid("name", "give a name")),
        1..=NAME_LENGTH if !name.chars().any(char::is_control) => Ok(name.to_owned()),
        1..=NAME_LENGTH => Err(Error::invalid("name", "a name has no control characters")),
        _ => Err(Error::invalid("name", format!("a name has at most {NAME_LENGTH} characters"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_at_and_nothing_that_a_header_could_trip_over() {
        for good in ["ines@halden.example", "a.b+c@h", "o'hara@halden.example"] {
            assert!(is_address(good), "{good}");
        }
        for bad in
            ["", "ines", "@h", "a@", "a@b@c", "a b@c", "a@b\r\nbcc:x@y", "<a@b>", "a,b@c", "é@h.example"]
        {
            assert!(!is_address(bad), "{bad}");
        }
        assert!(!is_address(&format!("{}@h.example", "a".repeat(250))));
    }
}
