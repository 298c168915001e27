//! What every answer has in common, whatever route it comes from.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::body::{Body, Bytes};
use http::Method;
use notafter::{
    services::{self, Role, Scope},
    store,
};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::support::{Answer, Client, TestApp};

const FORM: &str = "application/x-www-form-urlencoded";
const WRONG: &[(&str, &str)] = &[("email", "nobody@halden.example"), ("password", "wrong")];
const FILE: &str = "application/octet-stream";

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

/// What one client may hold of slots, and of bodies being read.
const EACH: u32 = 128;

/// A body that says when it is first read, and never comes.
fn stalled(read: &Arc<Semaphore>) -> Body {
    let read = read.clone();
    Body::from_stream(futures_util::stream::once(async move {
        read.add_permits(1);
        std::future::pending::<Result<Bytes, Infallible>>().await
    }))
}

/// A body without end or length that counts what was read of it.
fn endless(read: &Arc<AtomicUsize>) -> Body {
    let read = read.clone();
    Body::from_stream(futures_util::stream::repeat_with(move || {
        read.fetch_add(1024, Ordering::Relaxed);
        Ok::<_, Infallible>(Bytes::from_static(&[b'a'; 1024]))
    }))
}

/// Sends this many requests whose bodies never come, and goes on once all of them are read from.
async fn occupy(client: &Client, count: u32, path: &'static str, kind: &'static str) -> JoinSet<Answer> {
    let (read, mut waiting) = (Arc::new(Semaphore::new(0)), JoinSet::new());
    for _ in 0..count {
        let (client, body) = (client.clone(), stalled(&read));
        waiting.spawn(async move { client.send(Method::POST, path, Some(kind), body).await });
    }
    let all = tokio::time::timeout(Duration::from_secs(8), read.acquire_many(count)).await;
    drop(all.expect("every body is read from").unwrap());
    waiting
}

#[tokio::test]
async fn bodies_that_do_not_come_take_no_slot_and_each_client_has_its_share() {
    let app = TestApp::start().await;
    let (slow, other) = (app.anonymous_from("198.51.100.7"), app.anonymous_from("198.51.100.8"));
    let mut waiting = Vec::new();
    for client in [&slow, &app.anonymous_from("198.51.100.9"), &app.anonymous_from("198.51.100.10")] {
        waiting.push(occupy(client, EACH, "/login", FORM).await);
    }
    // Together twice as many as there are slots.
    waiting.push(occupy(&app.anonymous_from("2001:db8::1"), EACH, "/login", FORM).await);
    let answer = slow.post("/login", WRONG).await.expect(503);
    assert_eq!(answer.header("retry-after"), "1");
    app.anonymous_from("2001:db8::2").post("/login", WRONG).await.expect(503);
    slow.get("/login").await.expect(200);
    other.post("/login", WRONG).await.expect(401);
    app.anonymous_from("2001:db8:0:1::2").post("/login", WRONG).await.expect(401);
}

#[tokio::test]
async fn no_client_holds_more_than_its_share_and_behind_a_proxy_it_is_the_client_that_counts() {
    let app = TestApp::with(&[("NOTAFTER_TRUSTED_PROXIES", "127.0.0.1/32")]).await;
    let ana = app.add_person("ana@halden.example", Role::Administrator, &[]).await;
    let token = app.token_of(ana, &[Scope::Request]).await;
    let behind = |address| app.anonymous().with_header("x-forwarded-for", address);
    let busy = behind("198.51.100.7");
    let program = app.anonymous().with_token(&token).with_header("x-forwarded-for", "198.51.100.7");
    let waiting = occupy(&program, EACH, "/api/v1/certificates", FILE).await;
    let answer = busy.get("/login").await.expect(503);
    assert_eq!(answer.header("retry-after"), "1");
    busy.get("/healthz").await.expect(200);
    behind("198.51.100.8").get("/login").await.expect(200);
    drop(waiting);
}

#[tokio::test]
async fn a_form_or_call_takes_128_kib_and_no_more_is_read() {
    let app = TestApp::start().await;
    let address = "a".repeat(10_800_000);
    let answer = app.anonymous().post("/login", &[("email", &address), ("password", "x")]).await.expect(413);
    assert!(answer.bytes.len() < 20_000, "nothing of it comes back: {} bytes", answer.bytes.len());
    for (method, path) in
        [(Method::POST, "/login"), (Method::PATCH, "/api/v1/alerts"), (Method::GET, "/login")]
    {
        let read = Arc::new(AtomicUsize::new(0));
        app.anonymous().send(method.clone(), path, Some(FORM), endless(&read)).await.expect(413);
        let read = read.load(Ordering::Relaxed);
        assert!(read <= 130 * 1024, "{method} {path}: {read} bytes");
    }
    let password = "x".repeat(60 * 1024);
    app.anonymous().post("/login", &[("email", "a@b.example"), ("password", &password)]).await.expect(401);
}

#[tokio::test]
async fn a_form_arrives_within_ten_seconds() {
    let app = TestApp::start().await;
    let drip = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Some((Ok::<_, Infallible>(Bytes::from_static(b"a")), ()))
    });
    let client = app.anonymous();
    let sent = client.send(Method::POST, "/login", Some(FORM), Body::from_stream(drip));
    tokio::time::timeout(Duration::from_secs(13), sent).await.unwrap().expect(408);
}

#[tokio::test]
async fn a_file_is_not_read_before_it_is_known_who_sends_it() {
    let app = TestApp::start().await;
    let viewer = app.viewer().await;
    for path in ["/certificates/import", "/api/v1/certificates", "/api/v1/inspect"] {
        let read = Arc::new(AtomicUsize::new(0));
        let form = "multipart/form-data; boundary=b";
        app.anonymous().send(Method::POST, path, Some(form), endless(&read)).await.expect(401);
        assert_eq!(read.load(Ordering::Relaxed), 0, "{path}");
        if path == "/certificates/import" {
            viewer.send(Method::POST, path, Some(form), endless(&read)).await.expect(403);
            assert_eq!(read.load(Ordering::Relaxed), 0, "{path}");
        }
    }
}

#[tokio::test]
async fn the_console_reads_which_migrations_ran_and_changes_none_of_it() {
    let app = TestApp::start().await;
    assert!(store::schema_is_current(&app.app.pool).await.unwrap());
    for refused in [
        "delete from _sqlx_migrations",
        "update _sqlx_migrations set success = false",
        "insert into _sqlx_migrations select version + 1, description, now(), success, checksum, 0 from _sqlx_migrations",
        "truncate _sqlx_migrations",
    ] {
        let error = sqlx::raw_sql(refused).execute(&app.app.pool).await.unwrap_err();
        let code = error.as_database_error().and_then(|error| error.code().map(|code| code.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{refused}");
    }
}

#[tokio::test]
async fn a_full_disk_and_a_zero_character_are_called_so() {
    let app = TestApp::start().await;
    let said = async |state: &str| {
        let raise = format!("do $$ begin raise exception using errcode = '{state}'; end $$");
        let error = sqlx::raw_sql(sqlx::AssertSqlSafe(raise)).execute(&app.app.pool).await.unwrap_err();
        services::Error::from(store::Error::from(error))
    };
    for (state, sentence) in [
        ("53100", "the disk of the database is full; nothing was changed"),
        ("53300", "the database is not available; nothing was changed"),
    ] {
        let error = said(state).await;
        assert!(matches!(error, services::Error::Unavailable(_)), "{error:?}");
        assert_eq!(error.to_string(), sentence);
    }
    for state in ["22021", "22P05"] {
        assert!(matches!(said(state).await, services::Error::Invalid(_)), "{state}");
    }
}
