//! Two hands on one alert at the same moment: locks are taken in one order, and what one hand stopped the other does not begin.

use std::sync::Arc;

use async_trait::async_trait;
use notafter::{
    jobs,
    notifiers::{Accepted, Error, Message, Notifier},
    services::{Actor, Role, alerts::sweep},
    store::{
        self, Tx,
        alerts::{deliveries, sending},
        certificates::{CertificateId, edit},
        jobs::claims,
    },
};
use sqlx::PgPool;
use time::Duration;

use crate::{
    alerts::{add, wanted},
    support::TestApp,
};

/// Until some session of this database waits for a lock.
async fn somebody_waits(pool: &PgPool) {
    let waits = "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    while !sqlx::query_scalar::<_, bool>(waits).fetch_one(pool).await.unwrap() {
        tokio::task::yield_now().await;
    }
}

fn tester() -> Actor {
    Actor::Cli("tester".into())
}

#[tokio::test]
async fn a_mail_whose_job_is_being_cancelled_is_not_begun() {
    let test = TestApp::start().await;
    let app = &test.app;
    test.add_person("root@halden.example", Role::Administrator, &[]).await;
    add(app, wanted("shop", Duration::days(6))).await;
    sweep::sweep(app, &tester()).await.unwrap();
    let delivery: i64 =
        sqlx::query_scalar("select id from alert_deliveries").fetch_one(&app.pool).await.unwrap();
    let (kinds, span) = (["send_alert".to_owned()], std::time::Duration::from_secs(60));
    let claimed = claims::claim(&app.queue_pool, "w", &kinds, 1, span, app.now()).await.unwrap();
    let lease = claimed[0].lease;
    let mut tx = Tx::begin(&app.pool).await.unwrap();
    assert!(store::jobs::cancel(&mut tx, lease.job, app.now()).await.unwrap());
    sending::abandon(&mut tx, lease.job, app.now()).await.unwrap();
    let (pool, now) = (app.queue_pool.clone(), app.now());
    let begun = tokio::spawn(async move { sending::plan(&pool, lease, delivery, now).await.unwrap() });
    somebody_waits(&app.queue_pool).await;
    tx.commit(tester().event("job.cancelled", "test")).await.unwrap();
    assert!(!begun.await.unwrap(), "the mail would have left after it was cancelled");
    let stopped = deliveries::find(&app.pool, None, delivery).await.unwrap().unwrap();
    assert_eq!(stopped.state, "failed");
}

struct Refusing;

#[async_trait]
impl Notifier for Refusing {
    async fn send(&self, _message: &Message) -> Result<Accepted, Error> {
        Err(Error::Refused("550 no such user".into()))
    }
}

#[tokio::test]
async fn a_certificate_changes_hands_while_its_mail_is_refused() {
    let mut test = TestApp::start().await;
    test.add_person("root@halden.example", Role::Administrator, &[]).await;
    test.app.mail = Some(Arc::new(Refusing));
    let (app, team) = (test.app.clone(), test.team("Shop").await);
    let id = add(&app, wanted("shop", Duration::days(6))).await;
    sweep::sweep(&app, &tester()).await.unwrap();
    let mut tx = Tx::begin(&app.pool).await.unwrap();
    let mut entry = edit::lock(&mut tx, None, CertificateId(id)).await.unwrap().unwrap();
    entry.team_id = Some(team);
    edit::save(&mut tx, CertificateId(id), &entry, app.now()).await.unwrap();
    let worker = tokio::spawn({
        let app = app.clone();
        async move { jobs::run_until_empty(&app).await.unwrap() }
    });
    somebody_waits(&app.queue_pool).await;
    deliveries::hand_over(&mut tx, id, Some(team)).await.unwrap();
    tx.commit(tester().event("certificate.edited", "test")).await.unwrap();
    worker.await.unwrap();
    let told: Vec<(String, i64)> =
        sqlx::query_as("select recipient, team_id from alert_deliveries order by id")
            .fetch_all(&app.pool)
            .await
            .unwrap();
    let expected =
        ["ann@halden.example", "root@halden.example"].map(|recipient| (recipient.to_owned(), team));
    assert_eq!(told, expected);
}
