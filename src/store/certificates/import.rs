//! Bringing certificates in: many rows in one statement, each fingerprint once.
//!
//! The caller holds the inventory's lock ([`lock`]) from before it looks for known fingerprints until it commits; of two people who import
//! the same file the second therefore waits a moment and is told that everything is known.

use time::OffsetDateTime;

use super::{CertificateId, Reach, Result, State, UNKNOWN_END};
use crate::store::Tx;

/// The longest name and issuer name that a list shows; the subject keeps the whole.
pub const MAX_NAME: usize = 300;
/// The longest name in the suffix index; a DNS name has at most 253 characters.
pub(super) const MAX_INDEXED_NAME: usize = 255;
/// So many names of one certificate are in the suffix index; public CAs issue for a hundred or two.
pub(super) const MAX_INDEXED_NAMES: usize = 1_000;
/// How many names one statement inserts.
const NAMES: usize = 20_000;
/// How much of a certificate's names free text is looked for in.
const MAX_SEARCH: usize = 20_000;

/// What is derived from a certificate, and what the organisation says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEntry {
    /// The certificate as it was read.
    pub der: Vec<u8>,
    /// SHA-256 of the DER.
    pub sha256: [u8; 32],
    /// SHA-1 of the DER.
    pub sha1: [u8; 20],
    /// SHA-256 of the public key.
    pub spki_sha256: Option<[u8; 32]>,
    /// Why only the fingerprint is known.
    pub unreadable: Option<String>,
    /// What people call it.
    pub name: String,
    /// RFC 4514.
    pub subject: String,
    /// RFC 4514.
    pub issuer: String,
    /// What people call the issuer.
    pub issuer_name: String,
    /// Lower-case hex.
    pub serial: String,
    /// First second of validity.
    pub not_before: Option<OffsetDateTime>,
    /// Last second of validity, or [`super::UNKNOWN_END`].
    pub not_after: OffsetDateTime,
    /// Such as `EC-256`.
    pub key: String,
    /// Such as `SHA256-RSA`.
    pub signature: String,
    /// Such as `DNS:a.example`.
    pub sans: Vec<String>,
    /// DNS names and addresses in lower case.
    pub names: Vec<String>,
    /// Whether it may sign others.
    pub is_ca: bool,
    /// Whether subject and issuer are the same name.
    pub is_self_signed: bool,
    /// The signer's key, as the certificate names it.
    pub authority_key_id: Option<Vec<u8>>,
    /// Its own key, as the certificate names it.
    pub subject_key_id: Option<Vec<u8>>,
    /// SHA-256 of the subject's DER.
    pub subject_der_sha256: Option<[u8; 32]>,
    /// SHA-256 of the issuer's DER.
    pub issuer_der_sha256: Option<[u8; 32]>,
    /// Mail address of who looks after it.
    pub owner: Option<String>,
    /// The team that owns it.
    pub team_id: Option<i64>,
    /// Such as `production`.
    pub environment: Option<String>,
    /// Free labels, sorted, each once.
    pub tags: Vec<String>,
}

impl Default for NewEntry {
    /// Nothing known, not even when it ends.
    fn default() -> Self {
        Self {
            der: Vec::new(),
            sha256: [0; 32],
            sha1: [0; 20],
            spki_sha256: None,
            unreadable: None,
            name: String::new(),
            subject: String::new(),
            issuer: String::new(),
            issuer_name: String::new(),
            serial: String::new(),
            not_before: None,
            not_after: UNKNOWN_END,
            key: String::new(),
            signature: String::new(),
            sans: Vec::new(),
            names: Vec::new(),
            is_ca: false,
            is_self_signed: false,
            authority_key_id: None,
            subject_key_id: None,
            subject_der_sha256: None,
            issuer_der_sha256: None,
            owner: None,
            team_id: None,
            environment: None,
            tags: Vec::new(),
        }
    }
}

impl NewEntry {
    /// The text that a search looks in: each name on a line of its own, then the alternative names of other kinds.
    pub fn search(&self) -> String {
        let mut text = String::from("\n");
        let others = self.sans.iter().filter_map(|san| match san.split_once(':') {
            Some(("DNS" | "IP", _)) => None,
            Some((_, value)) => Some(value),
            None => Some(san.as_str()),
        });
        for line in self.names.iter().map(String::as_str).chain([self.name.as_str()]).chain(others) {
            if text.len() + line.len() > MAX_SEARCH {
                break;
            }
            text.extend(line.to_lowercase().chars().map(|c| if c == '\n' { ' ' } else { c }));
            text.push('\n');
        }
        text
    }
}

/// An entry that was there before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// SHA-256 of the DER.
    pub sha256: Vec<u8>,
    /// Id.
    pub id: i64,
    /// When it entered the inventory.
    pub added_at: OffsetDateTime,
    /// Whether the actor can reach it.
    pub in_reach: bool,
}

/// Becomes the only writer of the inventory until the end of the transaction.
pub async fn lock(tx: &mut Tx) -> Result<()> {
    // The number is the one in lock_inventory() of the migration.
    sqlx::query!("select pg_advisory_xact_lock(20261120)").execute(tx.conn()).await?;
    Ok(())
}

/// Which of these fingerprints are in the inventory.
pub async fn known(tx: &mut Tx, reach: Reach<'_>, sha256: &[Vec<u8>]) -> Result<Vec<Known>> {
    Ok(sqlx::query_as!(
        Known,
        "select sha256, id, added_at, ($2::bigint[] is null or coalesce(team_id = any($2), false)) as \"in_reach!\"
         from certificates
         where sha256 = any($1)",
        sha256,
        reach,
    )
    .fetch_all(tx.conn())
    .await?)
}

/// Inserts all of `entries` whose fingerprint is new, with DER and names; ids in the order of `entries`, `None` for a known one.
pub async fn insert(
    tx: &mut Tx,
    entries: &[NewEntry],
    source: &str,
    now: OffsetDateTime,
) -> Result<Vec<Option<CertificateId>>> {
    let inserted = insert_rows(tx, entries, source, now).await?;
    let ids: std::collections::HashMap<Vec<u8>, i64> = inserted.into_iter().collect();
    let ids: Vec<Option<i64>> =
        entries.iter().map(|entry| ids.get(entry.sha256.as_slice()).copied()).collect();
    insert_ders(tx, entries, &ids).await?;
    insert_names(tx, entries, &ids).await?;
    Ok(ids.into_iter().map(|id| id.map(CertificateId)).collect())
}

async fn insert_rows(
    tx: &mut Tx,
    entries: &[NewEntry],
    source: &str,
    now: OffsetDateTime,
) -> Result<Vec<(Vec<u8>, i64)>> {
    let columns = Columns::of(entries);
    let rows = sqlx::query!(
        "insert into certificates (sha256, sha1, spki_sha256, unreadable, name, subject, issuer, issuer_name, serial, not_before,
                not_after, key, signature, sans, is_ca, is_self_signed, authority_key_id, subject_key_id, subject_der_sha256,
                issuer_der_sha256, owner, team_id, environment, tags, source, state, search, added_at, changed_at)
         select sha256, sha1, spki_sha256, unreadable, name, subject, issuer, issuer_name, serial, not_before,
                not_after, key, signature, sans::text[], is_ca, is_self_signed, authority_key_id, subject_key_id, subject_der_sha256,
                issuer_der_sha256, owner, team_id, environment, tags::text[], $25, state, search, $26, $26
         from unnest($1::bytea[], $2::bytea[], $3::bytea[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
                $10::timestamptz[], $11::timestamptz[], $12::text[], $13::text[], $14::text[], $15::bool[], $16::bool[], $17::bytea[],
                $18::bytea[], $19::bytea[], $20::bytea[], $21::text[], $22::bigint[], $23::text[], $24::text[], $27::text[],
                $28::text[])
           as fresh (sha256, sha1, spki_sha256, unreadable, name, subject, issuer, issuer_name, serial, not_before, not_after, key,
                signature, sans, is_ca, is_self_signed, authority_key_id, subject_key_id, subject_der_sha256, issuer_der_sha256,
                owner, team_id, environment, tags, state, search)
         on conflict on constraint certificates_sha256_key do nothing
         returning sha256, id",
        &columns.sha256 as &[&[u8]],
        &columns.sha1 as &[&[u8]],
        &columns.spki_sha256 as &[Option<&[u8]>],
        &columns.unreadable as &[Option<&str>],
        &columns.name as &[&str],
        &columns.subject as &[&str],
        &columns.issuer as &[&str],
        &columns.issuer_name as &[&str],
        &columns.serial as &[&str],
        &columns.not_before as &[Option<OffsetDateTime>],
        &columns.not_after,
        &columns.key as &[&str],
        &columns.signature as &[&str],
        &columns.sans,
        &columns.is_ca,
        &columns.is_self_signed,
        &columns.authority_key_id as &[Option<&[u8]>],
        &columns.subject_key_id as &[Option<&[u8]>],
        &columns.subject_der_sha256 as &[Option<&[u8]>],
        &columns.issuer_der_sha256 as &[Option<&[u8]>],
        &columns.owner as &[Option<&str>],
        &columns.team_id as &[Option<i64>],
        &columns.environment as &[Option<&str>],
        &columns.tags,
        source,
        now,
        &columns.state as &[&str],
        &columns.search,
    )
    .fetch_all(tx.conn())
    .await?;
    Ok(rows.into_iter().map(|row| (row.sha256, row.id)).collect())
}

async fn insert_ders(tx: &mut Tx, entries: &[NewEntry], ids: &[Option<i64>]) -> Result<()> {
    let (ids, ders): (Vec<i64>, Vec<&[u8]>) =
        entries.iter().zip(ids).filter_map(|(entry, id)| Some(((*id)?, entry.der.as_slice()))).unzip();
    sqlx::query!(
        "insert into certificate_ders (certificate_id, der)
         select certificate_id, der
         from unnest($1::bigint[], $2::bytea[]) fresh (certificate_id, der)
         on conflict do nothing",
        &ids,
        &ders as &[&[u8]],
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn insert_names(tx: &mut Tx, entries: &[NewEntry], ids: &[Option<i64>]) -> Result<()> {
    let (ids, reversed): (Vec<i64>, Vec<String>) = entries
        .iter()
        .zip(ids)
        .filter_map(|(entry, id)| Some((entry, (*id)?)))
        .flat_map(|(entry, id)| {
            let short = entry.names.iter().filter(|name| name.len() <= MAX_INDEXED_NAME);
            short.take(MAX_INDEXED_NAMES).map(move |name| (id, reverse(name)))
        })
        .unzip();
    for (ids, reversed) in ids.chunks(NAMES).zip(reversed.chunks(NAMES)) {
        sqlx::query!(
            "insert into certificate_names (certificate_id, reversed)
             select certificate_id, reversed
             from unnest($1::bigint[], $2::text[]) fresh (certificate_id, reversed)
             on conflict do nothing",
            ids,
            reversed,
        )
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// A name from its end, as the suffix index keeps it.
pub fn reverse(name: &str) -> String {
    name.chars().rev().collect()
}

/// The entries turned on their side: `unnest` takes one array for each column.
#[derive(Default)]
struct Columns<'a> {
    sha256: Vec<&'a [u8]>,
    sha1: Vec<&'a [u8]>,
    spki_sha256: Vec<Option<&'a [u8]>>,
    unreadable: Vec<Option<&'a str>>,
    name: Vec<&'a str>,
    subject: Vec<&'a str>,
    issuer: Vec<&'a str>,
    issuer_name: Vec<&'a str>,
    serial: Vec<&'a str>,
    not_before: Vec<Option<OffsetDateTime>>,
    not_after: Vec<OffsetDateTime>,
    key: Vec<&'a str>,
    signature: Vec<&'a str>,
    sans: Vec<String>,
    is_ca: Vec<bool>,
    is_self_signed: Vec<bool>,
    authority_key_id: Vec<Option<&'a [u8]>>,
    subject_key_id: Vec<Option<&'a [u8]>>,
    subject_der_sha256: Vec<Option<&'a [u8]>>,
    issuer_der_sha256: Vec<Option<&'a [u8]>>,
    owner: Vec<Option<&'a str>>,
    team_id: Vec<Option<i64>>,
    environment: Vec<Option<&'a str>>,
    tags: Vec<String>,
    state: Vec<&'static str>,
    search: Vec<String>,
}

impl<'a> Columns<'a> {
    fn of(entries: &'a [NewEntry]) -> Self {
        let mut columns = Self::default();
        for entry in entries {
            columns.push_certificate(entry);
            columns.push_organisation(entry);
        }
        columns
    }

    fn push_certificate(&mut self, entry: &'a NewEntry) {
        self.sha256.push(&entry.sha256);
        self.sha1.push(&entry.sha1);
        self.spki_sha256.push(entry.spki_sha256.as_ref().map(<[u8; 32]>::as_slice));
        self.unreadable.push(entry.unreadable.as_deref());
        self.name.push(&entry.name);
        self.subject.push(&entry.subject);
        self.issuer.push(&entry.issuer);
        self.issuer_name.push(&entry.issuer_name);
        self.serial.push(&entry.serial);
        self.not_before.push(entry.not_before);
        self.not_after.push(entry.not_after);
        self.key.push(&entry.key);
        self.signature.push(&entry.signature);
        self.sans.push(array_literal(&entry.sans));
        self.is_ca.push(entry.is_ca);
        self.is_self_signed.push(entry.is_self_signed);
        self.authority_key_id.push(entry.authority_key_id.as_deref());
        self.subject_key_id.push(entry.subject_key_id.as_deref());
        self.subject_der_sha256.push(entry.subject_der_sha256.as_ref().map(<[u8; 32]>::as_slice));
        self.issuer_der_sha256.push(entry.issuer_der_sha256.as_ref().map(<[u8; 32]>::as_slice));
        self.search.push(entry.search());
    }

    fn push_organisation(&mut self, entry: &'a NewEntry) {
        let state = if entry.unreadable.is_some() { State::Unreadable } else { State::Active };
        self.state.push(state.as_str());
        self.owner.push(entry.owner.as_deref());
        self.team_id.push(entry.team_id);
        self.environment.push(entry.environment.as_deref());
        self.tags.push(array_literal(&entry.tags));
    }
}

/// PostgreSQL's text form of an array, since `unnest` takes only arrays whose rows have one length.
pub fn array_literal(values: &[String]) -> String {
    let mut literal = String::from("{");
    for value in values {
        if literal.len() > 1 {
            literal.push(',');
        }
        literal.push('"');
        for character in value.chars() {
            if matches!(character, '"' | '\\') {
                literal.push('\\');
            }
            literal.push(character);
        }
        literal.push('"');
    }
    literal.push('}');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_array_literal_keeps_quotes_and_commas() {
        assert_eq!(array_literal(&["a".into(), "b\"\\,}".into(), String::new()]), r#"{"a","b\"\\,}",""}"#);
        assert_eq!(array_literal(&[]), "{}");
    }

    #[test]
    fn a_name_is_reversed_by_character() {
        assert_eq!(reverse("bü.example"), "elpmaxe.üb");
    }
}
