//! A random inventory, made by the store alone so that it can be large; the same seed makes the same one.

use notafter::store::{
    Tx,
    certificates::import::{self, NewEntry},
};
use time::Duration;

use crate::support::{TestApp, app::START};

pub struct Chance(u64);

impl Chance {
    pub fn of(seed: u64) -> Chance {
        Chance(seed)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    pub fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }
}

pub const OWNERS: [&str; 3] = ["web@halden.example", "pay@halden.example", ""];
pub const PLACES: [&str; 3] = ["production", "test", ""];
pub const ISSUERS: [&str; 3] = ["Halden CA 1", "Halden CA 2", "100%_Sure\\CA"];
pub const KEYS: [&str; 2] = ["RSA-2048", "EC-256"];
pub const TAGS: [&str; 3] = ["shop", "edge", "old"];

/// `count` entries, numbered from `first`, of these teams (0 = none).
pub async fn fill(app: &TestApp, first: u64, count: u64, teams: &[i64]) {
    let mut chance = Chance::of(first + 1);
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let entries: Vec<NewEntry> = (first..first + count)
        .map(|n| {
            let mut sha256 = [0; 32];
            sha256[..8].copy_from_slice(&n.to_be_bytes());
            let name =
                format!("{}{n}.{}.example", chance.pick(&["www", "API", "mail"]), chance.pick(&["a", "b"]));
            let team = teams[usize::try_from(chance.below(teams.len() as u64)).unwrap()];
            NewEntry {
                sha256,
                name: name.clone(),
                names: vec![name.to_lowercase()],
                serial: format!("{n:08x}"),
                // Many end in the same second, and some exactly at the borders between two statuses.
                not_after: START + Duration::days(chance.below(9) as i64 * 15 - 30),
                issuer_name: chance.pick(&ISSUERS).into(),
                key: chance.pick(&KEYS).into(),
                owner: some(chance.pick(&OWNERS)),
                environment: some(chance.pick(&PLACES)),
                tags: TAGS.iter().filter(|_| chance.below(2) == 0).map(|tag| (*tag).to_owned()).collect(),
                team_id: (team != 0).then_some(team),
                unreadable: (chance.below(20) == 0).then(|| "broken".to_owned()),
                ..NewEntry::default()
            }
        })
        .collect();
    let mut tx = Tx::begin(&app.app.pool).await.unwrap();
    import::insert(&mut tx, &entries, "import", START).await.unwrap();
    tx.commit(app.cli().event("certificates.imported", "random")).await.unwrap();
}

/// Changes and deletes some, as edits, lineage and clearing would.
pub async fn stir(app: &TestApp, seed: i64) {
    let statements = [
        "update certificates set state = 'retired' where id % 7 = $1 % 7",
        "update certificates set state = 'superseded', tags = '{edge,new}' where id % 11 = $1 % 11",
        "update certificates set owner = null, environment = 'test', tags = '{}' where id % 5 = $1 % 5",
        "update certificates set note = 'seen' where id % 2 = $1 % 2",
        "update certificates set team_id = null where id % 13 = $1 % 13",
        "delete from certificates where id % 17 = $1 % 17",
    ];
    for statement in statements {
        let mut tx = Tx::begin(&app.app.pool).await.unwrap();
        sqlx::query_scalar::<_, i64>(statement).bind(seed).fetch_optional(tx.conn()).await.unwrap();
        tx.commit(app.cli().event("certificates.stirred", "random")).await.unwrap();
    }
}
