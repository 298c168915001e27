//! The list: keyset pages in any order, each walking an index of that order.
//!
//! A page ends in an opaque cursor that holds the sort value and id of its last row; the next page begins behind it, and the one before
//! ends ahead of the first row. Rows that come or go in between are neither shown twice nor hidden.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::{
    Entry, Filter, Reach, Result,
    filter::{BEGIN_SEARCH, Goal},
};

/// The most rows of one page.
pub const MAX_LIMIT: i64 = 200;

/// What the rows are ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SortBy {
    /// When they end.
    #[default]
    Expires,
    /// What people call them, without case.
    Name,
    /// Whose they are, the unowned first; then when they end.
    Owner,
    /// Who signed them; then when they end.
    Issuer,
    /// Where they are used; then when they end.
    Environment,
    /// Kind and size of the key; then when they end.
    Key,
    /// When they entered the inventory.
    Added,
}

/// An order and its direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// What by.
    pub by: SortBy,
    /// From the last to the first.
    pub descending: bool,
}

impl SortBy {
    const ALL: [(SortBy, &'static str); 7] = [
        (SortBy::Expires, "expires"),
        (SortBy::Name, "name"),
        (SortBy::Owner, "owner"),
        (SortBy::Issuer, "issuer"),
        (SortBy::Environment, "env"),
        (SortBy::Key, "key"),
        (SortBy::Added, "added"),
    ];

    /// The text that comes first in the order, if there is one; its index has the same expression.
    fn text(self) -> Option<&'static str> {
        match self {
            SortBy::Expires | SortBy::Added => None,
            SortBy::Name => Some("lower(c.name) collate \"C\""),
            SortBy::Owner => Some("coalesce(c.owner, '')"),
            SortBy::Issuer => Some("c.issuer_name"),
            SortBy::Environment => Some("coalesce(c.environment, '')"),
            SortBy::Key => Some("c.key"),
        }
    }

    /// Whether the end comes next in the order.
    fn has_end(self) -> bool {
        !matches!(self, SortBy::Name | SortBy::Added)
    }
}

impl Sort {
    /// Reads `sort=`: a word, with `-` in front for the other direction.
    pub fn parse(word: &str) -> Option<Sort> {
        let (descending, word) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
        let (by, _) = SortBy::ALL.into_iter().find(|(_, name)| *name == word)?;
        Some(Sort { by, descending })
    }
}

impl std::fmt::Display for Sort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = SortBy::ALL.iter().find(|(by, _)| *by == self.by).map_or("expires", |(_, name)| name);
        write!(f, "{}{name}", if self.descending { "-" } else { "" })
    }
}

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// The first.
    #[default]
    First,
    /// The one that begins behind this row.
    After(Cursor),
    /// The one that ends ahead of this row; the first, where fewer rows than a page are there.
    Before(Cursor),
}

impl Place {
    fn cursor(&self) -> Option<&Cursor> {
        match self {
            Place::First => None,
            Place::After(cursor) | Place::Before(cursor) => Some(cursor),
        }
    }
}

/// One row of an order, where a page begins or ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    sort: Sort,
    text: String,
    not_after: OffsetDateTime,
    id: i64,
}

impl Cursor {
    /// The opaque form for an address.
    pub fn encode(&self) -> String {
        let micros = self.not_after.unix_timestamp_nanos() / 1_000;
        URL_SAFE_NO_PAD.encode(format!("{}\n{}\n{micros}\n{}", self.sort, self.id, self.text))
    }

    /// Reads what [`encode`](Self::encode) wrote for the same order; anything else is `None`.
    pub fn decode(text: &str, sort: Sort) -> Option<Cursor> {
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let mut parts = plain.splitn(4, '\n');
        let found = Sort::parse(parts.next()?)?;
        let id = parts.next()?.parse().ok()?;
        let micros: i128 = parts.next()?.parse().ok()?;
        let not_after = OffsetDateTime::from_unix_timestamp_nanos(micros.checked_mul(1_000)?).ok()?;
        let text = parts.next()?.to_owned();
        (found == sort && !text.contains('\0')).then_some(Cursor { sort, text, not_after, id })
    }

    /// At this entry; `text` is what comes first in the order, empty where the end comes first.
    pub fn at(entry: &Entry, text: &str, sort: Sort) -> Cursor {
        Cursor { sort, text: text.to_owned(), not_after: entry.not_after, id: entry.id }
    }
}

/// Some rows of a list, and where the next ones begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// In the order asked for.
    pub entries: Vec<Entry>,
    /// The cursor that the page before ends ahead of; `None` on the first.
    pub previous: Option<String>,
    /// The cursor that the next page begins behind; `None` on the last.
    pub next: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Listed {
    #[sqlx(flatten)]
    entry: Entry,
    sort_text: String,
}

/// The columns of an [`Entry`] but the team's slug; the table's alias is `c`.
const COLUMNS: &str = "c.id, c.sha256, c.sha1, c.spki_sha256, c.unreadable, c.name, c.subject, c.issuer, c.issuer_name, c.serial, \
     c.not_before, c.not_after, c.key, c.signature, c.sans, c.is_ca, c.is_self_signed, c.owner, c.team_id, c.environment, c.tags, \
     c.note, c.source, c.state, c.superseded_by, c.retired_reason, c.added_at, c.changed_at";

/// One page of the entries within reach that pass `filter`; `limit` is brought between 1 and [`MAX_LIMIT`].
///
/// # Errors
/// [`Retry`](crate::store::Error::Retry) when a search takes too long.
pub async fn list(
    pool: &PgPool,
    reach: Reach<'_>,
    filter: &Filter,
    sort: Sort,
    place: &Place,
    limit: i64,
    now: OffsetDateTime,
) -> Result<Page> {
    let limit = limit.clamp(1, MAX_LIMIT);
    let is_backward = matches!(place, Place::Before(_));
    let along = Sort { by: sort.by, descending: sort.descending != is_backward };
    // One row more than the page holds tells whether there is another.
    let rows = limit.saturating_add(1);
    let wanted = Wanted { reach, filter, sort: along, from: place.cursor(), rows, now };
    let mut rows = if filter.reads_names() {
        // Nothing is written, so its end may wait until the connection is back.
        searched(&mut *pool.begin_with(BEGIN_SEARCH).await?, &wanted).await?
    } else {
        looked_up(&mut *pool.acquire().await?, &wanted).await?
    };
    let whole = usize::try_from(limit).unwrap_or(usize::MAX);
    let goes_on = rows.len() > whole;
    if is_backward && !goes_on {
        return Box::pin(list(pool, reach, filter, sort, &Place::First, limit, now)).await;
    }
    rows.truncate(whole);
    if is_backward {
        rows.reverse();
    }
    let at = |row: &Listed| Cursor::at(&row.entry, &row.sort_text, sort).encode();
    let previous = rows.first().filter(|_| *place != Place::First).map(at);
    let next = rows.last().filter(|_| goes_on || is_backward).map(at);
    Ok(Page { entries: rows.into_iter().map(|row| row.entry).collect(), previous, next })
}

struct Wanted<'a> {
    reach: Reach<'a>,
    filter: &'a Filter,
    /// The direction in which it is walked.
    sort: Sort,
    from: Option<&'a Cursor>,
    rows: i64,
    now: OffsetDateTime,
}

/// Looks along the order first where that is probably short, and asks the index when it was not.
async fn searched(conn: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<Listed>> {
    let query = wanted.filter.query.as_ref().filter(|_| wanted.filter.tag.is_empty());
    if let Some(steps) = query.and_then(|query| query.walk(wanted.rows)) {
        let walked = walked(conn, wanted, steps).await?;
        if i64::try_from(walked.len()).is_ok_and(|found| found >= wanted.rows) {
            return Ok(walked);
        }
    }
    looked_up(conn, wanted).await
}

/// What is found within so many steps along the order; fewer rows than wanted say nothing about the rest.
async fn walked(conn: &mut PgConnection, wanted: &Wanted<'_>, steps: i64) -> Result<Vec<Listed>> {
    let mut sql = beginning(wanted.sort);
    sql.push("(select ").push(COLUMNS).push(", c.search from certificates c where ");
    wanted.filter.push(&mut sql, wanted.reach, wanted.now, Goal::Walk);
    push_rest(&mut sql, wanted, ENTRY_KEY, steps);
    sql.push(") c left join teams on teams.id = c.team_id where ");
    wanted.filter.push_walked(&mut sql);
    push_order_of(&mut sql, wanted.sort, ENTRY_KEY);
    sql.push(" limit ").push_bind(wanted.rows);
    Ok(sql.build_query_as::<Listed>().fetch_all(conn).await?)
}

/// By whatever index PostgreSQL chooses; the list of a tag along its first tag.
async fn looked_up(conn: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<Listed>> {
    let Wanted { filter, sort, reach, now, .. } = *wanted;
    let mut sql = beginning(sort);
    let is_tagged = sort.by == SortBy::Expires && filter.tag.iter().all(|tag| !tag.is_empty());
    let untagged = Filter { tag: Vec::new(), ..filter.clone() };
    let key = match filter.tag.as_slice() {
        tags @ [_, _, ..] if is_tagged && untagged.is_empty() && reach.is_none() => {
            push_tagged(&mut sql, wanted, tags);
            sql.push(
                " t join certificates c on c.id = t.certificate_id left join teams on teams.id = c.team_id",
            );
            push_order_of(&mut sql, sort, TAG_KEY);
            return Ok(sql.build_query_as::<Listed>().fetch_all(conn).await?);
        }
        [first, others @ ..] if is_tagged => {
            sql.push("certificate_tags t join certificates c on c.id = t.certificate_id");
            // Looked up for each row, never joined: the rows of a tag may be very many, and few of them pass the filter.
            for (n, other) in others.iter().enumerate() {
                sql.push(" cross join lateral (select from certificate_tags o where o.tag = ")
                    .push_bind(other.clone())
                    .push(" and o.not_after = t.not_after and o.certificate_id = t.certificate_id limit 1) other")
                    .push(n);
            }
            sql.push(" left join teams on teams.id = c.team_id where ");
            untagged.push(&mut sql, reach, now, Goal::Page);
            sql.push(" and t.tag = ").push_bind(first.clone());
            TAG_KEY
        }
        _ => {
            sql.push("certificates c left join teams on teams.id = c.team_id where ");
            filter.push(&mut sql, reach, now, Goal::Page);
            ENTRY_KEY
        }
    };
    push_rest(&mut sql, wanted, key, wanted.rows);
    Ok(sql.build_query_as::<Listed>().fetch_all(conn).await?)
}

/// The page of several tags and nothing else, from their rows alone: the lists of the two rarest are in the order of ends, so that they
/// are merged.
fn push_tagged(sql: &mut QueryBuilder<Postgres>, wanted: &Wanted<'_>, tags: &[String]) {
    const SAME: &str = "o.not_after = t.not_after and o.certificate_id = t.certificate_id";
    sql.push("(select t.not_after, t.certificate_id from certificate_tags t join certificate_tags o on ")
        .push(SAME);
    for (n, tag) in tags.iter().enumerate() {
        match n {
            0 => sql.push(" where t.tag = ").push_bind(tag.clone()),
            1 => sql.push(" and o.tag = ").push_bind(tag.clone()),
            _ => sql
                .push(" and (select true from certificate_tags o where o.tag = ")
                .push_bind(tag.clone())
                .push(" and ")
                .push(SAME)
                .push(" limit 1)"),
        };
    }
    push_rest(sql, wanted, TAG_KEY, wanted.rows);
    sql.push(")");
}

fn beginning(sort: Sort) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::<Postgres>::new("select ");
    sql.push(COLUMNS)
        .push(", teams.slug as team, ")
        .push(sort.by.text().unwrap_or("''"))
        .push(" as sort_text from ");
    sql
}

fn push_rest(sql: &mut QueryBuilder<Postgres>, wanted: &Wanted<'_>, key: Key, rows: i64) {
    if let Some(cursor) = wanted.from {
        push_from(sql, cursor, wanted.sort, key);
    }
    push_order_of(sql, wanted.sort, key);
    sql.push(" limit ").push_bind(rows);
}

/// The end and the id, as the last columns of an order: of the entry, or of its tag's row, which is kept in the order of ends.
type Key = (&'static str, &'static str);
const ENTRY_KEY: Key = ("c.not_after", "c.id");
const TAG_KEY: Key = ("t.not_after", "t.certificate_id");

fn push_from(sql: &mut QueryBuilder<Postgres>, cursor: &Cursor, sort: Sort, (end, id): Key) {
    let by = sort.by;
    sql.push(" and (");
    if let Some(text) = by.text() {
        sql.push(text).push(", ");
    }
    if by.has_end() {
        sql.push(end).push(", ");
    }
    sql.push(id).push(if sort.descending { ") < (" } else { ") > (" });
    if by.text().is_some() {
        sql.push_bind(cursor.text.clone()).push(", ");
    }
    if by.has_end() {
        sql.push_bind(cursor.not_after).push(", ");
    }
    sql.push_bind(cursor.id).push(")");
}

/// The order of the index that serves it; the export's too.
pub(super) fn push_order(sql: &mut QueryBuilder<Postgres>, sort: Sort) {
    push_order_of(sql, sort, ENTRY_KEY);
}

fn push_order_of(sql: &mut QueryBuilder<Postgres>, sort: Sort, (end, id): Key) {
    let direction = if sort.descending { " desc" } else { "" };
    sql.push(" order by ");
    if let Some(text) = sort.by.text() {
        sql.push(text).push(direction).push(", ");
    }
    if sort.by.has_end() {
        sql.push(end).push(direction).push(", ");
    }
    sql.push(id).push(direction);
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_cursor_comes_back_and_only_for_its_own_order() {
        let sort = Sort { by: SortBy::Owner, descending: true };
        let not_after = datetime!(9999-12-31 23:59:59.999999 UTC);
        let cursor = Cursor { sort, text: "a\nb|c".into(), not_after, id: 7 };
        assert_eq!(Cursor::decode(&cursor.encode(), sort), Some(cursor.clone()));
        assert_eq!(Cursor::decode(&cursor.encode(), Sort::default()), None);
        assert_eq!(Cursor::decode("%%%", sort), None);
        assert_eq!(
            Cursor::decode(&URL_SAFE_NO_PAD.encode("-owner\n1\n99999999999999999999999\n"), sort),
            None
        );
    }

    #[test]
    fn every_order_has_a_word() {
        for word in ["expires", "-expires", "name", "-name", "owner", "issuer", "env", "key", "-added"] {
            assert_eq!(Sort::parse(word).unwrap().to_string(), word);
        }
        assert_eq!(Sort::parse("id; drop table"), None);
    }
}
