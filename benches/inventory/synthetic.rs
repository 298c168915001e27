//! Made-up entries, skewed as real ones are: few issuers, owners, names and tags have most of the certificates. The same number always
//! makes the same entry.

use notafter::{
    crypto::digest::{sha1, sha256},
    store::certificates::import::{NewEntry, array_literal, reverse},
};
use time::{Duration, OffsetDateTime, format_description::well_known::Rfc3339};

/// Teams that own the entries, ids 1 to this.
pub const TEAMS: i64 = 20;

const HOSTS: [&str; 12] =
    ["www", "api", "mail", "shop", "vpn", "img", "cdn", "auth", "grafana", "ledger", "static", "git"];
const ENVIRONMENTS: [&str; 4] = ["production", "staging", "test", "development"];
const KEYS: [&str; 6] = ["RSA-2048", "EC-256", "RSA-4096", "EC-384", "ED25519", "RSA-1024"];

/// One entry and its state.
pub struct Made {
    pub entry: NewEntry,
    pub state: &'static str,
}

/// A stream of numbers between 0 and 1 that depends on its seed only (SplitMix64).
pub struct Chance(u64);

impl Chance {
    pub fn of(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.bits() % n as u64).unwrap()
    }

    /// Mostly small: of 500, the first has about one in eight.
    pub fn skewed(&mut self, n: usize) -> usize {
        let unit = (self.bits() >> 11) as f64 / (1_u64 << 53) as f64;
        ((n as f64 * unit.powi(3)) as usize).min(n - 1)
    }
}

/// The name of host, team and place number so and so.
pub fn name(chance: &mut Chance) -> String {
    let host = HOSTS[chance.below(HOSTS.len())];
    format!("{host}{}.team{}.example{}.com", chance.below(200), chance.skewed(60), chance.skewed(3000))
}

pub fn owner(chance: &mut Chance) -> String {
    format!("owner{}@halden.example", chance.skewed(500))
}

pub fn issuer(chance: &mut Chance) -> String {
    format!("Halden Issuing CA {:03}", chance.skewed(200))
}

pub fn tag(chance: &mut Chance) -> String {
    format!("tag{}", chance.skewed(50))
}

/// Entry number `n`, ending around `now`.
pub fn made(n: u64, now: OffsetDateTime) -> Made {
    let mut chance = Chance::of(n);
    let mut der = Vec::with_capacity(950);
    while der.len() < 950 {
        der.extend_from_slice(&chance.bits().to_le_bytes());
    }
    let names: Vec<String> = (0..1 + chance.skewed(5) + chance.below(2)).map(|_| name(&mut chance)).collect();
    let issuer = issuer(&mut chance);
    let not_after = now + Duration::seconds(chance.below(460 * 86_400) as i64 - 60 * 86_400);
    let state = match chance.below(100) {
        0..80 => "active",
        80..95 => "superseded",
        95..99 => "retired",
        _ => "revoked",
    };
    let mut tags: Vec<String> = (0..chance.below(3)).map(|_| tag(&mut chance)).collect();
    tags.sort();
    tags.dedup();
    let entry = NewEntry {
        sha256: sha256(&der),
        sha1: sha1(&der),
        spki_sha256: Some(sha256(&n.to_le_bytes())),
        name: names[0].clone(),
        subject: format!("CN={}", names[0]),
        issuer: format!("CN={issuer},O=Halden"),
        issuer_der_sha256: Some(sha256(issuer.as_bytes())),
        issuer_name: issuer,
        serial: hex::encode(&der[..16]),
        not_before: Some(not_after - Duration::days(90)),
        not_after,
        key: KEYS[chance.skewed(KEYS.len())].to_owned(),
        signature: "SHA256-RSA".to_owned(),
        sans: names.iter().map(|name| format!("DNS:{name}")).collect(),
        names,
        authority_key_id: Some(der[..20].to_vec()),
        subject_key_id: Some(der[20..40].to_vec()),
        subject_der_sha256: Some(sha256(&der[..8])),
        owner: (chance.below(100) >= 8).then(|| owner(&mut chance)),
        team_id: (chance.below(100) >= 5).then(|| 1 + chance.skewed(TEAMS as usize) as i64),
        environment: (chance.below(10) > 0).then(|| ENVIRONMENTS[chance.skewed(4)].to_owned()),
        tags,
        der,
        ..NewEntry::default()
    };
    Made { entry, state }
}

/// The columns that [`row`] writes.
pub const COLUMNS: &str = "id, sha256, sha1, spki_sha256, name, subject, issuer, issuer_name, serial, not_before, not_after, key, signature, \
     sans, is_ca, is_self_signed, authority_key_id, subject_key_id, subject_der_sha256, issuer_der_sha256, owner, team_id, environment, \
     tags, source, state, search, added_at, changed_at";

/// The entry as lines of COPY's text form: for `certificates`, `certificate_ders` and `certificate_names`.
pub fn lines(id: i64, made: &Made, now: OffsetDateTime) -> (String, String, String) {
    let entry = &made.entry;
    let text = |value: &str| value.replace('\\', "\\\\").replace('\n', "\\n").replace('\t', "\\t");
    let bytes = |value: &[u8]| format!("\\\\x{}", hex::encode(value));
    let maybe = |value: Option<String>| value.unwrap_or_else(|| "\\N".to_owned());
    let date = |at: OffsetDateTime| at.format(&Rfc3339).unwrap();
    let columns = [
        id.to_string(),
        bytes(&entry.sha256),
        bytes(&entry.sha1),
        maybe(entry.spki_sha256.as_ref().map(|digest| bytes(digest))),
        text(&entry.name),
        text(&entry.subject),
        text(&entry.issuer),
        text(&entry.issuer_name),
        entry.serial.clone(),
        maybe(entry.not_before.map(date)),
        date(entry.not_after),
        entry.key.clone(),
        entry.signature.clone(),
        text(&array_literal(&entry.sans)),
        "f".to_owned(),
        "f".to_owned(),
        maybe(entry.authority_key_id.as_ref().map(|id| bytes(id))),
        maybe(entry.subject_key_id.as_ref().map(|id| bytes(id))),
        maybe(entry.subject_der_sha256.as_ref().map(|digest| bytes(digest))),
        maybe(entry.issuer_der_sha256.as_ref().map(|digest| bytes(digest))),
        maybe(entry.owner.clone()),
        maybe(entry.team_id.map(|team| team.to_string())),
        maybe(entry.environment.clone()),
        text(&array_literal(&entry.tags)),
        "import".to_owned(),
        made.state.to_owned(),
        text(&entry.search()),
        date(now),
        date(now),
    ];
    let mut names: Vec<String> = entry.names.iter().map(|name| reverse(name)).collect();
    names.sort();
    names.dedup();
    let names = names.iter().map(|name| format!("{name}\t{id}\n")).collect();
    (columns.join("\t") + "\n", format!("{id}\t{}\n", bytes(&entry.der)), names)
}
