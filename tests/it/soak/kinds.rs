//! What the soak's workers do, each leaving tracks: when a run began, what it wrote, what was refused.

use std::time::Duration;

use notafter::{
    app::App,
    jobs::{Claimed, Kind, Outcome},
    services::Actor,
    store::{self, Tx},
};
use sqlx::{AssertSqlSafe, PgPool, Row};

/// The tracks.
pub const TABLES: &str = "
    create table soak_begins (job bigint, fence bigint, pid int, at timestamptz default clock_timestamp(), primary key (job, fence));
    create table soak_effects (n bigint primary key, job bigint, fence bigint, pid int, at timestamptz default clock_timestamp());
    create table soak_refusals (job bigint, fence bigint, pid int);";

/// The work.
pub const KINDS: &[Kind] = &[
    Kind { name: "soak_effect", handler: |app, job| Box::pin(effect(app, job)) },
    Kind { name: "soak_stubborn", handler: |app, job| Box::pin(stubborn(app, job)) },
    Kind { name: "soak_hog", handler: |app, _| Box::pin(hog(app)) },
    Kind { name: "soak_nothing", handler: |_, _| Box::pin(async { Outcome::Done(String::new()) }) },
];

/// Works a little, then writes once, in the transaction that proves the job is held.
async fn effect(app: &App, job: &Claimed) -> Outcome {
    match write_effect(app, job, Duration::from_millis(20)).await {
        Ok(()) => Outcome::Done("written".into()),
        Err(error) => soon(app, error),
    }
}

/// Backoff would make the storm's tail longer than the storm.
fn soon(app: &App, cause: impl ToString) -> Outcome {
    Outcome::RetryAt { cause: cause.to_string(), at: app.now() + time::Duration::SECOND }
}

/// As [`effect`], but nobody can stop it: the write is tried even when the worker has broken the job off.
async fn stubborn(app: &App, job: &Claimed) -> Outcome {
    let (other, job) = (app.clone(), job.clone());
    let write = tokio::spawn(async move {
        let app = other;
        let refused = write_effect(&app, &job, Duration::from_millis(700)).await;
        if let Err(store::Error::Lost(_)) = refused {
            let lease = job.lease;
            run(
                &app.pool,
                &format!("insert into soak_refusals values ({}, {}, {})", lease.job, lease.fence, pid()),
            )
            .await;
        }
        refused
    });
    match write.await {
        Ok(Ok(())) => Outcome::Done("written".into()),
        other => soon(app, format!("{other:?}")),
    }
}

/// Takes every connection that handlers share.
async fn hog(app: &App) -> Outcome {
    let mut taken = Vec::new();
    while let Ok(Ok(connection)) = tokio::time::timeout(Duration::from_millis(300), app.pool.acquire()).await
    {
        taken.push(connection);
    }
    tokio::time::sleep(Duration::from_millis(800)).await;
    Outcome::Done(format!("held {}", taken.len()))
}

async fn write_effect(app: &App, job: &Claimed, work: Duration) -> store::Result<()> {
    let (id, fence, n) = (job.lease.job, job.lease.fence, job.payload["n"].as_i64().unwrap());
    run(&app.pool, &format!("insert into soak_begins (job, fence, pid) values ({id}, {fence}, {})", pid()))
        .await;
    tokio::time::sleep(work).await;
    let mut tx = Tx::begin(&app.pool).await?;
    store::jobs::hold(&mut tx, job.lease).await?;
    let insert = format!(
        "insert into soak_effects (n, job, fence, pid) values ({n}, {id}, {fence}, {}) on conflict (n) do nothing",
        pid()
    );
    if sqlx::raw_sql(AssertSqlSafe(insert)).execute(tx.conn()).await?.rows_affected() == 0 {
        // A run before this one was cut off between its write and its outcome.
        return Ok(());
    }
    tx.commit(Actor::System.event("soak.written", n.to_string())).await
}

fn pid() -> i32 {
    i32::try_from(std::process::id()).unwrap()
}

/// Notes something; what cannot be noted is not needed.
pub async fn run(pool: &PgPool, statement: &str) {
    let _noted = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await;
}

/// A number that the database knows.
pub async fn number(pool: &PgPool, query: &str) -> i64 {
    sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch_one(pool).await.unwrap().get(0)
}
