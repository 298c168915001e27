//! The rule as a form: days as boxes to tick, with room for others.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::{
    services::alerts::{
        rules::{FARTHEST, LONGEST_PREFIX},
        thresholds::{self, Life, SHORT_LIFE},
    },
    store::alerts::rules::AlertRule,
    web::{
        form::is_ticked,
        parts::{Field, FieldError},
    },
};

/// Days that are always offered.
const OFFERED: [i32; 6] = [60, 30, 14, 7, 3, 1];

/// What the form sends.
#[derive(Debug, Default, Deserialize)]
pub struct Given {
    enabled: Option<String>,
    #[serde(default)]
    thresholds: Vec<String>,
    #[serde(default)]
    other_days: String,
    expired: Option<String>,
    #[serde(default)]
    fallback: String,
    #[serde(default)]
    subject_prefix: String,
}

impl Given {
    /// The rule that was meant. What is no number becomes a zero, which the service refuses by name.
    pub fn rule(&self) -> AlertRule {
        let other = self.other_days.split([',', ' ', ';']);
        let days = self.thresholds.iter().map(String::as_str).chain(other).map(str::trim);
        let days = days.filter(|text| !text.is_empty()).map(|text| text.parse().unwrap_or(0));
        AlertRule {
            enabled: is_ticked(&self.enabled),
            thresholds: days.collect(),
            expired: is_ticked(&self.expired),
            fallback: Some(self.fallback.clone()).filter(|text| !text.trim().is_empty()),
            subject_prefix: self.subject_prefix.clone(),
        }
    }
}

/// A number of days to tick.
pub struct Tick {
    /// Days before the end.
    pub days: i32,
    /// Whether the rule has it.
    pub checked: bool,
}

/// The form as the page shows it.
pub struct RuleForm {
    /// Alerts are sent.
    pub enabled: Field,
    /// Days to tick, the farthest first.
    pub ticks: Vec<Tick>,
    /// The end is a threshold.
    pub expired: bool,
    /// Days that are not among those to tick.
    pub other_days: Field,
    /// Who is told about what nobody owns.
    pub fallback: Field,
    /// What a subject begins with.
    pub subject_prefix: Field,
    /// What the thresholds mean for short lives, as shares.
    pub shares: String,
    /// What is wrong with the days.
    pub thresholds_error: Option<String>,
}

impl RuleForm {
    /// The form of the rule in force.
    pub fn of(rule: &AlertRule) -> Self {
        Self::new(rule, String::new(), &[])
    }

    /// The form as it was filled in, with what was wrong.
    pub fn again(given: &Given, errors: &[FieldError]) -> Self {
        Self::new(&given.rule(), given.other_days.clone(), errors)
    }

    fn new(rule: &AlertRule, other_days: String, errors: &[FieldError]) -> Self {
        let typed =
            other_days.split([',', ' ', ';']).filter_map(|text| text.parse().ok()).collect::<Vec<i32>>();
        let ticked = |days: i32| rule.thresholds.contains(&days) && !typed.contains(&days);
        let mut offered = OFFERED.to_vec();
        offered.extend(
            rule.thresholds.iter().filter(|days| (1..=FARTHEST).contains(days) && !typed.contains(days)),
        );
        offered.sort_unstable_by(|one, other| other.cmp(one));
        offered.dedup();
        Self {
            enabled: Field::switch("enabled", "Send expiry alerts", rule.enabled),
            ticks: offered.into_iter().map(|days| Tick { days, checked: ticked(days) }).collect(),
            expired: rule.expired,
            other_days: Field::text("other_days", "Other days")
                .value(other_days)
                .placeholder("90, 45")
                .hint(format!("Whole numbers from 1 to {FARTHEST}, separated by commas.")),
            fallback: Field::text("fallback", "Nobody owns it")
                .value(rule.fallback.clone().unwrap_or_default())
                .placeholder("certificates@example.com")
                .hint("One address. Empty: every administrator.")
                .errors(errors),
            subject_prefix: Field::text("subject_prefix", "Subjects begin with")
                .value(rule.subject_prefix.clone())
                .length(0, LONGEST_PREFIX)
                .errors(errors),
            shares: shares(&rule.thresholds),
            thresholds_error: errors
                .iter()
                .find(|error| error.field == "thresholds")
                .map(|error| error.message.clone()),
        }
    }
}

/// `30, 14, 7 days become 33 %, 20 %, 10 %`, by the function that decides.
fn shares(days: &[i32]) -> String {
    let end = OffsetDateTime::UNIX_EPOCH + SHORT_LIFE;
    // One second short of the life from which thresholds are taken as they are.
    let whole = SHORT_LIFE - time::Duration::SECOND;
    let life = Life { not_before: Some(end - whole), not_after: end, added_at: end };
    let share = |days: &i32| {
        let lead = thresholds::lead(*days, life);
        (lead.whole_seconds() * 100 + whole.whole_seconds() / 2) / whole.whole_seconds()
    };
    let valid: Vec<i32> = days.iter().copied().filter(|days| (1..=FARTHEST).contains(days)).collect();
    match valid.as_slice() {
        [] => String::new(),
        [one] => format!("{one} {} {} %", if *one == 1 { "day becomes" } else { "days become" }, share(one)),
        many => {
            let days: Vec<String> = many.iter().map(ToString::to_string).collect();
            let shares: Vec<String> = many.iter().map(|days| format!("{} %", share(days))).collect();
            format!("{} days become {}", days.join(", "), shares.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_are_those_of_the_rule() {
        assert_eq!(shares(&[30, 14, 7]), "30, 14, 7 days become 33 %, 20 %, 10 %");
        assert_eq!(shares(&[1]), "1 day becomes 1 %");
        assert_eq!(shares(&[]), "");
    }

    #[test]
    fn ticked_and_typed_days_are_one_rule() {
        let given = Given {
            thresholds: vec!["30".into(), "7".into()],
            other_days: "45, x".into(),
            ..Given::default()
        };
        assert_eq!(given.rule().thresholds, [30, 7, 45, 0]);
        let form = RuleForm::again(&given, &[]);
        let checked: Vec<i32> = form.ticks.iter().filter(|tick| tick.checked).map(|tick| tick.days).collect();
        assert_eq!((checked, form.other_days.value.as_str()), (vec![30, 7], "45, x"));
    }
}
