//! Tells somebody of jobs that were given up.

use crate::{
    app::App,
    services::alerts::parked::{self, Told},
    store::{
        self,
        jobs::{NewJob, Priority},
    },
};

use super::{Claimed, Outcome, send_alert};

/// The kind of job.
pub const KIND: &str = "tell_parked";

/// One mail about everything that nobody was told of.
pub async fn run(app: &App, _job: &Claimed) -> Outcome {
    match parked::tell(app, KIND).await {
        Ok(Told::Done(log)) => Outcome::Done(log),
        // Never parked for that: a job that says that jobs were given up must not become one of them.
        Ok(Told::Later(cause)) => Outcome::Done(format!("{cause}; asked again within the hour")),
        Err(error) => Outcome::backoff(error),
    }
}

/// Asks for it after a job of `kind` was given up. That this fails is no matter: the timetable asks as well.
pub(super) async fn ask(app: &App, kind: &str) {
    if [KIND, send_alert::KIND].contains(&kind) {
        return;
    }
    let job = NewJob::new(KIND, serde_json::json!({}), app.now()).keyed("timetable").priority(Priority::High);
    let asked = async {
        let mut conn = app.queue_pool.acquire().await?;
        store::jobs::enqueue(&mut conn, &job, app.now()).await
    };
    if let Err(error) = asked.await {
        tracing::warn!(%error, "nobody is told yet of a job that was given up; the timetable asks within the hour");
    }
}
