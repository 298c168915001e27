//! The login wall and what a session may do: fixation, replay, limits, foreign origins, the password once more (S2, S4, S5, S6, S11).

use axum::body::Body;
use http::Method;
use notafter::{
    api, responders,
    routes::Access,
    services::{self, Role, Scope},
    web,
};
use time::Duration;

use crate::support::{Client, TestApp, made::leaf, people::PASSWORD};

const COOKIE: &str = "notafter";
const ANA: &str = "ana@halden.example";

async fn with_ana() -> (TestApp, i64) {
    let app = TestApp::start().await;
    let ana = app.add_person(ANA, Role::Administrator, &[]).await;
    (app, ana)
}

async fn wrong(client: &Client, email: &str) -> u16 {
    client.post("/login", &[("email", email), ("password", "not the password at all")]).await.status.as_u16()
}

#[tokio::test]
async fn a_page_leads_to_sign_in_and_back() {
    let (app, _) = with_ana().await;
    let client = app.anonymous();
    let answer = client.get("/account/confirm?next=/certificates").await.expect(303);
    assert_eq!(answer.location(), "/login?next=%2Faccount%2Fconfirm%3Fnext%3D%2Fcertificates");
    let form = [("email", ANA), ("password", PASSWORD), ("next", "/certificates?q=a")];
    assert_eq!(client.post("/login", &form).await.expect(303).location(), "/certificates?q=a");
    client.get("/account/confirm").await.expect(200).says(ANA);
}

#[tokio::test]
async fn nobody_is_sent_to_another_site_after_signing_in() {
    let (app, _) = with_ana().await;
    for next in ["https://evil.example/", "//evil.example", "/\\evil.example"] {
        let form = [("email", ANA), ("password", PASSWORD), ("next", next)];
        assert_eq!(app.anonymous().post("/login", &form).await.expect(303).location(), "/");
    }
}

#[tokio::test]
async fn a_wrong_password_an_unknown_address_and_a_disabled_account_look_the_same() {
    let (app, ana) = with_ana().await;
    app.add_person("bo@halden.example", Role::Administrator, &[]).await;
    app.invite("new@halden.example", Role::Viewer, &[]).await;
    let client = app.anonymous();
    let body = |email: &'static str, password: &'static str| {
        let client = client.clone();
        async move {
            let answer = client.post("/login", &[("email", email), ("password", password)]).await.expect(401);
            answer.text().replace(email, "")
        }
    };
    let unknown = body("nobody@halden.example", PASSWORD).await;
    assert_eq!(unknown, body(ANA, "not the password at all").await);
    assert_eq!(unknown, body("new@halden.example", PASSWORD).await);
    services::users::disable(&app.app, &app.cli(), ana).await.unwrap();
    assert_eq!(unknown, body(ANA, PASSWORD).await);
}

#[tokio::test]
async fn a_planted_id_is_not_the_one_after_sign_in() {
    let (app, _) = with_ana().await;
    let victim = app.anonymous();
    let planted = "AAAAAAAAAAAAAAAAAAAAAA";
    victim.set_cookie(COOKIE, planted);
    victim.post("/login", &[("email", ANA), ("password", PASSWORD)]).await.expect(303);
    assert_ne!(victim.cookie(COOKIE).unwrap(), planted);
    let attacker = app.anonymous();
    attacker.set_cookie(COOKIE, planted);
    attacker.get("/account/confirm").await.expect(303);
}

#[tokio::test]
async fn a_live_id_planted_by_another_person_dies_at_sign_in() {
    let (app, _) = with_ana().await;
    app.add_person("eve@halden.example", Role::Viewer, &[]).await;
    let eve = app.signed_in("eve@halden.example").await;
    let victim = app.anonymous();
    victim.set_cookie(COOKIE, &eve.cookie(COOKIE).unwrap());
    victim.post("/login", &[("email", ANA), ("password", PASSWORD)]).await.expect(303);
    assert_ne!(victim.cookie(COOKIE), eve.cookie(COOKIE));
    eve.get("/account/confirm").await.expect(303);
    victim.get("/account/confirm").await.expect(200).says(ANA);
}

#[tokio::test]
async fn an_id_that_was_signed_out_opens_nothing() {
    let (app, _) = with_ana().await;
    let client = app.signed_in(ANA).await;
    let old = client.cookie(COOKIE).unwrap();
    assert_eq!(client.post("/logout", &[]).await.expect(303).location(), "/login?said=signed-out");
    assert_eq!(client.cookie(COOKIE), None);
    let replay = app.anonymous();
    replay.set_cookie(COOKIE, &old);
    replay.get("/account/confirm").await.expect(303);
    replay.post("/account/confirm", &[("password", PASSWORD)]).await.expect(401);
    assert_eq!(sessions(&app).await, 0);
}

#[tokio::test]
async fn thirty_idle_minutes_end_a_session_and_a_request_in_between_keeps_it() {
    let (app, _) = with_ana().await;
    let client = app.signed_in(ANA).await;
    for _ in 0..3 {
        app.advance(Duration::minutes(29));
        client.get("/account/confirm").await.expect(200);
    }
    app.advance(Duration::minutes(30) + Duration::SECOND);
    client.get("/account/confirm").await.expect(303);
}

#[tokio::test]
async fn twelve_hours_end_a_session_however_busy() {
    let (app, _) = with_ana().await;
    let client = app.signed_in(ANA).await;
    for _ in 0..28 {
        app.advance(Duration::minutes(25));
        client.get("/account/confirm").await.expect(200);
    }
    app.advance(Duration::minutes(20) + Duration::SECOND);
    client.get("/account/confirm").await.expect(303);
}

#[tokio::test]
async fn disabling_a_person_ends_everything_with_the_next_request() {
    let (app, _) = with_ana().await;
    let bo = app.add_person("bo@halden.example", Role::Operator, &[]).await;
    let (one, two) = (app.signed_in("bo@halden.example").await, app.signed_in("bo@halden.example").await);
    services::users::disable(&app.app, &app.cli(), bo).await.unwrap();
    one.get("/account/confirm").await.expect(303);
    two.post("/logout", &[]).await.expect(401);
    // Also when only the row says so, as after a restore or a change by hand.
    services::users::enable(&app.app, &app.cli(), bo).await.unwrap();
    let three = app.signed_in("bo@halden.example").await;
    let superuser = app.superuser().await;
    sqlx::raw_sql("update users set disabled_at = clock_timestamp() where email like 'bo@%'")
        .execute(&superuser)
        .await
        .unwrap();
    three.get("/account/confirm").await.expect(303);
}

#[tokio::test]
async fn the_table_holds_no_id_that_opens_a_session() {
    let (app, _) = with_ana().await;
    let client = app.signed_in(ANA).await;
    let id = client.cookie(COOKIE).unwrap();
    let raw = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, &id).unwrap();
    let superuser = app.superuser().await;
    let dump: Vec<String> =
        sqlx::query_scalar("select sessions::text || ' ' || encode(id_digest, 'hex') from sessions")
            .fetch_all(&superuser)
            .await
            .unwrap();
    assert_eq!(dump.len(), 1);
    assert!(!dump[0].contains(&id) && !dump[0].contains(&hex::encode(raw)), "{dump:?}");
}

#[tokio::test]
async fn the_cookie_is_bound_to_this_host_under_https() {
    let app = TestApp::with(&[("NOTAFTER_PUBLIC_URL", "https://certs.halden.example")]).await;
    app.add_person(ANA, Role::Viewer, &[]).await;
    let answer = app.anonymous().post("/login", &[("email", ANA), ("password", PASSWORD)]).await.expect(303);
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.starts_with("__Host-notafter="), "{cookie}");
    for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    assert!(
        !cookie.contains("Domain") && !cookie.contains("Max-Age") && !cookie.contains("Expires"),
        "{cookie}"
    );
}

#[tokio::test]
async fn signing_out_takes_the_cookie_away_in_a_way_that_browsers_heed() {
    let app = TestApp::with(&[("NOTAFTER_PUBLIC_URL", "https://certs.halden.example")]).await;
    app.add_person(ANA, Role::Viewer, &[]).await;
    let ana = app.signed_in(ANA).await;
    let answer = ana.with_header("sec-fetch-site", "same-origin").post("/logout", &[]).await.expect(303);
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["__Host-notafter=;", "Secure", "Path=/", "Max-Age=0"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
}

#[tokio::test]
async fn every_unsafe_route_refuses_a_foreign_origin() {
    let (app, _) = with_ana().await;
    let admin = app.signed_in(ANA).await;
    let before = events(&app).await;
    let unsafe_routes = web::routes().table().into_iter().filter(|(method, ..)| !method.is_safe());
    let mut seen = 0;
    for (method, path, _) in unsafe_routes {
        let path = path.replace("{id}", "1").replace("{token}", "x").replace("{fingerprint}", "00");
        for (name, value) in
            [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site"), ("origin", "null")]
        {
            let foreign = admin.with_header(name, value);
            for kind in ["application/x-www-form-urlencoded", "text/plain"] {
                let answer = foreign.send(method.clone(), &path, Some(kind), Body::from("a=b")).await;
                answer.expect(403).says("another site");
            }
        }
        seen += 1;
    }
    assert!(seen >= 4 && before == events(&app).await);
    admin.with_header("origin", "http://127.0.0.1:8080").post("/logout", &[]).await.expect(303);
}

/// A digest of every table but those that note when somebody was last seen.
async fn everything(app: &TestApp) -> Vec<(String, String)> {
    let superuser = app.superuser().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select tablename::text from pg_tables
         where schemaname = 'public' and tablename not in ('sessions', 'tokens', 'throttles') order by 1",
    )
    .fetch_all(&superuser)
    .await
    .unwrap();
    let mut digests = Vec::new();
    for table in tables {
        let all = format!(
            "select coalesce(md5(string_agg(row::text, '|' order by row::text)), '') from {table} row"
        );
        let digest = sqlx::query_scalar(sqlx::AssertSqlSafe(all)).fetch_one(&superuser).await.unwrap();
        digests.push((table, digest));
    }
    digests
}

#[tokio::test]
async fn no_get_changes_anything() {
    let (app, ana) = with_ana().await;
    app.import(leaf(&["shop.halden.example"], -1, 6).pem()).await;
    app.team("Payments").await;
    notafter::jobs::run_until_empty(&app.app).await.unwrap();
    let token = format!("Bearer {}", app.token_of(ana, &[Scope::Admin]).await);
    let admin = app.signed_in(ANA).await;
    let program = app.anonymous().with_header("authorization", &token);
    let routes = web::routes().merge(api::routes()).merge(responders::routes());
    let before = everything(&app).await;
    let (mut seen, mut found) = (0, 0);
    for (_, path, _) in routes.table().into_iter().filter(|(method, ..)| *method == Method::GET) {
        let path = path.replace("{id}", "1").replace("{format}", "pem").replace("{token}", "x");
        let client = if path.starts_with("/api/") { &program } else { &admin };
        let answer = client.get(&path).await;
        let no_worker_here = path == "/readyz";
        assert!(answer.status.as_u16() < 500 || no_worker_here, "{path}: {}", answer.status);
        found += usize::from(answer.status.is_success());
        seen += 1;
        assert_eq!(before, everything(&app).await, "GET {path} changed something");
    }
    assert!(seen > 40 && found * 3 > seen * 2, "{found} of {seen}");
}

#[tokio::test]
async fn every_page_but_the_public_ones_wants_a_session() {
    let (app, _) = with_ana().await;
    let client = app.anonymous();
    for (method, path, access) in web::routes().table() {
        let path = path.replace("{id}", "1").replace("{fingerprint}", "00");
        match access {
            Access::Public => continue,
            _ if method == Method::GET => {
                let answer = client.get(&path).await.expect(303);
                assert!(answer.location().starts_with("/login"), "{path}");
            }
            _ => {
                client.send(method, &path, None, Body::empty()).await.expect(401);
            }
        }
    }
}

#[tokio::test]
async fn after_six_minutes_a_sensitive_act_wants_the_password_again() {
    let (app, _) = with_ana().await;
    let admin = app.signed_in(ANA).await;
    app.advance(Duration::minutes(6));
    let mut seen = 0;
    for (method, path, access) in web::routes().table() {
        let Access::StepUp(_) = access else { continue };
        let before = events(&app).await;
        let path = path.replace("{id}", "1");
        let answer = admin.send(method.clone(), &path, None, Body::empty()).await;
        if method == Method::GET {
            assert!(answer.expect(303).location().starts_with("/account/confirm"), "{path}");
        } else {
            answer.expect(403).says("Confirm your password");
        }
        assert_eq!(before, events(&app).await, "{method} {path} left a trace");
        seen += 1;
    }
    assert!(seen > 0, "there are sensitive routes");
    admin.post("/account/confirm", &[("password", "not the password at all")]).await.expect(422);
    let form = [("password", PASSWORD), ("next", "/settings/users/new")];
    assert_eq!(admin.post("/account/confirm", &form).await.expect(303).location(), "/settings/users/new");
    admin.get("/settings/users/new").await.expect(200);
}

#[tokio::test]
async fn a_password_changed_during_a_sign_in_ends_it() {
    let (app, ana) = with_ana().await;
    let mut change = app.app.pool.begin().await.unwrap();
    sqlx::query_scalar::<_, i64>(
        "update users set password_hash = password_hash || 'x' where id = $1 returning id",
    )
    .bind(ana)
    .fetch_one(&mut *change)
    .await
    .unwrap();
    let client = app.anonymous();
    let signing_in = async {
        let form = [("email", ANA), ("password", PASSWORD)];
        client.post("/login", &form).await
    };
    // The old password has proved right by the time that somebody waits for the row.
    let changing = async {
        let watch = app.superuser().await;
        let waiting = "select exists (select from pg_locks where not granted)";
        while !sqlx::query_scalar::<_, bool>(waiting).fetch_one(&watch).await.unwrap() {
            tokio::task::yield_now().await;
        }
        change.commit().await.unwrap();
    };
    let (answer, ()) = tokio::join!(signing_in, changing);
    answer.expect(401).says("do not match");
    assert_eq!(sessions(&app).await, 0);
}

#[tokio::test]
async fn wrong_passwords_make_one_wait_longer_and_longer_but_only_from_there() {
    let (app, _) = with_ana().await;
    let attacker = app.anonymous();
    for _ in 0..6 {
        assert_eq!(wrong(&attacker, ANA).await, 401);
    }
    let refused = attacker.post("/login", &[("email", ANA), ("password", PASSWORD)]).await.expect(429);
    assert_eq!(refused.header("retry-after"), "1");
    let victim = app.anonymous_from("198.51.100.7");
    victim.post("/login", &[("email", ANA), ("password", PASSWORD)]).await.expect(303);
    let mut waits = Vec::new();
    for _ in 0..94 {
        let answer = attacker.post("/login", &[("email", ANA), ("password", "x")]).await.expect(429);
        waits.push(answer.header("retry-after").parse::<i64>().unwrap());
        app.advance(Duration::seconds(waits[waits.len() - 1]));
        assert_eq!(wrong(&attacker, ANA).await, 401);
    }
    assert_eq!(waits[..5], [1, 2, 4, 8, 16]);
    assert_eq!(waits.iter().max(), Some(&900));
    // The 101st, through a second process on the same database.
    let other = app.second_process();
    assert_eq!(wrong(&other, ANA).await, 429);
    app.advance(Duration::minutes(16));
    attacker.post("/login", &[("email", ANA), ("password", PASSWORD)]).await.expect(303);
}

#[tokio::test]
async fn wrong_passwords_from_many_addresses_make_the_account_wait_but_not_where_its_owner_was() {
    let (app, _) = with_ana().await;
    let right = [("email", ANA), ("password", PASSWORD)];
    let home = app.anonymous_from("198.51.100.7");
    home.post("/login", &right).await.expect(303);
    let attack = async |email: &str| {
        let mut judged = 0;
        for n in 0..150 {
            let attacker = app.anonymous_from(&format!("2001:db8:0:{:x}::1", n / 5));
            judged += i32::from(wrong(&attacker, email).await == 401);
        }
        judged
    };
    assert_eq!(attack(ANA).await, 51);
    assert_eq!(attack("nobody@halden.example").await, 51, "whether there is an account does not show");
    // Somewhere new the owner waits a moment, not for ever.
    let hotel = app.anonymous_from("203.0.113.80");
    assert_eq!(hotel.post("/login", &right).await.expect(429).header("retry-after"), "1");
    assert_eq!(wrong(&home, ANA).await, 401);
    home.post("/login", &right).await.expect(303);
    let mut longest = 0;
    for n in 0..14 {
        let wait = hotel.post("/login", &right[..1]).await.expect(429).header("retry-after").parse().unwrap();
        longest = longest.max(wait);
        app.advance(Duration::seconds(wait));
        assert_eq!(wrong(&app.anonymous_from(&format!("192.0.2.{n}")), ANA).await, 401);
    }
    assert_eq!(longest, 900);
    app.advance(Duration::seconds(longest));
    hotel.post("/login", &right).await.expect(303);
    // Known from now on; what was long ago is not.
    attack(ANA).await;
    hotel.post("/login", &right).await.expect(303);
    app.advance(Duration::days(31));
    attack(ANA).await;
    hotel.post("/login", &right).await.expect(429);
}

#[tokio::test]
async fn guesses_at_once_are_counted_one_by_one() {
    let (app, _) = with_ana().await;
    let client = app.anonymous();
    let guesses = (0..20).map(|_| wrong(&client, ANA));
    let answers = futures_util::future::join_all(guesses).await;
    assert_eq!(answers.iter().filter(|status| **status == 401).count(), 6, "{answers:?}");
}

#[tokio::test]
async fn one_password_on_many_accounts_is_slowed_down_as_well() {
    let (app, _) = with_ana().await;
    let client = app.anonymous();
    for n in 0..21 {
        assert_eq!(wrong(&client, &format!("user{n}@halden.example")).await, 401);
    }
    assert_eq!(wrong(&client, "user99@halden.example").await, 429);
}

#[tokio::test]
async fn a_forged_forwarded_address_does_not_count() {
    let (app, _) = with_ana().await;
    for n in 0..6 {
        assert_eq!(
            wrong(&app.anonymous().with_header("x-forwarded-for", &format!("198.51.100.{n}")), ANA).await,
            401
        );
    }
    assert_eq!(wrong(&app.anonymous().with_header("x-forwarded-for", "198.51.100.99"), ANA).await, 429);
    let behind = TestApp::with(&[("NOTAFTER_TRUSTED_PROXIES", "127.0.0.1")]).await;
    behind.add_person(ANA, Role::Viewer, &[]).await;
    for _ in 0..7 {
        wrong(&behind.anonymous().with_header("x-forwarded-for", "203.0.113.5, 198.51.100.1"), ANA).await;
    }
    let same = behind.anonymous().with_header("x-forwarded-for", "203.0.113.6, 198.51.100.1");
    assert_eq!(wrong(&same, ANA).await, 429);
    let other = behind.anonymous().with_header("x-forwarded-for", "198.51.100.2");
    other.post("/login", &[("email", ANA), ("password", PASSWORD)]).await.expect(303);
}

async fn sessions(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from sessions").fetch_one(&app.superuser().await).await.unwrap()
}

async fn events(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from audit_events").fetch_one(&app.superuser().await).await.unwrap()
}
