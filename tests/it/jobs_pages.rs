//! Background work in a browser: the cause first, try again, cancel; each by a person who may, each recorded.

use notafter::{
    jobs::{self, Kind, Outcome},
    services::Role,
    store::jobs::NewJob,
};
use serde_json::json;

use crate::support::TestApp;

const CAUSE: &str = "relay <b>mx.example</b> said 554";
const TABLE: &[Kind] = &[
    Kind { name: "send_alert", handler: |_, _| Box::pin(async { Outcome::Park { cause: CAUSE.into() } }) },
    Kind {
        name: "import_folder",
        handler: |_, _| Box::pin(async { Outcome::backoff("the folder is empty") }),
    },
    Kind { name: "note", handler: |_, _| Box::pin(async { Outcome::Done("noted <i>7</i>".into()) }) },
];

async fn add(app: &TestApp, kind: &'static str, label: &str, team: Option<i64>) -> i64 {
    let mut conn = app.app.pool.acquire().await.unwrap();
    let job = NewJob::new(kind, json!({ "id": 7 }), app.app.now()).about(label, team);
    notafter::store::jobs::enqueue(&mut conn, &job, app.app.now()).await.unwrap().id()
}

/// One given up, one failing, one done.
async fn with_jobs() -> (TestApp, i64) {
    let app = TestApp::start().await;
    let parked = add(&app, "send_alert", "vpn.halden.example", None).await;
    add(&app, "import_folder", "/etc/letsencrypt", None).await;
    add(&app, "note", "seven", None).await;
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 3);
    (app, parked)
}

#[tokio::test]
async fn each_view_shows_its_jobs_with_the_cause() {
    let (app, parked) = with_jobs().await;
    let client = app.person(Role::Operator).await;
    let failing = client.get("/jobs").await.expect(200);
    failing
        .says("Send alert, vpn.halden.example")
        .says("Given up")
        .says("relay &#60;b&#62;mx.example")
        .says("Import folder");
    client.get("/jobs?state=finished").await.expect(200).says("Note, seven").says("noted &#60;i&#62;7");
    client.get("/jobs?state=running").await.expect(200).says("Nothing runs right now");
    client.get("/jobs?state=waiting").await.expect(200).says("Nothing waits").says("No worker is running.");
    let one = client.get(&format!("/jobs/{parked}")).await.expect(200);
    one.says("put the cause right").says("Try 1, ").says("worker drain");
    client.get("/jobs/999999").await.expect(404);
    client.get("/jobs/x").await.expect(404);
    client.get("/jobs?after=x").await.expect(422);
}

#[tokio::test]
async fn a_retry_by_hand_runs_again_keeps_the_history_and_is_recorded() {
    let (app, parked) = with_jobs().await;
    let admin = app.admin().await;
    let path = format!("/jobs/{parked}");
    assert_eq!(admin.post(&format!("{path}/retry"), &[]).await.expect(303).location(), path);
    admin.get(&path).await.expect(200).says("Trying again.");
    admin.post(&format!("{path}/retry"), &[]).await;
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 1);
    admin.get(&path).await.expect(200).says("Given up");
    let runs = notafter::store::jobs::pages::runs(&app.app.pool, parked, 10).await.unwrap();
    assert_eq!(runs.len(), 2, "both runs are kept");
    admin.get("/audit?act=job.retried").await.expect(200).says("Send alert vpn.halden.example");
}

#[tokio::test]
async fn everything_that_failed_is_tried_again_at_once() {
    let (app, _) = with_jobs().await;
    let operator = app.person(Role::Operator).await;
    operator.post("/jobs/retry", &[]).await.expect(303);
    operator.get("/jobs").await.expect(200).says("2 jobs will run");
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 2);
}

#[tokio::test]
async fn a_cancelled_job_does_not_run() {
    let (app, parked) = with_jobs().await;
    let admin = app.admin().await;
    admin.post(&format!("/jobs/{parked}/cancel"), &[]).await.expect(303);
    admin.get(&format!("/jobs/{parked}")).await.expect(200).says("will not run").says("Cancelled");
    admin.post(&format!("/jobs/{parked}/cancel"), &[]).await.expect(409);
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 0);
}

#[tokio::test]
async fn roles_decide_who_sees_and_who_acts() {
    let (app, parked) = with_jobs().await;
    for (role, sees, acts) in [
        (Role::Administrator, 200, 303),
        (Role::Auditor, 200, 403),
        (Role::Approver, 403, 403),
        (Role::Viewer, 403, 403),
    ] {
        let client = app.person(role).await;
        let page = client.get("/jobs").await.expect(sees);
        if role == Role::Auditor {
            page.says_not("Try again");
        }
        client.get(&format!("/jobs/{parked}")).await.expect(sees);
        client.post("/jobs/retry", &[]).await.expect(acts);
        if acts == 403 {
            client.post(&format!("/jobs/{parked}/retry"), &[]).await.expect(403);
            client.post(&format!("/jobs/{parked}/cancel"), &[]).await.expect(403);
        }
    }
}

#[tokio::test]
async fn a_foreign_job_looks_like_a_missing_one() {
    let (app, foreign) = with_jobs().await;
    let team = app.team("Payments").await;
    let ours = add(&app, "send_alert", "pay.halden.example", Some(team)).await;
    jobs::drain(&app.app, TABLE).await.unwrap();
    app.add_person("pia@halden.example", Role::Operator, &[team]).await;
    let pia = app.signed_in("pia@halden.example").await;
    pia.get("/jobs").await.expect(200).says("pay.halden.example").says_not("vpn.halden.example");
    pia.get(&format!("/jobs/{ours}")).await.expect(200);
    pia.get(&format!("/jobs/{foreign}")).await.expect(404);
    pia.post(&format!("/jobs/{foreign}/retry"), &[]).await.expect(404);
    pia.post(&format!("/jobs/{foreign}/cancel"), &[]).await.expect(404);
    pia.post("/jobs/retry", &[]).await.expect(303);
    assert_eq!(jobs::drain(&app.app, TABLE).await.unwrap(), 1, "only what is theirs");
}
