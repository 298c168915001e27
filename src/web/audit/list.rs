//! `/audit`: the log, newest first, with its filters; and the proof that it is whole.

use askama::Template;
use askama_web::WebTemplate;
use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Redirect, Response},
};
use time::OffsetDateTime;
use tower_sessions::Session;

use crate::{
    app::App,
    services::{
        Error,
        audit::{self, Filter, Head, Record},
    },
    web::{
        error::Result,
        filters,
        form::{Query, field_errors},
        guard::Visit,
        parts::{Chip, Field, FieldError, Pager},
        phrases, session,
        shell::{Nav, Shell},
        urls,
    },
};

use super::filter::Asked;

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "audit/list.html")]
pub struct List {
    shell: Shell,
    asked: Asked,
    errors: Vec<FieldError>,
    chips: Vec<Chip>,
    fields: Vec<Field>,
    seal: Option<Seal>,
    rows: Vec<Row>,
    pager: Pager,
    csv: String,
    json: String,
}

/// How far the chain reaches.
pub struct Seal {
    records: String,
    short: String,
    hash: String,
    at: OffsetDateTime,
}

/// A record on the page.
pub struct Row {
    id: i64,
    at: OffsetDateTime,
    who: String,
    initials: Option<String>,
    act: String,
    object: String,
    href: Option<String>,
    address: String,
    detail: String,
}

impl From<Head> for Seal {
    fn from(head: Head) -> Seal {
        let hash = hex::encode(head.hash);
        let short = format!("{}…{}", hash.get(..8).unwrap_or_default(), hash.get(56..).unwrap_or_default());
        let records = phrases::counted(head.seq, "record", "records");
        Seal { records, short, hash, at: head.sealed_at }
    }
}

impl From<&Record> for Row {
    fn from(record: &Record) -> Row {
        let by_person = matches!(record.actor_kind.as_str(), "user" | "token");
        Row {
            id: record.id,
            at: record.at,
            who: phrases::visible(&record.actor_name),
            initials: record
                .actor_name
                .chars()
                .next()
                .filter(|_| by_person)
                .map(|c| c.to_uppercase().to_string()),
            act: phrase(&record.act),
            object: phrases::visible(&record.object),
            href: link(record),
            address: record.address.clone().unwrap_or_default(),
            detail: if record.detail == "{}" { String::new() } else { phrases::visible(&record.detail) },
        }
    }
}

/// Shows the page that the address asks for; filters that cannot be read are named, and nothing is hidden by them.
pub async fn get(State(app): State<App>, visit: Visit, Query(asked): Query<Asked>) -> Result {
    let (filter, errors) = match asked.filter() {
        Ok(filter) => (filter, Vec::new()),
        Err(error) => (Filter::default(), field_errors(error)?),
    };
    let after = match asked.after.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|error| Error::Refused(format!("{error}")))?),
    };
    let page = audit::list(&app, &visit.actor, &filter, after, audit::PAGE).await?;
    let next = page.next.map(|next| {
        let here = asked.address("/audit", None);
        format!("{here}{}after={next}", if here.contains('?') { '&' } else { '?' })
    });
    let first = after.is_some().then(|| asked.address("/audit", None));
    let shown = phrases::counted(i64::try_from(page.records.len()).unwrap_or(0), "record", "records");
    let status = if errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let list = List {
        fields: fields(&asked, &audit::acts(&app, &visit.actor).await?, &errors),
        seal: audit::head(&app, &visit.actor).await?.map(Seal::from),
        rows: page.records.iter().map(Row::from).collect(),
        pager: Pager { shown, first, previous: None, next },
        chips: asked.chips(),
        csv: asked.address("/audit.csv", None),
        json: asked.address("/audit.json", None),
        shell: visit.shell(Nav::Audit),
        errors,
        asked,
    };
    Ok((status, list).into_response())
}

fn fields(asked: &Asked, acts: &[String], errors: &[FieldError]) -> Vec<Field> {
    let act = Field::select("act", "Act").value(asked.act.as_str()).option("", "Any");
    vec![
        Field::input("date", "from", "From").value(asked.from.as_str()).errors(errors),
        Field::input("date", "to", "To").value(asked.to.as_str()).errors(errors),
        Field::text("actor", "Who").value(asked.actor.as_str()).autocomplete("off"),
        acts.iter().fold(act, |field, act| field.option(act.as_str(), phrase(act))),
    ]
}

/// Checks the whole log and says what was found.
pub async fn verify(State(app): State<App>, session: Session, visit: Visit) -> Result<Response> {
    let verdict = audit::verify::verify(&app, &visit.actor).await?;
    let checked = phrases::counted(verdict.checked, "record", "records");
    match &verdict.first_broken {
        Some(broken) => session::warn(&session, "The log is broken.", &sentence(&broken.reason)).await?,
        None if !verdict.altered_anchors.is_empty() => {
            let text = format!(
                "{checked} agree with their seals, but {} is not as it was written.",
                audit::anchors::FILE
            );
            session::warn(&session, "The anchors were altered.", &text).await?;
        }
        None => {
            let anchors = phrases::counted(verdict.anchors as i64, "anchor", "anchors");
            let text = format!("{checked} checked against their seals and {anchors}.");
            session::tell(&session, "Log unbroken.", &text).await?;
        }
    }
    Ok(Redirect::to(urls::AUDIT).into_response())
}

fn sentence(reason: &str) -> String {
    let mut letters = reason.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// `certificate.imported` reads `Certificate imported`.
fn phrase(act: &str) -> String {
    let words = act.replace(['.', '_'], " ");
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}", first.to_uppercase(), letters.as_str()))
}

/// Where the thing is, for nouns that have a page.
fn link(record: &Record) -> Option<String> {
    let id = record.object_id?;
    match record.act.split_once('.')?.0 {
        "certificate" => Some(format!("/certificates/{id}")),
        "job" => Some(urls::job(id)),
        "user" => Some(urls::user(id)),
        "team" => Some(urls::team(id)),
        // The object is the mail; the page is that of the certificate it was about.
        "alert" => {
            let detail: serde_json::Value = serde_json::from_str(&record.detail).ok()?;
            detail.get("certificate")?.as_i64().map(urls::certificate)
        }
        _ => None,
    }
}
