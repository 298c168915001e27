//! API tokens: made by their owner, shown once, bound to an end, a scope and, if wanted, to addresses (S28).
//!
//! A token acts as its owner is at that moment and never as more (S8): a demotion, a disabling and a removal reach it with the next call.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::json;
use time::{Duration, OffsetDateTime};

use crate::{
    app::App,
    crypto::token::ApiToken,
    store::{
        self, Tx,
        tokens::{NewToken, Presented, Token},
    },
};

use super::{
    Actor, Caller, Error, FieldError, Origin, Permission, Reach, Result, Role, Scope, throttles::wrong_secret,
};

/// The longest life of a token.
pub const LONGEST: Duration = Duration::days(366);

/// The life of a token when nobody says otherwise.
pub const USUAL: Duration = Duration::days(90);

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct TokenForm {
    /// What it is for.
    pub name: String,
    /// What it may do at most.
    pub scopes: Vec<Scope>,
    /// How long it works.
    pub life: Duration,
    /// Where it may be used from; empty: anywhere.
    pub allowed_addresses: Vec<IpNet>,
}

/// A new token; its text is shown once, here.
pub struct Created {
    /// Its id.
    pub id: i64,
    /// The text to send as `Authorization: Bearer`.
    pub token: ApiToken,
    /// When it stops working.
    pub expires_at: OffsetDateTime,
}

/// The actor's own tokens.
pub async fn list_own(app: &App, actor: &Actor) -> Result<Vec<Token>> {
    actor.require(Permission::OwnAccount)?;
    Ok(store::tokens::list(&app.pool, Some(own(actor)?), app.now()).await?)
}

/// Everybody's tokens, for who runs the console.
pub async fn list_all(app: &App, actor: &Actor) -> Result<Vec<Token>> {
    actor.require(Permission::UsersWrite)?;
    Ok(store::tokens::list(&app.pool, None, app.now()).await?)
}

/// Makes a token for the actor.
pub async fn create(app: &App, actor: &Actor, form: &TokenForm) -> Result<Created> {
    actor.require(Permission::OwnTokens)?;
    actor.require_step_up(app.now())?;
    insert(app, actor, own(actor)?, form).await
}

/// Makes a token for somebody; only on the command line, where the operating system's user is the witness.
pub async fn create_for(app: &App, actor: &Actor, user: i64, form: &TokenForm) -> Result<Created> {
    let Actor::Cli(_) = actor else {
        return Err(Error::Forbidden("people make their own tokens".into()));
    };
    let owner = store::users::find(&app.pool, None, user).await?.ok_or(Error::NotFound("user"))?;
    if owner.disabled_at.is_some() {
        return Err(Error::Conflict(format!("{} is disabled", owner.email)));
    }
    if !owner.role.parse::<Role>()?.grants(Permission::OwnTokens) {
        return Err(Error::Forbidden(format!("the role {} has no tokens", owner.role)));
    }
    insert(app, actor, user, form).await
}

/// Ends one of the actor's own tokens.
pub async fn revoke_own(app: &App, actor: &Actor, id: i64) -> Result<()> {
    actor.require(Permission::OwnAccount)?;
    end(app, actor, Some(own(actor)?), id).await
}

/// Ends a token: anybody's for who runs the console, else one's own.
pub async fn revoke(app: &App, actor: &Actor, id: i64) -> Result<()> {
    if actor.may(Permission::UsersWrite) {
        return end(app, actor, None, id).await;
    }
    revoke_own(app, actor, id).await
}

async fn end(app: &App, actor: &Actor, whose: Option<i64>, id: i64) -> Result<()> {
    let now = app.now();
    let token = store::tokens::find(&app.pool, whose, id).await?.ok_or(Error::NotFound("token"))?;
    let mut tx = Tx::begin(&app.pool).await?;
    if !store::tokens::revoke(&mut tx, id, now).await? {
        return Err(Error::Conflict(format!("the token {} is revoked already", token.name)));
    }
    let event = actor.event("token.revoked", &token.name).on(id);
    Ok(tx.commit(event.with(json!({ "owner": token.email, "public_id": token.public_id }))).await?)
}

/// Reads addresses and ranges, one a line or between commas.
pub fn read_networks(text: &str) -> Result<Vec<IpNet>> {
    let parts = text.split(|c: char| c.is_whitespace() || c == ',').filter(|part| !part.is_empty());
    let read = |part: &str| {
        part.parse::<IpNet>().or_else(|_| part.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
            let part: String = part.chars().take(60).collect();
            Error::invalid(
                "allowed_addresses",
                format!("`{part}` is not an address range such as 10.0.0.0/8"),
            )
        })
    };
    parts.map(read).collect()
}

/// Who calls with this bearer token.
///
/// # Errors
/// `Refused` with one sentence for everything that may be wrong with it, `Limited` after many wrong ones from one address.
pub async fn authenticate(app: &App, bearer: &str, address: Option<IpAddr>) -> Result<Actor> {
    let now = app.now();
    let address = address.map(|address| address.to_canonical());
    match recognise(app, bearer, address, now).await? {
        Some(token) => {
            store::tokens::used(&app.pool, token.id, token.last_used_at, address, now).await?;
            into_actor(token, address)
        }
        None => {
            let origin = Origin { address, ..Origin::default() };
            let refusal = Error::Refused("this token does not work here".into());
            Err(wrong_secret(app, "token", &origin, now, refusal).await)
        }
    }
}

async fn recognise(
    app: &App,
    bearer: &str,
    address: Option<IpAddr>,
    now: OffsetDateTime,
) -> Result<Option<Presented>> {
    let Some(given) = ApiToken::parse(bearer) else { return Ok(None) };
    let Some(known) = store::tokens::presented(&app.pool, given.public_id()).await? else { return Ok(None) };
    let allowed = known.allowed_addresses.is_empty()
        || address.is_some_and(|address| known.allowed_addresses.iter().any(|net| net.contains(&address)));
    let right = given.digest().matches(&known.digest);
    Ok((right && allowed && now < known.expires_at).then_some(known))
}

fn into_actor(token: Presented, address: Option<IpAddr>) -> Result<Actor> {
    let role: Role = token.role.parse()?;
    let scopes = token.scopes.iter().map(|scope| scope.parse()).collect::<Result<Vec<Scope>>>()?;
    let caller = Caller {
        user: token.user,
        email: token.email,
        name: token.user_name,
        role,
        reach: if token.limited_to_teams { Reach::Teams(token.team_ids) } else { Reach::All },
        confirmed_at: None,
        address,
        request_id: None,
    };
    Ok(Actor::Token { caller, token: token.id, name: token.name, scopes })
}

async fn insert(app: &App, actor: &Actor, user: i64, form: &TokenForm) -> Result<Created> {
    let now = app.now();
    check(form)?;
    let fresh = ApiToken::generate();
    let digest = fresh.digest();
    let scopes: Vec<String> = form.scopes.iter().map(|scope| scope.as_str().to_owned()).collect();
    let expires_at = now + form.life;
    let name = form.name.trim();
    let mut tx = Tx::begin(&app.pool).await?;
    let new = NewToken {
        public_id: fresh.public_id(),
        user,
        name,
        digest: digest.as_bytes(),
        scopes: &scopes,
        allowed_addresses: &form.allowed_addresses,
        expires_at,
    };
    let id = store::tokens::insert(&mut tx, new, now).await?;
    let event = actor.event("token.created", name).on(id);
    let detail = json!({ "owner": user, "public_id": fresh.public_id(), "scopes": scopes, "allowed_addresses": form.allowed_addresses });
    tx.commit(event.with(detail)).await?;
    Ok(Created { id, token: fresh, expires_at })
}

fn check(form: &TokenForm) -> Result<()> {
    let mut wrong = Vec::new();
    let name = form.name.trim();
    if name.is_empty() || name.chars().count() > 120 || name.chars().any(char::is_control) {
        wrong.push(FieldError::new("name", "a token's name has 1 to 120 characters"));
    }
    if form.scopes.is_empty() {
        wrong.push(FieldError::new("scopes", "choose at least one scope"));
    }
    if form.life <= Duration::ZERO || form.life > LONGEST {
        wrong.push(FieldError::new(
            "expires",
            format!("a token works for 1 to {} days", LONGEST.whole_days()),
        ));
    }
    if form.allowed_addresses.len() > 50 {
        wrong.push(FieldError::new("allowed_addresses", "give at most 50 address ranges"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

fn own(actor: &Actor) -> Result<i64> {
    actor.user().ok_or_else(|| Error::Forbidden("only a person has tokens of their own".into()))
}
