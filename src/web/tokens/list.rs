//! `/settings/tokens`: every token, and the end of one that leaked.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use time::OffsetDateTime;
use tower_sessions::Session;

use crate::{
    app::App,
    services,
    web::{
        error::Result,
        filters,
        form::Id,
        guard::Visit,
        parts::Tab,
        session, settings,
        shell::{Nav, Shell},
        urls,
    },
};

use super::Row;

#[derive(Template, WebTemplate)]
#[template(path = "tokens/list.html")]
struct List {
    shell: Shell,
    tabs: Vec<Tab>,
    tokens: Vec<Row>,
    now: OffsetDateTime,
}

/// Shows the list.
pub async fn get(State(app): State<App>, visit: Visit) -> Result {
    let now = app.now();
    let tokens = services::tokens::list_all(&app, &visit.actor).await?;
    let tokens = tokens.into_iter().map(|token| Row::of_anybody(token, now)).collect();
    let tabs = settings::tabs(&visit.actor, urls::TOKENS);
    Ok(List { shell: visit.shell(Nav::Settings), tabs, tokens, now }.into_response())
}

/// Ends a token.
pub async fn revoke(State(app): State<App>, session: Session, visit: Visit, Id(id): Id) -> Result {
    services::tokens::revoke(&app, &visit.actor, id).await?;
    session::tell(&session, "Token revoked.", "It no longer works anywhere.").await?;
    Ok(Redirect::to(urls::TOKENS).into_response())
}
