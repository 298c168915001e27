//! What needs a look into the database before a list is read: each turns one condition into an equal one that is found sooner.

use sqlx::PgPool;

use super::{
    Filter, Query, Reach, Result,
    filter::{CAP, without_zeros},
    import::reverse,
    sample::NameSample,
};

/// From so many digits on, hex is no word that stands in names by chance.
const LONG_HEX: usize = 16;

/// Turns what needs a look into the tables into plain conditions: an owner's address into the owner, an end of names into their entries.
pub async fn narrowed(
    pool: &PgPool,
    names: &NameSample,
    reach: Reach<'_>,
    filter: &Filter,
) -> Result<Filter> {
    let filter = &rarest_tag_first(pool, filter).await?;
    match &filter.query {
        Some(Query::Address(address)) => owned(pool, reach, filter, address).await,
        Some(Query::Hex { typed, digits }) if digits.len() >= LONG_HEX => {
            identified(pool, names, reach, filter, typed, digits).await
        }
        Some(Query::Suffix(suffix)) => ending(pool, names, reach, filter, suffix, true).await,
        Some(Query::Text(terms)) => match terms.as_slice() {
            [only] if only.contains('.') => ending(pool, names, reach, filter, only, false).await,
            _ => containing_all(pool, names, filter, terms.clone()).await,
        },
        _ => Ok(filter.clone()),
    }
}

async fn owned(pool: &PgPool, reach: Reach<'_>, filter: &Filter, address: &str) -> Result<Filter> {
    let is_owner = sqlx::query_scalar!(
        "select exists (
             select from certificate_counts
             where scope = '' and scope_value = '' and facet = 'owner' and team_id = any($2) and value = $1 and n > 0
         ) as \"exists!\"",
        address,
        reach.unwrap_or(&[-1]),
    )
    .fetch_one(pool)
    .await?;
    let address = address.to_owned();
    Ok(match (is_owner, filter.owner.is_empty() || filter.owner.contains(&address)) {
        (false, _) => filter.clone(),
        (true, true) => Filter { query: None, owner: vec![address], ..filter.clone() },
        (true, false) => Filter { query: Some(Query::Among(Vec::new())), ..filter.clone() },
    })
}

/// A long number is a serial or a fingerprint where one within reach has it, and else a part of names: whose numbers others have must not
/// show (S7). The index of names would be asked for each of its trigrams.
async fn identified(
    pool: &PgPool,
    names: &NameSample,
    reach: Reach<'_>,
    filter: &Filter,
    typed: &str,
    digits: &str,
) -> Result<Filter> {
    let digest = hex::decode(digits).unwrap_or_default();
    let ids = sqlx::query_scalar!(
        "(select id from certificates where serial = $1 and ($4::bigint[] is null or team_id = any($4)) limit $3)
         union
         (select id from certificates where sha1 = $2 and ($4::bigint[] is null or team_id = any($4)) limit $3)
         union
         (select id from certificates where sha256 = $2 and ($4::bigint[] is null or team_id = any($4)) limit $3)
         union
         (select id from certificates where spki_sha256 = $2 and ($4::bigint[] is null or team_id = any($4)) limit $3)",
        without_zeros(digits),
        &digest,
        CAP,
        reach,
    )
    .fetch_all(pool)
    .await?;
    match ids.len() {
        0 => containing_all(pool, names, filter, vec![typed.to_owned()]).await,
        n if i64::try_from(n).is_ok_and(|n| n < CAP) => {
            let ids = ids.into_iter().flatten().collect();
            Ok(Filter { query: Some(Query::Among(ids)), ..filter.clone() })
        }
        _ => Ok(filter.clone()),
    }
}

/// A handful of entries is named by id, which is quick in every order; of many, the list walks its order and finds them on the way.
async fn ending(
    pool: &PgPool,
    names: &NameSample,
    reach: Reach<'_>,
    filter: &Filter,
    suffix: &str,
    is_certain: bool,
) -> Result<Filter> {
    let first = reverse(suffix);
    // No character of a name comes after this one.
    let after = format!("{first}\u{10ffff}");
    // Of a limited reader most names may belong to others, so more are looked at; but never all of them.
    let most = if reach.is_none() { CAP } else { CAP * 10 };
    let rows = sqlx::query!(
        "with named as materialized (
             select certificate_id
             from certificate_names
             where reversed >= $1 and reversed < $2
             limit $3
         )
         select certificate_id,
             $4::bigint[] is null or exists (
                 select from certificates c where c.id = certificate_id and c.team_id = any($4)) as \"is_within!\"
         from named",
        &first,
        &after,
        most,
        reach,
    )
    .fetch_all(pool)
    .await?;
    let is_all = i64::try_from(rows.len()).is_ok_and(|n| n < most);
    let within: Vec<i64> = rows.iter().filter(|row| row.is_within).map(|row| row.certificate_id).collect();
    match within.len() {
        0 if is_all && !is_certain => containing_all(pool, names, filter, vec![suffix.to_owned()]).await,
        n if is_all && i64::try_from(n).is_ok_and(|n| n < CAP) => {
            Ok(Filter { query: Some(Query::Among(within)), ..filter.clone() })
        }
        _ => {
            let texts = vec![format!("{suffix}\n")];
            let weight = names.weigh(pool, &texts).await?.unwrap_or_default();
            let query = Query::Ending { texts, weight, names: (first, after) };
            Ok(Filter { query: Some(query), ..filter.clone() })
        }
    }
}

async fn containing_all(
    pool: &PgPool,
    names: &NameSample,
    filter: &Filter,
    texts: Vec<String>,
) -> Result<Filter> {
    let weight = names.weigh(pool, &texts).await?;
    let query = match weight {
        Some(weight) => Query::Weighed(texts, weight),
        None => Query::Text(texts),
    };
    Ok(Filter { query: Some(query), ..filter.clone() })
}

/// A list of several tags is read along the first of them.
async fn rarest_tag_first(pool: &PgPool, filter: &Filter) -> Result<Filter> {
    if filter.tag.len() < 2 {
        return Ok(filter.clone());
    }
    let counted = sqlx::query!(
        "select value, n
         from certificate_counts
         where scope = '' and scope_value = '' and facet = 'tag' and team_id = -1 and value = any($1)",
        &filter.tag,
    )
    .fetch_all(pool)
    .await?;
    let mut filter = filter.clone();
    filter.tag.sort_by_key(|tag| counted.iter().find(|row| row.value == *tag).map_or(0, |row| row.n));
    Ok(filter)
}
