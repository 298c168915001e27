//! The CSV of everything beside psql's `\copy` of the same columns, and what it does to our memory.

use std::{path::PathBuf, process::Command, sync::Arc, time::Instant};

use futures_util::TryStreamExt;
use notafter::{
    services::certificates::csv_rows::{HEADING, rewrite},
    store::certificates::{
        Filter, Sort,
        export::{self, Wanted},
    },
};
use sqlx::{PgPool, postgres::PgConnectOptions};
use time::OffsetDateTime;
use tokio::sync::Semaphore;

use crate::table::{Line, ratio};

const ROUNDS: usize = 3;
/// The columns of our CSV without its care for spreadsheets and its status: what somebody would write by hand.
const COPY: &str = "\\copy (select c.id, c.name, c.state, c.not_before, c.not_after, c.owner, teams.slug, c.environment, \
     array_to_string(c.tags, ' '), c.issuer, c.subject, c.serial, encode(c.sha256, 'hex'), c.key, c.signature, \
     array_to_string(c.sans, ' '), c.source, c.note from certificates c left join teams on teams.id = c.team_id order by c.id) \
     to '/dev/null' csv header";

/// Ratio, memory and time to the first block.
pub async fn against_psql(
    pool: &PgPool,
    options: &PgConnectOptions,
    rows: u64,
    now: OffsetDateTime,
) -> Vec<Line> {
    let (mut ours, mut theirs, mut first) = (Vec::new(), Vec::new(), Vec::new());
    let (slots, everything) = (Arc::new(Semaphore::new(1)), Filter::default());
    let before = resident_peak_after_reset();
    for _ in 0..ROUNDS {
        let slot = slots.clone().acquire_owned().await.unwrap();
        let wanted =
            Wanted { reach: None, filter: &everything, sort: Sort::default(), now, slot: Box::new(slot) };
        let began = Instant::now();
        let mut csv =
            export::csv(pool, wanted, HEADING, move |row, lines| rewrite(row, now, lines)).await.unwrap();
        let mut bytes = 0;
        while let Some(block) = csv.try_next().await.unwrap() {
            if bytes == 0 {
                first.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            bytes += block.len();
        }
        ours.push(rows as f64 / began.elapsed().as_secs_f64());
        if let Some(seconds) = psql(options) {
            theirs.push(rows as f64 / seconds);
        }
    }
    let grown = (peak().saturating_sub(before)) as f64 / 1024.0;
    let slowest = first.iter().copied().fold(0.0, f64::max);
    let mut lines = vec![
        Line {
            work: "CSV export: growth of resident memory".into(),
            measured: format!("{grown:.1} MiB"),
            goal: "<= 32 MiB",
            is_met: grown <= 32.0,
        },
        Line {
            work: "CSV export: first block".into(),
            measured: format!("{slowest:.1} ms"),
            goal: "<= 50 ms",
            is_met: slowest <= 50.0,
        },
    ];
    match theirs.is_empty() {
        true => println!("psql was not found or could not connect: the export is not compared"),
        false => lines
            .insert(0, ratio("CSV export against psql \\copy", &ours, &theirs, "rows/s", 1.0, ">= 1.0 x")),
    }
    lines
}

fn psql(options: &PgConnectOptions) -> Option<f64> {
    let host = options.get_socket().map_or_else(|| options.get_host().into(), |socket| socket.clone());
    let began = Instant::now();
    let done = Command::new(program()?)
        .args(["-X", "-q", "-U", options.get_username(), "-d", options.get_database()?, "-c", COPY])
        .arg("-h")
        .arg(host)
        .env("PGPORT", options.get_port().to_string())
        .status()
        .ok()?;
    done.success().then(|| began.elapsed().as_secs_f64())
}

/// psql of the path, or of the newest version that the distribution installed.
fn program() -> Option<PathBuf> {
    let on_path = std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join("psql"))
        .find(|psql| psql.exists());
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    on_path.or_else(|| {
        versions.map(|version| version.path().join("bin/psql")).filter(|psql| psql.exists()).max()
    })
}

/// Sets the peak back to what is resident now, and reads it; in KiB.
fn resident_peak_after_reset() -> u64 {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    peak()
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or_default()
}
