//! The audit log in a browser: who may read it, search, and take away exactly what is shown.

use notafter::{
    services::{Actor, Role},
    store::{self, Tx},
};
use serde_json::{Value, json};

use crate::support::TestApp;

const HOSTILE: &str = "=cmd|' /C calc'!A0<script>alert(1)</script>";

async fn record(app: &TestApp, act: &'static str, object: &str, team: Option<i64>) {
    let tx = Tx::begin(&app.app.pool).await.unwrap();
    let event =
        Actor::Cli("root".into()).event(act, object).of_team(team).with(json!({ "was": "\u{202e}evil" }));
    tx.commit(event).await.unwrap();
}

#[tokio::test]
async fn only_those_who_may_read_the_log_see_it() {
    let app = TestApp::start().await;
    app.anonymous().get("/audit").await.expect(303);
    for (role, status) in [
        (Role::Administrator, 200),
        (Role::Auditor, 200),
        (Role::Operator, 403),
        (Role::Approver, 403),
        (Role::Viewer, 403),
    ] {
        let client = app.person(role).await;
        for path in ["/audit", "/audit.csv", "/audit.json"] {
            client.get(path).await.expect(status);
        }
        client.post("/audit/verify", &[]).await.expect(if status == 200 { 303 } else { 403 });
    }
}

#[tokio::test]
async fn hostile_names_stay_text_on_the_page_and_in_the_table() {
    let app = TestApp::start().await;
    record(&app, "certificate.imported", HOSTILE, None).await;
    let client = app.person(Role::Auditor).await;
    let page = client.get("/audit?q=cmd").await.expect(200);
    page.says("&#60;script&#62;").says_not("<script>alert").says_not("\u{202e}");
    let csv = client.get("/audit.csv?q=cmd").await.expect(200);
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert!(csv.header("content-disposition").starts_with("attachment"));
    let mut table = csv::Reader::from_reader(csv.bytes.as_slice());
    let row = table.records().next().unwrap().unwrap();
    let place = table.headers().unwrap().iter().position(|name| name == "object").unwrap();
    assert_eq!(&row[place], format!("'{HOSTILE}"));
}

#[tokio::test]
async fn an_export_holds_what_the_page_shows_and_all_of_it() {
    let app = TestApp::start().await;
    for n in 0..1_203 {
        record(
            &app,
            if n % 3 == 0 { "certificate.imported" } else { "certificate.edited" },
            &format!("n{n}"),
            None,
        )
        .await;
    }
    let client = app.person(Role::Administrator).await;
    let all = client.get("/audit.json?actor=ROOT").await.expect(200).json();
    assert_eq!(all.as_array().unwrap().len(), 1_203);
    assert_eq!(all[0]["object"], "n1202");
    assert_eq!(all[0]["detail"], json!({ "was": "\u{202e}evil" }));
    let imported = client.get("/audit.json?act=certificate.imported&q=n12").await.expect(200).json();
    let shown = client.get("/audit?act=certificate.imported&q=n12").await.expect(200).text();
    let objects: Vec<&str> =
        imported.as_array().unwrap().iter().map(|one| one["object"].as_str().unwrap()).collect();
    assert_eq!(objects, ["n1200", "n129", "n126", "n123", "n120", "n12"]);
    assert!(objects.iter().all(|object| shown.contains(&format!("<bdi>{object}</bdi>"))));
    let none: Value = client.get("/audit.json?q=nowhere").await.expect(200).json();
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_named() {
    let app = TestApp::start().await;
    let client = app.person(Role::Auditor).await;
    client.get("/audit?from=yesterday").await.expect(422).says("A day is written like 2026-11-20");
    client.get("/audit.csv?object=x").await.expect(422);
    client.get("/audit?after=nonsense").await.expect(422);
    client.get("/audit?q=%00%25_%5C").await.expect(200).says("No record matches");
}

#[tokio::test]
async fn a_page_leads_to_the_next() {
    let app = TestApp::start().await;
    for n in 0..60 {
        record(&app, "certificate.imported", &format!("n{n:02}"), None).await;
    }
    let client = app.person(Role::Auditor).await;
    let first = client.get("/audit?actor=root").await.expect(200).says("n59").says_not("n09").text();
    let next = first
        .split("href=\"/audit?actor=root&#38;after=")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    client.get(&format!("/audit?actor=root&after={next}")).await.expect(200).says("n09").says_not("n10");
}

#[tokio::test]
async fn a_person_limited_to_teams_reads_and_exports_theirs_only() {
    let app = TestApp::start().await;
    let team = app.team("Payments").await;
    app.add_person("pia@halden.example", Role::Auditor, &[team]).await;
    record(&app, "certificate.imported", "ours.example", Some(team)).await;
    record(&app, "certificate.imported", "theirs.example", None).await;
    let client = app.signed_in("pia@halden.example").await;
    client.get("/audit").await.expect(200).says("ours.example").says_not("theirs.example");
    client.get("/audit.csv").await.expect(200).says("ours.example").says_not("theirs.example");
}

#[tokio::test]
async fn one_click_proves_the_log_or_names_the_break() {
    let app = TestApp::start().await;
    record(&app, "certificate.imported", "a.example", None).await;
    let client = app.person(Role::Auditor).await;
    app.seal_all().await;
    client.post("/audit/verify", &[]).await.expect(303);
    client.get("/audit").await.expect(200).says("Log unbroken.");
    let superuser = store::connect(app.database.superuser.clone(), 1);
    let tamper = "alter table audit_events disable trigger all; update audit_events set object = 'b.example' where object = 'a.example'";
    sqlx::raw_sql(tamper).execute(&superuser).await.unwrap();
    client.post("/audit/verify", &[]).await.expect(303);
    client.get("/audit").await.expect(200).says("The log is broken.").says("is not what was sealed");
}
