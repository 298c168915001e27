//! The page of the alerts: rule, preview, deliveries, test mail, and who may do what.

use std::sync::Arc;

use async_trait::async_trait;
use notafter::{
    app::App,
    jobs,
    notifiers::{Accepted, Error, Message, Notifier},
    server,
    services::{Role, alerts::sweep},
};
use time::Duration;

use crate::{
    alerts::{Wanted, add, wanted},
    support::{Client, TestApp},
};

const RULE: [(&str, &str); 4] =
    [("enabled", "on"), ("thresholds", "30"), ("thresholds", "7"), ("subject_prefix", "[notafter]")];

async fn operator() -> (TestApp, Client) {
    let test = TestApp::start().await;
    test.add_person("root@halden.example", Role::Administrator, &[]).await;
    let operator = test.person(Role::Operator).await;
    (test, operator)
}

async fn work(app: &App) {
    sweep::ask(app).await.unwrap();
    jobs::run_until_empty(app).await.unwrap();
}

#[tokio::test]
async fn an_empty_console_says_what_will_come() {
    let (_, operator) = operator().await;
    let page = operator.get("/alerts").await.expect(200);
    page.says("No mail yet")
        .says("Nothing to show yet")
        .says("30, 14, 7 days become 33 %, 20 %, 10 %")
        .says("Save rule");
}

#[tokio::test]
async fn the_page_shows_the_mail_to_come_and_then_what_the_server_said() {
    let (test, operator) = operator().await;
    let id = add(&test.app, wanted("shop.halden.example", Duration::days(6))).await;
    let page = operator.get("/alerts").await.expect(200);
    let page =
        page.says("[notafter] shop.halden.example expires in 6 days").says("ann@halden.example (owner)");
    page.says(&format!("/alerts/preview/mail?certificate={id}"));
    operator
        .get(&format!("/alerts?certificate={id}&as=text"))
        .await
        .expect(200)
        .says("Imported. Nothing renews it.");
    work(&test.app).await;
    operator
        .get("/alerts")
        .await
        .expect(200)
        .says("250 kept in memory")
        .says("7-day warning, 6 days left")
        .says_not("No mail yet");
    operator.get("/alerts?state=failed").await.expect(200).says("No mail in this state");
    let auditor = test.signed_in("root@halden.example").await;
    auditor.get("/audit?act=alert.sent").await.expect(200).says(&format!("href=\"/certificates/{id}\""));
}

#[tokio::test]
async fn the_mail_in_the_frame_can_do_nothing() {
    let (test, operator) = operator().await;
    add(&test.app, wanted("<script>alert(1)</script>", Duration::days(6))).await;
    let mail = operator.get("/alerts/preview/mail").await.expect(200);
    let policy = mail.header("content-security-policy").to_owned();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'unsafe-inline'") && policy.contains("sandbox"),
        "{policy}"
    );
    assert_eq!(mail.header("x-frame-options"), "SAMEORIGIN");
    mail.says("6 days left").says_not("<script");
    operator.get("/alerts").await.expect(200).says("sandbox").says_not("<script>alert");
    operator.get("/alerts/preview/mail?certificate=999").await.expect(404);
}

#[tokio::test]
async fn a_rule_is_saved_or_comes_back_with_every_fault() {
    let (_, operator) = operator().await;
    let form = [&RULE[..], &[("other_days", "45"), ("fallback", "certs@halden.example")]].concat();
    assert_eq!(operator.post("/alerts/rule", &form).await.expect(303).location(), "/alerts");
    let page = operator.get("/alerts").await.expect(200).says("Rule saved.").says("45, 30, 7 days become");
    page.says("certs@halden.example");
    let wrong = [&RULE[..], &[("other_days", "soon"), ("fallback", "a@b, c@d")]].concat();
    let again = operator.post("/alerts/rule", &wrong).await.expect(422);
    again
        .says("There are 2 problems")
        .says("whole numbers from 1 to 365")
        .says("value=\"a@b, c@d\"")
        .says("value=\"soon\"");
    operator.get("/alerts").await.expect(200).says("certs@halden.example");
}

#[tokio::test]
async fn a_test_mail_goes_to_oneself_only() {
    let (test, operator) = operator().await;
    operator.post("/alerts/test", &[("to", "eve@evil.example")]).await.expect(303);
    assert_eq!(test.outbox.messages()[0].to, "operator@halden.example");
    operator.get("/alerts").await.expect(200).says("250 kept in memory");
}

/// Is there and takes nothing.
struct Closed;

#[async_trait]
impl Notifier for Closed {
    async fn send(&self, _message: &Message) -> Result<Accepted, Error> {
        Err(Error::Unreachable { reason: "454 TLS not available".into(), maybe_sent: false })
    }
}

#[tokio::test]
async fn a_relay_that_takes_nothing_is_told_where_people_look() {
    let (mut test, _) = operator().await;
    test.app.mail = Some(Arc::new(Closed));
    add(&test.app, wanted("shop", Duration::days(6))).await;
    sweep::ask(&test.app).await.unwrap();
    let lately = (Duration::days(-3), "lately");
    add(&test.app, wanted(lately.1, lately.0)).await;
    jobs::run_until_empty(&test.app).await.unwrap();
    test.router = server::router(&test.app);
    let operator = test.signed_in("operator@halden.example").await;
    for page in ["/", "/alerts"] {
        let page = operator.get(page).await.expect(200);
        page.says("not taken by the relay").says("454 TLS not available");
    }
    let overview = operator.get("/").await.expect(200).text();
    let listed = overview.split("Needs a person").nth(1).unwrap();
    assert!(listed.find("lately").unwrap() < listed.find("shop").unwrap(), "what has ended comes first");
}

/// Refuses everything.
struct Refusing;

#[async_trait]
impl Notifier for Refusing {
    async fn send(&self, _message: &Message) -> Result<Accepted, Error> {
        Err(Error::Refused("550 5.1.1 <script>no such user".into()))
    }
}

#[tokio::test]
async fn a_refused_mail_is_shown_and_sent_again_by_hand() {
    let (mut test, _) = operator().await;
    test.app.mail = Some(Arc::new(Refusing));
    add(&test.app, wanted("shop", Duration::days(6))).await;
    work(&test.app).await;
    let relay = Arc::new(test.outbox.clone());
    test.app.mail = Some(relay);
    test.router = server::router(&test.app);
    let operator = test.signed_in("operator@halden.example").await;
    let page = operator.get("/alerts?state=failed").await.expect(200);
    let page = page.says("550 5.1.1 &#60;script&#62;no such user").says("Send again");
    let text = page.text();
    let action = text.split("action=\"").find(|part| part.starts_with("/alerts/deliveries/")).unwrap();
    let action = action.split('"').next().unwrap();
    operator.post(action, &[]).await.expect(303);
    jobs::run_until_empty(&test.app).await.unwrap();
    assert_eq!(test.outbox.messages().len(), 1);
    operator.post(action, &[]).await.expect(409);
    operator.post("/alerts/deliveries/999/send", &[]).await.expect(404);
}

#[tokio::test]
async fn who_only_reads_changes_nothing_and_sees_only_their_teams() {
    let (test, _) = operator().await;
    let team = test.team("payments").await;
    add(&test.app, Wanted { team: Some(team), ..wanted("ours.halden.example", Duration::days(6)) }).await;
    let foreign = add(&test.app, wanted("theirs.halden.example", Duration::days(5))).await;
    work(&test.app).await;
    test.add_person("vi@halden.example", Role::Viewer, &[team]).await;
    let viewer = test.signed_in("vi@halden.example").await;
    let page =
        viewer.get("/alerts").await.expect(200).says("ours.halden.example").says_not("theirs.halden.example");
    page.says_not("Save rule").says_not("Send me a test");
    viewer.get(&format!("/alerts/preview/mail?certificate={foreign}")).await.expect(404);
    viewer.post("/alerts/rule", &RULE).await.expect(403);
    viewer.post("/alerts/test", &[]).await.expect(403);
    viewer.post("/alerts/deliveries/1/send", &[]).await.expect(403);
}

#[tokio::test]
async fn a_missed_sweep_and_a_missing_relay_are_said_on_the_page() {
    let (mut test, _) = operator().await;
    work(&test.app).await;
    test.app.mail = None;
    test.router = server::router(&test.app);
    add(&test.app, wanted("shop", Duration::days(6))).await;
    work(&test.app).await;
    test.advance(Duration::hours(26));
    let operator = test.signed_in("operator@halden.example").await;
    let page =
        operator.get("/alerts").await.expect(200).says("No mail relay is configured.").says("1 mail waits");
    page.says("The last look at what ends soon was 1 day ago");
}
