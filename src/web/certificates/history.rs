//! `/certificates/{id}/history`: who did what to it, from the audit log.

use askama::Template;
use askama_web::WebTemplate;
use axum::{extract::State, response::IntoResponse};
use serde_json::Value;
use time::OffsetDateTime;

use crate::{
    app::App,
    services::certificates::{self, Detail},
    store::certificates::{CertificateId, history::Act},
    web::{
        error::Result,
        form::Id,
        guard::Visit,
        phrases,
        shell::{Nav, Shell},
    },
};

use super::{
    detail,
    head::{Head, Side},
};

/// One line of the history.
#[derive(Debug, Clone)]
pub struct Line {
    /// How long ago.
    pub ago: String,
    /// Exactly when, for people.
    pub moment: String,
    /// Exactly when, for machines.
    pub instant: String,
    /// Who; hostile text. Empty where only the row tells.
    pub who: String,
    /// What they did.
    pub what: String,
    /// What changed; hostile text.
    pub changes: Vec<String>,
}

/// The page.
#[derive(Template, WebTemplate)]
#[template(path = "certificates/history.html")]
pub struct Page {
    shell: Shell,
    head: Head,
    lines: Vec<Line>,
}

/// Shows it.
pub async fn get(State(app): State<App>, visit: Visit, Id(id): Id) -> Result {
    let detail = certificates::detail(&app, &visit.actor, CertificateId(id)).await?;
    let acts = certificates::history(&app, &visit.actor, CertificateId(id)).await?;
    let page = Page {
        shell: visit.shell(Nav::Certificates),
        head: Head::new(&visit, &detail, Side::History),
        lines: lines(&detail, &acts),
    };
    Ok(page.into_response())
}

/// The acts, and its arrival: a large import is one record of many certificates, so there the row tells.
fn lines(detail: &Detail, acts: &[Act]) -> Vec<Line> {
    let mut lines: Vec<Line> = acts.iter().map(|act| line(act, detail.now)).collect();
    if !acts.iter().any(|act| act.act == "certificate.imported") {
        let what = format!("Came into the inventory through {}.", detail::source(&detail.entry.source));
        lines.push(dated(detail.entry.added_at, detail.now, String::new(), what, Vec::new()));
    }
    lines
}

fn dated(at: OffsetDateTime, now: OffsetDateTime, who: String, what: String, changes: Vec<String>) -> Line {
    let (ago, moment, instant) = (phrases::ago(at, now), phrases::moment(at), phrases::instant(at));
    Line { ago, moment, instant, who, what, changes }
}

fn line(act: &Act, now: OffsetDateTime) -> Line {
    let detail: Value = serde_json::from_str(&act.detail).unwrap_or_default();
    let text = |name: &str| detail.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (what, changes) = match act.act.as_str() {
        "certificate.imported" => ("imported it".to_owned(), labelled("File", &text("file"))),
        "certificate.edited" => ("changed it".to_owned(), changes(&detail)),
        "certificate.retired" => ("retired it".to_owned(), labelled("Reason", &text("reason"))),
        "certificate.restored" => ("brought it back into use".to_owned(), Vec::new()),
        "certificate.superseded" => {
            ("imported a newer certificate that took its place".to_owned(), labelled("File", &text("file")))
        }
        other => (format!("recorded {other}"), Vec::new()),
    };
    let who = match act.actor_kind.as_str() {
        "cli" => format!("{} on the command line", act.actor_name),
        "system" => "The console".to_owned(),
        _ => act.actor_name.clone(),
    };
    dated(act.at, now, who, format!("{what}."), changes)
}

fn labelled(label: &str, text: &str) -> Vec<String> {
    if text.is_empty() { Vec::new() } else { vec![format!("{label}: {text}")] }
}

/// Each field that is not as it was.
fn changes(detail: &Value) -> Vec<String> {
    let names = [
        ("owner", "Owner"),
        ("team_id", "Team"),
        ("environment", "Environment"),
        ("tags", "Tags"),
        ("note", "Note"),
    ];
    let of = |side: &str, name: &str| {
        detail.get(side).and_then(|fields| fields.get(name)).cloned().unwrap_or_default()
    };
    let changed = names.iter().filter_map(|(name, label)| {
        let (before, after) = (of("before", name), of("after", name));
        let told = match *name {
            // A team is recorded by its number, and a note may be long.
            "team_id" | "note" => format!("{label} changed"),
            _ => format!("{label}: {} → {}", shown(&before), shown(&after)),
        };
        (before != after).then_some(told)
    });
    changed.collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        Value::Array(list) if !list.is_empty() => {
            list.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
        }
        _ => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let detail = json!({
            "before": { "owner": null, "team_id": 1, "environment": "prod", "tags": [], "note": "" },
            "after": { "owner": "web@halden.example", "team_id": 1, "environment": "prod", "tags": ["a", "b"], "note": "" },
        });
        assert_eq!(changes(&detail), ["Owner: none → web@halden.example", "Tags: none → a, b"]);
    }
}
