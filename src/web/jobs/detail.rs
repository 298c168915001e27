//! `/jobs/{id}`: one job with its runs, cause first; try again, cancel.

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
    services::{
        Permission,
        jobs::{self, Job, PastRun},
    },
    web::{
        error::Result,
        form::Id,
        guard::Visit,
        parts::{Badge, Definition, Notice, Tone},
        phrases, session,
        shell::{Nav, Shell},
        urls,
    },
};

use super::{badge, lasted, name, until};

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "jobs/detail.html")]
pub struct Detail {
    shell: Shell,
    name: String,
    badge: Badge,
    cause: Option<Notice>,
    facts: Vec<Definition>,
    runs: Vec<Run>,
    retry: Option<String>,
    cancel: Option<String>,
}

/// A run on the page.
pub struct Run {
    title: String,
    badge: Badge,
    cause: String,
    log: String,
    worker: String,
}

impl Detail {
    fn new(visit: &Visit, job: &Job, runs: &[PastRun], now: OffsetDateTime) -> Detail {
        let may_act = visit.actor.may(Permission::JobsWrite);
        let failed = job.state == "parked" || (job.state == "queued" && job.cause.is_some());
        let can_retry = may_act && (failed || job.state == "cancelled");
        let can_cancel = may_act && matches!(job.state.as_str(), "queued" | "running" | "parked");
        Detail {
            shell: visit.shell(Nav::Jobs),
            name: name(job),
            badge: badge(job),
            cause: job.cause.as_deref().filter(|_| failed).map(|cause| notice(job, cause, now)),
            facts: facts(job, now),
            runs: runs.iter().map(Run::new).collect(),
            retry: can_retry.then(|| urls::job_act(job.id, "retry")),
            cancel: can_cancel.then(|| urls::job_act(job.id, "cancel")),
        }
    }
}

impl Run {
    fn new(run: &PastRun) -> Run {
        let badge = match run.outcome.as_str() {
            "done" => Badge::new(Tone::Ok, "Done"),
            "retry" => Badge::new(Tone::High, "Failed"),
            "parked" => Badge::new(Tone::Crit, "Given up"),
            "lost" => Badge::new(Tone::High, "Worker lost"),
            other => Badge::new(Tone::Mute, other),
        };
        let when = phrases::instant(run.started_at);
        Run {
            title: format!("Try {}, {when}, {}", run.attempt, lasted(run.duration_ms)),
            badge,
            cause: phrases::visible(run.cause.as_deref().unwrap_or_default()),
            log: phrases::visible(&run.log),
            worker: phrases::visible(&run.worker),
        }
    }
}

/// Shows it.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result<Detail> {
    let (job, runs) = jobs::find(&app, &visit.actor, id).await?;
    Ok(Detail::new(&visit, &job, &runs, app.now()))
}

/// Runs it again.
pub async fn retry(State(app): State<App>, session: Session, visit: Visit, Id(id): Id) -> Result {
    let job = jobs::retry(&app, &visit.actor, id).await?;
    session::tell(&session, "Trying again.", &format!("{} runs as soon as a worker is free.", name(&job)))
        .await?;
    Ok(Redirect::to(&urls::job(id)).into_response())
}

/// Ends it.
pub async fn cancel(State(app): State<App>, session: Session, visit: Visit, Id(id): Id) -> Result {
    let job = jobs::cancel(&app, &visit.actor, id).await?;
    session::tell(&session, "Cancelled.", &format!("{} will not run.", name(&job))).await?;
    Ok(Redirect::to(&urls::job(id)).into_response())
}

fn notice(job: &Job, cause: &str, now: OffsetDateTime) -> Notice {
    let (tone, next) = match job.state.as_str() {
        "parked" => {
            (Tone::Crit, "It is not tried again by itself: put the cause right, then try again.".to_owned())
        }
        _ => (Tone::High, format!("The next try starts {}.", until(job.run_at, now))),
    };
    let sentence = format!("{}.", cause.trim_end_matches('.'));
    Notice::new(tone, sentence, next)
}

fn facts(job: &Job, now: OffsetDateTime) -> Vec<Definition> {
    let mut facts = vec![
        Definition::new("Work", &jobs::title(&job.kind)),
        Definition::new("Tries", &format!("{} of {}", job.attempts, job.max_attempts)),
        Definition::new("Added", &phrases::instant(job.created_at)),
    ];
    match job.state.as_str() {
        "queued" => {
            let at = format!("{}, {}", until(job.run_at, now), phrases::instant(job.run_at));
            facts.push(Definition::new("Starts", &at));
        }
        "running" => {
            facts.extend(job.started_at.map(|at| Definition::new("Running since", &phrases::instant(at))));
            facts.extend(job.worker.as_deref().map(|worker| Definition::new("Worker", worker)));
        }
        _ => facts.extend(job.finished_at.map(|at| Definition::new("Ended", &phrases::instant(at)))),
    }
    facts.push(Definition::hash("Details", &job.payload.to_string(), &job.payload.to_string()));
    facts
}
