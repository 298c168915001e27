//! Teams: what they hide, what they own, and who is in them (S7).

use notafter::services::{self, Role};

use crate::support::TestApp;

const ANA: &str = "ana@halden.example";
const BO: &str = "bo@halden.example";

#[tokio::test]
async fn another_teams_things_look_exactly_like_missing_ones() {
    let app = TestApp::start().await;
    let (payments, shop) = (app.team("Payments").await, app.team("Shop").await);
    app.add_person(ANA, Role::Auditor, &[payments]).await;
    app.add_person(BO, Role::Operator, &[shop]).await;
    let limited = app.signed_in(ANA).await;
    limited.get("/settings/teams").await.expect(200).says("Payments").says_not("Shop");
    limited.get("/settings/users").await.expect(200).says(ANA).says_not(BO);
    limited.get(&format!("/settings/teams/{payments}")).await.expect(200);
    let foreign = limited.get(&format!("/settings/teams/{shop}")).await.expect(404);
    let missing = limited.get("/settings/teams/999999").await.expect(404);
    assert_eq!(foreign.bytes, missing.bytes);
}

#[tokio::test]
async fn a_team_that_owns_certificates_cannot_be_removed() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let form = [("name", "Payments & Billing"), ("slug", ""), ("email", "pay@halden.example")];
    let path = admin.post("/settings/teams", &form).await.expect(303).location().to_owned();
    admin.get(&path).await.expect(200).says("payments-billing");
    admin.post("/settings/teams", &form).await.expect(422).says("Another team has this short name");
    admin
        .post(&path, &[("name", "Payments"), ("slug", "Not A Slug"), ("email", "nowhere")])
        .await
        .expect(422);
    admin.post(&path, &[("name", "Payments"), ("slug", "payments"), ("email", "")]).await.expect(303);
    let team = services::teams::id_of(&app.app, &app.cli(), "payments").await.unwrap();
    let superuser = app.superuser().await;
    let row = "insert into certificates (sha256, sha1, name, subject, issuer, issuer_name, serial, key, signature, sans, is_ca, is_self_signed, source, search, team_id, not_before, not_after, added_at, changed_at)
               values ('\\x00', '\\x00', 'a', 'CN=a', 'CN=a', 'a', '01', 'EC-256', 'x', '{}', false, true, 'import', 'a', $1, clock_timestamp(), clock_timestamp(), clock_timestamp(), clock_timestamp())";
    sqlx::raw_sql(sqlx::AssertSqlSafe(row.replace("$1", &team.to_string())))
        .execute(&superuser)
        .await
        .unwrap();
    admin.post(&format!("{path}/delete"), &[]).await.expect(409).says("owns 1 certificate");
    sqlx::raw_sql("delete from certificates").execute(&superuser).await.unwrap();
    admin.post(&format!("{path}/delete"), &[]).await.expect(303);
    admin.get(&path).await.expect(404);
}

#[tokio::test]
async fn members_change_what_a_limited_person_sees_at_once() {
    let app = TestApp::start().await;
    let (payments, shop) = (app.team("Payments").await, app.team("Shop").await);
    let ana = app.add_person(ANA, Role::Auditor, &[payments]).await;
    let (admin, limited) = (app.admin().await, app.signed_in(ANA).await);
    limited.get("/settings/teams").await.expect(200).says_not("Shop");
    let member = ana.to_string();
    admin.post(&format!("/settings/teams/{shop}/members"), &[("members", &member)]).await.expect(303);
    limited.get("/settings/teams").await.expect(200).says("Shop");
    admin.get("/settings/users").await.expect(200).says("auditor · Payments, Shop");
}
