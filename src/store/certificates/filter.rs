//! Which entries a list shows: every filter of the page's address, bound and never pasted into SQL (S32).
//!
//! Only conditions that are asked for are written, so that PostgreSQL plans each combination by its own indexes. Within one facet the
//! values are alternatives; facets narrow each other.

use sqlx::{Postgres, QueryBuilder};
use time::{Date, Duration, OffsetDateTime};

use super::{Reach, Status, sample::Weight};

/// How far a list without a counter is counted: at this many, a page says "1,000+".
pub const CAP: i64 = 1_001;

/// Begins a search: it is given up after four seconds, its count and its facets too.
pub(super) const BEGIN_SEARCH: &str = "begin; set local statement_timeout = '4s'";

/// When an active certificate ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// Between now and this many days from now: `expires=14d`.
    Within(u16),
    /// On one of these UTC days, both included: `expires=2026-12-01..2026-12-07`.
    Days(Date, Date),
}

impl Ends {
    /// From the first moment, to before the last.
    pub fn span(self, now: OffsetDateTime) -> (OffsetDateTime, OffsetDateTime) {
        match self {
            Ends::Within(days) => (
                now,
                now.saturating_add(Duration::days(days.into())).saturating_add(Duration::microseconds(1)),
            ),
            Ends::Days(first, last) => {
                // The last day of all has no next one; an end that is never is on it (RFC 5280 §4.1.2.5), and what is unreadable is not active.
                let after = last.next_day().map_or(super::UNKNOWN_END, |day| day.midnight().assume_utc());
                (first.midnight().assume_utc(), after)
            }
        }
    }
}

/// What somebody typed into the search box, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// All of these, in lower case, somewhere in the names. A single one with a dot that some name ends in is taken as a [`Suffix`](Self::Suffix).
    Text(Vec<String>),
    /// Names that end in this, in lower case: `.example.com` for `*.example.com`.
    Suffix(String),
    /// The entries that a suffix was found to have; never typed.
    Among(Vec<i64>),
    /// All of these somewhere in the names, and how they are best looked for; never typed.
    Weighed(Vec<String>, Weight),
    /// A suffix of too many entries to name them; never typed. The text of the names finds them, their reversed names decide.
    Ending {
        /// What their text holds.
        texts: Vec<String>,
        /// How that is best looked for.
        weight: Weight,
        /// The reversed names from the first, to before the second.
        names: (String, String),
    },
    /// Looks like hex: a serial number, or a fingerprint by its length, or part of a name.
    Hex {
        /// As typed, in lower case.
        typed: String,
        /// Without separators.
        digits: String,
    },
    /// The SHA-256 fingerprint of a pasted certificate.
    Certificate([u8; 32]),
    /// A mail address: everything of the owner who has it, else one in the names.
    Address(String),
}

/// Every condition of a list; the default shows all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// `q=`
    pub query: Option<Query>,
    /// `status=`
    pub status: Vec<Status>,
    /// `expires=`
    pub ends: Option<Ends>,
    /// `owner=`; the empty string is "no owner".
    pub owner: Vec<String>,
    /// `team=`, by id; 0 is "no team".
    pub team: Vec<i64>,
    /// `env=`; the empty string is "no environment".
    pub environment: Vec<String>,
    /// `issuer=`, as the list shows it.
    pub issuer: Vec<String>,
    /// `key=`, such as `EC-256`.
    pub key: Vec<String>,
    /// `tag=`; all of them.
    pub tag: Vec<String>,
}

/// What the conditions are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goal {
    /// A page in the order of the list.
    Page,
    /// The same, on a walk through the order that is known to be short.
    Walk,
    /// All that match, or as many as the cap, in any order.
    All,
}

impl Query {
    /// How many rows of the order to walk through for a page of `rows`; `None` when an index leads to them sooner.
    pub(super) fn walk(&self, rows: i64) -> Option<i64> {
        match self {
            Query::Weighed(_, weight) | Query::Ending { weight, .. } => weight.walk(rows),
            _ => None,
        }
    }
}

impl Filter {
    /// Whether nothing narrows the list.
    pub fn is_empty(&self) -> bool {
        *self == Filter::default()
    }

    /// Whether names are looked through, which may take long.
    pub(super) fn reads_names(&self) -> bool {
        self.query.as_ref().is_some_and(|query| !matches!(query, Query::Among(_) | Query::Certificate(_)))
    }

    /// The same without its team, which counters know anyway.
    pub fn without_team(&self) -> Filter {
        Filter { team: Vec::new(), ..self.clone() }
    }

    /// Writes the conditions after `where`; the table's alias is `c`.
    pub(super) fn push(
        &self,
        sql: &mut QueryBuilder<Postgres>,
        reach: Reach<'_>,
        now: OffsetDateTime,
        goal: Goal,
    ) {
        sql.push("true");
        push_reach(sql, reach);
        push_teams(sql, &self.team);
        push_values(sql, "coalesce(c.owner, '')", &self.owner);
        push_values(sql, "coalesce(c.environment, '')", &self.environment);
        push_values(sql, "c.issuer_name", &self.issuer);
        push_values(sql, "c.key", &self.key);
        push_status(sql, &self.status, now);
        if let Some(ends) = self.ends {
            let (from, to) = ends.span(now);
            sql.push(" and c.state = 'active' and c.not_after >= ").push_bind(from);
            sql.push(" and c.not_after < ").push_bind(to);
        }
        push_tags(sql, &self.tag);
        if goal != Goal::Walk
            && let Some(query) = &self.query
        {
            push_query(sql, query, goal);
        }
    }

    /// What [`push`](Self::push) leaves out of a walk: the query, for the rows that were walked through.
    pub(super) fn push_walked(&self, sql: &mut QueryBuilder<Postgres>) {
        sql.push("true");
        if let Some(query) = &self.query {
            push_query(sql, query, Goal::Walk);
        }
    }
}

fn push_reach(sql: &mut QueryBuilder<Postgres>, reach: Reach<'_>) {
    match reach {
        None => {}
        Some([only]) => {
            sql.push(" and c.team_id = ").push_bind(*only);
        }
        Some(teams) => {
            sql.push(" and c.team_id = any(").push_bind(teams.to_vec()).push(")");
        }
    }
}

fn push_teams(sql: &mut QueryBuilder<Postgres>, teams: &[i64]) {
    let real: Vec<i64> = teams.iter().copied().filter(|team| *team != 0).collect();
    match (teams, real.as_slice()) {
        ([], _) => {}
        (_, []) => {
            sql.push(" and c.team_id is null");
        }
        ([only], _) => {
            sql.push(" and c.team_id = ").push_bind(*only);
        }
        (all, _) => {
            let or_none = if all.contains(&0) { " or c.team_id is null)" } else { ")" };
            sql.push(" and (c.team_id = any(").push_bind(real).push(")").push(or_none);
        }
    }
}

/// One value is compared by `=`, so that its index also gives the order.
fn push_values(sql: &mut QueryBuilder<Postgres>, column: &'static str, values: &[String]) {
    match values {
        [] => {}
        [only] => {
            sql.push(" and ").push(column).push(" = ").push_bind(only.clone());
        }
        several => {
            sql.push(" and ").push(column).push(" = any(").push_bind(several.to_vec()).push(")");
        }
    }
}

fn push_status(sql: &mut QueryBuilder<Postgres>, statuses: &[Status], now: OffsetDateTime) {
    if statuses.is_empty() {
        return;
    }
    sql.push(" and (");
    for (n, status) in statuses.iter().enumerate() {
        sql.push(if n == 0 { "" } else { " or " });
        sql.push("(c.state = ").push_bind(status.state().as_str());
        let (from, to) = status.span(now);
        if let Some(from) = from {
            sql.push(" and c.not_after >= ").push_bind(from);
        }
        if let Some(to) = to {
            sql.push(" and c.not_after < ").push_bind(to);
        }
        sql.push(")");
    }
    sql.push(")");
}

fn push_tags(sql: &mut QueryBuilder<Postgres>, tags: &[String]) {
    let real: Vec<String> = tags.iter().filter(|tag| !tag.is_empty()).cloned().collect();
    if real.len() < tags.len() {
        sql.push(" and c.tags = '{}'");
    }
    if !real.is_empty() {
        sql.push(" and c.tags @> ").push_bind(real);
    }
}

fn push_query(sql: &mut QueryBuilder<Postgres>, query: &Query, goal: Goal) {
    match query {
        Query::Text(terms) => {
            for term in terms {
                sql.push(" and c.search like ").push_bind(containing(term));
            }
        }
        Query::Suffix(suffix) => {
            sql.push(" and c.search like ").push_bind(containing(&format!("{suffix}\n")));
        }
        Query::Weighed(texts, weight) => push_weighed(sql, texts, weight, goal),
        Query::Ending { texts, weight, names: (from, to) } => {
            push_weighed(sql, texts, weight, goal);
            // A value and not `exists`, which would be joined, and joined with nothing, so that the names of the one entry are looked at
            // and never those of the suffix, which may be very many.
            sql.push(" and (select true from certificate_names n where n.certificate_id = c.id and (n.reversed || '') >= ");
            sql.push_bind(from.clone())
                .push(" and (n.reversed || '') < ")
                .push_bind(to.clone())
                .push(" limit 1)");
        }
        Query::Among(ids) => {
            sql.push(" and c.id = any(").push_bind(ids.clone()).push(")");
        }
        Query::Hex { typed, digits } => {
            sql.push(" and (c.serial = ").push_bind(without_zeros(digits));
            if let Ok(bytes) = hex::decode(digits) {
                match bytes.len() {
                    20 => {
                        sql.push(" or c.sha1 = ").push_bind(bytes);
                    }
                    32 => {
                        sql.push(" or c.sha256 = ").push_bind(bytes.clone());
                        sql.push(" or c.spki_sha256 = ").push_bind(bytes);
                    }
                    _ => {}
                }
            }
            sql.push(" or c.search like ").push_bind(containing(typed)).push(")");
        }
        Query::Certificate(sha256) => {
            sql.push(" and c.sha256 = ").push_bind(sha256.to_vec());
        }
        Query::Address(address) => {
            sql.push(" and (coalesce(c.owner, '') = ").push_bind(address.clone());
            sql.push(" or c.search like ").push_bind(containing(address)).push(")");
        }
    }
}

fn push_weighed(sql: &mut QueryBuilder<Postgres>, texts: &[String], weight: &Weight, goal: Goal) {
    let is_walk = goal == Goal::Walk || (goal == Goal::All && weight.fills_counts);
    if !is_walk {
        for trigram in &weight.trigrams {
            sql.push(" and c.search like ").push_bind(containing(trigram));
        }
    }
    // Joined with nothing, so that the index is not asked for all of their trigrams.
    let column = if is_walk || !weight.trigrams.is_empty() { "(c.search || '')" } else { "c.search" };
    for text in texts {
        sql.push(" and ").push(column).push(" like ").push_bind(containing(text));
    }
}

/// `%text%` with the wildcards that a person typed taken literally.
pub(super) fn containing(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    pattern.push('%');
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

/// A serial as the inventory writes it: whole bytes, no leading zero byte (`x509::serial`).
pub(super) fn without_zeros(digits: &str) -> String {
    if let Some(magnitude) = digits.strip_prefix('-') {
        return format!("-{}", without_zeros(magnitude));
    }
    let significant = digits.trim_start_matches('0');
    match (significant.len(), significant.len() % 2) {
        (0, _) => "00".to_owned(),
        (_, 0) => significant.to_owned(),
        _ => format!("0{significant}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_of_people_are_literal() {
        assert_eq!(containing("100%_a\\"), "%100\\%\\_a\\\\%");
    }

    #[test]
    fn a_serial_is_found_with_and_without_leading_zeros() {
        assert_eq!(without_zeros("004f2a"), "4f2a");
        assert_eq!(without_zeros("f2a"), "0f2a");
        assert_eq!(without_zeros("0000"), "00");
        assert_eq!(without_zeros("-1"), "-01");
    }
}
