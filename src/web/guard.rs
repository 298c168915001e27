//! The login wall: each route passes here with its [`Access`]. The person is read from the database for every request, so that disabling
//! them, or changing their role, holds from the next one on (S4, S7).

use axum::{
    extract::{FromRequestParts, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::MethodRouter,
};
use http::{HeaderMap, HeaderValue, StatusCode, header::REFERER, request::Parts};
use tower_sessions::Session;

use crate::{
    address,
    app::App,
    routes::Access,
    services::{Actor, Caller, Error, Origin, Permission, Reach, Role, alerts},
};

use super::{
    error::{self, Failure},
    parts::{Notice, Tone},
    session,
    shell::{Entries, Nav, Shell, Theme},
    urls,
};

/// Puts a route behind the wall.
pub fn guard(app: &App, handler: MethodRouter<App>, access: Access) -> MethodRouter<App> {
    match access {
        Access::Public => handler,
        access => handler.layer(middleware::from_fn_with_state((app.clone(), access), wall)),
    }
}

/// A signed-in person on a page: who they are to services, and what the frame of the page shows of them.
#[derive(Debug, Clone)]
pub struct Visit {
    /// Who acts.
    pub actor: Actor,
    /// Their name.
    pub name: String,
    /// Their address.
    pub email: String,
    /// Their colours.
    pub theme: Theme,
    /// Path and query of this request.
    pub path: String,
    /// The outcome of what was just done.
    pub flash: Option<Notice>,
    /// What everybody must see until it is mended: expiry alerts do not work.
    pub banner: Option<Notice>,
}

impl Visit {
    /// The frame of a page that stands under `nav`.
    pub fn shell(&self, nav: Nav) -> Shell {
        let mut shell = Shell::new(&self.name, &self.email, self.theme, nav, self.path.clone());
        shell.can = Entries {
            jobs: self.actor.may(Permission::JobsRead),
            alerts: self.actor.may(Permission::AlertsRead),
            audit: self.actor.may(Permission::AuditRead),
            settings: self.actor.may(Permission::UsersRead).then(|| urls::USERS.to_owned()),
        };
        shell.flash = self.flash.clone();
        shell.banner = self.banner.clone();
        shell
    }
}

/// The actor behind a route that is not public.
#[derive(Debug, Clone)]
pub struct SignedIn(pub Actor);

/// The actor, if the browser's session is alive; for public routes.
#[derive(Debug, Clone)]
pub struct MaybeSignedIn(pub Option<Actor>);

impl<S: Sync> FromRequestParts<S> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        let visit = parts.extensions.get::<Visit>().cloned();
        visit.ok_or_else(|| Failure(Error::internal("a public route asks for the signed-in person")))
    }
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        <Visit as FromRequestParts<S>>::from_request_parts(parts, state).await.map(|visit| Self(visit.actor))
    }
}

impl FromRequestParts<App> for MaybeSignedIn {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let Some(session) = parts.extensions.get::<Session>().cloned() else { return Ok(Self(None)) };
        let origin = address::origin(&parts.headers, &parts.extensions, &app.config.trusted_proxies);
        Ok(Self(recognise(app, &session, &origin).await?.map(|(actor, _)| actor)))
    }
}

/// Where a request comes from, for handlers.
#[derive(Debug, Clone)]
pub struct Sender(pub Origin);

impl FromRequestParts<App> for Sender {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        Ok(Self(address::origin(&parts.headers, &parts.extensions, &app.config.trusted_proxies)))
    }
}

async fn wall(
    State((app, access)): State<(App, Access)>,
    session: Session,
    mut request: Request,
    next: Next,
) -> Response {
    let origin = address::origin(request.headers(), request.extensions(), &app.config.trusted_proxies);
    let (actor, theme) = match recognise(&app, &session, &origin).await {
        Ok(Some(known)) => known,
        Ok(None) => return turn_away(&request),
        Err(failure) => return failure.into_response(),
    };
    if let Err(refusal) = check(&app, &actor, access) {
        return match refusal {
            Error::StepUp => ask_for_password(&request),
            other => Failure(other).into_response(),
        };
    }
    // A fragment fetched by script must not swallow what the next whole page is to say.
    let shows_page = request.method().is_safe() && !is_fragment(request.headers());
    let visit = visit(&app, &session, actor, theme, path_of(&request), shows_page);
    match visit.await {
        Ok(visit) => {
            request.extensions_mut().insert(visit.actor.clone());
            request.extensions_mut().insert(visit);
            next.run(request).await
        }
        Err(failure) => failure.into_response(),
    }
}

/// Who is behind the session, as they are now.
async fn recognise(app: &App, session: &Session, origin: &Origin) -> Result<Option<(Actor, Theme)>, Failure> {
    let Some(person) = session::present(app, session).await? else { return Ok(None) };
    let theme = Theme::named(&person.theme).unwrap_or_default();
    let caller = Caller {
        user: person.user,
        role: person.role.parse::<Role>()?,
        reach: if person.limited_to_teams { Reach::Teams(person.team_ids) } else { Reach::All },
        email: person.email,
        name: person.name,
        confirmed_at: person.confirmed_at,
        address: origin.address,
        request_id: origin.request_id.clone(),
    };
    Ok(Some((Actor::User(caller), theme)))
}

fn check(app: &App, actor: &Actor, access: Access) -> Result<(), Error> {
    match access {
        Access::Public | Access::SignedIn => Ok(()),
        Access::Needs(permission) => actor.require(permission),
        Access::StepUp(permission) => {
            actor.require(permission)?;
            actor.require_step_up(app.now())
        }
    }
}

async fn visit(
    app: &App,
    session: &Session,
    actor: Actor,
    theme: Theme,
    path: String,
    shows_page: bool,
) -> Result<Visit, Failure> {
    let flash = if shows_page { session::take_told(session).await? } else { None };
    let (name, email) =
        actor.caller().map(|caller| (caller.name.clone(), caller.email.clone())).unwrap_or_default();
    let banner = if shows_page { banner(app, &actor, &path).await } else { None };
    Ok(Visit { actor, name, email, theme, path, flash, banner })
}

/// Silence must not be mistaken for health (R17): a missed sweep is told on every page. The page about alerts says more of it itself.
async fn banner(app: &App, actor: &Actor, path: &str) -> Option<Notice> {
    if !actor.may(Permission::AlertsRead) || path.starts_with(urls::ALERTS) {
        return None;
    }
    alerts::health::health(app).await.ok().filter(|health| health.missed)?;
    let text =
        "Certificates that end soon were not looked for, so alerts may be late. The worker may be stopped.";
    Some(
        Notice::new(Tone::Crit, "The daily look for alerts is missing.", text)
            .with_action(urls::ALERTS, "Show alerts"),
    )
}

/// Not signed in: a page leads to sign-in and back, an act is refused without a trace.
fn turn_away(request: &Request) -> Response {
    let safe = request.method().is_safe();
    if is_fragment(request.headers()) {
        let login =
            if safe { urls::login(&referring_path(request.headers())) } else { urls::LOGIN.to_owned() };
        return leave_to(StatusCode::UNAUTHORIZED, &login);
    }
    if safe {
        Redirect::to(&urls::login(&path_of(request))).into_response()
    } else {
        error::unauthenticated()
    }
}

/// The password was given too long ago: a page asks for it and goes on, an act is refused with the way to it.
fn ask_for_password(request: &Request) -> Response {
    if request.method().is_safe() && !is_fragment(request.headers()) {
        return Redirect::to(&urls::confirm(&path_of(request))).into_response();
    }
    let back = referring_path(request.headers());
    if is_fragment(request.headers()) {
        return leave_to(StatusCode::FORBIDDEN, &urls::confirm(&back));
    }
    error::step_up(&back)
}

/// Tells the script of a page to go elsewhere as a whole.
fn leave_to(status: StatusCode, path: &str) -> Response {
    let mut response = status.into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert("hx-redirect", path);
    }
    response
}

fn is_fragment(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

fn path_of(request: &Request) -> String {
    request.uri().path_and_query().map_or_else(|| urls::OVERVIEW.to_owned(), ToString::to_string)
}

/// The page that sent this, without its host: ours, or the overview.
fn referring_path(headers: &HeaderMap) -> String {
    let referer = headers
        .get(REFERER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| url::Url::parse(text).ok());
    referer.map_or_else(
        || urls::OVERVIEW.to_owned(),
        |url| match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        },
    )
}
