//! Sends one expiry alert.

use crate::{
    app::App,
    services::alerts::delivery::{self, Attempt},
    store::alerts::SEND,
};

use super::{Claimed, Outcome};

/// The kind of job.
pub const KIND: &str = SEND;

/// One try at one delivery.
pub async fn run(app: &App, job: &Claimed) -> Outcome {
    let Some(id) = job.payload.get("delivery").and_then(serde_json::Value::as_i64) else {
        return Outcome::Park { cause: "the job names no delivery".into() };
    };
    match delivery::attempt(app, job.lease, job.attempt, id).await {
        Ok(Attempt::Settled(log)) => Outcome::Done(log),
        Ok(Attempt::Failed(cause)) => Outcome::Park { cause },
        Ok(Attempt::Later { cause, at }) => Outcome::RetryAt { cause, at },
        Err(error) => Outcome::backoff(error),
    }
}
