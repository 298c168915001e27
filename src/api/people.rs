//! `users`, `teams` and `tokens`. Tokens are made on a page or the command line only: a token that makes tokens would outlive its owner's
//! attention.

use axum::{extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::{
    app::App,
    routes::{Access, Routes},
    services::{
        Permission, Role,
        teams::{self, TeamForm},
        tokens,
        users::{self, Change, Newcomer},
    },
    store,
};

use super::{
    error::Problem,
    extract::{Caller, Id, Json},
};

/// The addresses of these nouns.
pub(super) fn routes() -> Routes {
    let (read, write) = (Access::Needs(Permission::UsersRead), Access::Needs(Permission::UsersWrite));
    Routes::new()
        .get("/api/v1/users", read, list_users)
        .post("/api/v1/users", write, create_user)
        .get("/api/v1/users/{id}", read, show_user)
        .patch("/api/v1/users/{id}", write, change_user)
        .post("/api/v1/users/{id}/disable", write, disable_user)
        .post("/api/v1/users/{id}/enable", write, enable_user)
        .get("/api/v1/teams", Access::Needs(Permission::CertificatesRead), list_teams)
        .post("/api/v1/teams", write, create_team)
        .get("/api/v1/tokens", Access::Needs(Permission::OwnAccount), list_tokens)
        .post("/api/v1/tokens/{id}/revoke", Access::Needs(Permission::OwnAccount), revoke_token)
}

/// A person.
#[derive(Serialize, ToSchema)]
pub(super) struct UserObject {
    id: i64,
    email: String,
    name: String,
    /// `administrator`, `operator`, `approver`, `auditor` or `viewer`.
    role: String,
    /// True: the role holds only over what their teams own.
    limited_to_teams: bool,
    /// Ids of their teams.
    teams: Vec<i64>,
    #[serde(with = "time::serde::rfc3339::option")]
    disabled_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    last_sign_in_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
}

impl From<store::users::User> for UserObject {
    fn from(user: store::users::User) -> Self {
        let store::users::User {
            id,
            email,
            name,
            role,
            limited_to_teams,
            disabled_at,
            last_sign_in_at,
            created_at,
            team_ids,
            ..
        } = user;
        Self {
            id,
            email,
            name,
            role,
            limited_to_teams,
            teams: team_ids,
            disabled_at,
            last_sign_in_at,
            created_at,
        }
    }
}

/// All people; there are never so many that they need pages.
#[derive(Serialize, ToSchema)]
pub(super) struct UserList {
    items: Vec<UserObject>,
    /// Always null.
    next: Option<String>,
}

/// List users
#[utoipa::path(get, path = "/api/v1/users", tag = "users", responses((status = 200, body = UserList)))]
pub(super) async fn list_users(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<axum::Json<UserList>, Problem> {
    let items = users::list(&app, &actor).await?.into_iter().map(UserObject::from).collect();
    Ok(axum::Json(UserList { items, next: None }))
}

/// Show a user
#[utoipa::path(get, path = "/api/v1/users/{id}", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, body = UserObject), (status = 404, body = Problem)))]
pub(super) async fn show_user(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
) -> Result<axum::Json<UserObject>, Problem> {
    Ok(axum::Json(users::find(&app, &actor, id).await?.into()))
}

/// Who comes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUserObject {
    /// The address they will sign in with.
    email: String,
    /// Their name; the address stands in when it is left out.
    #[serde(default)]
    name: String,
    /// `administrator`, `operator`, `approver`, `auditor` or `viewer`.
    role: String,
    /// True: the role holds only over what their teams own.
    #[serde(default)]
    limited_to_teams: bool,
    /// Ids of their teams.
    #[serde(default)]
    teams: Vec<i64>,
}

/// A user, and the link with which they set their password, shown once.
#[derive(Serialize, ToSchema)]
pub(super) struct InvitedUser {
    id: i64,
    email: String,
    /// Works once, for three days.
    link: String,
}

/// Add a user
#[utoipa::path(post, path = "/api/v1/users", tag = "users", request_body = NewUserObject,
    responses((status = 201, body = InvitedUser), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create_user(
    State(app): State<App>,
    Caller(actor): Caller,
    Json(given): Json<NewUserObject>,
) -> Result<(StatusCode, axum::Json<InvitedUser>), Problem> {
    let NewUserObject { email, name, role, limited_to_teams, teams } = given;
    let newcomer = Newcomer { email, name, role: role.parse()?, limited_to_teams, teams };
    let made = users::create(&app, &actor, &newcomer).await?;
    let link = format!("{}/password/{}", app.config.base_url(), made.link.expose());
    Ok((StatusCode::CREATED, axum::Json(InvitedUser { id: made.user, email: made.email, link })))
}

/// What may be changed; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserChange {
    name: Option<String>,
    role: Option<String>,
    limited_to_teams: Option<bool>,
    teams: Option<Vec<i64>>,
}

/// Change a user
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", params(("id" = i64, Path)), request_body = UserChange,
    responses((status = 200, body = UserObject), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn change_user(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
    Json(given): Json<UserChange>,
) -> Result<axum::Json<UserObject>, Problem> {
    let before = users::find(&app, &actor, id).await?;
    let role: Role = given.role.unwrap_or(before.role).parse()?;
    let change = Change {
        name: given.name.unwrap_or(before.name),
        role,
        limited_to_teams: given.limited_to_teams.unwrap_or(before.limited_to_teams),
        teams: given.teams.unwrap_or(before.team_ids),
    };
    users::edit(&app, &actor, id, &change).await?;
    Ok(axum::Json(users::find(&app, &actor, id).await?.into()))
}

/// Disable a user: their sessions and tokens end at once
#[utoipa::path(post, path = "/api/v1/users/{id}/disable", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, body = UserObject), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn disable_user(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
) -> Result<axum::Json<UserObject>, Problem> {
    users::disable(&app, &actor, id).await?;
    Ok(axum::Json(users::find(&app, &actor, id).await?.into()))
}

/// Let a disabled user in again
#[utoipa::path(post, path = "/api/v1/users/{id}/enable", tag = "users", params(("id" = i64, Path)),
    responses((status = 200, body = UserObject), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn enable_user(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
) -> Result<axum::Json<UserObject>, Problem> {
    users::enable(&app, &actor, id).await?;
    Ok(axum::Json(users::find(&app, &actor, id).await?.into()))
}

/// A team.
#[derive(Serialize, ToSchema)]
pub(super) struct TeamObject {
    id: i64,
    /// Its name in addresses and filters.
    slug: String,
    name: String,
    /// Where its alerts go.
    email: Option<String>,
    /// How many people are in it.
    members: i64,
    /// How many certificates it owns.
    certificates: i64,
}

impl From<store::teams::Team> for TeamObject {
    fn from(team: store::teams::Team) -> Self {
        let store::teams::Team { id, slug, name, email, members, certificates } = team;
        Self { id, slug, name, email, members, certificates }
    }
}

/// The teams within reach.
#[derive(Serialize, ToSchema)]
pub(super) struct TeamList {
    items: Vec<TeamObject>,
    /// Always null.
    next: Option<String>,
}

/// List teams
#[utoipa::path(get, path = "/api/v1/teams", tag = "users", responses((status = 200, body = TeamList)))]
pub(super) async fn list_teams(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<axum::Json<TeamList>, Problem> {
    let items = teams::list(&app, &actor).await?.into_iter().map(TeamObject::from).collect();
    Ok(axum::Json(TeamList { items, next: None }))
}

/// A new team.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTeam {
    name: String,
    /// Made from the name when left out.
    #[serde(default)]
    slug: String,
    /// Where its alerts go.
    #[serde(default)]
    email: String,
}

/// Add a team
#[utoipa::path(post, path = "/api/v1/teams", tag = "users", request_body = NewTeam,
    responses((status = 201, body = TeamObject), (status = 409, body = Problem), (status = 422, body = Problem)))]
pub(super) async fn create_team(
    State(app): State<App>,
    Caller(actor): Caller,
    Json(given): Json<NewTeam>,
) -> Result<(StatusCode, axum::Json<TeamObject>), Problem> {
    let form = TeamForm { name: given.name, slug: given.slug, email: given.email };
    let id = teams::create(&app, &actor, &form).await?;
    Ok((StatusCode::CREATED, axum::Json(teams::find(&app, &actor, id).await?.into())))
}

/// An API token; never its text.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenObject {
    id: i64,
    /// The part that may be shown.
    public_id: String,
    /// Address of its owner.
    user: String,
    name: String,
    /// `read`, `request`, `approve`, `admin`.
    scopes: Vec<String>,
    /// Where it may be used from; empty: anywhere.
    allowed_addresses: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    created_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339")]
    expires_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    last_used_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    revoked_at: Option<OffsetDateTime>,
}

impl From<store::tokens::Token> for TokenObject {
    fn from(token: store::tokens::Token) -> Self {
        Self {
            id: token.id,
            public_id: token.public_id,
            user: token.email,
            name: token.name,
            scopes: token.scopes,
            allowed_addresses: token.allowed_addresses.iter().map(ToString::to_string).collect(),
            created_at: token.created_at,
            expires_at: token.expires_at,
            last_used_at: token.last_used_at,
            revoked_at: token.revoked_at,
        }
    }
}

/// Tokens.
#[derive(Serialize, ToSchema)]
pub(super) struct TokenList {
    items: Vec<TokenObject>,
    /// Always null.
    next: Option<String>,
}

/// List tokens: one's own, or everybody's for an administrator
#[utoipa::path(get, path = "/api/v1/tokens", tag = "tokens", responses((status = 200, body = TokenList)))]
pub(super) async fn list_tokens(
    State(app): State<App>,
    Caller(actor): Caller,
) -> Result<axum::Json<TokenList>, Problem> {
    let all = actor.may(Permission::UsersWrite);
    let list =
        if all { tokens::list_all(&app, &actor).await? } else { tokens::list_own(&app, &actor).await? };
    Ok(axum::Json(TokenList { items: list.into_iter().map(TokenObject::from).collect(), next: None }))
}

/// Revoke a token
#[utoipa::path(post, path = "/api/v1/tokens/{id}/revoke", tag = "tokens", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub(super) async fn revoke_token(
    State(app): State<App>,
    Caller(actor): Caller,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    tokens::revoke(&app, &actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
