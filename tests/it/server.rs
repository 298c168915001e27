//! What every answer has in common, whatever route it comes from.

use http::Method;

use crate::support::TestApp;

const STRICT: [(&str, &str); 5] = [
    ("content-security-policy", "default-src 'none'"),
    ("x-content-type-options", "nosniff"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=()"),
    ("x-frame-options", "DENY"),
];

#[tokio::test]
async fn every_answer_carries_the_strict_headers_also_when_nothing_is_there() {
    let app = TestApp::start().await;
    for path in ["/login", "/nothing-here", "/api/v1/nothing-here", "/static/nothing", "/healthz"] {
        let answer = app.anonymous().get(path).await;
        for (name, value) in STRICT {
            assert!(answer.header(name).starts_with(value), "{path}: {name} is `{}`", answer.header(name));
        }
        assert_eq!(answer.header("x-request-id").len(), 32, "{path}");
        assert_eq!(answer.header("strict-transport-security"), "", "{path}: HSTS belongs to TLS only");
    }
}

#[tokio::test]
async fn behind_https_answers_carry_hsts() {
    let app = TestApp::with(&[("NOTAFTER_PUBLIC_URL", "https://certs.example")]).await;
    let answer = app.anonymous().get("/login").await;
    assert_eq!(answer.header("strict-transport-security"), "max-age=63072000; includeSubDomains");
}

#[tokio::test]
async fn an_endless_body_is_cut_and_an_endless_address_refused() {
    let app = TestApp::start().await;
    let body = axum::body::Body::from(vec![b'A'; 12 * 1024 * 1024]);
    let answer =
        app.anonymous().send(Method::POST, "/api/v1/inspect", Some("application/x-pem-file"), body).await;
    assert!([401, 413].contains(&answer.status.as_u16()), "{}", answer.status);
    let long = "a".repeat(20_000);
    app.anonymous().get(&format!("/certificates?q={long}")).await.expect(414);
    let answer = app.anonymous().get(&format!("/api/v1/certificates?q={long}")).await.expect(414);
    assert_eq!(answer.header("content-type"), "application/problem+json");
}
