//! `/certificates/{id}/edit`: whose it is and what is said about it. Whoever saves over somebody else's change sees both first.

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

use crate::{
    app::App,
    services::{
        Error, FieldError,
        certificates::{self, Change},
        teams,
    },
    store::certificates::{CertificateId, Entry},
    web::{
        error::Result,
        form::{self, Form, Id},
        guard::Visit,
        parts::Field,
        session,
        shell::{Nav, Shell},
        urls,
    },
};

use super::ownership::{self, TeamChoice};

/// What the form sends.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Given {
    owner: String,
    team: String,
    environment: String,
    tags: String,
    note: String,
    /// Microseconds of the change that the form showed.
    seen: String,
}

impl Given {
    fn of(entry: &Entry) -> Self {
        Self {
            owner: entry.owner.clone().unwrap_or_default(),
            team: entry.team.clone().unwrap_or_default(),
            environment: entry.environment.clone().unwrap_or_default(),
            tags: entry.tags.join(", "),
            note: entry.note.clone(),
            seen: moment(entry.changed_at),
        }
    }

    /// What to write. A form without the moment it showed is treated as one that showed something old.
    fn change(&self) -> Change {
        let micros: i128 = self.seen.parse().unwrap_or_default();
        let seen = OffsetDateTime::from_unix_timestamp_nanos(micros.saturating_mul(1_000));
        Change {
            owner: self.owner.clone(),
            team: self.team.clone(),
            environment: self.environment.clone(),
            tags: ownership::tags(&self.tags),
            note: self.note.clone(),
            seen: Some(seen.unwrap_or(OffsetDateTime::UNIX_EPOCH)),
        }
    }
}

/// A field that two people filled differently.
#[derive(Debug, Clone)]
pub struct Difference {
    /// The field.
    pub label: &'static str,
    /// What is stored now; hostile text.
    pub stored: String,
    /// What was typed here; hostile text.
    pub typed: String,
}

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/edit.html")]
pub struct Page {
    shell: Shell,
    name: String,
    back: String,
    action: String,
    fields: Vec<Field>,
    note: Field,
    seen: String,
    is_conflict: bool,
    differences: Vec<Difference>,
    errors: Vec<FieldError>,
}

impl Page {
    fn new(
        visit: &Visit,
        entry: &Entry,
        teams: &[TeamChoice],
        given: &Given,
        errors: Vec<FieldError>,
    ) -> Self {
        let typed = ownership::Typed {
            owner: &given.owner,
            team: &given.team,
            environment: &given.environment,
            tags: &given.tags,
        };
        let note = Field::textarea("note", "Note", 6).length(0, 10_000).value(&given.note);
        Self {
            shell: visit.shell(Nav::Certificates),
            name: entry.name.clone(),
            back: urls::certificate(entry.id),
            action: urls::certificate_part(entry.id, "edit"),
            fields: ownership::fields(typed, teams, visit.actor.reach().as_sql().is_some(), &errors),
            note: note
                .hint("What the next person should know. Everybody who sees the certificate can read it.")
                .errors(&errors),
            seen: given.seen.clone(),
            is_conflict: false,
            differences: Vec::new(),
            errors,
        }
    }

    /// The same after somebody else was faster: saving once more puts this over theirs, knowingly.
    fn beside(mut self, entry: &Entry, given: &Given) -> Self {
        let stored = Given::of(entry);
        let all = [
            ("Owner", &stored.owner, &given.owner),
            ("Team", &stored.team, &given.team),
            ("Environment", &stored.environment, &given.environment),
            ("Tags", &stored.tags, &given.tags),
            ("Note", &stored.note, &given.note),
        ];
        let differing = all.into_iter().filter(|(_, stored, typed)| stored.trim() != typed.trim());
        self.differences = differing
            .map(|(label, stored, typed)| Difference { label, stored: stored.clone(), typed: typed.clone() })
            .collect();
        self.is_conflict = true;
        self.seen = stored.seen;
        self
    }
}

/// Shows the form.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let entry = certificates::detail(&app, &visit.actor, CertificateId(id)).await?.entry;
    let teams = ownership::choices(teams::list(&app, &visit.actor).await?);
    Ok(Page::new(&visit, &entry, &teams, &Given::of(&entry), Vec::new()).into_response())
}

/// Saves it.
pub async fn post(
    State(app): State<App>,
    visit: Visit,
    session: Session,
    Id(id): Id,
    Form(given): Form<Given>,
) -> Result {
    let error = match certificates::edit(&app, &visit.actor, CertificateId(id), &given.change()).await {
        Ok(()) => {
            session::tell(&session, "The change is saved.", "").await?;
            return Ok(Redirect::to(&urls::certificate(id)).into_response());
        }
        Err(error @ (Error::Invalid(_) | Error::Conflict(_))) => error,
        Err(error) => return Err(error.into()),
    };
    let entry = certificates::detail(&app, &visit.actor, CertificateId(id)).await?.entry;
    let teams = ownership::choices(teams::list(&app, &visit.actor).await?);
    if let Error::Conflict(_) = error {
        let page = Page::new(&visit, &entry, &teams, &given, Vec::new()).beside(&entry, &given);
        return Ok((StatusCode::CONFLICT, page).into_response());
    }
    let page = Page::new(&visit, &entry, &teams, &given, form::field_errors(error)?);
    Ok((StatusCode::UNPROCESSABLE_ENTITY, page).into_response())
}

/// A moment as the form carries it, to the microsecond that the database keeps.
fn moment(at: OffsetDateTime) -> String {
    (at.unix_timestamp_nanos() / 1_000).to_string()
}
