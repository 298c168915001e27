//! The page of the overview.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::IntoResponse};
use time::{Date, Duration};

use crate::{
    app::App,
    services::{
        self, Permission, alerts,
        certificates::{self, ListRequest},
        jobs,
    },
    web::{
        alerts::warnings,
        certificates::{Row, href},
        error::Result,
        guard::Visit,
        parts::{Notice, Tile, Timeline, Tone},
        phrases,
        shell::{Nav, Shell},
        urls,
    },
};

use super::{
    tiles,
    welcome::{self, Step},
};

/// How many certificates that end soon are shown.
const NEXT: i64 = 10;
/// How long after its end a certificate still asks for a person here, and how long before.
const LATELY: Duration = Duration::days(30);
const SOON: Duration = Duration::days(31);
/// The days that the timeline asks for, around today.
const BEFORE: Duration = Duration::days(7);
const AFTER: Duration = Duration::days(98);

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "overview/page.html")]
pub struct Page {
    shell: Shell,
    notices: Vec<Notice>,
    tiles: Vec<Tile>,
    timeline: Timeline,
    next: Vec<Row>,
    all_next: String,
    may_write: bool,
}

/// The page while nothing is in the inventory.
#[derive(Template, WebTemplate)]
#[template(path = "overview/welcome.html")]
pub struct Welcome {
    shell: Shell,
    steps: Vec<Step>,
    import: Option<&'static str>,
}

/// Shows what is true now.
pub async fn get(State(app): State<App>, visit: Visit) -> Result {
    let all = certificates::count(&app, &visit.actor, &ListRequest::default()).await?;
    if all.n == 0 {
        let may_write = visit.actor.may(Permission::CertificatesWrite);
        let page = Welcome {
            shell: visit.shell(Nav::Overview),
            steps: welcome::steps(&app, &visit.actor),
            import: may_write.then_some(urls::IMPORT),
        };
        return Ok(page.into_response());
    }
    Ok(load(&app, &visit).await?.into_response())
}

async fn load(app: &App, visit: &Visit) -> services::Result<Page> {
    let today = app.now().date();
    // What ended lately comes first: it hurts already.
    let (first, last) = (today.saturating_sub(LATELY), today.saturating_add(SOON));
    let status = vec!["expired".to_owned(), "expiring".to_owned()];
    let soon = ListRequest { status, expires: format!("{first}..{last}"), ..ListRequest::default() };
    let first = ListRequest { limit: Some(NEXT), ..soon.clone() };
    let next = certificates::list(app, &visit.actor, &first).await?;
    Ok(Page {
        shell: visit.shell(Nav::Overview),
        notices: notices(app, visit).await?,
        tiles: tiles::load(app, &visit.actor).await?,
        timeline: timeline(app, visit, today).await?,
        next: next.entries.iter().map(|entry| Row::new(entry, next.now)).collect(),
        all_next: href(&soon),
        may_write: visit.actor.may(Permission::CertificatesWrite),
    })
}

async fn timeline(app: &App, visit: &Visit, today: Date) -> services::Result<Timeline> {
    let (first, after) = (today.saturating_sub(BEFORE), today.saturating_add(AFTER));
    let days = certificates::histogram(app, &visit.actor, first, after).await?;
    let ends: Vec<(Date, i64)> = days.iter().map(|day| (day.day, day.n)).collect();
    let list = |day: Date| Some(href(&ListRequest { expires: day.to_string(), ..ListRequest::default() }));
    Ok(Timeline::new(today, &ends, list))
}

/// What keeps the console from doing its work.
async fn notices(app: &App, visit: &Visit) -> services::Result<Vec<Notice>> {
    let mut notices = alert_notices(app, visit).await?;
    if visit.actor.may(Permission::JobsRead) {
        let parked = jobs::counts(app, &visit.actor).await?.parked;
        if parked > 0 {
            let given_up = phrases::counted(parked, "background job was", "background jobs were");
            let text = "What is on the timetable is tried anew at its next turn, the rest waits for you. The cause stands beside each.";
            notices.push(
                Notice::new(Tone::High, format!("{given_up} given up."), text)
                    .with_action(urls::jobs("failing"), "Show jobs"),
            );
        }
    }
    Ok(notices)
}

/// What keeps alerts from arriving.
async fn alert_notices(app: &App, visit: &Visit) -> services::Result<Vec<Notice>> {
    if !visit.actor.may(Permission::AlertsRead) {
        return Ok(Vec::new());
    }
    let health = alerts::health::health(app).await?;
    let mut notices = Vec::new();
    if !health.relay {
        let text = "Alerts are not sent, so nobody is told before a certificate ends. Set NOTAFTER_SMTP_URL and NOTAFTER_MAIL_FROM and start the console again.";
        notices.push(Notice::new(Tone::High, "No mail relay is set.", text));
    }
    let counts = alerts::deliveries::counts(app, &visit.actor).await?;
    if let Some(answer) = counts.stuck_answer.as_deref().filter(|_| health.relay) {
        notices.push(warnings::stuck(counts.stuck, answer).with_action(urls::ALERTS, "Show alerts"));
    }
    notices.extend(warnings::lonely(app));
    let failed = counts.failed;
    if failed > 0 {
        let mails = phrases::counted(failed, "alert was", "alerts were");
        let text = "The answer of the mail relay stands beside each.";
        notices.push(
            Notice::new(Tone::High, format!("{mails} refused."), text)
                .with_action(urls::ALERTS, "Show alerts"),
        );
    }
    Ok(notices)
}
