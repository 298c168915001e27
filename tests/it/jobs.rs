//! The queue and the worker: what is enqueued is done, once, by one holder, in order, whatever breaks.

use std::time::Duration as Pause;

use notafter::{
    app::App,
    jobs::{self, Claimed, Kind, Outcome, Worker, schedule},
    services::Actor,
    store::{
        self, Tx,
        jobs::{Enqueued, NewJob, Priority, claims, workers},
    },
};
use serde_json::json;
use sqlx::Row;
use time::Duration;
use tokio::{sync::watch, time::timeout};

use crate::support::TestApp;

const LEASE: Pause = Pause::from_secs(30);
const TABLE: &[Kind] = &[
    Kind { name: "note", handler: |app, job| Box::pin(note(app, job)) },
    Kind { name: "fail", handler: |_, _| Box::pin(async { Outcome::backoff("the relay hung up") }) },
    Kind { name: "wait", handler: |app, _| Box::pin(async { limited(app) }) },
    Kind { name: "panic", handler: |_, _| Box::pin(async { panic!("a fault on purpose") }) },
    Kind {
        name: "hopeless",
        handler: |_, _| Box::pin(async { Outcome::Park { cause: "no such relay".into() } }),
    },
    Kind { name: "endless", handler: |_, _| Box::pin(std::future::pending()) },
];

/// Writes the payload's `n` down, in the same transaction that proves the job is held.
async fn note(app: &App, job: &Claimed) -> Outcome {
    let kept = async {
        let mut tx = Tx::begin(&app.pool).await?;
        store::jobs::hold(&mut tx, job.lease).await?;
        tx.commit(Actor::System.event("test.noted", job.payload["n"].to_string())).await
    };
    match kept.await {
        Ok(()) => Outcome::Done(format!("noted {}", job.payload["n"])),
        Err(error) => Outcome::backoff(error),
    }
}

fn limited(app: &App) -> Outcome {
    Outcome::RetryAt { cause: "come back later".into(), at: app.now() + Duration::hours(3) }
}

async fn enqueue(app: &TestApp, job: NewJob) -> Enqueued {
    let mut conn = app.app.pool.acquire().await.unwrap();
    store::jobs::enqueue(&mut conn, &job, app.app.now()).await.unwrap()
}

fn job(app: &TestApp, kind: &'static str, n: i64) -> NewJob {
    NewJob::new(kind, json!({ "n": n }), app.app.now())
}

async fn claim(app: &TestApp, worker: &str, limit: i64, lease: Pause) -> Vec<Claimed> {
    let kinds: Vec<String> = TABLE.iter().map(|kind| kind.name.to_owned()).collect();
    claims::claim(&app.app.queue_pool, worker, &kinds, limit, lease, app.app.now()).await.unwrap()
}

/// Every lease is over now.
async fn run_out(app: &TestApp) {
    let over =
        "update jobs set lease_until = clock_timestamp() - interval '1 second' where state = 'running'";
    sqlx::raw_sql(over).execute(&app.app.pool).await.unwrap();
}

fn run(worker: &str) -> claims::Run<'_> {
    claims::Run { worker, log: "", duration: Pause::ZERO }
}

/// State, attempts and cause of a job.
async fn standing(app: &TestApp, id: i64) -> (String, i32, Option<String>) {
    let row = sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "select state, attempts, cause from jobs where id = {id}"
    )))
    .fetch_one(&app.app.pool)
    .await
    .unwrap();
    (row.get(0), row.get(1), row.get(2))
}

async fn noted(app: &TestApp) -> Vec<String> {
    noted_in(&app.app.pool).await
}

async fn noted_in(pool: &sqlx::PgPool) -> Vec<String> {
    let rows = sqlx::raw_sql("select object from audit_events where act = 'test.noted' order by id")
        .fetch_all(pool)
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Waits, without guessing how long, until the condition holds.
macro_rules! until {
    ($condition:expr) => {
        timeout(Pause::from_secs(20), async {
            while !$condition {
                tokio::time::sleep(Pause::from_millis(10)).await;
            }
        })
        .await
        .expect(stringify!($condition))
    };
}

#[tokio::test]
async fn a_job_exists_only_if_its_transaction_commits() {
    let app = TestApp::start().await;
    let mut tx = Tx::begin(&app.app.pool).await.unwrap();
    store::jobs::enqueue(tx.conn(), &job(&app, "note", 1), app.app.now()).await.unwrap();
    drop(tx);
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 0);
}

#[tokio::test]
async fn a_second_job_of_a_live_key_joins_the_first() {
    let app = TestApp::start().await;
    let first = enqueue(&app, job(&app, "note", 1).keyed("a")).await;
    assert!(matches!(first, Enqueued::New(_)));
    assert_eq!(enqueue(&app, job(&app, "note", 2).keyed("a")).await, Enqueued::Joined(first.id()));
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 1);
    assert!(matches!(enqueue(&app, job(&app, "note", 3).keyed("a")).await, Enqueued::New(_)));
}

#[tokio::test]
async fn a_job_asked_for_again_while_it_runs_runs_once_more() {
    let app = TestApp::start().await;
    let id = enqueue(&app, job(&app, "note", 1).keyed("a")).await.id();
    let held = claim(&app, "w", 1, LEASE).await.remove(0);
    for n in 2..4 {
        assert_eq!(enqueue(&app, job(&app, "note", n).keyed("a")).await, Enqueued::Joined(id));
    }
    assert!(claim(&app, "v", 1, LEASE).await.is_empty(), "one key never runs twice at once");
    assert!(claims::finish(&app.app.queue_pool, &held, &run("w"), app.app.now()).await.unwrap());
    assert_eq!(standing(&app, id).await.0, "queued");
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 1);
    assert_eq!(standing(&app, id).await.0, "done");
}

#[tokio::test]
async fn the_urgent_come_first_then_the_old_and_the_future_waits() {
    let app = TestApp::start().await;
    let now = app.app.now();
    enqueue(&app, job(&app, "note", 3)).await;
    enqueue(&app, NewJob { run_at: now - Duration::MINUTE, ..job(&app, "note", 2) }).await;
    enqueue(&app, job(&app, "note", 4).priority(Priority::Low)).await;
    enqueue(&app, job(&app, "note", 1).priority(Priority::High)).await;
    enqueue(&app, NewJob { run_at: now + Duration::SECOND, ..job(&app, "note", 5) }).await;
    let batch = claim(&app, "w", 10, LEASE).await;
    let order: Vec<i64> = batch.iter().map(|job| job.payload["n"].as_i64().unwrap()).collect();
    assert_eq!(order, [1, 2, 3, 4]);
}

#[tokio::test]
async fn an_expired_lease_comes_back_at_its_old_place_and_counts_a_try() {
    let app = TestApp::start().await;
    let id = enqueue(&app, job(&app, "note", 1)).await.id();
    assert_eq!(claim(&app, "dead", 1, LEASE).await.len(), 1);
    app.advance(Duration::MINUTE);
    for n in 2..5 {
        enqueue(&app, job(&app, "note", n)).await;
    }
    run_out(&app).await;
    claims::reclaim(&app.app.queue_pool, app.app.now()).await.unwrap();
    let first = claim(&app, "w", 1, LEASE).await.remove(0);
    assert_eq!((first.lease.job, first.attempt, first.lease.fence), (id, 2, 2));
}

#[tokio::test]
async fn whoever_lost_the_lease_can_write_nothing() {
    let app = TestApp::start().await;
    let id = enqueue(&app, job(&app, "note", 1)).await.id();
    let old = claim(&app, "slow", 1, LEASE).await.remove(0);
    run_out(&app).await;
    claims::reclaim(&app.app.queue_pool, app.app.now()).await.unwrap();
    let new = claim(&app, "quick", 1, LEASE).await.remove(0);
    let (pool, now) = (&app.app.queue_pool, app.app.now());

    assert!(matches!(note(&app.app, &old).await, Outcome::Backoff { .. }));
    assert!(noted(&app).await.is_empty(), "the keep-beat is refused by the fence");
    assert!(!claims::finish(pool, &old, &run("slow"), now).await.unwrap());
    assert!(!claims::retry(pool, &old, &run("slow"), "late", now).await.unwrap());
    assert!(!claims::park(pool, &old, &run("slow"), "late", now).await.unwrap());
    assert_eq!(claims::release(pool, &[old.lease], app.app.now()).await.unwrap(), 0);
    assert_eq!(claims::renew(pool, &[old.lease, new.lease], LEASE).await.unwrap().lost, [old.lease]);

    assert!(matches!(note(&app.app, &new).await, Outcome::Done(_)));
    assert!(claims::finish(pool, &new, &run("quick"), now).await.unwrap());
    assert_eq!(standing(&app, id).await.0, "done");
}

#[tokio::test]
async fn a_keep_beat_in_progress_cannot_be_overtaken() {
    let app = TestApp::start().await;
    enqueue(&app, job(&app, "note", 1)).await;
    let held = claim(&app, "w", 1, LEASE).await.remove(0);
    run_out(&app).await;
    let mut tx = Tx::begin(&app.app.pool).await.unwrap();
    store::jobs::hold(&mut tx, held.lease).await.unwrap();
    claims::reclaim(&app.app.queue_pool, app.app.now()).await.unwrap();
    assert!(claim(&app, "v", 1, LEASE).await.is_empty());
    tx.commit(Actor::System.event("test.noted", "1")).await.unwrap();
}

#[tokio::test]
async fn a_failing_job_backs_off_in_the_database_and_is_parked_in_the_end() {
    let app = TestApp::start().await;
    let id = enqueue(&app, job(&app, "fail", 1).attempts(3)).await.id();
    for attempt in 1..=3 {
        assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 1, "try {attempt}");
        assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 0, "the next try waits for its time");
        app.advance(claims::backoff(id, attempt));
    }
    assert_eq!(standing(&app, id).await, ("parked".into(), 3, Some("the relay hung up".into())));
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 0);
    assert_eq!(workers::counts(&app.app.pool, None).await.unwrap().parked, 1);
}

#[tokio::test]
async fn whoever_limits_us_says_when_to_come_back() {
    let app = TestApp::start().await;
    enqueue(&app, job(&app, "wait", 1)).await;
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 1);
    app.advance(Duration::hours(3) - Duration::SECOND);
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 0);
    app.advance(Duration::SECOND);
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 1);
}

#[tokio::test]
async fn a_panic_is_a_failed_try_and_others_go_on() {
    let app = TestApp::start().await;
    let id = enqueue(&app, job(&app, "panic", 1).priority(Priority::High)).await.id();
    enqueue(&app, job(&app, "note", 2)).await;
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 2);
    assert_eq!(standing(&app, id).await.0, "queued");
    assert_eq!(noted(&app).await, ["2"]);
}

#[tokio::test]
async fn a_job_that_kills_its_worker_is_parked_in_the_end() {
    let app = TestApp::start().await;
    let id = enqueue(&app, job(&app, "note", 1).attempts(2)).await.id();
    for _ in 0..2 {
        assert_eq!(claim(&app, "dead", 1, LEASE).await.len(), 1);
        run_out(&app).await;
        claims::reclaim(&app.app.queue_pool, app.app.now()).await.unwrap();
    }
    assert_eq!(standing(&app, id).await.0, "parked");
}

#[tokio::test]
async fn eight_schedulers_start_each_job_once() {
    let app = TestApp::start().await;
    let ticks = (0..8).map(|_| {
        let app = app.app.clone();
        tokio::spawn(async move { schedule::tick(&app).await.unwrap().len() })
    });
    let mut started = 0;
    for tick in ticks.collect::<Vec<_>>() {
        started += tick.await.unwrap();
    }
    assert_eq!(started, schedule::TIMETABLE.len());
    assert!(schedule::tick(&app.app).await.unwrap().is_empty());
    app.advance(Duration::days(9));
    assert_eq!(schedule::tick(&app.app).await.unwrap().len(), schedule::TIMETABLE.len(), "caught up once");
}

#[tokio::test]
async fn clocks_that_disagree_are_a_finding() {
    let app = TestApp::start().await;
    app.advance(Duration::days(400));
    for _ in 0..6 {
        app.advance(Duration::HOUR);
        schedule::tick(&app.app).await.unwrap();
        jobs::run_until_empty(&app.app).await.unwrap();
    }
    let counts = workers::counts(&app.app.pool, None).await.unwrap();
    assert_eq!((counts.failing, counts.parked), (1, 0), "one job says so, however long it lasts");
}

#[tokio::test]
async fn a_job_that_was_asked_for_while_it_failed_for_the_last_time_runs_again() {
    let app = TestApp::start().await;
    let (pool, now) = (&app.app.queue_pool, app.app.now());
    let keyed = || job(&app, "note", 1).keyed("one").attempts(1);
    let id = enqueue(&app, keyed()).await.id();
    let held = claim(&app, "w", 1, LEASE).await.remove(0);
    assert_eq!(enqueue(&app, keyed()).await, Enqueued::Joined(id));
    assert!(claims::park(pool, &held, &run("w"), "no use", now).await.unwrap());
    let held = claim(&app, "dead", 1, LEASE).await.remove(0);
    assert_eq!((held.lease.job, held.attempt), (id, 1));
    assert_eq!(enqueue(&app, keyed()).await, Enqueued::Joined(id));
    run_out(&app).await;
    claims::reclaim(pool, now).await.unwrap();
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 1);
    assert_eq!((standing(&app, id).await.0.as_str(), noted(&app).await.len()), ("done", 1));
}

#[tokio::test]
async fn a_worker_is_woken_by_an_enqueue_and_gives_back_what_it_cannot_finish() {
    let app = TestApp::start().await;
    let (stop, stopped) = watch::channel(false);
    let worker = Worker {
        kinds: TABLE,
        poll: Pause::from_secs(600),
        grace: Pause::from_millis(50),
        name: "w".into(),
        ..Worker::default()
    };
    let worker = tokio::spawn(worker.run(app.app.clone(), stopped));
    until!(workers::silence(&app.app.pool).await.unwrap().is_some());
    enqueue(&app, job(&app, "note", 7)).await;
    until!(noted(&app).await == ["7"]);
    let endless = enqueue(&app, job(&app, "endless", 1)).await.id();
    until!(standing(&app, endless).await.0 == "running");
    stop.send_replace(true);
    timeout(Pause::from_secs(5), worker).await.expect("stops in time").unwrap();
    assert_eq!(standing(&app, endless).await, ("queued".into(), 0, None));
    let runs = store::jobs::pages::runs(&app.app.pool, endless, 10).await.unwrap();
    assert_eq!(runs.iter().map(|run| run.outcome.as_str()).collect::<Vec<_>>(), ["released"]);
    assert!(workers::silence(&app.app.pool).await.unwrap().is_none(), "it said farewell");
}

#[tokio::test]
async fn a_cancelled_job_is_broken_off() {
    let app = TestApp::start().await;
    let (_stop, stopped) = watch::channel(false);
    let worker = Worker { kinds: TABLE, lease: Pause::from_millis(600), slots: 1, ..Worker::default() };
    let worker = tokio::spawn(worker.run(app.app.clone(), stopped));
    let endless = enqueue(&app, job(&app, "endless", 1)).await.id();
    until!(standing(&app, endless).await.0 == "running");
    let mut tx = Tx::begin(&app.app.pool).await.unwrap();
    assert!(store::jobs::cancel(&mut tx, endless, app.app.now()).await.unwrap());
    tx.commit(Actor::System.event("job.cancelled", "endless")).await.unwrap();
    enqueue(&app, job(&app, "note", 1)).await;
    until!(noted(&app).await == ["1"]);
    assert_eq!(standing(&app, endless).await.0, "cancelled");
    worker.abort();
}

#[tokio::test]
async fn a_worker_outlives_its_connections() {
    let app = TestApp::start().await;
    let (stop, stopped) = watch::channel(false);
    let worker = tokio::spawn(Worker { kinds: TABLE, ..Worker::default() }.run(app.app.clone(), stopped));
    let superuser = store::connect(app.database.superuser.clone(), 1);
    for n in 0..5 {
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{}' and pid <> pg_backend_pid()",
            app.database.name
        )))
        .execute(&superuser)
        .await
        .unwrap();
        let pool = store::connect(app.database.app.clone(), 1);
        let mut conn = pool.acquire().await.unwrap();
        store::jobs::enqueue(&mut conn, &job(&app, "note", n), app.app.now()).await.unwrap();
        drop(conn);
        until!({
            // A try that met a dead connection is made again when its time has come.
            app.advance(Duration::seconds(1));
            noted_in(&pool).await.contains(&n.to_string())
        });
    }
    stop.send_replace(true);
    timeout(Pause::from_secs(25), worker).await.expect("stops in time").unwrap();
}
