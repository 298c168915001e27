//! Bulk import beside COPY of like rows into the same tables with the same indexes and triggers, in alternating rounds.

use std::time::Instant;

use notafter::store::{
    Tx,
    certificates::import::{self, NewEntry},
};
use sqlx::PgPool;
use time::OffsetDateTime;

use crate::{
    database::{STATEMENT, copy},
    synthetic::made,
    table::{Line, ratio},
};

const ROUNDS: u64 = 3;

/// Adds rows past those that are read. Every round is rolled back, so that the table keeps its size; what a commit costs is the same for
/// both.
pub async fn import_and_copy(pool: &PgPool, rows: u64, now: OffsetDateTime) -> Line {
    let size = STATEMENT.min(rows);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // Numbers of their own: every fingerprint is new.
    let base = 1_000_000_000;
    for round in 0..ROUNDS {
        let first = base + 2 * round * size;
        let began = Instant::now();
        let mut tx = Tx::begin(pool).await.unwrap();
        copy(tx.conn(), first..first + size, now).await;
        theirs.push(size as f64 / began.elapsed().as_secs_f64());
        drop(tx);
        let began = Instant::now();
        let entries: Vec<NewEntry> = (first + size..first + 2 * size).map(|n| made(n, now).entry).collect();
        let mut tx = Tx::begin(pool).await.unwrap();
        import::lock(&mut tx).await.unwrap();
        let digests: Vec<Vec<u8>> = entries.iter().map(|entry| entry.sha256.to_vec()).collect();
        assert!(import::known(&mut tx, None, &digests).await.unwrap().is_empty());
        import::insert(&mut tx, &entries, "import", now).await.unwrap();
        ours.push(size as f64 / began.elapsed().as_secs_f64());
    }
    ratio("bulk import against COPY, same tables and indexes", &ours, &theirs, "rows/s", 0.8, ">= 0.8 x")
}
