//! The list: keyset pages in any order, each walking an index of that order.
//!
//! A page ends in an opaque cursor that holds the sort value and id of its last row; the next page begins behind it. Rows that come or go
//! in between are neither shown twice nor hidden.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sqlx::{PgConnection, PgPool, Postgres, QueryBuilder};
use time::OffsetDateTime;

use super::{Entry, Filter, Query, Reach, Result, filter::Goal};

/// The most rows of one page.
pub const MAX_LIMIT: i64 = 200;
/// The longest that a search may run before it is given up.
const SEARCH: &str = "begin; set local statement_timeout = '4s'";

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

/// Where a page ended.
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

    /// Behind this entry; `text` is what comes first in the order, empty where the end comes first.
    pub fn behind(entry: &Entry, text: &str, sort: Sort) -> Cursor {
        Cursor { sort, text: text.to_owned(), not_after: entry.not_after, id: entry.id }
    }
}

/// Some rows of a list, and where the next ones begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// In the order asked for.
    pub entries: Vec<Entry>,
    /// The cursor of the next page; `None` on the last.
    pub next: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Listed {
    #[sqlx(flatten)]
    entry: Entry,
    sort_text: String,
}

/// The columns of an [`Entry`]; the table's alias is `c`.
const COLUMNS: &str = "c.id, c.sha256, c.sha1, c.spki_sha256, c.unreadable, c.name, c.subject, c.issuer, c.issuer_name, c.serial, \
     c.not_before, c.not_after, c.key, c.signature, c.sans, c.is_ca, c.is_self_signed, c.owner, c.team_id, teams.slug as team, \
     c.environment, c.tags, c.note, c.source, c.state, c.superseded_by, c.retired_reason, c.added_at, c.changed_at";

/// One page of the entries within reach that pass `filter`; `limit` is brought between 1 and [`MAX_LIMIT`].
///
/// # Errors
/// [`Retry`](crate::store::Error::Retry) when a search takes too long.
pub async fn list(
    pool: &PgPool,
    reach: Reach<'_>,
    filter: &Filter,
    sort: Sort,
    after: Option<&Cursor>,
    limit: i64,
    now: OffsetDateTime,
) -> Result<Page> {
    let limit = limit.clamp(1, MAX_LIMIT);
    let is_search = filter.query.as_ref().is_some_and(Query::reads_names);
    let mut rows = if is_search {
        // Nothing is written, so its end may wait until the connection is back.
        let mut tx = pool.begin_with(SEARCH).await?;
        rows(&mut tx, reach, filter, sort, after, limit, now).await?
    } else {
        rows(&mut *pool.acquire().await?, reach, filter, sort, after, limit, now).await?
    };
    let whole = usize::try_from(limit).unwrap_or(usize::MAX);
    let is_last = rows.len() <= whole;
    rows.truncate(whole);
    let behind = |last: &Listed| Cursor::behind(&last.entry, &last.sort_text, sort).encode();
    let next = rows.last().filter(|_| !is_last).map(behind);
    Ok(Page { entries: rows.into_iter().map(|row| row.entry).collect(), next })
}

/// One row more than the page holds, which tells whether there is another.
async fn rows(
    conn: &mut PgConnection,
    reach: Reach<'_>,
    filter: &Filter,
    sort: Sort,
    after: Option<&Cursor>,
    limit: i64,
    now: OffsetDateTime,
) -> Result<Vec<Listed>> {
    let tag = match filter.tag.as_slice() {
        [first, others @ ..] if sort.by == SortBy::Expires && !filter.tag.iter().any(String::is_empty) => {
            Some((first, others))
        }
        _ => None,
    };
    let key = if tag.is_some() { TAG_KEY } else { ENTRY_KEY };
    let mut sql = QueryBuilder::<Postgres>::new("select ");
    sql.push(COLUMNS).push(", ").push(sort.by.text().unwrap_or("''")).push(" as sort_text from ");
    sql.push(if tag.is_some() { BY_TAG } else { "certificates c" });
    sql.push(" left join teams on teams.id = c.team_id where ");
    match tag {
        Some((tag, others)) => {
            Filter { tag: Vec::new(), ..filter.clone() }.push(&mut sql, reach, now, Goal::Page);
            sql.push(" and t.tag = ").push_bind(tag.clone());
            for other in others {
                sql.push(" and exists (select from certificate_tags other where other.tag = ")
                    .push_bind(other.clone());
                sql.push(" and other.not_after = t.not_after and other.certificate_id = t.certificate_id)");
            }
        }
        None => filter.push(&mut sql, reach, now, Goal::Page),
    }
    if let Some(cursor) = after {
        push_after(&mut sql, cursor, key);
    }
    push_order_of(&mut sql, sort, key);
    sql.push(" limit ").push_bind(limit.saturating_add(1));
    Ok(sql.build_query_as::<Listed>().fetch_all(conn).await?)
}

/// The end and the id, as the last columns of an order: of the entry, or of its tag's row, which is kept in the order of ends.
type Key = (&'static str, &'static str);
const ENTRY_KEY: Key = ("c.not_after", "c.id");
const TAG_KEY: Key = ("t.not_after", "t.certificate_id");
const BY_TAG: &str = "certificate_tags t join certificates c on c.id = t.certificate_id";

fn push_after(sql: &mut QueryBuilder<Postgres>, cursor: &Cursor, (end, id): Key) {
    let by = cursor.sort.by;
    sql.push(" and (");
    if let Some(text) = by.text() {
        sql.push(text).push(", ");
    }
    if by.has_end() {
        sql.push(end).push(", ");
    }
    sql.push(id).push(if cursor.sort.descending { ") < (" } else { ") > (" });
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
