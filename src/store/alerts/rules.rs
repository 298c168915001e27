//! The alert rule: one row that an operator edits.

use sqlx::PgPool;

use crate::store::{Result, Tx};

/// When alerts are due, and who gets those that nobody owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRule {
    /// Alerts are sent at all.
    pub enabled: bool,
    /// Days before the end, the largest first.
    pub thresholds: Vec<i32>,
    /// The end itself is a threshold too.
    pub expired: bool,
    /// Who is told about an entry without an owner; `None` = every administrator.
    pub fallback: Option<String>,
    /// What each subject begins with.
    pub subject_prefix: String,
}

/// The rule as it is now.
pub async fn find(pool: &PgPool) -> Result<AlertRule> {
    let row = sqlx::query_as!(
        AlertRule,
        "select enabled, thresholds, expired, fallback, subject_prefix
         from alert_rules",
    )
    .fetch_one(pool)
    .await?;
    Ok(row)
}

/// Replaces the rule and answers what it was before.
pub async fn replace(tx: &mut Tx, rule: &AlertRule) -> Result<AlertRule> {
    let before = sqlx::query_as!(
        AlertRule,
        "select enabled, thresholds, expired, fallback, subject_prefix
         from alert_rules
         for update",
    )
    .fetch_one(tx.conn())
    .await?;
    sqlx::query!(
        "update alert_rules
         set enabled = $1, thresholds = $2, expired = $3, fallback = $4, subject_prefix = $5",
        rule.enabled,
        &rule.thresholds,
        rule.expired,
        rule.fallback,
        rule.subject_prefix,
    )
    .execute(tx.conn())
    .await?;
    Ok(before)
}
