//! Every query that a page, the API or a job makes of the inventory, with values that change from one call to the next.

use std::{sync::LazyLock, time::Instant};

use notafter::store::certificates::{
    self, CertificateId, Ends, Filter, NameSample, Query, Sort, Status, chain, counts, days, facets,
    list::{Cursor, Place, SortBy, list},
    narrowed,
};
use sqlx::PgPool;
use time::{Duration, OffsetDateTime};

use crate::{
    synthetic::{self, Chance, TEAMS, made},
    table::{Latencies, Line, print},
};

const WARM: usize = 10;
const CALLS: usize = 150;
const PAGE: i64 = 50;

/// What the calls of one run share.
pub struct Reads {
    pub pool: PgPool,
    pub rows: u64,
    pub now: OffsetDateTime,
    pub lines: Vec<Line>,
}

/// As the services do it: what was asked is understood first, and that takes its part of the time.
async fn understood(pool: &PgPool, filter: &Filter) -> Filter {
    static NAMES: LazyLock<NameSample> = LazyLock::new(NameSample::default);
    narrowed(pool, &NAMES, None, filter).await.unwrap()
}

fn text(words: &[&str]) -> Option<Query> {
    Some(Query::Text(words.iter().map(|word| (*word).to_owned()).collect()))
}

fn by(query: Option<Query>) -> Filter {
    Filter { query, ..Filter::default() }
}

impl Reads {
    async fn time(
        &mut self,
        work: &str,
        mut call: impl AsyncFnMut(&PgPool, OffsetDateTime, &mut Chance, u64),
    ) {
        let mut chance = Chance::of(work.len() as u64 * 7919);
        let mut milliseconds = Vec::with_capacity(CALLS);
        for n in 0..WARM + CALLS {
            let row = chance.bits() % self.rows;
            let began = Instant::now();
            call(&self.pool, self.now, &mut chance, row).await;
            if n >= WARM {
                milliseconds.push(began.elapsed().as_secs_f64() * 1000.0);
            }
        }
        let line = Latencies::of(milliseconds).line(work);
        print(&line);
        self.lines.push(line);
    }

    async fn listing(&mut self, work: &str, sort: &str, mut filter: impl FnMut(&mut Chance, u64) -> Filter) {
        let sort = Sort::parse(sort).unwrap();
        self.time(&format!("list: {work}"), async |pool, now, chance, row| {
            let filter = understood(pool, &filter(chance, row)).await;
            // A search that runs into its time-out shows as the time-out.
            let _ = list(pool, None, &filter, sort, &Place::First, PAGE, now).await;
        })
        .await;
    }

    async fn counting(&mut self, work: &str, mut filter: impl FnMut(&mut Chance, u64) -> Filter) {
        self.time(&format!("count: {work}"), async |pool, now, chance, row| {
            let _ = counts::count(pool, None, &understood(pool, &filter(chance, row)).await, now).await;
        })
        .await;
    }

    async fn faceting(&mut self, work: &str, mut filter: impl FnMut(&mut Chance, u64) -> Filter) {
        self.time(&format!("facets: {work}"), async |pool, now, chance, row| {
            let _ = facets::facets(pool, None, &understood(pool, &filter(chance, row)).await, now).await;
        })
        .await;
    }

    pub async fn all(mut self) -> usize {
        self.lists().await;
        self.searches().await;
        self.counts().await;
        self.singles().await;
        self.lines.iter().filter(|line| !line.is_met).count()
    }

    async fn lists(&mut self) {
        for sort in ["expires", "-expires", "name", "owner", "issuer", "env", "key", "-added"] {
            self.listing(&format!("first page by {sort}"), sort, |_, _| Filter::default()).await;
        }
        let (pool, now) = (self.pool.clone(), self.now);
        let mut places = Vec::new();
        for n in 0..200 {
            let id = CertificateId(i64::try_from(Chance::of(n).bits() % self.rows).unwrap() + 1);
            if let Some(entry) = certificates::find(&pool, None, id).await.unwrap() {
                places.push(Place::After(Cursor::at(&entry, "", Sort::default())));
            }
        }
        self.time("list: deep page by expires", async |pool, _, chance, _| {
            let place = &places[chance.below(places.len())];
            list(pool, None, &Filter::default(), Sort::default(), place, PAGE, now).await.unwrap();
        })
        .await;
        self.listing("30 days of an owner", "expires", |chance, _| Filter {
            ends: Some(Ends::Within(30)),
            owner: vec![synthetic::owner(chance)],
            ..Filter::default()
        })
        .await;
        self.listing("owner, environment and status", "expires", |chance, _| Filter {
            status: vec![Status::Valid],
            owner: vec![synthetic::owner(chance)],
            environment: vec!["staging".into()],
            ..Filter::default()
        })
        .await;
        self.listing("issuer", "expires", |chance, _| Filter {
            issuer: vec![synthetic::issuer(chance)],
            ..Filter::default()
        })
        .await;
        self.listing("tag", "expires", |chance, _| Filter {
            tag: vec![synthetic::tag(chance)],
            ..Filter::default()
        })
        .await;
        self.listing("two tags", "expires", |chance, _| Filter {
            tag: vec![synthetic::tag(chance), synthetic::tag(chance)],
            ..Filter::default()
        })
        .await;
        self.listing("status", "expires", |chance, _| Filter {
            status: vec![Status::ALL[chance.below(6)]],
            ..Filter::default()
        })
        .await;
        self.listing("rare key by name", "name", |_, _| Filter {
            key: vec!["RSA-1024".into()],
            ..Filter::default()
        })
        .await;
        self.time("list: reader limited to a team", async |pool, now, chance, _| {
            let team = [1 + chance.below(TEAMS as usize) as i64];
            list(pool, Some(&team), &Filter::default(), Sort::default(), &Place::First, PAGE, now)
                .await
                .unwrap();
        })
        .await;
        self.time("list: reader limited to three teams, by name", async |pool, now, _, _| {
            let sort = Sort { by: SortBy::Name, descending: false };
            list(pool, Some(&[3, 9, 17]), &Filter::default(), sort, &Place::First, PAGE, now).await.unwrap();
        })
        .await;
    }

    async fn searches(&mut self) {
        let now = self.now;
        let hex = |bytes: &[u8]| {
            let digits = hex::encode(bytes);
            by(Some(Query::Hex { typed: digits.clone(), digits }))
        };
        self.listing("search a whole name", "expires", |_, row| by(text(&[&made(row, now).entry.name])))
            .await;
        self.listing("search a rare part", "expires", |chance, _| {
            by(text(&[&format!(
                "{}.team5{}.example{}",
                chance.below(200),
                chance.below(10),
                1000 + chance.below(2000)
            )]))
        })
        .await;
        self.listing("search a common word", "expires", |chance, _| {
            by(text(&[["grafana", "ledger", "team3", "example1"][chance.below(4)]]))
        })
        .await;
        self.listing("search an absent word", "expires", |chance, _| {
            by(text(&[&format!("zebra{}", chance.below(99))]))
        })
        .await;
        self.listing("search two letters", "expires", |chance, _| {
            by(text(&[["vp", "ed", "9."][chance.below(3)]]))
        })
        .await;
        self.listing("search frequent labels", "expires", |chance, _| {
            by(text(&[&format!("team{}.example{}.", 30 + chance.below(10), 10 + chance.below(10))]))
        })
        .await;
        self.listing("search two words", "expires", |chance, _| {
            by(text(&[
                &format!("team{}.", 30 + chance.below(10)),
                &format!("example{}.", 10 + chance.below(40)),
            ]))
        })
        .await;
        self.listing("suffix, rare", "expires", |chance, _| {
            by(Some(Query::Suffix(format!(
                ".team{}.example{}.com",
                30 + chance.below(10),
                10 + chance.below(40)
            ))))
        })
        .await;
        self.listing("suffix, common", "expires", |chance, _| {
            by(Some(Query::Suffix(format!(".example{}.com", chance.below(5)))))
        })
        .await;
        self.listing("search an owner", "expires", |chance, _| {
            by(Some(Query::Address(synthetic::owner(chance))))
        })
        .await;
        self.listing("search a serial", "expires", |_, row| hex(&made(row, now).entry.der[..16])).await;
        self.listing("search a SHA-1", "expires", |_, row| hex(&made(row, now).entry.sha1)).await;
        self.listing("search a SHA-256", "expires", |_, row| hex(&made(row, now).entry.sha256)).await;
        self.listing("search a SPKI digest", "expires", |_, row| {
            hex(&made(row, now).entry.spki_sha256.unwrap())
        })
        .await;
    }

    async fn counts(&mut self) {
        self.counting("everything", |_, _| Filter::default()).await;
        self.counting("owner", |chance, _| Filter {
            owner: vec![synthetic::owner(chance)],
            ..Filter::default()
        })
        .await;
        self.counting("status", |chance, _| Filter {
            status: vec![Status::ALL[chance.below(6)]],
            ..Filter::default()
        })
        .await;
        self.counting("expires in 14 days", |_, _| Filter {
            ends: Some(Ends::Within(14)),
            ..Filter::default()
        })
        .await;
        self.counting("common word, capped", |chance, _| {
            by(text(&[["grafana", "ledger", "team3"][chance.below(3)]]))
        })
        .await;
        self.counting("rare part", |chance, _| {
            by(text(&[&format!("7.team5{}.example1{}", chance.below(10), chance.below(999))]))
        })
        .await;
        self.faceting("everything", |_, _| Filter::default()).await;
        self.faceting("the largest owner", |_, _| Filter {
            owner: vec!["owner0@halden.example".into()],
            ..Filter::default()
        })
        .await;
        self.faceting("an environment", |_, _| Filter {
            environment: vec!["test".into()],
            ..Filter::default()
        })
        .await;
        self.faceting("owner and status", |chance, _| Filter {
            owner: vec![synthetic::owner(chance)],
            status: vec![Status::Expiring],
            ..Filter::default()
        })
        .await;
        self.faceting("a search", |chance, _| {
            by(text(&[["grafana", "team31.example2", "vpn7."][chance.below(3)]]))
        })
        .await;
        self.time("histogram of 52 weeks", async |pool, now, _, _| {
            days::histogram(pool, None, now.date(), now.date() + Duration::weeks(52)).await.unwrap();
        })
        .await;
    }

    async fn singles(&mut self) {
        self.time("detail: one entry and its DER", async |pool, _, _, row| {
            let id = CertificateId(i64::try_from(row).unwrap() + 1);
            certificates::find(pool, None, id).await.unwrap();
            certificates::der(pool, None, id).await.unwrap();
        })
        .await;
        self.time("chain: one level", async |pool, now, _, row| {
            let issuer = made(row, now).entry.issuer_der_sha256.unwrap().to_vec();
            chain::signers(pool, None, &[issuer]).await.unwrap();
        })
        .await;
    }
}
