//! Sessions of browsers: our own store for `tower-sessions`, what is kept in a session, and the cookie that names it (S4, S11).
//!
//! The table holds the SHA-256 of an id, never the id. Saving only updates: a session that was ended meanwhile cannot come back from a
//! late write. The limits are the row's, counted by the database's clock; the cookie itself has no age.

use std::{collections::HashMap, fmt};

use async_trait::async_trait;
use axum::response::Response;
use http::{HeaderValue, header::SET_COOKIE};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::SameSite,
    session::{Id, Record},
    session_store,
};

use crate::{
    app::App,
    crypto::digest::sha256,
    services::{Caller, Origin, sign_in::SignedIn},
    store::{
        self,
        sessions::{self, NewSession, Present},
    },
};

use super::{
    error::Result,
    parts::{Notice, Tone},
};

/// Where a session keeps who signed in.
const PERSON: &str = "person";

/// Where a session keeps the outcome of what was just done.
const FLASH: &str = "flash";

/// Who signed in, as a session keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Person {
    user: i64,
    #[serde(with = "time::serde::rfc3339")]
    began_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    confirmed_at: Option<OffsetDateTime>,
    address: Option<std::net::IpAddr>,
    agent: Option<String>,
}

/// The outcome of what was just done, as a session keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Flash {
    good: bool,
    strong: String,
    text: String,
}

/// The session layer with the cookie of this console: `__Host-` where browsers accept it, plain on plain HTTP.
pub fn layer(app: &App) -> SessionManagerLayer<Sessions> {
    let secure = app.config.is_https();
    SessionManagerLayer::new(Sessions { app: app.clone() })
        .with_name(cookie_name(secure))
        .with_secure(secure)
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnSessionEnd)
}

/// Name of the cookie; `__Host-` binds it to this very host.
pub fn cookie_name(secure: bool) -> &'static str {
    if secure { "__Host-notafter" } else { "notafter" }
}

/// Gives a cookie bound to this host what the library leaves out when it takes the cookie away, and without which a browser keeps it.
pub async fn complete_cookies(mut response: Response) -> Response {
    for (name, value) in response.headers_mut() {
        if *name == SET_COOKIE
            && let Ok(text) = value.to_str()
            && text.starts_with("__Host-")
            && !text.contains("; Secure")
            && let Ok(whole) = HeaderValue::from_str(&format!("{text}; Secure; HttpOnly; SameSite=Lax"))
        {
            *value = whole;
        }
    }
    response
}

/// Begins a session for somebody who just gave their password; whatever id the browser came with is dead.
pub async fn begin(app: &App, session: &Session, signed_in: &SignedIn, origin: &Origin) -> Result<()> {
    session.clear().await;
    session.cycle_id().await?;
    let person = Person {
        user: signed_in.user,
        began_at: sessions::clock(&app.pool, app.clock.ahead()).await?,
        confirmed_at: Some(signed_in.at),
        address: origin.address,
        agent: origin.agent.clone(),
    };
    session.insert(PERSON, person).await?;
    Ok(session.save().await?)
}

/// Gives the session a new id; the old one is dead. `before` must have been read while the session was alive.
pub async fn renew(session: &Session, before: Kept, caller: &Caller) -> Result<()> {
    session.cycle_id().await?;
    let person = Person { confirmed_at: caller.confirmed_at, ..before.0 };
    session.insert(PERSON, person).await?;
    Ok(session.save().await?)
}

/// What [`renew`] carries over.
pub struct Kept(Person);

/// Reads what [`renew`] carries over, before the act that ends the sessions.
pub async fn keep(session: &Session) -> Result<Option<Kept>> {
    Ok(session.get::<Person>(PERSON).await?.map(Kept))
}

/// What the row of this session is keyed by.
pub fn digest(session: &Session) -> Option<[u8; 32]> {
    session.id().map(digest_of)
}

/// Who is behind a live session, as they are now; being seen moves its idle limit.
pub(super) async fn present(app: &App, session: &Session) -> Result<Option<Present>> {
    let ahead = app.clock.ahead();
    let Some(digest) = digest(session) else { return Ok(None) };
    let Some(person) = sessions::present(&app.pool, &digest, ahead).await? else { return Ok(None) };
    if person.is_news {
        sessions::seen(&app.pool, &digest, ahead).await?;
    }
    Ok(Some(person))
}

/// Says `strong text` on the next page, as good news.
pub async fn tell(session: &Session, strong: &str, text: &str) -> Result<()> {
    let flash = Flash { good: true, strong: strong.to_owned(), text: text.to_owned() };
    Ok(session.insert(FLASH, flash).await?)
}

/// Says `strong text` on the next page, as something to look at.
pub async fn warn(session: &Session, strong: &str, text: &str) -> Result<()> {
    let flash = Flash { good: false, strong: strong.to_owned(), text: text.to_owned() };
    Ok(session.insert(FLASH, flash).await?)
}

/// Takes what is to be said on this page.
pub(super) async fn take_told(session: &Session) -> Result<Option<Notice>> {
    if session.get_value(FLASH).await?.is_none() {
        return Ok(None);
    }
    let flash = session.remove::<Flash>(FLASH).await?;
    Ok(flash.map(|flash| {
        let tone = if flash.good { Tone::Ok } else { Tone::Warn };
        Notice::new(tone, flash.strong, flash.text)
    }))
}

/// The store: rows of `sessions`.
#[derive(Clone)]
pub struct Sessions {
    app: App,
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sessions")
    }
}

#[async_trait]
impl SessionStore for Sessions {
    async fn create(&self, record: &mut Record) -> session_store::Result<()> {
        let person = record.data.get(PERSON).cloned().unwrap_or_default();
        let person: Person = serde_json::from_value(person).map_err(encode)?;
        let kept = serde_json::to_value(&record.data).map_err(encode)?;
        let new = NewSession {
            digest: &digest_of(record.id),
            user: person.user,
            record: &kept,
            address: person.address,
            agent: person.agent.as_deref(),
            confirmed_at: person.confirmed_at,
            began_at: person.began_at,
        };
        match sessions::insert(&self.app.pool, new, self.app.clock.ahead()).await.map_err(backend)? {
            true => Ok(()),
            false => Err(session_store::Error::Backend("the user is gone, or the id is taken".into())),
        }
    }

    async fn save(&self, record: &Record) -> session_store::Result<()> {
        let kept = serde_json::to_value(&record.data).map_err(encode)?;
        sessions::save(&self.app.pool, &digest_of(record.id), &kept).await.map_err(backend)
    }

    async fn load(&self, id: &Id) -> session_store::Result<Option<Record>> {
        let ahead = self.app.clock.ahead();
        let Some(kept) = sessions::load(&self.app.pool, &digest_of(*id), ahead).await.map_err(backend)?
        else {
            return Ok(None);
        };
        let data: HashMap<String, Value> =
            serde_json::from_value(kept).map_err(|error| session_store::Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date: self.app.now() + sessions::IDLE }))
    }

    async fn delete(&self, id: &Id) -> session_store::Result<()> {
        sessions::delete(&self.app.pool, &digest_of(*id)).await.map_err(backend)
    }
}

fn digest_of(id: Id) -> [u8; 32] {
    sha256(&id.0.to_le_bytes())
}

fn backend(error: store::Error) -> session_store::Error {
    session_store::Error::Backend(error.to_string())
}

fn encode(error: serde_json::Error) -> session_store::Error {
    session_store::Error::Encode(error.to_string())
}
