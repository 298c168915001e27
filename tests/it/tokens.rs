//! API tokens: shown once, kept as a digest, never more than their owner, dead with them (S2, S8, S28, S29).

use notafter::services::{
    self, Actor, Error, Permission, Role, Scope,
    tokens::{TokenForm, authenticate},
    users::Change,
};
use time::Duration;

use crate::support::TestApp;

const ANA: &str = "ana@halden.example";
const HERE: Option<std::net::IpAddr> = Some(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

fn form(scopes: &[Scope]) -> TokenForm {
    TokenForm {
        name: "ci".into(),
        scopes: scopes.to_vec(),
        life: Duration::days(90),
        allowed_addresses: Vec::new(),
    }
}

async fn with_token(role: Role, scopes: &[Scope]) -> (TestApp, i64, String) {
    let app = TestApp::start().await;
    app.add_person("boss@halden.example", Role::Administrator, &[]).await;
    let ana = app.add_person(ANA, role, &[]).await;
    let token = app.token_of(ana, scopes).await;
    (app, ana, token)
}

async fn works(app: &TestApp, token: &str) -> bool {
    match authenticate(&app.app, token, HERE).await {
        Ok(_) => true,
        Err(Error::Refused(said)) => {
            assert_eq!(said, "this token does not work here", "the refusal tells nothing");
            false
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_token_is_shown_once_and_the_table_cannot_be_used() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let given = [
        ("name", "ci"),
        ("scopes", "read"),
        ("scopes", "request"),
        ("expires", "30"),
        ("allowed_addresses", ""),
    ];
    let shown = admin.post("/account/tokens", &given).await.expect(200).text();
    let token = shown.split("data-copy=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(token.starts_with("na_") && token.len() == 64, "{token}");
    assert!(works(&app, &token).await);
    let secret = &token[15..];
    admin.get("/account").await.expect(200).says("ci").says_not(secret);
    admin.get("/settings/tokens").await.expect(200).says("ci").says_not(secret);
    let dump: Vec<String> = sqlx::query_scalar("select tokens::text || encode(digest, 'hex') from tokens union all select audit_events::text from audit_events")
        .fetch_all(&app.superuser().await)
        .await
        .unwrap();
    assert!(!dump.is_empty() && dump.iter().all(|row| !row.contains(secret)));
}

#[tokio::test]
async fn a_token_ends_to_the_second() {
    let (app, _, token) = with_token(Role::Viewer, &[Scope::Read]).await;
    app.advance(Duration::days(90) - Duration::SECOND);
    assert!(works(&app, &token).await);
    app.advance(Duration::SECOND);
    assert!(!works(&app, &token).await);
}

#[tokio::test]
async fn the_public_part_of_a_token_opens_nothing() {
    let (app, ana, token) = with_token(Role::Viewer, &[Scope::Read]).await;
    let other = app.token_of(ana, &[Scope::Read]).await;
    // The id of one with the secret of the other: well-formed but for its check letters, and with them.
    let mixed = format!("{}{}", &token[..15], &other[15..]);
    assert!(!works(&app, &mixed).await);
    for bad in ["", "na_", "Bearer", &token[..63]] {
        assert!(!works(&app, bad).await, "{bad}");
    }
    sqlx::raw_sql("update tokens set digest = '\\x00'").execute(&app.superuser().await).await.unwrap();
    assert!(!works(&app, &token).await);
}

#[tokio::test]
async fn a_token_is_never_more_than_its_owner() {
    let (app, ana, token) = with_token(Role::Operator, &[Scope::Admin]).await;
    let actor = authenticate(&app.app, &token, HERE).await.unwrap();
    assert!(actor.may(Permission::CertificatesWrite) && !actor.may(Permission::UsersWrite));
    let change =
        Change { name: "Ana".into(), role: Role::Viewer, limited_to_teams: false, teams: Vec::new() };
    services::users::edit(&app.app, &app.cli(), ana, &change).await.unwrap();
    let actor = authenticate(&app.app, &token, HERE).await.unwrap();
    assert!(actor.may(Permission::CertificatesRead) && !actor.may(Permission::CertificatesWrite));
}

#[tokio::test]
async fn a_scope_bounds_an_administrators_token() {
    let (app, ana, token) = with_token(Role::Administrator, &[Scope::Read]).await;
    let actor = authenticate(&app.app, &token, HERE).await.unwrap();
    assert!(actor.may(Permission::UsersRead) && !actor.may(Permission::CertificatesWrite));
    let refused = services::tokens::create(&app.app, &actor, &form(&[Scope::Admin])).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "a token makes no stronger one");
    let request = app.token_of(ana, &[Scope::Request]).await;
    let actor = authenticate(&app.app, &request, HERE).await.unwrap();
    assert!(actor.may(Permission::CertificatesWrite) && !actor.may(Permission::UsersWrite));
}

#[tokio::test]
async fn a_token_reaches_as_far_as_its_owners_teams() {
    let app = TestApp::start().await;
    let team = app.team("Payments").await;
    let ana = app.add_person(ANA, Role::Operator, &[team]).await;
    let token = app.token_of(ana, &[Scope::Admin]).await;
    let actor = authenticate(&app.app, &token, HERE).await.unwrap();
    assert_eq!(actor.reach().as_sql(), Some(&[team][..]));
}

#[tokio::test]
async fn disabling_the_owner_and_revoking_end_a_token() {
    let (app, ana, token) = with_token(Role::Viewer, &[Scope::Read]).await;
    services::users::disable(&app.app, &app.cli(), ana).await.unwrap();
    assert!(!works(&app, &token).await);
    services::users::enable(&app.app, &app.cli(), ana).await.unwrap();
    assert!(!works(&app, &token).await, "a token does not come back");
    let second = app.token_of(ana, &[Scope::Read]).await;
    let viewer = app.signed_in(ANA).await;
    let id: i64 =
        sqlx::query_scalar("select max(id) from tokens").fetch_one(&app.superuser().await).await.unwrap();
    let stranger = app.person(Role::Operator).await;
    stranger.post(&format!("/account/tokens/{id}/revoke"), &[]).await.expect(404);
    assert!(works(&app, &second).await);
    viewer.post(&format!("/account/tokens/{id}/revoke"), &[]).await.expect(303);
    assert!(!works(&app, &second).await);
    viewer.post(&format!("/account/tokens/{id}/revoke"), &[]).await.expect(409);
}

#[tokio::test]
async fn a_token_works_only_from_its_addresses() {
    let (app, ana, _) = with_token(Role::Viewer, &[Scope::Read]).await;
    let allowed_addresses = services::tokens::read_networks("198.51.100.0/24, 2001:db8::7").unwrap();
    let bound = TokenForm { allowed_addresses, ..form(&[Scope::Read]) };
    let created = services::tokens::create_for(&app.app, &app.cli(), ana, &bound).await.unwrap();
    for (address, fits) in [
        ("198.51.100.9", true),
        ("::ffff:198.51.100.9", true),
        ("2001:db8::7", true),
        ("2001:db8::8", false),
        ("203.0.113.1", false),
    ] {
        let done = authenticate(&app.app, created.token.expose(), Some(address.parse().unwrap())).await;
        assert_eq!(done.is_ok(), fits, "{address}");
    }
    assert!(authenticate(&app.app, created.token.expose(), None).await.is_err());
    assert!(services::tokens::read_networks("10.0.0.0/99").is_err());
}

#[tokio::test]
async fn the_last_use_is_kept_to_the_minute() {
    let (app, _, token) = with_token(Role::Viewer, &[Scope::Read]).await;
    let superuser = app.superuser().await;
    let used = || async {
        let last: time::OffsetDateTime =
            sqlx::query_scalar("select last_used_at from tokens").fetch_one(&superuser).await.unwrap();
        last
    };
    assert!(works(&app, &token).await);
    let first = used().await;
    app.advance(Duration::seconds(59));
    assert!(works(&app, &token).await);
    assert_eq!(used().await, first);
    app.advance(Duration::SECOND);
    assert!(works(&app, &token).await);
    assert_eq!(used().await - first, Duration::MINUTE);
}

#[tokio::test]
async fn guesses_are_slowed_down_and_a_right_token_still_works() {
    let (app, _, token) = with_token(Role::Viewer, &[Scope::Read]).await;
    let guess = format!("na_00000000000_{}", "0".repeat(49));
    for _ in 0..21 {
        assert!(matches!(authenticate(&app.app, &guess, HERE).await, Err(Error::Refused(_))));
    }
    assert!(matches!(authenticate(&app.app, &guess, HERE).await, Err(Error::Limited(_))));
    assert!(works(&app, &token).await);
}

#[tokio::test]
async fn a_token_has_a_name_a_scope_and_an_end() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    for (name, scope, expires) in [
        ("", "read", "30"),
        ("ci", "king", "30"),
        ("ci", "read", "0"),
        ("ci", "read", "367"),
        ("ci", "read", "soon"),
        ("ci", "read", "-1"),
    ] {
        let given = [("name", name), ("scopes", scope), ("expires", expires)];
        admin.post("/account/tokens", &given).await.expect(422).says("There is a problem");
    }
    admin.post("/account/tokens", &[("name", "ci"), ("expires", "30")]).await.expect(422);
}

#[tokio::test]
async fn an_auditor_has_no_tokens() {
    let app = TestApp::start().await;
    let auditor = app.add_person(ANA, Role::Auditor, &[]).await;
    let refused = services::tokens::create_for(&app.app, &app.cli(), auditor, &form(&[Scope::Read])).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    app.signed_in(ANA).await.get("/account/tokens/new").await.expect(403);
}

#[tokio::test]
async fn nobody_makes_a_token_for_somebody_else_but_the_command_line() {
    let (app, ana, token) = with_token(Role::Administrator, &[Scope::Admin]).await;
    let actor = authenticate(&app.app, &token, HERE).await.unwrap();
    for actor in [actor, Actor::System] {
        let refused = services::tokens::create_for(&app.app, &actor, ana, &form(&[Scope::Read])).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))));
    }
}
