//! A zero character, which PostgreSQL takes in no text, in every field there is: the sender's fault, told as such, never a fault of ours.

use std::collections::BTreeSet;

use http::Method;
use notafter::{
    api,
    services::{self, Role, Scope},
    web,
};
use serde_json::{Value, json};

use crate::support::{Answer, Client, TestApp, made::leaf, people::PASSWORD};

const ZERO: &str = "a\0b@x.example";
const ANA: &str = "ana@halden.example";
const BO: &str = "bo@halden.example";

/// Every form with fields that are right. `{user}`, `{team}` and `{certificate}` stand for ids.
const FORMS: &[(&str, &[(&str, &str)])] = &[
    ("/login", &[("email", ANA), ("password", PASSWORD), ("next", "/jobs")]),
    ("/password/x", &[("password", "nine purple 40 wagons")]),
    ("/account", &[("name", "Ana")]),
    ("/account/theme", &[("theme", "dark"), ("next", "/account")]),
    ("/account/confirm", &[("password", PASSWORD), ("next", "/jobs")]),
    (
        "/account/tokens",
        &[("name", "ci"), ("scopes", "read"), ("expires", "30"), ("allowed_addresses", "10.0.0.1")],
    ),
    (
        "/settings/users",
        &[("name", "Cy"), ("email", "cy@halden.example"), ("role", "viewer"), ("teams", "{team}")],
    ),
    ("/settings/users/{user}", &[("name", "Bo"), ("role", "viewer"), ("teams", "{team}")]),
    ("/settings/teams", &[("name", "Web"), ("slug", "web"), ("email", "web@halden.example")]),
    (
        "/settings/teams/{team}",
        &[("name", "Payments"), ("slug", "payments"), ("email", "web@halden.example")],
    ),
    ("/settings/teams/{team}/members", &[("members", "{user}")]),
    (
        "/certificates/{certificate}/edit",
        &[
            ("owner", ANA),
            ("team", "payments"),
            ("environment", "prod"),
            ("tags", "a"),
            ("note", "n"),
            ("seen", "1"),
        ],
    ),
    ("/certificates/{certificate}/retire", &[("reason", "gone")]),
    (
        "/alerts/rule",
        &[
            ("thresholds", "30"),
            ("other_days", "45"),
            ("fallback", ANA),
            ("subject_prefix", "[n]"),
            ("enabled", "on"),
        ],
    ),
    ("/account/password", &[("password", PASSWORD), ("new_password", "nine purple 40 wagons")]),
];

/// Forms without a field of text, and those that need a test of their own.
const OTHERS: &[&str] = &[
    "/setup",
    "/logout",
    "/account/sessions/end",
    "/account/tokens/{id}/revoke",
    "/settings/tokens/{id}/revoke",
    "/settings/users/{user}/disable",
    "/settings/users/{user}/enable",
    "/settings/users/{user}/link",
    "/settings/teams/{team}/delete",
    "/certificates/import",
    "/certificates/{certificate}/restore",
    "/jobs/retry",
    "/jobs/{id}/retry",
    "/jobs/{id}/cancel",
    "/audit/verify",
    "/alerts/test",
    "/alerts/deliveries/{id}/send",
];

/// Where a page leads back to and what is ticked: read, never stored. A password may hold anything.
const UNSTORED: &[&str] = &["next", "enabled", "new_password", "seen"];

/// What stands in the address of a page.
const PAGES: &[(&str, &[&str])] = &[
    (
        "/certificates",
        &[
            "q", "status", "expires", "owner", "team", "env", "issuer", "key", "tag", "sort", "after",
            "before",
        ],
    ),
    ("/certificates.csv", &["q", "status", "owner", "team", "env", "issuer", "key", "tag"]),
    ("/certificates/{certificate}/download", &["format"]),
    ("/certificates/sha256/%00", &[""]),
    ("/audit", &["q", "from", "to", "actor", "act", "object", "after"]),
    ("/audit.csv", &["q", "from", "to", "actor", "act", "object"]),
    ("/audit.json", &["q", "from", "to", "actor", "act", "object"]),
    ("/jobs", &["state", "after"]),
    ("/alerts", &["state", "before", "certificate", "as"]),
    ("/alerts/preview/mail", &["certificate"]),
    ("/login", &["next", "said"]),
    ("/setup", &["token"]),
    ("/password/%00", &[""]),
    ("/account/confirm", &["next"]),
];

/// Every operation that takes JSON, with a body that is right.
fn bodies() -> Vec<(Method, &'static str, Value)> {
    let user = json!({ "email": "di@halden.example", "name": "Di", "role": "viewer" });
    let change =
        json!({ "owner": ANA, "team": "payments", "environment": "prod", "tags": ["a"], "note": "n" });
    vec![
        (Method::POST, "/api/v1/users", user),
        (Method::PATCH, "/api/v1/users/{user}", json!({ "name": "Bo", "role": "viewer" })),
        (
            Method::POST,
            "/api/v1/teams",
            json!({ "name": "Web", "slug": "web", "email": "web@halden.example" }),
        ),
        (Method::PATCH, "/api/v1/certificates/{certificate}", change),
        (Method::POST, "/api/v1/certificates/{certificate}/retire", json!({ "reason": "gone" })),
        (Method::PATCH, "/api/v1/alerts", json!({ "fallback": ANA, "subject_prefix": "[n]" })),
    ]
}

/// The ids of the things that addresses speak of.
struct Ids {
    user: i64,
    team: i64,
    certificate: i64,
}

impl Ids {
    async fn of(app: &TestApp) -> Ids {
        let team = app.team("Payments").await;
        let user = app.add_person(BO, Role::Viewer, &[team]).await;
        Ids {
            user,
            team,
            certificate: app.import_for("payments", &leaf(&["a.halden.example"], -1, 90)).await,
        }
    }

    fn fill(&self, text: &str) -> String {
        let text = text.replace("{user}", &self.user.to_string()).replace("{team}", &self.team.to_string());
        text.replace("{certificate}", &self.certificate.to_string())
    }
}

/// Fails unless the sender is told that the field is wrong.
#[track_caller]
fn told(answer: &Answer, place: &str, field: &str) {
    let status = answer.status.as_u16();
    assert!(status < 500, "{place} {field}: {status} {}", answer.text());
    assert!(status >= 400 || UNSTORED.contains(&field), "{place} {field}: {status}");
}

async fn signed_in() -> (TestApp, Client, Ids) {
    let app = TestApp::start().await;
    app.add_person(ANA, Role::Administrator, &[]).await;
    let client = app.signed_in(ANA).await;
    let ids = Ids::of(&app).await;
    (app, client, ids)
}

#[tokio::test]
async fn in_no_field_of_a_form_is_a_zero_character_a_fault_of_ours() {
    let (app, ana, ids) = signed_in().await;
    for (path, fields) in FORMS {
        for at in 0..fields.len() {
            let value = |n: usize, text: &str| if n == at { ZERO.to_owned() } else { ids.fill(text) };
            let pairs: Vec<(&str, String)> =
                fields.iter().enumerate().map(|(n, (name, text))| (*name, value(n, text))).collect();
            let form: Vec<(&str, &str)> = pairs.iter().map(|(name, text)| (*name, text.as_str())).collect();
            let stranger = app.anonymous();
            let client = if *path == "/login" { &stranger } else { &ana };
            told(&client.post(&ids.fill(path), &form).await, path, fields[at].0);
        }
    }
}

#[tokio::test]
async fn a_sign_in_with_a_zero_character_fails_like_any_other() {
    let (app, ..) = signed_in().await;
    let answer = app.anonymous().post("/login", &[("email", ZERO), ("password", PASSWORD)]).await.expect(401);
    answer.says("do not match an account");
}

#[tokio::test]
async fn set_up_takes_no_zero_character() {
    let app = TestApp::start().await;
    let link = services::setup::new_link(&app.app).await.unwrap().unwrap();
    let fields = [("token", link.expose()), ("name", "Ana"), ("email", ANA), ("password", PASSWORD)];
    for at in 0..3 {
        let mut form = fields;
        form[at].1 = ZERO;
        let answer = app.anonymous().post("/setup", &form).await;
        told(&answer, "/setup", fields[at].0);
    }
}

#[test]
fn every_form_is_tried() {
    let tried: BTreeSet<String> =
        FORMS.iter().map(|(path, _)| *path).chain(OTHERS.iter().copied()).map(generic).collect();
    let posted = web::routes().table().into_iter().filter(|(method, ..)| !method.is_safe());
    let all: BTreeSet<String> = posted.map(|(_, path, _)| path.replace("{token}", "x")).collect();
    assert_eq!(tried, all);
}

#[tokio::test]
async fn an_import_with_a_zero_character_in_a_field_is_refused_by_its_name() {
    let (_app, ana, _) = signed_in().await;
    let pem = leaf(&["b.halden.example"], -1, 90).pem();
    for field in ["team", "owner", "environment", "tags"] {
        let answer =
            ana.upload("/certificates/import", &[("text", &pem), (field, ZERO)], &[]).await.expect(422);
        assert!(answer.text().contains("aria-invalid"), "{field}");
    }
    for field in ["text", "password", "keep_keys"] {
        let answer = ana.upload("/certificates/import", &[("text", &pem), (field, ZERO)], &[]).await;
        assert!(answer.status.as_u16() < 500, "{field}");
    }
}

#[tokio::test]
async fn in_no_address_of_a_page_is_a_zero_character_a_fault_of_ours() {
    let (_app, ana, ids) = signed_in().await;
    for (path, names) in PAGES {
        for name in *names {
            let query = if name.is_empty() { String::new() } else { format!("?{name}=a%00b") };
            let answer = ana.get(&format!("{}{query}", ids.fill(path))).await;
            assert!(answer.status.as_u16() < 500, "{path} {name}: {}", answer.text());
        }
    }
    for name in ["owner", "team", "env", "issuer", "key", "tag"] {
        ana.get(&format!("/certificates?{name}=a%00b")).await.expect(422);
    }
}

#[tokio::test]
async fn in_no_text_of_the_api_is_a_zero_character_a_fault_of_ours() {
    let (app, _, ids) = signed_in().await;
    let ana = services::users::id_of(&app.app, &app.cli(), ANA).await.unwrap();
    let token = app.anonymous().with_token(&app.token_of(ana, &[Scope::Admin]).await);
    for (method, path, right) in bodies() {
        for (name, value) in right.as_object().unwrap() {
            let mut body = right.clone();
            body[name] = if value.is_array() { json!([ZERO]) } else { json!(ZERO) };
            let answer = token.json(method.clone(), &ids.fill(path), &body).await.expect(422);
            assert_eq!(answer.json()["errors"][0]["field"], json!(name), "{path}: {}", answer.text());
        }
    }
    let document: Value = serde_json::to_value(api::openapi::document()).unwrap();
    let tried: BTreeSet<String> =
        bodies().iter().map(|(method, path, _)| format!("{method} {}", generic(path))).collect();
    let mut taken = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let method: Method = method.to_uppercase().parse().unwrap();
            if operation["requestBody"]["content"]["application/json"].is_object() {
                taken.insert(format!("{method} {path}"));
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                if parameter["in"] != "query" {
                    continue;
                }
                let name = parameter["name"].as_str().unwrap();
                let address = format!("{}?{name}=a%00b", path.replace("{id}", &ids.certificate.to_string()));
                let answer = token.json(method.clone(), &address, &json!({})).await;
                assert!(answer.status.as_u16() < 500, "{method} {address}: {}", answer.text());
            }
        }
    }
    assert_eq!(tried, taken);
    let pem = leaf(&["c.halden.example"], -1, 90).pem();
    for name in ["owner", "team", "environment"] {
        let address = format!("/api/v1/certificates?{name}=a%00b");
        let answer =
            token.send(Method::POST, &address, Some("application/x-pem-file"), pem.clone().into()).await;
        assert_eq!(answer.expect(422).json()["errors"][0]["field"], json!(name));
    }
    for name in ["q", "actor", "act"] {
        let answer = token.get(&format!("/api/v1/audit?{name}=a%00b")).await.expect(422);
        assert_eq!(answer.json()["errors"][0]["field"], json!(name));
    }
}

fn generic(path: &str) -> String {
    path.replace("{user}", "{id}").replace("{team}", "{id}").replace("{certificate}", "{id}")
}
