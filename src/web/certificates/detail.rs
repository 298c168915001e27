//! `/certificates/{id}`: what one certificate is, how long it lasts, whose it is, and what nobody will do about it.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::IntoResponse};

use crate::{
    app::App,
    services::{
        self,
        certificates::{self, Chain, Detail, report::Link},
    },
    store::certificates::{CertificateId, Entry, Status},
    web::{
        error::Result,
        form::Id,
        guard::Visit,
        parts::{Definition, Notice, Tone, Track},
        phrases,
        shell::{Nav, Shell},
        urls,
    },
    x509::{Certificate, inspect::InspectedCertificate},
};

use super::{
    address,
    alert_line::{self, AlertLine},
    chain_view::ChainView,
    head::{self, Head, Side},
    names::Names,
    words,
};

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/detail.html")]
pub struct Page {
    shell: Shell,
    head: Head,
    notices: Vec<Notice>,
    track: Option<Track>,
    fields: Vec<Definition>,
    names: Names,
    chain: Option<ChainView>,
    ownership: Vec<Definition>,
    tags: Vec<(String, String)>,
    note: String,
    /// Entries it replaced, and entries with the same key: heading and links.
    related: Vec<(&'static str, Vec<Definition>)>,
    raw: String,
    /// What was sent about it, for whoever may see alerts.
    alerts: Option<Vec<AlertLine>>,
}

impl Page {
    fn new(
        visit: &Visit,
        detail: &Detail,
        team: Option<&str>,
        chain: &Chain,
        alerts: Option<Vec<AlertLine>>,
    ) -> Self {
        let entry = &detail.entry;
        let view = detail.certificate.is_some().then(|| ChainView::new(chain, detail.now));
        let is_dated = entry.not_before.zip(entry.ends());
        Self {
            shell: visit.shell(Nav::Certificates),
            head: Head::new(visit, detail, Side::Summary),
            notices: notices(detail),
            track: is_dated.map(|(from, to)| Track::new(from, to, detail.now)),
            fields: match &detail.certificate {
                Some(certificate) => fields(detail, certificate, chain),
                None => unreadable_fields(detail),
            },
            names: Names::of(entry),
            chain: view,
            ownership: ownership(entry, team, detail.key_is_kept),
            tags: tags(entry),
            note: entry.note.clone(),
            related: related(detail),
            raw: urls::certificate_part(entry.id, "raw"),
            alerts,
        }
    }
}

/// Shows it.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let detail = certificates::detail(&app, &visit.actor, CertificateId(id)).await?;
    let chain = certificates::chain(&app, &visit.actor, CertificateId(id)).await?;
    let alerts = alert_line::load(&app, &visit.actor, id).await?;
    let slugs: Vec<String> = detail.entry.team.iter().cloned().collect();
    let team = services::teams::names(&app, &visit.actor, &slugs).await?.into_values().next();
    Ok(Page::new(&visit, &detail, team.as_deref(), &chain, alerts).into_response())
}

/// What a person should know first.
fn notices(detail: &Detail) -> Vec<Notice> {
    let entry = &detail.entry;
    let ended = head::ended(entry);
    match entry.status(detail.now) {
        Status::Unreadable => vec![Notice::new(
            Tone::High,
            "This certificate cannot be read.",
            format!(
                "It is kept by its fingerprint, and nobody knows when it ends. {}.",
                entry.unreadable.as_deref().unwrap_or_default()
            ),
        )],
        Status::Superseded => {
            let notice = Notice::new(
                Tone::Info,
                "A newer certificate took its place.",
                "It covers every name of this one, so this one sends no alerts.",
            );
            let newer = detail.superseded_by.as_ref().and_then(|newer| newer.id);
            vec![match newer {
                Some(id) => notice.with_action(urls::certificate(id), "Show the newer one"),
                None => notice,
            }]
        }
        Status::Retired => vec![Notice::new(
            Tone::Mute,
            "This certificate is retired and sends no alerts.",
            entry.retired_reason.as_ref().map(|reason| format!("Reason: {reason}")).unwrap_or_default(),
        )],
        Status::Expired => vec![Notice::new(
            Tone::Crit,
            "This certificate has ended.",
            format!("Its last second was {ended}. Clients that still meet it refuse it."),
        )],
        Status::Valid | Status::Expiring => active(entry, detail.now),
        Status::Revoked => Vec::new(),
    }
}

/// What follows from the dates of a certificate in use.
fn active(entry: &Entry, now: time::OffsetDateTime) -> Vec<Notice> {
    let mut notices = Vec::new();
    if let Some(begins) = entry.not_before.filter(|begins| *begins > now) {
        let text = format!("It begins on {}; until then clients refuse it.", phrases::moment(begins));
        notices.push(Notice::new(Tone::Warn, "This certificate is not valid yet.", text));
    }
    let tone = Tone::of_end(entry.not_after, now);
    if !entry.is_ca && tone != Tone::Ok {
        let text = format!(
            "It was imported and has no automation. After {} clients will refuse it.",
            head::ended(entry)
        );
        notices.push(Notice::new(tone, "Nothing will renew this certificate.", text));
    }
    notices
}

fn fields(detail: &Detail, certificate: &Certificate, chain: &Chain) -> Vec<Definition> {
    let told = InspectedCertificate::from(certificate);
    let issuer = chain.links.get(1).and_then(|link| link.id);
    let mut fields = vec![
        Definition::new("Subject", or_none(&told.subject)),
        match issuer {
            Some(id) => Definition::link("Issuer", or_none(&told.issuer), urls::certificate(id)),
            None => Definition::new("Issuer", or_none(&told.issuer)),
        },
        Definition::new("Key", &words::key(&told.key)),
        Definition::new("Signature", &told.signature),
        Definition::new("Usage", &usage(&told)),
        Definition::new("Authority", &authority(&told)),
        Definition::hash("Serial", &told.serial, &phrases::colons(&told.serial)),
        Definition::hash("SHA-256", &told.sha256, &phrases::groups(&told.sha256)),
        Definition::hash("SHA-1", &told.sha1, &phrases::groups(&told.sha1)),
        Definition::hash("Public key SHA-256", &told.spki_sha256, &phrases::groups(&told.spki_sha256)),
    ];
    let scts = i64::try_from(told.scts.len()).unwrap_or(i64::MAX);
    let logs = match scts {
        0 => "No timestamp of a CT log inside".to_owned(),
        some => phrases::counted(some, "timestamp of a CT log inside", "timestamps of CT logs inside"),
    };
    fields.push(Definition::new("CT logs", &logs));
    let added = format!("{}, by {}", phrases::moment(detail.entry.added_at), source(&detail.entry.source));
    fields.push(Definition::new("In the inventory since", &added));
    fields
}

fn unreadable_fields(detail: &Detail) -> Vec<Definition> {
    let (sha256, sha1) = (hex::encode(&detail.entry.sha256), hex::encode(&detail.entry.sha1));
    let size = i64::try_from(detail.der.len()).unwrap_or(i64::MAX);
    let added = format!("{}, by {}", phrases::moment(detail.entry.added_at), source(&detail.entry.source));
    vec![
        Definition::hash("SHA-256", &sha256, &phrases::groups(&sha256)),
        Definition::hash("SHA-1", &sha1, &phrases::groups(&sha1)),
        Definition::new("Size", &phrases::counted(size, "byte", "bytes")),
        Definition::new("In the inventory since", &added),
    ]
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "Empty" } else { text }
}

fn usage(told: &InspectedCertificate) -> String {
    let listed = [told.key_usage.join(", "), told.extended_key_usage.join(", ")];
    let listed: Vec<String> = listed.into_iter().filter(|uses| !uses.is_empty()).collect();
    if listed.is_empty() { "Not limited".to_owned() } else { listed.join(". ") }
}

fn authority(told: &InspectedCertificate) -> String {
    match (told.is_ca, told.path_len) {
        (false, _) => "No, it signs no others".to_owned(),
        (true, None) => "Yes, of any depth".to_owned(),
        (true, Some(0)) => "Yes, with no authority below it".to_owned(),
        (true, Some(1)) => "Yes, with 1 authority below it at most".to_owned(),
        (true, Some(n)) => format!("Yes, with {n} authorities below it at most"),
    }
}

/// The door it came through.
pub(super) fn source(word: &str) -> &'static str {
    match word {
        "api" => "the API",
        "cli" => "the command line",
        "scan" => "a scan",
        "issued" => "an issuance",
        _ => "an import",
    }
}

fn ownership(entry: &Entry, team_name: Option<&str>, key_is_kept: bool) -> Vec<Definition> {
    let filter = |owner: &str, team: &str, env: &str| {
        let one = |value: &str| if value.is_empty() { Vec::new() } else { vec![value.to_owned()] };
        let request = certificates::ListRequest {
            owner: one(owner),
            team: one(team),
            env: one(env),
            ..certificates::ListRequest::default()
        };
        address::href(&request)
    };
    let linked = |term: &str, value: Option<&str>, href: String| match value {
        Some(value) => Definition::link(term, value, href),
        None => Definition::new(term, "None"),
    };
    let [owner, team, env] =
        [&entry.owner, &entry.team, &entry.environment].map(|value| value.as_deref().unwrap_or_default());
    let kept = if key_is_kept { "Kept here, sealed" } else { "Not kept here" };
    vec![
        linked("Owner", entry.owner.as_deref(), filter(owner, "", "")),
        linked("Team", team_name, filter("", team, "")),
        linked("Environment", entry.environment.as_deref(), filter("", "", env)),
        Definition::new("Private key", kept),
    ]
}

fn tags(entry: &Entry) -> Vec<(String, String)> {
    let href = |tag: &String| {
        let request =
            certificates::ListRequest { tag: vec![tag.clone()], ..certificates::ListRequest::default() };
        (address::href(&request), tag.clone())
    };
    entry.tags.iter().map(href).collect()
}

fn related(detail: &Detail) -> Vec<(&'static str, Vec<Definition>)> {
    let linked = |links: &[Link]| -> Vec<Definition> {
        let one = |link: &Link| match link.id {
            Some(id) => Definition::link("", &link.name, urls::certificate(id)),
            None => Definition::new("", &link.name),
        };
        links.iter().map(one).collect()
    };
    let mut related =
        vec![("Took the place of", linked(&detail.supersedes)), ("Same key", linked(&detail.same_key))];
    related.retain(|(_, links)| !links.is_empty());
    related
}
