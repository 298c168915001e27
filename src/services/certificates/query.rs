//! Finding: what the address of a list says, understood, and the list, its length and its facets.

use std::collections::HashSet;

use time::{Date, OffsetDateTime, macros::format_description};

use crate::{
    app::App,
    services::{Actor, Error, Permission, Result},
    store::{
        self,
        certificates::{
            self as rows, Count, Ends, Entry, Facet, Filter, Query, Sort, Status,
            days::Day,
            list::{Cursor, Place},
        },
    },
};

use super::{fields::MAX_TAGS, pasted::pasted};

/// How many rows a page has unless it says otherwise.
const PAGE: i64 = 50;
/// The longest text looked for; a pasted certificate with its chain fits.
const MAX_QUERY: usize = 64 * 1024;
const MAX_TERMS: usize = 8;
/// Values of one filter; tags are bounded by what an entry can have.
const MAX_VALUES: usize = 100;
/// Shorter digits are more likely part of a name.
const MIN_HEX: usize = 6;
/// Digits that make a number of groups longer than pairs.
const MIN_GROUPED: usize = 16;
/// A team that nobody has: an unknown slug matches nothing.
const NO_TEAM: i64 = -2;

/// The parameters of `/certificates` and `GET /api/v1/certificates`, as typed; empty means not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListRequest {
    /// Free text, serial, fingerprint, owner, `*.example.com`, or a pasted certificate.
    pub q: String,
    /// Words of [`Status`].
    pub status: Vec<String>,
    /// `14d`, a day, or `2026-12-01..2026-12-07`.
    pub expires: String,
    /// Mail addresses; `none` = without owner.
    pub owner: Vec<String>,
    /// Slugs; `none` = without team.
    pub team: Vec<String>,
    /// Environments; `none` = without.
    pub env: Vec<String>,
    /// Issuers as the list shows them.
    pub issuer: Vec<String>,
    /// Such as `EC-256`.
    pub key: Vec<String>,
    /// Tags, all of them; `none` = without.
    pub tag: Vec<String>,
    /// `expires`, `-name`, …
    pub sort: String,
    /// Cursor of the page before this one.
    pub after: String,
    /// Cursor of the page behind this one; only one of the two.
    pub before: String,
    /// Rows of a page, 50 unless given.
    pub limit: Option<i64>,
}

/// One page of the list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// In the order asked for.
    pub entries: Vec<Entry>,
    /// `before=` of the page before.
    pub previous: Option<String>,
    /// `after=` of the next page.
    pub next: Option<String>,
    /// The order.
    pub sort: Sort,
    /// The moment that every status refers to.
    pub now: OffsetDateTime,
}

/// One value that a list can be narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Which facet; its parameter is [`Facet::parameter`].
    pub facet: Facet,
    /// The value for the address.
    pub value: String,
    /// What a person reads.
    pub label: String,
    /// How many entries the narrowed list has; `None` when it is too long to count.
    pub count: Option<i64>,
    /// Whether the list is narrowed to it.
    pub selected: bool,
}

/// One page of what the actor can reach.
///
/// # Errors
/// `Invalid` names the parameter that cannot be read.
pub async fn list(app: &App, actor: &Actor, request: &ListRequest) -> Result<Listing> {
    actor.require(Permission::CertificatesRead)?;
    let now = app.now();
    let filter = filter(app, actor, request).await?;
    let sort = sort(request)?;
    let place = place(request, sort)?;
    let limit = request.limit.unwrap_or(PAGE);
    let reach = actor.reach().as_sql();
    let page = rows::list::list(&app.pool, reach, &filter, sort, &place, limit, now).await;
    let page = page.map_err(too_slow)?;
    Ok(Listing { entries: page.entries, previous: page.previous, next: page.next, sort, now })
}

fn place(request: &ListRequest, sort: Sort) -> Result<Place> {
    let read = |name: &'static str, text: &str| {
        Cursor::decode(text, sort).ok_or_else(|| {
            Error::invalid(name, "this page cannot be found in this order; begin with the first page")
        })
    };
    match (request.after.as_str(), request.before.as_str()) {
        ("", "") => Ok(Place::First),
        (after, "") => read("after", after).map(Place::After),
        ("", before) => read("before", before).map(Place::Before),
        _ => Err(Error::invalid(
            "before",
            "a page lies after or before another, not both; give one of the two",
        )),
    }
}

/// How many entries the whole list has.
pub async fn count(app: &App, actor: &Actor, request: &ListRequest) -> Result<Count> {
    actor.require(Permission::CertificatesRead)?;
    let filter = filter(app, actor, request).await?;
    rows::counts::count(&app.pool, actor.reach().as_sql(), &filter, app.now()).await.map_err(too_slow)
}

/// What the list can be narrowed to, facet by facet, the most frequent values first.
pub async fn facets(app: &App, actor: &Actor, request: &ListRequest) -> Result<Vec<Choice>> {
    actor.require(Permission::CertificatesRead)?;
    let filter = filter(app, actor, request).await?;
    let values = rows::facets::facets(&app.pool, actor.reach().as_sql(), &filter, app.now()).await;
    let values = values.map_err(too_slow)?;
    let ids: Vec<i64> = values
        .iter()
        .filter(|value| value.facet == Facet::Team)
        .filter_map(|value| value.value.parse().ok())
        .collect();
    let teams = rows::edit::team_names(&app.pool, &ids).await?;
    let mut choices = Vec::with_capacity(values.len());
    for value in values {
        let (shown, label) = shown(value.facet, &value.value, &teams);
        let selected = typed(request, value.facet).contains(&shown);
        choices.push(Choice { facet: value.facet, value: shown, label, count: value.count, selected });
    }
    Ok(choices)
}

/// How many active entries end on each day of a span.
pub async fn histogram(app: &App, actor: &Actor, first: Date, after: Date) -> Result<Vec<Day>> {
    actor.require(Permission::CertificatesRead)?;
    Ok(rows::days::histogram(&app.pool, actor.reach().as_sql(), first, after).await?)
}

/// The value for the address, and what a person reads.
fn shown(facet: Facet, value: &str, teams: &[(i64, String, String)]) -> (String, String) {
    let nothing = |label: &str| ("none".to_owned(), label.to_owned());
    match (facet, value) {
        (Facet::Owner, "") => nothing("No owner"),
        (Facet::Environment, "") => nothing("No environment"),
        (Facet::Team, "0") => nothing("No team"),
        (Facet::Team, id) => {
            let team = teams.iter().find(|(team, ..)| team.to_string() == id);
            team.map_or_else(
                || (id.to_owned(), id.to_owned()),
                |(_, slug, name)| (slug.clone(), name.clone()),
            )
        }
        _ => (value.to_owned(), value.to_owned()),
    }
}

fn typed(request: &ListRequest, facet: Facet) -> &[String] {
    match facet {
        Facet::Status => &request.status,
        Facet::Owner => &request.owner,
        Facet::Team => &request.team,
        Facet::Environment => &request.env,
        Facet::Issuer => &request.issuer,
        Facet::Key => &request.key,
        Facet::Tag => &request.tag,
    }
}

/// A search that ran into its time-out is the question's fault, not the database's.
fn too_slow(error: store::Error) -> Error {
    match error {
        store::Error::Retry(_) => {
            Error::Unavailable("the search took too long; add a longer word or another filter".to_owned())
        }
        other => other.into(),
    }
}

pub(super) fn sort(request: &ListRequest) -> Result<Sort> {
    match request.sort.as_str() {
        "" => Ok(Sort::default()),
        word => Sort::parse(word).ok_or_else(|| {
            Error::invalid(
                "sort",
                "sort is one of expires, name, owner, issuer, env, key, added; - in front turns it round",
            )
        }),
    }
}

/// Understands every condition of a request.
pub(super) async fn filter(app: &App, actor: &Actor, request: &ListRequest) -> Result<Filter> {
    let given = |facet: Facet| values(facet.parameter(), typed(request, facet), most(facet));
    let or_none = |facet: Facet| {
        given(facet).map(|values| {
            values.into_iter().map(|value| if value == "none" { String::new() } else { value }).collect()
        })
    };
    let asked = Filter {
        query: query(&request.q)?,
        status: given(Facet::Status)?.iter().map(|word| status(word)).collect::<Result<_>>()?,
        ends: ends(&request.expires)?,
        owner: or_none(Facet::Owner)?,
        team: teams(app, &given(Facet::Team)?).await?,
        environment: or_none(Facet::Environment)?,
        issuer: given(Facet::Issuer)?,
        key: given(Facet::Key)?,
        tag: or_none(Facet::Tag)?,
    };
    Ok(rows::narrowed(&app.pool, &app.names, actor.reach().as_sql(), &asked).await?)
}

/// More tags than an entry has match nothing, and each of them costs the database a look.
fn most(facet: Facet) -> usize {
    if facet == Facet::Tag { MAX_TAGS } else { MAX_VALUES }
}

/// The values of one parameter, each once, in the order given.
fn values(name: &'static str, typed: &[String], most: usize) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    let values: Vec<String> =
        typed.iter().filter(|value| !value.is_empty() && seen.insert(value.as_str())).cloned().collect();
    if values.len() > most {
        return Err(Error::invalid(name, format!("give {name} at most {most} times")));
    }
    if values.iter().any(|value| value.contains('\0')) {
        return Err(Error::invalid(name, format!("no {name} holds a zero character")));
    }
    Ok(values)
}

fn status(word: &str) -> Result<Status> {
    Status::parse(word).ok_or_else(|| {
        let words: Vec<&str> = Status::ALL.iter().map(|status| status.as_str()).collect();
        Error::invalid("status", format!("status is one of {}", words.join(", ")))
    })
}

async fn teams(app: &App, slugs: &[String]) -> Result<Vec<i64>> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let found = rows::edit::teams(&app.pool, slugs).await?;
    let mut ids: Vec<i64> = found.into_iter().map(|(id, _)| id).collect();
    if slugs.iter().any(|slug| slug == "none") {
        ids.push(0);
    }
    if ids.is_empty() {
        ids.push(NO_TEAM);
    }
    Ok(ids)
}

fn ends(text: &str) -> Result<Option<Ends>> {
    if text.is_empty() {
        return Ok(None);
    }
    let day = |text: &str| Date::parse(text, format_description!("[year]-[month]-[day]")).ok();
    let ends = match (text.strip_suffix('d'), text.split_once("..")) {
        (Some(days), _) => days.parse().ok().map(Ends::Within),
        (None, Some((first, last))) => day(first).zip(day(last)).map(|(first, last)| Ends::Days(first, last)),
        (None, None) => day(text).map(|day| Ends::Days(day, day)),
    };
    ends.map(Some).ok_or_else(|| {
        Error::invalid(
            "expires",
            "expires is a number of days such as 14d, a day such as 2026-12-01, or two days with .. between",
        )
    })
}

/// Understands what somebody typed or pasted into the search box.
pub(super) fn query(text: &str) -> Result<Option<Query>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    if text.contains('\0') {
        return Err(Error::invalid("q", "no name holds a zero byte"));
    }
    if text.len() > MAX_QUERY {
        return Err(Error::invalid("q", "this is too long to look for"));
    }
    if text.contains("-----BEGIN") {
        return pasted(text).map(Some);
    }
    let lower = unwrapped(&text.to_lowercase());
    if let Some(parent) = lower.strip_prefix("*.")
        && !parent.is_empty()
        && !parent.contains(char::is_whitespace)
    {
        return Ok(Some(Query::Suffix(format!(".{parent}"))));
    }
    if let Some(digits) = hex_digits(&lower) {
        return Ok(Some(Query::Hex { typed: lower, digits }));
    }
    let terms: Vec<String> = lower.split_whitespace().take(MAX_TERMS).map(str::to_owned).collect();
    match terms.as_slice() {
        [only] if only.contains('@') => Ok(Some(Query::Address(only.clone()))),
        _ => Ok(Some(Query::Text(terms))),
    }
}

/// What was meant by a line of openssl, a link or a name with the dot of the root.
fn unwrapped(lower: &str) -> String {
    const LABELS: [&str; 4] = ["serial=", "serial number:", "sha1 fingerprint=", "sha256 fingerprint="];
    if let Some(value) = LABELS.iter().find_map(|label| lower.strip_prefix(label)) {
        return value.trim().to_owned();
    }
    let is_link = lower.starts_with("https://") || lower.starts_with("http://");
    let host =
        url::Url::parse(lower).ok().filter(|_| is_link).and_then(|url| url.host_str().map(str::to_owned));
    let meant = host.as_deref().unwrap_or(lower);
    let is_name = !meant.contains(char::is_whitespace) && meant.len() > 2;
    meant.strip_suffix('.').filter(|name| is_name && name.contains('.')).unwrap_or(meant).to_owned()
}

/// The digits of a serial or a fingerprint, without colons and spaces; a negative serial keeps its sign.
fn hex_digits(lower: &str) -> Option<String> {
    let (sign, digits) = lower.strip_prefix('-').map_or(("", lower), |rest| ("-", rest));
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let groups = digits.split([':', ' ']).collect::<Vec<_>>();
    // Pairs as most programs write them, or a long number in even groups as our own page does.
    let is_long = groups.iter().map(|group| group.len()).sum::<usize>() >= MIN_GROUPED;
    let is_group =
        |group: &&str| group.len() == 2 || (is_long && !group.is_empty() && group.len().is_multiple_of(2));
    let is_spaced = groups.len() > 1 && groups.iter().all(is_group);
    let digits = if is_spaced { groups.concat() } else { digits.to_owned() };
    let is_hex = digits.chars().all(|c| c.is_ascii_hexdigit());
    (is_hex && (is_spaced || digits.len() >= MIN_HEX || !sign.is_empty())).then(|| format!("{sign}{digits}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Query {
        query(text).unwrap().unwrap()
    }

    #[test]
    fn what_was_typed_is_understood() {
        assert_eq!(read(" Shop  Halden "), Query::Text(vec!["shop".into(), "halden".into()]));
        assert_eq!(read("*.Example.com"), Query::Suffix(".example.com".into()));
        assert_eq!(read("Web@halden.example"), Query::Address("web@halden.example".into()));
        let hex = |typed: &str, digits: &str| Query::Hex { typed: typed.into(), digits: digits.into() };
        assert_eq!(read("4F:2A:01"), hex("4f:2a:01", "4f2a01"));
        assert_eq!(read("4f2a01"), hex("4f2a01", "4f2a01"));
        assert_eq!(read("4f 2a"), hex("4f 2a", "4f2a"));
        assert_eq!(read("-01"), hex("-01", "-01"));
        assert_eq!(read("0x4F2A01"), hex("0x4f2a01", "4f2a01"));
        assert_eq!(read("4F2A0102 4F2A0304"), hex("4f2a0102 4f2a0304", "4f2a01024f2a0304"));
        assert_eq!(read("serial=4F2A01"), hex("4f2a01", "4f2a01"));
        assert_eq!(
            read("https://Shop.halden.example:8443/x"),
            Query::Text(vec!["shop.halden.example".into()])
        );
        assert_eq!(read("shop.halden.example."), Query::Text(vec!["shop.halden.example".into()]));
        assert_eq!(read("cafe"), Query::Text(vec!["cafe".into()]));
        assert_eq!(query("  ").unwrap(), None);
    }

    #[test]
    fn what_cannot_be_understood_is_said() {
        for text in ["-----BEGIN CERTIFICATE-----\nxx\n-----END CERTIFICATE-----", "a\0b"] {
            assert!(matches!(query(text), Err(Error::Invalid(_))), "{text}");
        }
        for text in ["soon", "-3d", "2026-13-01", "2026-12-01..", "99999999d"] {
            assert!(ends(text).is_err(), "{text}");
        }
        assert_eq!(ends("14d").unwrap(), Some(Ends::Within(14)));
    }
}
