//! The inventory's speed, as PERFORMANCE.md asks for it: ratios in one run, and every query at a million rows.
//!
//! `cargo bench --bench inventory` makes a database, fills it and prints the table. `NOTAFTER_BENCH_ROWS` sets the number of rows (a
//! million), `DATABASE_URL` names a database instead of a private server; rows that are there already are kept.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod database;
mod export;
mod parse;
mod program;
mod reads;
mod synthetic;
mod table;
mod writes;

use time::macros::datetime;

#[tokio::main]
async fn main() {
    let rows: u64 = std::env::var("NOTAFTER_BENCH_ROWS").map_or(1_000_000, |rows| rows.parse().unwrap());
    let now = datetime!(2026-11-20 12:00 UTC);
    let folder = std::env::temp_dir().join(format!("notafter-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let database = database::open(&folder).await;
    let (there, seconds) = database::load(&database, rows, now).await;
    println!("{rows} rows, {there} there before; the rest took {seconds:.0} s");
    println!("\nReading, p50 / p99 of 150 calls");
    let reads = reads::Reads { pool: database.pool.clone(), rows, now, lines: Vec::new() };
    let missed = reads.all().await;
    println!("{missed} of the reads missed their goal");
    println!("\nRatios, medians of rounds in turn");
    parse::against_bare().iter().for_each(table::print);
    table::print(&writes::import_and_copy(&database.pool, rows, now).await);
    let exported = export::against_psql(&database.pool, &database.options, rows, now).await;
    exported.iter().for_each(table::print);
    println!("\nThe whole program");
    program::whole(&database, &folder).await.iter().for_each(table::print);
    database.pool.close().await;
    drop(database);
    let _ = std::fs::remove_dir_all(&folder);
}
