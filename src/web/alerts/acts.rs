//! What the page does besides the rule: a test mail to oneself, and sending again what was refused.

use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use tower_sessions::Session;

use crate::{
    app::App,
    services::{
        Error,
        alerts::{deliveries, preview},
    },
    web::{
        error::{Failure, Result, sentence},
        form::Id,
        guard::Visit,
        session, urls,
    },
};

/// Sends a test mail to the person's own address and shows what the server said.
pub async fn test(State(app): State<App>, session: Session, visit: Visit) -> Result {
    match preview::send_test(&app, &visit.actor, &visit.email).await {
        Ok(answer) => {
            let text = format!("The mail server answered: {answer}");
            session::tell(&session, &format!("A test is on its way to {}.", visit.email), &text).await?;
        }
        Err(error @ (Error::Refused(_) | Error::Unavailable(_))) => {
            session::warn(&session, "The test was not sent.", &sentence(&error.to_string())).await?;
        }
        Err(error) => return Err(Failure(error)),
    }
    Ok(Redirect::to(urls::ALERTS).into_response())
}

/// Puts a refused mail back in line.
pub async fn send_again(State(app): State<App>, session: Session, visit: Visit, Id(id): Id) -> Result {
    let delivery = deliveries::send_again(&app, &visit.actor, id).await?;
    session::tell(
        &session,
        "The mail is back in line.",
        &format!("It goes to {} again.", delivery.recipient),
    )
    .await?;
    Ok(Redirect::to(urls::ALERTS).into_response())
}
