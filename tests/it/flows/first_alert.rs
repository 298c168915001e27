//! The main job with the real program and a real relay: what ends in six days is mailed once, whatever dies in between.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use notafter::{
    clock::{Clock, SystemClock},
    config::SmtpTls,
};
use sqlx::ConnectOptions;

use crate::support::{
    pki::{Folder, Leaf, leaf},
    postgres::Database,
    smtp_server::{Behaviour, SmtpServer},
};

/// The console as a process; killed, never asked, when it is dropped.
struct Console(Child);

impl Drop for Console {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A place to run the program in.
struct Place {
    database: Database,
    data_dir: Folder,
    relay: SmtpServer,
}

impl Place {
    fn command(&self, arguments: &[&str]) -> Command {
        let url = format!("smtp://127.0.0.1:{}?tls=none", self.relay.settings(SmtpTls::None).port);
        let mut command = Command::new(env!("CARGO_BIN_EXE_notafter"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("DATABASE_URL", self.database.app.to_url_lossy().as_str())
            .env("NOTAFTER_MIGRATE_DATABASE_URL", self.database.owner.to_url_lossy().as_str())
            .env("NOTAFTER_DATA_DIR", &self.data_dir.0)
            .env("NOTAFTER_LISTEN", "127.0.0.1:0")
            .env("NOTAFTER_SMTP_URL", url)
            .env("NOTAFTER_MAIL_FROM", "notafter <notafter@certs.halden.example>");
        command
    }

    /// Starts the console and waits until it listens.
    fn serve(&self) -> Console {
        let mut child =
            self.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("listens on")), "it ended before it listened");
        std::thread::spawn(move || lines.for_each(drop));
        Console(child)
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let done = self.command(arguments).output().unwrap();
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    fn listed(&self, arguments: &[&str]) -> Vec<serde_json::Value> {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }

    /// How many deliveries are in this state.
    fn deliveries(&self, state: &str) -> usize {
        self.listed(&["alerts", "list", "--json", "--state", state]).len()
    }

    fn sending(&self) -> bool {
        let waiting = self.listed(&["alerts", "list", "--json", "--state", "waiting"]);
        waiting.iter().any(|delivery| delivery["state"] == "sending")
    }

    /// How many jobs are in this state.
    fn jobs(&self, state: &str) -> usize {
        self.listed(&["jobs", "list", "--json", "--state", state]).len()
    }

    async fn until(&self, limit: Duration, is_so: impl Fn(&Place) -> bool) {
        let began = Instant::now();
        while !is_so(self) {
            assert!(began.elapsed() < limit, "not within {limit:?}: {}", self.ok(&["alerts", "list"]));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn with_certificate(behaviour: Behaviour) -> Place {
    let place = Place {
        database: Database::fresh().await,
        data_dir: Folder::new(),
        relay: SmtpServer::start(behaviour),
    };
    let now = SystemClock.now();
    let pem = leaf(&Leaf {
        common_name: "vpn.halden.example",
        names: &["vpn.halden.example"],
        not_before: now - time::Duration::days(84),
        not_after: now + time::Duration::days(6),
    });
    let file = place.data_dir.write("vpn.pem", pem);
    place.ok(&["certificates", "import", "--owner", "ines@halden.example", file.to_str().unwrap()]);
    place
}

#[tokio::test]
async fn six_days_left_is_mailed_within_two_minutes_and_not_again_after_a_kill() {
    let place = with_certificate(Behaviour::default()).await;
    let console = place.serve();
    place.until(Duration::from_secs(120), |place| place.deliveries("sent") == 1).await;
    let mails = place.relay.messages();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("Subject: [notafter] vpn.halden.example expires in 6 days"), "{}", mails[0]);
    assert!(mails[0].contains("ines@halden.example") && mails[0].contains("X-Notafter-Alert-Id:"));
    drop(console);
    let _again = place.serve();
    assert!(place.ok(&["alerts", "sweep"]).contains("queued 0 mails"));
    place.until(Duration::from_secs(60), |place| place.jobs("waiting") + place.jobs("running") == 0).await;
    assert_eq!((place.relay.messages().len(), place.deliveries("sent")), (1, 1));
}

#[tokio::test]
async fn a_kill_while_the_relay_thinks_sends_the_same_message_once_more_and_no_other() {
    let place =
        with_certificate(Behaviour { fault: Some("slow"), times: Some(1), ..Behaviour::default() }).await;
    let console = place.serve();
    place.until(Duration::from_secs(120), |place| place.sending()).await;
    drop(console);
    assert_eq!(place.deliveries("sent"), 0);
    let _again = place.serve();
    // The dead worker's lease has to end first.
    place.until(Duration::from_secs(90), |place| place.deliveries("sent") == 1).await;
    let mails = place.relay.messages();
    let id = |mail: &String| mail.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned();
    let ids: std::collections::BTreeSet<String> = mails.iter().map(id).collect();
    assert!(ids.len() == 1 && mails.len() <= 2, "{mails:?}");
}
