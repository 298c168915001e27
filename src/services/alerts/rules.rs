//! The alert rule: read by everybody who sees alerts, changed by operators.

use serde_json::json;

use crate::{
    app::App,
    services::{Actor, Error, FieldError, Permission, Result},
    store::{
        Tx,
        alerts::{
            rules::{self, AlertRule},
            sweeps,
        },
    },
    x509::visible,
};

use super::recipients;

/// The farthest threshold, in days.
pub const FARTHEST: i32 = 365;

/// The most thresholds a rule has.
pub const MOST: usize = 10;

/// The longest beginning of a subject: it leaves room for a name within 70 characters.
pub const LONGEST_PREFIX: usize = 24;

/// The rule as it is now.
pub async fn find(app: &App, actor: &Actor) -> Result<AlertRule> {
    actor.require(Permission::AlertsRead)?;
    Ok(rules::find(&app.pool).await?)
}

/// Puts `rule` in force and looks through the inventory by it.
///
/// # Errors
/// `Invalid`, with every field that is wrong.
pub async fn change(app: &App, actor: &Actor, rule: AlertRule) -> Result<AlertRule> {
    actor.require(Permission::AlertsWrite)?;
    actor.require_everything()?;
    let now = app.now();
    let rule = checked(rule)?;
    let mut tx = Tx::begin(&app.pool).await?;
    let before = rules::replace(&mut tx, &rule).await?;
    sweeps::enqueue(tx.conn(), now).await?;
    let event = actor.event("alert_rule.changed", "expiry alerts");
    tx.commit(event.with(json!({ "before": facts(&before), "after": facts(&rule) }))).await?;
    Ok(rule)
}

fn facts(rule: &AlertRule) -> serde_json::Value {
    json!({
        "enabled": rule.enabled,
        "thresholds": rule.thresholds,
        "expired": rule.expired,
        "fallback": rule.fallback,
        "subject_prefix": rule.subject_prefix,
    })
}

/// The rule with its thresholds in order, each once, and its address in lower case; or what is wrong with it.
fn checked(mut rule: AlertRule) -> Result<AlertRule> {
    let mut wrong = Vec::new();
    rule.thresholds.sort_unstable_by(|one, other| other.cmp(one));
    rule.thresholds.dedup();
    if rule.thresholds.iter().any(|days| !(1..=FARTHEST).contains(days)) {
        wrong.push(FieldError::new(
            "thresholds",
            format!("Days before the end are whole numbers from 1 to {FARTHEST}."),
        ));
    }
    if rule.thresholds.len() > MOST {
        wrong.push(FieldError::new("thresholds", format!("A rule has at most {MOST} thresholds.")));
    }
    if rule.enabled && rule.thresholds.is_empty() && !rule.expired {
        wrong.push(FieldError::new(
            "thresholds",
            "Without a threshold nobody is told anything. Switch alerts off instead.",
        ));
    }
    rule.subject_prefix = rule.subject_prefix.trim().to_owned();
    if rule.subject_prefix.chars().count() > LONGEST_PREFIX {
        wrong.push(FieldError::new("subject_prefix", format!("At most {LONGEST_PREFIX} characters.")));
    }
    if visible(&rule.subject_prefix) != rule.subject_prefix {
        wrong.push(FieldError::new("subject_prefix", "Only characters that can be seen."));
    }
    rule.fallback = rule.fallback.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    if let Some(text) = rule.fallback.take() {
        rule.fallback = recipients::address(&text);
        if rule.fallback.is_none() {
            wrong.push(FieldError::new(
                "fallback",
                "This is not one address such as certificates@example.com.",
            ));
        }
    }
    if wrong.is_empty() { Ok(rule) } else { Err(Error::Invalid(wrong)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule() -> AlertRule {
        AlertRule {
            enabled: true,
            thresholds: vec![7, 30, 14, 7],
            expired: true,
            fallback: Some(" Certs@Halden.example ".into()),
            subject_prefix: " [notafter] ".into(),
        }
    }

    #[test]
    fn a_rule_is_put_in_order() {
        let rule = checked(rule()).unwrap();
        assert_eq!(rule.thresholds, [30, 14, 7]);
        assert_eq!(
            (rule.fallback.as_deref(), rule.subject_prefix.as_str()),
            (Some("certs@halden.example"), "[notafter]")
        );
        assert_eq!(checked(AlertRule { fallback: Some("  ".into()), ..rule }).unwrap().fallback, None);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let fields = |rule| match checked(rule) {
            Err(Error::Invalid(fields)) => fields.into_iter().map(|one| one.field).collect(),
            _ => Vec::new(),
        };
        assert_eq!(fields(AlertRule { thresholds: vec![0], ..rule() }), ["thresholds"]);
        assert_eq!(fields(AlertRule { thresholds: vec![366], ..rule() }), ["thresholds"]);
        assert_eq!(fields(AlertRule { thresholds: (1..=11).collect(), ..rule() }), ["thresholds"]);
        assert_eq!(fields(AlertRule { thresholds: vec![], expired: false, ..rule() }), ["thresholds"]);
        assert_eq!(fields(AlertRule { fallback: Some("a@b, c@d".into()), ..rule() }), ["fallback"]);
        assert_eq!(fields(AlertRule { subject_prefix: "x".repeat(25), ..rule() }), ["subject_prefix"]);
        assert_eq!(fields(AlertRule { subject_prefix: "a\r\nBcc: b".into(), ..rule() }), ["subject_prefix"]);
    }
}
