//! The queue under fire: real worker processes that are killed, paused and cut off from a real server, itself stopped hard under load.
//!
//! A worker process is this test binary, started again with [`DATABASE`] set. About a minute in all; `NOTAFTER_SOAK_SECONDS=600` makes the
//! storm longer.

mod kinds;
mod requests;

use std::{
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use notafter::{
    app::App,
    clock::SystemClock,
    config::Config,
    crypto::{master_key::MasterKey, seal::KeyRing},
    jobs::Worker,
    services::Actor,
    store::{
        self, Tx,
        jobs::{NewJob, workers},
        private::{PrivateServer, Settings},
    },
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use sqlx::{ConnectOptions, PgPool, Row, postgres::PgConnectOptions};
use tokio::sync::{Semaphore, watch};

use crate::support::{pki::Folder, postgres::Database};

use self::kinds::{KINDS, TABLES, number, run};

/// Makes this binary a worker on the database of this address.
const DATABASE: &str = "NOTAFTER_TEST_SOAK_DATABASE";

/// The data directory of such a worker; it cannot remove its own when it is killed.
const DATA_DIR: &str = "NOTAFTER_TEST_SOAK_DATA_DIR";

const LEASE: Duration = Duration::from_secs(2);

fn app_on(options: &PgConnectOptions, data_dir: &str) -> App {
    let pairs = [("NOTAFTER_TEST_MODE", "1"), ("NOTAFTER_DATA_DIR", data_dir)];
    let config = Config::from_pairs(pairs.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
    App {
        pool: store::connect(options.clone(), 4),
        queue_pool: store::connect(options.clone(), 3),
        clock: Arc::new(SystemClock),
        keys: Arc::new(KeyRing::new(MasterKey::generate(1), Vec::new())),
        mail: None,
        password_slots: Arc::new(Semaphore::new(1)),
        reading_slots: Arc::new(Semaphore::new(1)),
        names: Arc::default(),
        export_slots: Arc::new(Semaphore::new(1)),
        people: Arc::default(),
        config: Arc::new(config),
    }
}

fn worker(name: String) -> Worker {
    let poll = Duration::from_secs(1);
    Worker { kinds: KINDS, slots: 4, lease: LEASE, poll, grace: Duration::from_secs(5), name }
}

/// The body of a worker process; nothing when run as a test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a worker process of the tests below"]
async fn soak_worker_process() {
    let Ok(address) = std::env::var(DATABASE) else { return };
    let data_dir = std::env::var(DATA_DIR).unwrap();
    let (_stop, stopped) = watch::channel(false);
    let app = app_on(&address.parse().unwrap(), &data_dir);
    worker(format!("soak-{}", std::process::id())).run(app, stopped).await;
}

/// A worker process, killed when it is dropped.
struct Process {
    child: Child,
    _data_dir: Folder,
}

impl Process {
    fn start(options: &PgConnectOptions) -> Process {
        let data_dir = Folder::new();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["soak::soak_worker_process", "--exact", "--ignored", "--nocapture"])
            .env(DATABASE, options.to_url_lossy().to_string())
            .env(DATA_DIR, &data_dir.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Process { child, _data_dir: data_dir }
    }

    fn name(&self) -> String {
        format!("soak-{}", self.child.id())
    }

    /// Stands still until after its leases.
    async fn pause(&self) {
        self.signal(Signal::STOP);
        tokio::time::sleep(LEASE + Duration::from_millis(600)).await;
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

async fn prepare(owner: &PgConnectOptions) {
    let owner = store::connect(owner.clone(), 1);
    sqlx::raw_sql(TABLES).execute(&owner).await.unwrap();
}

async fn enqueue(pool: &PgPool, kind: &'static str, numbers: std::ops::Range<i64>) -> store::Result<()> {
    let now = notafter::clock::Clock::now(&SystemClock);
    let jobs: Vec<NewJob> = numbers
        .map(|n| NewJob::new(kind, json!({ "n": n }), now).keyed(n.to_string()).attempts(1_000))
        .collect();
    let mut tx = Tx::begin(pool).await?;
    store::jobs::enqueue_all(tx.conn(), &jobs, now).await?;
    tx.commit(Actor::System.event("soak.enqueued", kind)).await
}

async fn wait_until(pool: &PgPool, limit: Duration, query: &str, wanted: i64) {
    let started = Instant::now();
    loop {
        let seen = number(pool, query).await;
        if seen == wanted {
            return;
        }
        if started.elapsed() >= limit {
            let open = "select coalesce(string_agg(concat_ws(' ', id, kind, state, attempts, run_at, lease_until, cause), E'\\n'), '')
                from (select * from jobs where state <> 'done' and kind like 'soak%' limit 10) open";
            let open: String = sqlx::raw_sql(open).fetch_one(pool).await.unwrap().get(0);
            panic!("{query}: {seen} instead of {wanted} after {limit:?}; open jobs:\n{open}");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What must hold after any storm: each write was made by whoever held the job, before anybody else began.
async fn assert_fenced(pool: &PgPool) {
    let overtaken = "select count(*) from soak_effects effect
        join soak_begins later on later.job = effect.job and later.fence > effect.fence and later.at < effect.at";
    assert_eq!(number(pool, overtaken).await, 0, "a job was written by a holder that had a successor");
    let silent = "select count(*) from jobs where state = 'done' and kind <> 'soak_hog' and not exists
        (select 1 from soak_effects where job = jobs.id)";
    assert_eq!(number(pool, silent).await, 0, "a job is done without its effect");
}

/// Chance that a failed storm can be repeated with.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_a_paused_worker_that_wakes_after_its_lease_writes_nothing() {
    let database = Database::fresh().await;
    prepare(&database.owner).await;
    let pool = store::connect(database.app.clone(), 2);
    let paused = Process::start(&database.app);
    enqueue(&pool, "soak_stubborn", 0..1).await.unwrap();
    wait_until(&pool, Duration::from_secs(20), "select count(*) from soak_begins", 1).await;
    paused.signal(Signal::STOP);
    let second = Process::start(&database.app);
    wait_until(&pool, Duration::from_secs(20), "select count(*) from soak_effects", 1).await;
    paused.signal(Signal::CONT);
    wait_until(&pool, Duration::from_secs(20), "select count(*) from soak_refusals where fence = 1", 1).await;
    let by = number(&pool, "select pid::bigint from soak_effects where fence = 2").await;
    assert_eq!(by, i64::from(second.child.id()));
    wait_until(&pool, Duration::from_secs(10), "select count(*) from jobs where state = 'done'", 1).await;
    assert_fenced(&pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_orphans_of_a_killed_worker_run_again_within_the_lease_and_a_second() {
    let database = Database::fresh().await;
    prepare(&database.owner).await;
    let pool = store::connect(database.app.clone(), 2);
    for round in 0..3 {
        let doomed = Process::start(&database.app);
        enqueue(&pool, "soak_stubborn", round..round + 1).await.unwrap();
        wait_until(
            &pool,
            Duration::from_secs(20),
            "select count(*) from soak_begins where fence = 1",
            round + 1,
        )
        .await;
        let _heir = Process::start(&database.app);
        wait_until(&pool, Duration::from_secs(20), "select count(*) from workers", 2 + round).await;
        let (killed, name) = (Instant::now(), doomed.name());
        drop(doomed);
        wait_until(
            &pool,
            Duration::from_secs(20),
            "select count(*) from soak_begins where fence = 2",
            round + 1,
        )
        .await;
        // The heir's own pace and this machine's are allowed for; the lease began before the kill.
        assert!(killed.elapsed() < LEASE + Duration::from_millis(1_500), "{name}: {:?}", killed.elapsed());
        wait_until(&pool, Duration::from_secs(20), "select count(*) from soak_effects", round + 1).await;
        run(&pool, &format!("delete from workers where id = '{name}'")).await;
    }
    assert_fenced(&pool).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_an_idle_worker_is_quiet_and_a_backlog_drains_in_batches() {
    let database = Database::fresh().await;
    let pool = store::connect(database.app.clone(), 2);
    let data_dir = Folder::new();
    let (stop, stopped) = watch::channel(false);
    let app = app_on(&database.app, data_dir.0.to_str().unwrap());
    let running = tokio::spawn(Worker { slots: 8, ..worker("quiet".into()) }.run(app, stopped));
    enqueue(&pool, "soak_nothing", 0..4_000).await.unwrap();
    let started = Instant::now();
    wait_until(&pool, Duration::from_secs(60), "select count(*) from jobs where state = 'done'", 4_000).await;
    let rate = 4_000.0 / started.elapsed().as_secs_f64();
    println!("no-op jobs: {rate:.0}/s (unoptimised build, machine shared)");
    assert!(rate > 150.0, "{rate:.0}/s");

    let commits =
        "select pg_stat_get_db_xact_commit(oid) from pg_database where datname = current_database()";
    // A connection that turns idle hands in its counts up to ten seconds later; those of the backlog are not meant.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let before = number(&pool, commits).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    let rate = (number(&pool, commits).await - before) as f64 / 6.0;
    println!("an idle worker: {rate:.1} transactions/s");
    assert!(rate <= 5.0, "{rate:.1} transactions/s");
    stop.send_replace(true);
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn soak_nothing_is_lost_or_done_twice_in_a_storm() {
    let seconds =
        std::env::var("NOTAFTER_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(25);
    let folder = Folder::new();
    let settings = || Settings::new(folder.0.join("data"));
    let mut server = PrivateServer::start(settings()).await.unwrap();
    store::migrate(server.owner_options()).await.unwrap();
    prepare(&server.owner_options()).await;
    let options = server.app_options();
    let pool = store::connect(options.clone(), 3);
    let mut processes: Vec<Process> = (0..3).map(|_| Process::start(&options)).collect();
    let (mut dice, mut tally, mut wanted) = (Dice(20_261_120), [0_u32; 5], 0);

    let storm = Instant::now();
    for turn in 0.. {
        if storm.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
        wanted = feed(&pool, wanted).await;
        let victim = dice.roll(processes.len());
        let blow =
            if tally[4] == 0 && storm.elapsed() > Duration::from_secs(seconds / 2) { 4 } else { turn % 4 };
        tally[blow] += 1;
        match blow {
            0 => processes[victim] = Process::start(&options),
            1 => processes[victim].pause().await,
            2 => cut_off(&server).await,
            3 => drop(enqueue(&pool, "soak_hog", wanted..wanted + 3).await),
            _ => server = stop_hard(server, settings()).await,
        }
    }
    println!("{wanted} jobs; kills, pauses, cuts, hogs, hard stops: {tally:?}");
    assert!(tally.iter().all(|blow| *blow > 0), "{tally:?}");

    assert_done(&store::connect(options.clone(), 1), wanted).await;
    drop(processes);
    server.stop().await.unwrap();
}

/// Enqueues for a moment; answers how many effects are wanted in all.
async fn feed(pool: &PgPool, mut wanted: i64) -> i64 {
    for _ in 0..4 {
        let _maybe_cut_off = enqueue(pool, "soak_effect", wanted..wanted + 10).await;
        wanted = enqueued(pool).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    wanted
}

/// Everything is done, each effect is there once.
async fn assert_done(pool: &PgPool, wanted: i64) {
    let open = "select count(*) from jobs where state <> 'done' and kind like 'soak%'";
    wait_until(pool, Duration::from_secs(60), open, 0).await;
    assert_eq!(number(pool, "select count(*) from soak_effects").await, wanted, "each effect once");
    assert_eq!(number(pool, "select count(*) from jobs where kind = 'soak_effect'").await, wanted);
    assert!(workers::silence(pool).await.unwrap().is_some());
    assert_fenced(pool).await;
}

/// How many there are: a commit whose answer was lost may have happened.
async fn enqueued(pool: &PgPool) -> i64 {
    let count = "select count(*) from jobs where kind = 'soak_effect'";
    loop {
        if let Ok(row) = sqlx::raw_sql(count).fetch_one(pool).await {
            return row.get(0);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn cut_off(server: &PrivateServer) {
    let superuser = store::connect(server.superuser_options("notafter"), 1);
    run(&superuser, "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app_rw'").await;
}

/// The server dies without a word, as in `pg_ctl -m immediate`, and comes back.
async fn stop_hard(server: PrivateServer, settings: Settings) -> PrivateServer {
    let pid = Pid::from_raw(server.process_id()).unwrap();
    kill_process(pid, Signal::QUIT).unwrap();
    while is_alive(server.process_id()) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.leave_running();
    PrivateServer::start(settings).await.unwrap()
}

/// A dead child that nobody waited for still has its number, but no life.
fn is_alive(pid: i32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
