//! Signing out my other devices.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use tower_sessions::Session;

use crate::{
    app::App,
    services,
    web::{error::Result, guard::Visit, phrases, session, urls},
};

/// Ends every session but this one.
pub async fn end_others(State(app): State<App>, session: Session, visit: Visit) -> Result {
    let this = session::digest(&session).unwrap_or_default();
    let ended = services::sessions::end_others(&app, &visit.actor, &this).await?;
    let ended = i64::try_from(ended).unwrap_or(i64::MAX);
    let told = format!("{} ended.", phrases::counted(ended, "session", "sessions"));
    session::tell(&session, "Your other devices are signed out.", &told).await?;
    Ok(Redirect::to(urls::ACCOUNT).into_response())
}
