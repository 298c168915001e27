//! The API as a program meets it: tokens, problems, idempotency, and a document that says what is there.

use http::Method;
use notafter::{
    api,
    services::{Role, Scope},
};
use serde_json::{Value, json};
use time::Duration;

use crate::support::{
    Client, TestApp,
    app::START,
    pki::{Folder, Leaf, leaf, openssl},
};

const ANA: &str = "ana@halden.example";

async fn with_token(role: Role, scopes: &[Scope]) -> (TestApp, Client) {
    let app = TestApp::start().await;
    let ana = app.add_person(ANA, role, &[]).await;
    let token = app.token_of(ana, scopes).await;
    let client = app.anonymous().with_token(&token);
    (app, client)
}

fn pem(name: &str, days: i64) -> String {
    leaf(&Leaf {
        common_name: name,
        names: &[name],
        not_before: START - Duration::DAY,
        not_after: START + Duration::days(days),
    })
}

async fn import(client: &Client, body: &str) -> Value {
    client
        .send(Method::POST, "/api/v1/certificates", Some("application/x-pem-file"), body.to_owned().into())
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn without_a_token_every_operation_answers_401_as_a_problem() {
    let app = TestApp::start().await;
    for (method, path, access) in api::routes().table() {
        if access == notafter::routes::Access::Public {
            continue;
        }
        let path = path.replace("{id}", "1");
        let answer = app.anonymous().json(method.clone(), &path, &json!({})).await;
        assert_eq!(answer.status.as_u16(), 401, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{method} {path}");
        assert_eq!(answer.json()["status"], 401);
    }
}

#[tokio::test]
async fn the_document_lists_exactly_the_routes_and_each_wants_a_token() {
    let document: Value = serde_json::to_value(api::openapi::document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(document["security"], json!([{ "bearer": [] }]));
    let mut described: Vec<String> = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        described.extend(
            item.as_object().unwrap().keys().map(|method| format!("{} {path}", method.to_uppercase())),
        );
    }
    let mut routed: Vec<String> = api::routes()
        .table()
        .into_iter()
        .filter(|(_, path, _)| path.starts_with("/api/v1/"))
        .map(|(method, path, _)| format!("{method} {path}"))
        .collect();
    let import = &document["paths"]["/api/v1/certificates"]["post"];
    assert_eq!(import["security"], json!([{ "bearer": ["request"] }]));
    let needs = "Needs the scope `request` or `admin`, and the permission `CertificatesWrite` (administrator, operator).";
    assert!(import["description"].as_str().unwrap().ends_with(needs), "{import}");
    described.sort();
    routed.sort();
    assert_eq!(described, routed);
}

#[tokio::test]
async fn the_documentation_is_a_page_for_everybody() {
    let app = TestApp::start().await;
    let page = app.anonymous().get("/api/docs").await.expect(200);
    page.says("POST /api/v1/certificates")
        .says("problem-not-found")
        .says("Import certificates")
        .says("Needs the scope <code>request</code> or <code>admin</code>")
        .says("/api/v1/certificates?expires=7d")
        .says("CertificateObject");
    assert_eq!(
        app.anonymous().get("/api/openapi.json").await.expect(200).json()["info"]["title"],
        "notafter"
    );
}

#[tokio::test]
async fn a_certificate_is_imported_found_changed_and_retired() {
    let (app, client) = with_token(Role::Administrator, &[Scope::Admin]).await;
    app.team("Payments").await;
    let report = import(&client, &pem("pay.halden.example", 20)).await;
    let row = &report["items"][0];
    assert_eq!((row["outcome"].as_str(), report["items"].as_array().unwrap().len()), (Some("new"), 1));
    assert_eq!(
        import(&client, &pem_of(&client, row["id"].as_i64().unwrap()).await).await["items"][0]["outcome"],
        "known"
    );

    let list = client.get("/api/v1/certificates?expires=30d").await.expect(200).json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let item = &list["items"][0];
    assert_eq!(
        (item["status"].as_str(), item["sans"][0].as_str()),
        (Some("expiring"), Some("DNS:pay.halden.example"))
    );
    assert_eq!((item["source"].as_str(), &list["next"]), (Some("api"), &Value::Null));

    app.advance(Duration::SECOND);
    let path = format!("/api/v1/certificates/{}", item["id"]);
    let change = json!({ "owner": "ines@halden.example", "team": "payments", "tags": ["pci"] });
    let changed = client.json(Method::PATCH, &path, &change).await.expect(200).json();
    assert_eq!(
        (&changed["owner"], &changed["team"], &changed["tags"]),
        (&json!("ines@halden.example"), &json!("payments"), &json!(["pci"]))
    );
    let stale = json!({ "note": "late", "changed_at": item["changed_at"] });
    client.json(Method::PATCH, &path, &stale).await.expect(409);
    let retired = client
        .json(Method::POST, &format!("{path}/retire"), &json!({ "reason": "host is gone" }))
        .await
        .expect(200)
        .json();
    assert_eq!((&retired["status"], &retired["retired_reason"]), (&json!("retired"), &json!("host is gone")));
    assert_eq!(
        client.json(Method::POST, &format!("{path}/restore"), &json!({})).await.expect(200).json()["status"],
        "expiring"
    );
    let der = client.get(&format!("{path}/export?format=der")).await.expect(200);
    assert_eq!(der.header("content-disposition").split(';').next(), Some("attachment"));
    assert_eq!(
        hex::encode(notafter::crypto::digest::sha256(&der.bytes)),
        changed["sha256"].as_str().unwrap()
    );
    client.get("/api/v1/certificates.csv").await.expect(200).says("pay.halden.example");
}

async fn pem_of(client: &Client, id: i64) -> String {
    client.get(&format!("/api/v1/certificates/{id}/export?format=pem")).await.expect(200).text()
}

#[tokio::test]
async fn several_files_come_as_a_form() {
    let (_app, client) = with_token(Role::Operator, &[Scope::Request]).await;
    let (one, two) = (pem("a.halden.example", 90), pem("b.halden.example", 90));
    let files = [("file", "a.pem", one.as_bytes()), ("file", "b.pem", two.as_bytes())];
    let report =
        client.upload("/api/v1/certificates?owner=ops@halden.example", &[], &files).await.expect(200).json();
    let files: Vec<&str> =
        report["items"].as_array().unwrap().iter().map(|row| row["file"].as_str().unwrap()).collect();
    assert_eq!(files, ["a.pem", "b.pem"]);
    let list = client.get("/api/v1/certificates?owner=ops@halden.example").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn of_several_files_all_are_stored_or_none() {
    let (_app, client) = with_token(Role::Operator, &[Scope::Request]).await;
    let good = pem("a.halden.example", 90);
    let files = [("file", "a.pem", good.as_bytes()), ("file", "b.pem", &b"not a certificate"[..])];
    client.upload("/api/v1/certificates", &[], &files).await.expect(422).says("b.pem");
    assert_eq!(client.get("/api/v1/certificates").await.json()["items"], json!([]));
}

#[tokio::test]
async fn a_role_limited_to_teams_does_not_rule_over_everybodys_alerts() {
    let app = TestApp::start().await;
    let team = app.team("Edge").await;
    let person = app.add_person("op@halden.example", Role::Operator, &[team]).await;
    let client = app.anonymous().with_token(&app.token_of(person, &[Scope::Admin]).await);
    let off = json!({ "enabled": false });
    client.json(Method::PATCH, "/api/v1/alerts", &off).await.expect(403).says("every team");
    client.json(Method::POST, "/api/v1/alerts/sweep", &json!({})).await.expect(403).says("every team");
    let page = app.signed_in("op@halden.example").await;
    page.get("/alerts").await.expect(200).says("Send me a test").says_not("Save rule");
    page.post("/alerts/rule", &[("enabled", "on"), ("thresholds", "30")]).await.expect(403);
}

#[tokio::test]
async fn bad_input_gets_a_problem_that_names_the_thing() {
    let (_app, client) = with_token(Role::Administrator, &[Scope::Admin]).await;
    let post = |body: Vec<u8>| {
        client.send(Method::POST, "/api/v1/certificates", Some("application/octet-stream"), body.into())
    };
    post(Vec::new()).await.expect(422).says("empty");
    post(b"garbage".to_vec()).await.expect(422).says("nothing was recognised");
    post(vec![b'A'; 12 << 20]).await.expect(413);
    for (path, field) in [
        ("/api/v1/certificates?status=sour", "status"),
        ("/api/v1/certificates?expires=soon", "expires"),
        ("/api/v1/certificates?after=%00", "after"),
        ("/api/v1/certificates?sort=select", "sort"),
        ("/api/v1/certificates?limit=many", "query"),
        ("/api/v1/certificates?nonsense=1", "query"),
        ("/api/v1/jobs?state=lost", "state"),
        ("/api/v1/audit?from=yesterday", "from"),
        ("/api/v1/deliveries?after=x", "after"),
    ] {
        let problem = client.get(path).await.expect(422).json();
        assert_eq!(problem["errors"][0]["field"], field, "{path}: {problem}");
    }
    assert!(client.get("/api/v1/certificates?limit=1000000000").await.expect(200).json()["items"].is_array());
    for path in [
        "/api/v1/certificates/999999",
        "/api/v1/certificates/x",
        "/api/v1/certificates/9999999999999999999",
        "/api/v1/no",
    ] {
        assert_eq!(
            client.get(path).await.expect(404).header("content-type"),
            "application/problem+json",
            "{path}"
        );
    }
    client.json(Method::DELETE, "/api/v1/certificates", &json!({})).await.expect(405);
    client.json(Method::PATCH, "/api/v1/alerts", &json!({ "thresholds": [0] })).await.expect(422);
    client
        .json(Method::PATCH, "/api/v1/alerts", &json!({ "treshold": [7] }))
        .await
        .expect(422)
        .says("treshold");
    client.post("/api/v1/users", &[("email", "x@y.example")]).await.expect(415);
}

#[tokio::test]
async fn a_container_without_its_password_is_told_the_header() {
    let (_app, client) = with_token(Role::Operator, &[Scope::Request]).await;
    let folder = Folder::new();
    folder.write("shop.pem", pem("shop.example", 90));
    openssl(
        &folder,
        &["pkcs12", "-export", "-nokeys", "-in", "shop.pem", "-passout", "pass:right", "-out", "shop.p12"],
    );
    let p12 = folder.read("shop.p12");
    for path in ["/api/v1/certificates", "/api/v1/inspect"] {
        let answer = client.send(Method::POST, path, None, p12.clone().into()).await.expect(422);
        answer.says("The password goes in the header X-Container-Password.");
        let right = client.with_header("x-container-password", "right");
        right.send(Method::POST, path, None, p12.clone().into()).await.expect(200);
    }
}

#[tokio::test]
async fn a_scope_and_a_role_both_bound_what_a_token_does() {
    let (app, reader) = with_token(Role::Administrator, &[Scope::Read]).await;
    reader.get("/api/v1/users").await.expect(200);
    let post = reader.send(Method::POST, "/api/v1/certificates", None, pem("x.example", 9).into());
    post.await.expect(403).says("has read; this needs request");
    let viewer = app.add_person("vi@halden.example", Role::Viewer, &[]).await;
    let viewer = app.anonymous().with_token(&app.token_of(viewer, &[Scope::Admin]).await);
    viewer.get("/api/v1/audit").await.expect(403).says("administrator or auditor");
    viewer
        .json(Method::POST, "/api/v1/users", &json!({ "email": "e@x.example", "role": "viewer" }))
        .await
        .expect(403);
}

#[tokio::test]
async fn a_token_makes_and_changes_no_administrator() {
    let (app, admin) = with_token(Role::Administrator, &[Scope::Admin]).await;
    let user = |role: &str| json!({ "email": format!("{role}@x.example"), "role": role });
    let answer = admin.json(Method::POST, "/api/v1/users", &user("administrator")).await;
    answer.expect(403).says("token does not make or change administrators");
    let made = admin.json(Method::POST, "/api/v1/users", &user("viewer")).await.expect(201).json();
    let path = format!("/api/v1/users/{}", made["id"]);
    admin.json(Method::PATCH, &path, &json!({ "role": "administrator" })).await.expect(403);
    admin.json(Method::PATCH, &path, &json!({ "role": "operator" })).await.expect(200);
    let boss = app.add_person("boss@halden.example", Role::Administrator, &[]).await;
    let path = format!("/api/v1/users/{boss}");
    admin.json(Method::PATCH, &path, &json!({ "role": "viewer" })).await.expect(403);
    admin.json(Method::POST, &format!("{path}/disable"), &json!({})).await.expect(403);
    app.signed_in("boss@halden.example").await.get("/settings/users").await.expect(200).says_not("Confirm");
}

#[tokio::test]
async fn somebody_elses_certificate_looks_exactly_like_one_that_is_not_there() {
    let (app, admin) = with_token(Role::Administrator, &[Scope::Admin]).await;
    let team = app.team("Edge").await;
    let row = import(&admin, &pem("secret.halden.example", 30)).await;
    let id = row["items"][0]["id"].as_i64().unwrap();
    let eve = app.add_person("eve@halden.example", Role::Operator, &[team]).await;
    let eve = app.anonymous().with_token(&app.token_of(eve, &[Scope::Admin]).await);
    for suffix in ["", "/export?format=pem"] {
        let foreign = eve.get(&format!("/api/v1/certificates/{id}{suffix}")).await.expect(404);
        let missing = eve.get(&format!("/api/v1/certificates/{}{suffix}", id + 1000)).await.expect(404);
        assert_eq!(foreign.bytes, missing.bytes, "{suffix}");
    }
    let mut answers = Vec::new();
    for id in [id, id + 1000] {
        let path = format!("/api/v1/certificates/{id}/retire");
        answers.push(eve.json(Method::POST, &path, &json!({})).await.expect(404).bytes);
    }
    assert_eq!(answers[0], answers[1]);
    assert_eq!(eve.get("/api/v1/certificates").await.json()["items"], json!([]));
}

#[tokio::test]
async fn the_same_key_twice_is_one_act_and_one_answer() {
    let (app, client) = with_token(Role::Administrator, &[Scope::Admin]).await;
    let keyed = client.with_header("idempotency-key", "b7c1");
    let newcomer = json!({ "email": "bo@halden.example", "role": "viewer" });
    let first = keyed.json(Method::POST, "/api/v1/users", &newcomer).await.expect(201);
    let second = keyed.json(Method::POST, "/api/v1/users", &newcomer).await.expect(201);
    let link = first.json()["link"].as_str().unwrap().to_owned();
    assert_eq!((first.bytes, second.header("idempotency-replayed")), (second.bytes.clone(), "true"));
    let kept: Vec<u8> =
        sqlx::query_scalar("select body from idempotency_keys").fetch_one(&app.app.pool).await.unwrap();
    let secret = link.rsplit('/').next().unwrap().as_bytes();
    assert!(!kept.windows(secret.len()).any(|part| part == secret), "the link lies open in the database");
    let other = json!({ "email": "cy@halden.example", "role": "viewer" });
    keyed.json(Method::POST, "/api/v1/users", &other).await.expect(422).says("another request");
    client
        .with_header("idempotency-key", "has space")
        .json(Method::POST, "/api/v1/users", &other)
        .await
        .expect(422);
    let people = client.get("/api/v1/users").await.json();
    assert_eq!(people["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn two_at_once_with_one_key_act_once() {
    let (_app, client) = with_token(Role::Administrator, &[Scope::Admin]).await;
    for round in 0..20 {
        let keyed = client.with_header("idempotency-key", &format!("round-{round}"));
        let newcomer = json!({ "email": format!("p{round}@halden.example"), "role": "viewer" });
        let (one, two) = tokio::join!(
            keyed.json(Method::POST, "/api/v1/users", &newcomer),
            keyed.json(Method::POST, "/api/v1/users", &newcomer)
        );
        let statuses = [one.status.as_u16(), two.status.as_u16()];
        assert!(
            statuses.iter().all(|status| [201, 409].contains(status)) && statuses.contains(&201),
            "{statuses:?}"
        );
    }
    assert_eq!(client.get("/api/v1/users").await.json()["items"].as_array().unwrap().len(), 21);
}

#[tokio::test]
async fn inspect_decodes_and_stores_nothing() {
    let (_app, client) = with_token(Role::Viewer, &[Scope::Read]).await;
    let body = format!("hello\n{}", pem("<script>alert(1)</script>", 3));
    let found = client
        .send(Method::POST, "/api/v1/inspect", Some("text/plain"), body.into())
        .await
        .expect(200)
        .json();
    assert_eq!((found[0]["kind"].as_str(), found[0]["key"].as_str()), (Some("certificate"), Some("EC-256")));
    assert_eq!(client.get("/api/v1/certificates").await.json()["items"], json!([]));
}
