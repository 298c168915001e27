//! How common a text is among the names of the inventory, from a sample of them.
//!
//! PostgreSQL cannot tell a common text from a rare one well enough, and its trigram index reads the list of every trigram of the text,
//! also of those that stand in each second name. The sample answers both: what is common is found on a walk through the list's order, what
//! is rare by the few trigrams that are rarest.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sqlx::PgPool;

use super::Result;
use crate::store::Error;

/// How many names are looked at.
const WANTED: f64 = 6_000.0;
/// How long a sample is good for.
const LIFE: Duration = Duration::from_secs(600);
/// A table of fewer rows is searched quickly in any way.
const SMALL: f64 = 20_000.0;
/// How many trigrams the index is asked for: fewer leave more rows to look at, more cost more in the index.
const TRIGRAMS: usize = 3;
/// How many rows of a page a walk has to find.
const PAGE: f64 = 50.0;
/// What visiting a row found by the index costs, when a step of a walk costs 1.
const VISIT: f64 = 2.0;
/// From this share on, counting up to the cap is quicker without the index.
const COMMON: f64 = 0.05;
/// So many entries are more than the cap, though the sample only guesses: hits in so many blocks are no accident. What was imported in one
/// go lies in few.
const SURELY: f64 = 10_000.0;
const MANY_BLOCKS: usize = 40;
/// The longest walk in rows, some 30 ms.
const LONGEST_WALK: i64 = 10_000;

/// The sample of one database, shared by all searches of a process.
#[derive(Debug)]
pub struct NameSample {
    small: f64,
    taken: Mutex<Option<Arc<Taken>>>,
    /// Held by whoever takes a new one; the others go on with the old one.
    turn: tokio::sync::Mutex<()>,
}

/// How a text is best looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Weight {
    /// The rarest trigrams of it.
    pub trigrams: Vec<String>,
    /// How many of a thousand names have it, when they are so many that a walk through the order soon fills a page; else 0.
    per_mille: u32,
    /// So common that counting up to the cap needs no index.
    pub fills_counts: bool,
    /// So many entries have it that no list of them is shorter than the cap.
    pub is_surely_many: bool,
}

impl Weight {
    /// How many rows of an order probably hold `rows` of them, with room for bad luck; `None` when that is a long walk.
    ///
    /// They may still stand at its other end, as all certificates of a service do that was given up: who finds too few on the walk asks
    /// the index.
    pub(super) fn walk(&self, rows: i64) -> Option<i64> {
        (self.per_mille > 0).then(|| (rows * 3 * 1_000 / i64::from(self.per_mille)).clamp(500, LONGEST_WALK))
    }
}

#[derive(Debug)]
struct Taken {
    at: Instant,
    table: f64,
    /// The block that each lies in, and its names.
    texts: Vec<(i64, String)>,
    trigrams: HashMap<[char; 3], u32>,
}

impl Default for NameSample {
    fn default() -> Self {
        Self::from_rows(SMALL)
    }
}

impl NameSample {
    /// A sample that is used once the table has so many rows; tests use few.
    pub fn from_rows(small: f64) -> Self {
        Self { small, taken: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    /// How to look for entries with all of `texts` in their names; `None` while the table is small.
    pub(super) async fn weigh(&self, pool: &PgPool, texts: &[String]) -> Result<Option<Weight>> {
        let taken = match self.current() {
            Some(taken) if taken.at.elapsed() < LIFE => taken,
            Some(old) => match self.turn.try_lock() {
                Ok(_turn) => self.renewed(pool).await?,
                Err(_) => old,
            },
            None => {
                let _turn = self.turn.lock().await;
                match self.current() {
                    Some(taken) => taken,
                    None => self.renewed(pool).await?,
                }
            }
        };
        Ok((!taken.texts.is_empty()).then(|| taken.weigh(texts)))
    }

    fn current(&self) -> Option<Arc<Taken>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn renewed(&self, pool: &PgPool) -> Result<Arc<Taken>> {
        let taken = Arc::new(take(pool, self.small).await?);
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken.clone());
        Ok(taken)
    }
}

async fn take(pool: &PgPool, small: f64) -> Result<Taken> {
    let table = sqlx::query_scalar!(
        "select greatest(reltuples, 0)::float8 as \"n!\" from pg_class where oid = 'certificates'::regclass"
    )
    .fetch_one(pool)
    .await?;
    #[expect(clippy::cast_possible_truncation, reason = "a percentage")]
    let percent = (100.0 * WANTED / table.max(1.0)).min(100.0) as f32;
    let texts = match table >= small {
        true => {
            let rows = sqlx::query!(
                r#"select (ctid::text::point)[0]::bigint as "block!", search from certificates tablesample system ($1)"#,
                percent
            );
            rows.fetch_all(pool).await?.into_iter().map(|row| (row.block, row.search)).collect()
        }
        false => Vec::new(),
    };
    let counted = tokio::task::spawn_blocking(move || {
        let mut trigrams: HashMap<[char; 3], u32> = HashMap::new();
        for (_, text) in &texts {
            for trigram in windows(text) {
                *trigrams.entry(trigram).or_insert(0) += 1;
            }
        }
        (texts, trigrams)
    });
    let (texts, trigrams) = counted.await.map_err(|_| Error::Damaged {
        what: "the sample of names".to_owned(),
        reason: "it could not be counted".to_owned(),
    })?;
    Ok(Taken { at: Instant::now(), table, texts, trigrams })
}

impl Taken {
    fn weigh(&self, texts: &[String]) -> Weight {
        let has_all = |(_, name): &&(i64, String)| texts.iter().all(|text| name.contains(text.as_str()));
        let hits: Vec<i64> = self.texts.iter().filter(has_all).map(|(block, _)| *block).collect();
        // They were read block by block.
        let blocks = hits.chunk_by(|one, next| one == next).count();
        let (hits, sampled) = (count(hits.len()), count(self.texts.len()));
        let share = hits / sampled.max(1.0);
        let mut trigrams: Vec<[char; 3]> = texts.iter().flat_map(|text| windows(text)).collect();
        trigrams.sort_unstable();
        trigrams.dedup();
        trigrams.sort_by_key(|trigram| self.trigrams.get(trigram).copied().unwrap_or(0));
        Weight {
            trigrams: trigrams.into_iter().take(TRIGRAMS).map(String::from_iter).collect(),
            // A walk finds a page in PAGE / share steps; the index leads to share * table rows, all to be visited.
            per_mille: if share * share * self.table * VISIT >= PAGE { rounded(share * 1_000.0) } else { 0 },
            fills_counts: share >= COMMON,
            is_surely_many: blocks >= MANY_BLOCKS && share * self.table >= SURELY,
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most a thousand")]
fn rounded(per_mille: f64) -> u32 {
    per_mille as u32
}

#[expect(clippy::cast_precision_loss, reason = "a sample is small")]
fn count(n: usize) -> f64 {
    n as f64
}

/// The pieces of a text that are trigrams of the index too: three letters or digits, or two beside a mark.
fn windows(text: &str) -> Vec<[char; 3]> {
    let letters: Vec<char> = text.chars().collect();
    let is_one = |window: &[char; 3]| {
        let [first, middle, last] = window.map(char::is_alphanumeric);
        middle && (first || last)
    };
    letters.windows(3).filter_map(|window| <[char; 3]>::try_from(window).ok()).filter(is_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(texts: &[&str], table: f64) -> Taken {
        let texts: Vec<(i64, String)> =
            (0..).zip(texts).map(|(n, text): (i64, _)| (n / 20, (*text).to_owned())).collect();
        let mut trigrams: HashMap<[char; 3], u32> = HashMap::new();
        for trigram in texts.iter().flat_map(|(_, text)| windows(text)) {
            *trigrams.entry(trigram).or_insert(0) += 1;
        }
        Taken { at: Instant::now(), table, texts, trigrams }
    }

    #[test]
    fn the_rarest_trigrams_are_asked_for() {
        let sample = taken(&["\nwww.shop.example\n", "\nwww.pay.example\n", "\nzx9.shop.example\n"], 1e6);
        let weight = sample.weigh(&["zx9.shop.example".to_owned()]);
        assert_eq!(weight.trigrams, ["x9.", "zx9", ".sh"]);
    }

    #[test]
    fn a_common_text_is_walked_to_and_a_rare_one_is_not() {
        let mut names = vec!["\na.example\n"; 1_000];
        names.extend(["\nrare.test\n"; 1]);
        let sample = taken(&names, 1e6);
        let weigh = |text: &str| sample.weigh(&[text.to_owned()]);
        assert!(weigh("example").fills_counts && weigh("example").is_surely_many);
        assert!(!weigh("rare").is_surely_many);
        assert!(!taken(&["\na.example\n"; 1_000], 5e3).weigh(&["example".to_owned()]).is_surely_many);
        assert_eq!(weigh("example").walk(51), Some(500));
        assert_eq!((weigh("rare").walk(51), weigh("absent").walk(51)), (None, None));
    }

    #[test]
    fn only_what_the_index_knows_is_a_trigram() {
        let joined = |text: &str| windows(text).into_iter().map(String::from_iter).collect::<Vec<_>>();
        assert_eq!(joined("a.bc-d"), [".bc", "bc-"]);
        assert!(joined("ab").is_empty() && joined("a.b").is_empty());
    }
}
