//! `/alerts`: the rule, who is told, a preview by the real renderer, and recent deliveries with the server's answers.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    response::{IntoResponse, Redirect},
};
use http::StatusCode;
use serde::Deserialize;
use time::OffsetDateTime;
use tower_sessions::Session;
use url::form_urlencoded::Serializer;

use crate::{
    app::App,
    services::{
        Permission, Reach,
        alerts::{
            deliveries,
            health::{self, Health},
            preview::{self, Preview},
            rules,
        },
    },
    store::alerts::deliveries::{Counts, Filter},
    web::{
        error::Result,
        filters,
        form::{Form, Query, field_errors},
        guard::Visit,
        parts::{Choice, FieldError, Notice, Pager, Tab, Tone},
        phrases, session,
        shell::{Nav, Shell},
        urls,
    },
};

use super::{
    rows::{self, Row},
    rule::{Given, RuleForm},
    warnings,
};

/// Deliveries on one page.
const PAGE: i64 = 50;

/// Views of the deliveries: name in the URL, name on the page, states.
const VIEWS: [(&str, &str, &[&str]); 4] = [
    ("", "All", &[]),
    ("waiting", "Waiting", &["queued", "sending"]),
    ("failed", "Refused", &["failed"]),
    ("sent", "Sent", &["sent"]),
];

/// What leads to the page.
#[derive(Debug, Default, Deserialize)]
pub struct Asked {
    #[serde(default)]
    state: String,
    #[serde(default)]
    before: String,
    certificate: Option<i64>,
    #[serde(default)]
    r#as: String,
}

#[derive(Template, WebTemplate)]
#[template(path = "alerts/list.html")]
struct List {
    shell: Shell,
    may_write: bool,
    may_rule: bool,
    enabled: bool,
    notices: Vec<Notice>,
    errors: Vec<FieldError>,
    form: RuleForm,
    preview: Option<Shown>,
    tabs: Vec<Tab>,
    rows: Vec<Row>,
    pager: Option<Pager>,
    filtered: bool,
    now: OffsetDateTime,
}

/// The preview panel.
struct Shown {
    subject: String,
    to: Vec<String>,
    choices: Vec<Choice>,
    as_text: bool,
    formats: [Tab; 2],
    frame: String,
    text: String,
}

/// Shows the page.
pub async fn get(State(app): State<App>, visit: Visit, Query(asked): Query<Asked>) -> Result {
    let rule = rules::find(&app, &visit.actor).await?;
    Ok(page(&app, &visit, &asked, RuleForm::of(&rule), rule.enabled, Vec::new()).await?.into_response())
}

/// Puts the rule in force.
pub async fn post(
    State(app): State<App>,
    session: Session,
    visit: Visit,
    Form(given): Form<Given>,
) -> Result {
    match rules::change(&app, &visit.actor, given.rule()).await {
        Ok(_) => {
            session::tell(&session, "Rule saved.", "It is being applied to every certificate now.").await?;
            Ok(Redirect::to(urls::ALERTS).into_response())
        }
        Err(error) => {
            let errors = field_errors(error)?;
            let form = RuleForm::again(&given, &errors);
            let enabled = rules::find(&app, &visit.actor).await?.enabled;
            let page = page(&app, &visit, &Asked::default(), form, enabled, errors).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
        }
    }
}

async fn page(
    app: &App,
    visit: &Visit,
    asked: &Asked,
    form: RuleForm,
    enabled: bool,
    errors: Vec<FieldError>,
) -> Result<List> {
    let actor = &visit.actor;
    let health = health::health(app).await?;
    let counts = deliveries::counts(app, actor).await?;
    let may_write = actor.may(Permission::AlertsWrite);
    let may_rule = may_write && *actor.reach() == Reach::All;
    let preview = preview::preview(app, actor, asked.certificate).await?;
    let preview = match preview {
        Some(preview) => Some(shown(preview, preview::choices(app, actor).await?, asked)),
        None => None,
    };
    let (rows, pager) = deliveries_of(app, visit, asked, may_write).await?;
    Ok(List {
        shell: visit.shell(Nav::Alerts),
        may_write,
        may_rule,
        enabled,
        notices: notices(app, &health, &counts),
        errors,
        form,
        preview,
        tabs: tabs(&asked.state, &counts),
        rows,
        pager,
        filtered: !asked.state.is_empty() || !asked.before.is_empty(),
        now: app.now(),
    })
}

async fn deliveries_of(
    app: &App,
    visit: &Visit,
    asked: &Asked,
    may_write: bool,
) -> Result<(Vec<Row>, Option<Pager>)> {
    let states: Vec<String> = VIEWS
        .iter()
        .find(|(name, ..)| *name == asked.state)
        .map(|(.., states)| states.iter().map(|state| (*state).to_owned()).collect())
        .unwrap_or_default();
    let filter = Filter {
        states: (!states.is_empty()).then_some(states.as_slice()),
        certificate: None,
        before: rows::place(&asked.before),
    };
    let mut found = deliveries::list(app, &visit.actor, &filter, PAGE + 1).await?;
    let more = found.len() > usize::try_from(PAGE).unwrap_or(usize::MAX);
    found.truncate(usize::try_from(PAGE).unwrap_or(usize::MAX));
    let next = found.last().filter(|_| more).map(|last| link(&asked.state, &rows::cursor(last)));
    let first = (!asked.before.is_empty()).then(|| link(&asked.state, ""));
    let shown = phrases::counted(i64::try_from(found.len()).unwrap_or(PAGE), "mail", "mails");
    let pager = (next.is_some() || first.is_some()).then_some(Pager { shown, first, previous: None, next });
    let relay = app.mail.is_some();
    Ok((found.into_iter().map(|delivery| Row::new(delivery, may_write, relay)).collect(), pager))
}

fn link(state: &str, before: &str) -> String {
    let mut query = Serializer::new(String::new());
    for (name, value) in [("state", state), ("before", before)] {
        if !value.is_empty() {
            query.append_pair(name, value);
        }
    }
    match query.finish() {
        empty if empty.is_empty() => urls::ALERTS.to_owned(),
        query => format!("{}?{query}", urls::ALERTS),
    }
}

fn tabs(current: &str, counts: &Counts) -> Vec<Tab> {
    let tab = |(name, text, _): &(&str, &str, &[&str])| {
        let tab = Tab::new(link(name, ""), *text, *name == current);
        match *name {
            "waiting" => tab.with_count(counts.waiting),
            "failed" if counts.failed > 0 => tab.with_count(counts.failed).with_tone(Tone::Crit),
            _ => tab,
        }
    };
    VIEWS.iter().map(tab).collect()
}

/// What is wrong with alerts as a whole, the worst first.
fn notices(app: &App, health: &Health, counts: &Counts) -> Vec<Notice> {
    let now = app.now();
    let mut notices = Vec::new();
    if health.missed {
        let since = health.last_sweep.map_or(
            "Nobody has looked for certificates that end soon yet.".to_owned(),
            |last| {
                format!(
                    "The last look at what ends soon was {}, on {}.",
                    phrases::ago(last, now),
                    phrases::moment(last)
                )
            },
        );
        let advice = "Alerts are late. See whether a worker runs and what it says.";
        notices.push(Notice::new(Tone::Crit, since, advice).with_action("/jobs", "Open jobs"));
    }
    if !health.relay {
        let waiting = match counts.waiting {
            0 => "Set NOTAFTER_SMTP_URL and start the console again.".to_owned(),
            waiting => format!(
                "{} until NOTAFTER_SMTP_URL is set and the console starts again.",
                phrases::counted(waiting, "mail waits", "mails wait")
            ),
        };
        notices.push(Notice::new(Tone::High, "No mail relay is configured.", waiting));
    }
    notices.extend(counts.stuck_answer.as_deref().map(|answer| warnings::stuck(counts.stuck, answer)));
    notices.extend(warnings::lonely(app));
    if health.unaddressed > 0 {
        let strong = phrases::counted(
            health.unaddressed,
            "certificate is due and there is nobody to tell.",
            "certificates are due and there is nobody to tell.",
        );
        notices.push(Notice::new(Tone::Crit, strong, "Name an address below for what nobody owns."));
    }
    notices
}

fn shown(preview: Preview, choices: Vec<(i64, String)>, asked: &Asked) -> Shown {
    let id = preview.certificate;
    let as_text = asked.r#as == "text";
    let mut all = choices;
    if !all.iter().any(|(choice, _)| *choice == id) {
        all.insert(0, (id, preview.name));
    }
    let option = |(choice, name): (i64, String)| Choice {
        value: choice.to_string(),
        label: phrases::visible(&name),
        selected: choice == id,
    };
    let format = |format: &str| format!("{}?certificate={id}&as={format}#preview", urls::ALERTS);
    Shown {
        subject: preview.mail.subject,
        to: preview
            .recipients
            .into_iter()
            .map(|one| format!("{} ({})", one.address, rows::reason(one.reason.as_str())))
            .collect(),
        choices: all.into_iter().map(option).collect(),
        as_text,
        formats: [Tab::new(format("html"), "HTML", !as_text), Tab::new(format("text"), "Text", as_text)],
        frame: urls::mail_preview(id),
        text: preview.mail.text,
    }
}
