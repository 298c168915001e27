//! The inventory's pages and the overview, as people meet them.

use http::{Method, StatusCode};
use notafter::services::Role;
use time::Duration;

use crate::support::{
    Answer, Client, TestApp,
    app::START,
    pki::{Leaf, leaf},
};

/// A certificate for `name` that ends after this many days.
fn ending(name: &str, days: i64) -> String {
    let (not_before, not_after) = (START - Duration::days(60), START + Duration::days(days));
    leaf(&Leaf { common_name: name, names: &[name], not_before, not_after })
}

async fn import(client: &Client, pem: &str, owner: &str) -> Answer {
    client.upload("/certificates/import", &[("text", pem), ("owner", owner)], &[]).await
}

/// The only entry with this name.
async fn page_of(client: &Client, name: &str) -> String {
    let list = client.get(&format!("/certificates?q={name}")).await.expect(200).text();
    let (_, rest) = list.split_once("href=\"/certificates/").filter(|_| list.contains("data-row")).unwrap();
    let from = list.find("data-row").map_or(rest, |at| list.get(..at).unwrap());
    let id = from.rsplit("href=\"/certificates/").next().unwrap().split('"').next().unwrap();
    format!("/certificates/{id}")
}

#[tokio::test]
async fn an_empty_inventory_says_what_to_do() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    admin.get("/").await.expect(200).says("Nothing to watch yet").says("/certificates/import");
    admin.get("/certificates").await.expect(200).says("No certificates yet");
    app.viewer().await.get("/certificates").await.expect(200).says_not("/certificates/import");
}

#[tokio::test]
async fn what_was_pasted_is_reported_listed_and_counted() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let both = [ending("shop.halden.example", 6), ending("vpn.halden.example", 83)].concat();
    import(&admin, &both, "web@halden.example")
        .await
        .expect(200)
        .says("2 certificates imported")
        .says("self-signed");
    import(&admin, &both, "").await.expect(200).says("Nothing new").says("Known already");
    let list = admin.get("/certificates?status=expiring").await.expect(200);
    list.says("1 of 1").says("shop.halden.example").says("6 days left").says("web@halden.example");
    admin.get("/certificates?owner=none").await.expect(200).says("No certificate matches");
    admin.get("/").await.expect(200).says("/certificates?expires=7d").says("shop.halden.example");
}

#[tokio::test]
async fn the_list_offers_what_ends_soon_and_calls_teams_by_name() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    app.team("Payments").await;
    let pem = ending("shop.halden.example", 6);
    let fields = [("text", pem.as_str()), ("team", "payments")];
    admin.upload("/certificates/import", &fields, &[]).await.expect(200);
    let list = admin.get("/certificates?team=payments&expires=14d").await.expect(200);
    list.says("<bdi>Payments</bdi>")
        .says_not("<bdi>payments</bdi>")
        .says("expires=14d&#38;team=payments\" aria-current=\"true\">14 days</a>")
        .says("expires=7d&#38;team=payments\">7 days</a>")
        .says("<span class=\"only-small\">7 days or less. </span>");
    let all = admin.get("/certificates").await.expect(200);
    all.says("<a href=\"/certificates\" aria-current=\"true\">Any time</a>");
    admin.get(&page_of(&admin, "shop").await).await.expect(200).says("<bdi>Payments</bdi>");
}

#[tokio::test]
async fn hostile_names_are_text_everywhere() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    import(&admin, &ending("<script>alert(1)</script>", 6), "").await.expect(200).says_not("<script>alert");
    let page = page_of(&admin, "alert").await;
    for path in [
        "/",
        "/certificates",
        &page,
        &format!("{page}/chain"),
        &format!("{page}/history"),
        &format!("{page}/raw"),
        &format!("{page}/edit"),
        &format!("{page}/retire"),
        "/certificates?q=%3Cscript%3Ealert(1)",
    ] {
        admin.get(path).await.expect(200).says_not("<script>alert");
    }
}

#[tokio::test]
async fn the_list_keeps_what_was_typed_when_it_cannot_be_understood() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    import(&admin, &ending("shop.halden.example", 6), "").await.expect(200);
    let answer = admin.get("/certificates?expires=soon&q=shop").await.expect(422);
    answer.says("value=\"shop\"").says("Expires is a number of days");
    admin.get("/certificates?sort=-name&after=zzz").await.expect(422);
    admin.get("/certificates?q=-----BEGIN+CERTIFICATE-----").await.expect(422).says("holds no certificate");
}

#[tokio::test]
async fn one_certificate_is_shown_from_all_sides_and_leaves_as_a_file() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let pem = ending("shop.halden.example", 6);
    import(&admin, &pem, "").await.expect(200);
    let page = page_of(&admin, "shop").await;
    admin.get(&page).await.expect(200).says("Nothing will renew this certificate.").says("6 days left");
    admin.get(&format!("{page}/chain")).await.expect(200).says("Complete");
    admin.get(&format!("{page}/raw")).await.expect(200).says("Extensions").says("BEGIN CERTIFICATE");
    admin.get(&format!("{page}/history")).await.expect(200).says("imported it");
    let file = admin.get(&format!("{page}/download?format=pem")).await.expect(200);
    assert!(file.header("content-disposition").starts_with("attachment"));
    assert_eq!(file.text().replace('\r', "").trim(), pem.trim());
    admin.get(&format!("{page}/download?format=p12")).await.expect(422);
    admin.get("/certificates.csv?q=shop").await.expect(200).says("shop.halden.example");
    admin.get("/certificates/999999").await.expect(404);
}

#[tokio::test]
async fn a_fingerprint_leads_to_its_certificate() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    import(&admin, &ending("shop.halden.example", 6), "").await.expect(200);
    let page = page_of(&admin, "shop").await;
    let shown = admin.get(&page).await.expect(200).text();
    let digits =
        shown.split("data-copy=\"").map(|part| part.split('"').next().unwrap()).find(|part| part.len() == 64);
    let spaced: Vec<String> = digits
        .unwrap()
        .to_uppercase()
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).into_owned())
        .collect();
    let there = admin.get(&format!("/certificates/sha256/{}", spaced.join(":"))).await.expect(303);
    assert_eq!(there.location(), page);
    admin.get("/certificates/sha256/zz").await.expect(404);
}

#[tokio::test]
async fn who_saves_over_somebody_else_sees_both_versions_first() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    import(&admin, &ending("shop.halden.example", 6), "").await.expect(200);
    let page = page_of(&admin, "shop").await;
    let edit = format!("{page}/edit");
    let form = admin.get(&edit).await.expect(200).text();
    let seen = form.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    app.advance(Duration::minutes(1));
    let mine = [("owner", "a@halden.example"), ("tags", "pci, eu"), ("seen", seen)];
    admin.post(&edit, &mine).await.expect(303);
    let theirs = [("owner", "b@halden.example"), ("seen", seen)];
    admin.post(&edit, &theirs).await.expect(409).says("a@halden.example").says("b@halden.example");
    admin.post(&edit, &[("owner", "no address"), ("seen", seen)]).await.expect(422).says("no address");
    admin.get(&page).await.expect(200).says("a@halden.example").says_not("b@halden.example");
}

#[tokio::test]
async fn a_retired_certificate_says_why_and_comes_back() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    import(&admin, &ending("shop.halden.example", 6), "").await.expect(200);
    let page = page_of(&admin, "shop").await;
    let reason = "x".repeat(501);
    admin.post(&format!("{page}/retire"), &[("reason", &reason)]).await.expect(422).says(&reason);
    admin.post(&format!("{page}/retire"), &[("reason", "moved away")]).await.expect(303);
    admin.get(&page).await.expect(200).says("moved away").says("Bring back into use");
    admin.post(&format!("{page}/restore"), &[]).await.expect(303);
    admin.get(&page).await.expect(200).says("6 days left");
}

#[tokio::test]
async fn a_refused_import_keeps_the_words_and_stores_nothing() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let pem = ending("shop.halden.example", 6);
    let answer = admin
        .upload("/certificates/import", &[("text", &pem), ("owner", "no address")], &[])
        .await
        .expect(422)
        .says("no address");
    assert!(answer.text().contains("BEGIN CERTIFICATE") && !answer.text().contains("files again"));
    let files: [(&str, &str, &[u8]); 2] =
        [("files", "good.pem", pem.as_bytes()), ("files", "bad.p12", b"garbage")];
    let again = admin.upload("/certificates/import", &[], &files).await.expect(422);
    again.says("bad.p12").says("Choose the files again.");
    admin.upload("/certificates/import", &[], &[]).await.expect(422).says("Nothing was given");
    let large = vec![b'A'; 10 * 1024 * 1024 + 1];
    admin.upload("/certificates/import", &[], &[("files", "x.pem", &large)]).await.expect(413).says("10 MiB");
    admin.get("/certificates").await.expect(200).says("No certificates yet");
}

#[tokio::test]
async fn a_private_key_is_kept_only_by_choice_of_who_may() {
    let app = TestApp::start().await;
    app.add_person("operator@halden.example", Role::Operator, &[]).await;
    let operator = app.signed_in("operator@halden.example").await;
    operator.get("/certificates/import").await.expect(200).says_not("keep_keys");
    let fields = [("text", ending("shop.halden.example", 6)), ("keep_keys", "on".to_owned())];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
    operator.upload("/certificates/import", &fields, &[]).await.expect(403);
    app.admin().await.get("/certificates/import").await.expect(200).says("keep_keys");
}

#[tokio::test]
async fn another_teams_certificate_looks_like_a_missing_one() {
    let app = TestApp::start().await;
    let (ours, theirs) = (app.team("Payments").await, app.team("Edge").await);
    app.add_person("pay@halden.example", Role::Operator, &[ours]).await;
    app.add_person("edge@halden.example", Role::Operator, &[theirs]).await;
    let (pay, edge) = (app.signed_in("pay@halden.example").await, app.signed_in("edge@halden.example").await);
    import(&pay, &ending("shop.halden.example", 6), "").await.expect(200);
    let page = page_of(&pay, "shop").await;
    for part in ["", "/chain", "/history", "/raw", "/edit", "/retire", "/download?format=pem"] {
        edge.get(&format!("{page}{part}")).await.expect(404).says_not("shop.halden");
    }
    edge.post(&format!("{page}/retire"), &[]).await.expect(404);
    edge.get("/certificates").await.expect(200).says_not("shop.halden");
    edge.get("/").await.expect(200).says_not("shop.halden");
}

#[tokio::test]
async fn a_viewer_reads_and_changes_nothing() {
    let app = TestApp::start().await;
    import(&app.admin().await, &ending("shop.halden.example", 6), "").await.expect(200);
    let viewer = app.viewer().await;
    let page = page_of(&viewer, "shop").await;
    viewer.get(&page).await.expect(200).says_not("Retire").says_not("/edit");
    for path in [format!("{page}/edit"), format!("{page}/retire"), "/certificates/import".to_owned()] {
        let answer = viewer.send(Method::GET, &path, None, axum::body::Body::empty()).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    viewer.post(&format!("{page}/restore"), &[]).await.expect(403);
    viewer.get("/alerts").await.expect(200).says("You can read this; an operator can change it.");
}
