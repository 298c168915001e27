//! The whole program beside the filled database: how soon it answers, what it holds when idle, and how long a sweep of everything takes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use sqlx::ConnectOptions;

use crate::{
    database::Database,
    table::{Latencies, Line},
};

const STARTS: usize = 5;
const ADDRESS: &str = "127.0.0.1:18455";
/// 32 zero bytes: the database of a run holds nothing that is secret.
const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
/// A console that has found nothing to do for so long is idle.
const REST: Duration = Duration::from_secs(8);

/// Start, idle memory and the sweep.
pub async fn whole(database: &Database, folder: &Path) -> Vec<Line> {
    let program = Program { database, folder };
    let swept = program.sweep().await;
    let mut starts = Vec::new();
    let mut resident = 0;
    for n in 0..=STARTS {
        let began = Instant::now();
        let mut child = program.command(&["serve"]).spawn().unwrap();
        answers();
        // The first one also makes what a console makes once.
        if n > 0 {
            starts.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        if n == STARTS {
            std::thread::sleep(REST);
            resident = kilobytes(&child);
        }
        stop(&mut child);
    }
    let start = Latencies::of(starts).at(0.5);
    let resident = resident as f64 / 1024.0;
    vec![
        swept,
        Line {
            work: "start to the first answer, migrations applied".into(),
            measured: format!("{start:.0} ms"),
            goal: "<= 150 ms",
            is_met: start <= 150.0,
        },
        Line {
            work: "resident memory when idle, worker included".into(),
            measured: format!("{resident:.1} MiB"),
            goal: "<= 30 MiB",
            is_met: resident <= 30.0,
        },
    ]
}

struct Program<'a> {
    database: &'a Database,
    folder: &'a Path,
}

impl Program<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_notafter"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("DATABASE_URL", self.database.options.to_url_lossy().as_str())
            .env("NOTAFTER_MIGRATE_DATABASE_URL", self.database.owner_options.to_url_lossy().as_str())
            .env("NOTAFTER_DATA_DIR", self.folder.join("console"))
            .env("NOTAFTER_MASTER_KEY", KEY)
            .env("NOTAFTER_LISTEN", ADDRESS)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// From no alert at all to one for everything that is due, by the command line.
    async fn sweep(&self) -> Line {
        self.database.forget_alerts().await;
        let began = Instant::now();
        let done = self.command(&["alerts", "sweep"]).stdout(Stdio::piped()).output().unwrap();
        let seconds = began.elapsed().as_secs_f64();
        assert!(done.status.success(), "the sweep failed");
        let said = String::from_utf8_lossy(&done.stdout);
        println!("sweep: {}", said.lines().next().unwrap_or_default());
        Line {
            work: "sweep of everything, no alert made yet".into(),
            measured: format!("{seconds:.1} s"),
            goal: "< 60 s",
            is_met: seconds < 60.0,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a client of the console, on loopback")]
fn answers() {
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until {
        if let Ok(mut stream) = TcpStream::connect(ADDRESS) {
            let mut answer = String::new();
            let request = "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).unwrap();
            stream.read_to_string(&mut answer).unwrap();
            assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the console did not answer within 30 seconds");
}

fn kilobytes(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn stop(child: &mut Child) {
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    child.wait().unwrap();
}
