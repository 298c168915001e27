//! `/jobs`: four views of the queue, the failing first, each with its cause before its log.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use serde::Deserialize;
use time::OffsetDateTime;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{
        Permission,
        jobs::{self, Counts, Job, View},
    },
    web::{
        error::Result,
        form::Query,
        guard::Visit,
        parts::{Badge, Column, Notice, Pager, Tab, Tone},
        phrases, session,
        shell::{Nav, Shell},
        urls,
    },
};

use super::{badge, lasted, name, until};

/// Jobs on one page.
const PAGE: usize = 50;

/// What may stand in the address.
#[derive(Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    after: String,
}

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "jobs/list.html")]
pub struct List {
    shell: Shell,
    tabs: Vec<Tab>,
    notice: Option<Notice>,
    is_failing: bool,
    columns: Vec<Column>,
    rows: Vec<Row>,
    empty: (&'static str, &'static str),
    pager: Pager,
    may_act: bool,
}

/// A job on the page.
pub struct Row {
    id: i64,
    href: String,
    name: String,
    badge: Badge,
    cause: String,
    log: String,
    /// What the view is ordered by, as a distance.
    when: String,
    exact: String,
    tries: String,
    retry: String,
    cancel: String,
}

impl Row {
    fn new(job: &Job, view: View, now: OffsetDateTime) -> Row {
        let (when, at) = match (view, job.state.as_str()) {
            (View::Failing, "queued") => (format!("next try {}", until(job.run_at, now)), job.run_at),
            (View::Waiting, _) => (until(job.run_at, now), job.run_at),
            (View::Running, _) => {
                let began = job.started_at.unwrap_or(now);
                let millis = i64::try_from((now - began).whole_milliseconds()).unwrap_or(0).max(0);
                (lasted(millis), began)
            }
            _ => {
                let ended = job.finished_at.unwrap_or(job.run_at);
                (phrases::ago(ended, now), ended)
            }
        };
        Row {
            id: job.id,
            href: urls::job(job.id),
            name: name(job),
            badge: badge(job),
            cause: phrases::visible(job.cause.as_deref().unwrap_or_default()),
            log: phrases::visible(&job.log),
            when,
            exact: phrases::instant(at),
            tries: format!("{} of {}", job.attempts, job.max_attempts),
            retry: urls::job_act(job.id, "retry"),
            cancel: urls::job_act(job.id, "cancel"),
        }
    }
}

/// Shows a view.
pub async fn get(State(app): State<App>, visit: Visit, Query(asked): Query<Asked>) -> Result<List> {
    let counts = jobs::counts(&app, &visit.actor).await?;
    let view = view_named(&asked.state);
    let after = match asked.after.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|error| crate::services::Error::Refused(format!("{error}")))?),
    };
    let page = jobs::list(&app, &visit.actor, view, after, PAGE).await?;
    let now = app.now();
    let next = page.next.map(|next| format!("{}&after={next}", urls::jobs(slug(view))));
    let rows: Vec<Row> = page.jobs.iter().map(|job| Row::new(job, view, now)).collect();
    Ok(List {
        tabs: tabs(&counts, view),
        notice: silence(&app).await?,
        is_failing: view == View::Failing,
        columns: columns(view),
        empty: emptiness(view),
        pager: Pager {
            shown: phrases::counted(rows.len() as i64, "job", "jobs"),
            first: after.is_some().then(|| urls::jobs(slug(view))),
            previous: None,
            next,
        },
        rows,
        may_act: visit.actor.may(Permission::JobsWrite),
        shell: visit.shell(Nav::Jobs),
    })
}

/// Runs everything that failed again.
pub async fn retry_all(State(app): State<App>, session: Session, visit: Visit) -> Result {
    let retried = jobs::retry_all(&app, &visit.actor).await?;
    let count = phrases::counted(i64::try_from(retried).unwrap_or(i64::MAX), "job", "jobs");
    session::tell(&session, "Trying again.", &format!("{count} will run as soon as a worker is free."))
        .await?;
    Ok(Redirect::to(&urls::jobs(slug(View::Failing))).into_response())
}

/// Says so when nobody works.
async fn silence(app: &App) -> Result<Option<Notice>> {
    let text = "Jobs wait until one starts: `notafter serve` brings one, `notafter work` is one.";
    let working = jobs::is_worker_alive(app).await?;
    Ok((!working).then(|| Notice::new(Tone::Crit, "No worker is running.", text)))
}

fn view_named(state: &str) -> View {
    match state {
        "running" => View::Running,
        "waiting" => View::Waiting,
        "finished" => View::Finished,
        _ => View::Failing,
    }
}

fn slug(view: View) -> &'static str {
    match view {
        View::Failing => "failing",
        View::Running => "running",
        View::Waiting => "waiting",
        View::Finished => "finished",
    }
}

fn tabs(counts: &Counts, view: View) -> Vec<Tab> {
    let tab = |of: View, text: &str| Tab::new(urls::jobs(slug(of)), text, of == view);
    let failing = counts.failing + counts.parked;
    let first = tab(View::Failing, "Failing").with_count(failing);
    vec![
        if failing > 0 { first.with_tone(Tone::Crit) } else { first },
        tab(View::Running, "Running").with_count(counts.running),
        tab(View::Waiting, "Waiting").with_count(counts.waiting),
        tab(View::Finished, "Finished"),
    ]
}

fn columns(view: View) -> Vec<Column> {
    let when = match view {
        View::Running => "For",
        View::Waiting => "Starts",
        View::Failing | View::Finished => "Ended",
    };
    vec![
        Column::new("Job", ""),
        Column::new("State", "p1"),
        Column::new("Tries", "p2 num"),
        Column::new(when, "num"),
    ]
}

fn emptiness(view: View) -> (&'static str, &'static str) {
    match view {
        View::Failing => ("Nothing fails", "Every piece of background work went well, or is under way."),
        View::Running => {
            ("Nothing runs right now", "Work starts by itself, by the timetable or by what people do.")
        }
        View::Waiting => ("Nothing waits", "The timetable adds work when it is due."),
        View::Finished => ("Nothing has finished yet", "Finished work stays here for 30 days."),
    }
}
