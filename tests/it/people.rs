//! People: set-up, roles, the last administrator, passwords and their links (S1, S4, S5, S8).

use argon2::{Algorithm, Argon2, Params, PasswordHasher, Version};
use notafter::services::{self, Error, Origin, Role, setup::FirstAdministrator, users::Change};
use secrecy::SecretString;
use time::Duration;

use crate::support::{Client, TestApp, people::PASSWORD};

const ANA: &str = "ana@halden.example";
const BO: &str = "bo@halden.example";
const COOKIE: &str = "notafter";

async fn set_up(client: &Client, token: &str) -> u16 {
    let form = [("token", token), ("name", "Ana"), ("email", ANA), ("password", PASSWORD)];
    client.post("/setup", &form).await.status.as_u16()
}

fn demotion(role: Role) -> Change {
    Change { name: "Somebody".into(), role, limited_to_teams: false, teams: Vec::new() }
}

#[tokio::test]
async fn the_set_up_link_works_once_and_set_up_closes_for_ever() {
    let app = TestApp::start().await;
    let link = services::setup::new_link(&app.app).await.unwrap().unwrap();
    let client = app.anonymous();
    client.get("/setup").await.expect(404);
    let wrong = client.get("/setup?token=nonsense").await.expect(404);
    wrong.says("This link does not work").says("it prints a new one").says_not("belong to a team");
    client.get(&format!("/setup?token={}", link.expose())).await.expect(200).says("Create your account");
    assert_eq!(set_up(&client, "nonsense").await, 404);
    assert_eq!(set_up(&client, link.expose()).await, 303);
    client.get("/account").await.expect(200).says(ANA);
    assert_eq!(set_up(&app.anonymous(), link.expose()).await, 404);
    assert!(services::setup::new_link(&app.app).await.unwrap().is_none());
    // Also when every administrator is gone from the table.
    let superuser = app.superuser().await;
    sqlx::raw_sql("delete from sessions; delete from users").execute(&superuser).await.unwrap();
    assert!(services::setup::new_link(&app.app).await.unwrap().is_none());
}

#[tokio::test]
async fn a_weak_password_at_set_up_is_explained_and_the_link_still_works() {
    let app = TestApp::start().await;
    let link = services::setup::new_link(&app.app).await.unwrap().unwrap();
    let client = app.anonymous();
    for weak in ["short", "fourteen chars", "ana@halden.example", "aaaaaaaaaaaaaaaa"] {
        let form = [("token", link.expose()), ("name", "Ana"), ("email", ANA), ("password", weak)];
        client
            .post("/setup", &form)
            .await
            .expect(422)
            .says("aria-invalid")
            .says_not(&format!("value=\"{weak}\" autocomplete=\"new-password\""));
    }
    assert_eq!(set_up(&client, link.expose()).await, 303);
}

#[tokio::test]
async fn of_two_set_ups_at_once_one_comes_through() {
    let app = TestApp::start().await;
    let link = services::setup::new_link(&app.app).await.unwrap().unwrap();
    let first = |email: &str| FirstAdministrator {
        name: "First".into(),
        email: email.into(),
        password: SecretString::from(PASSWORD),
    };
    let origin = Origin::default();
    let (one, two) = tokio::join!(
        services::setup::complete(&app.app, link.expose(), first(ANA), &origin),
        services::setup::complete(&app.app, link.expose(), first(BO), &origin),
    );
    assert_eq!([one.is_ok(), two.is_ok()].iter().filter(|done| **done).count(), 1);
}

#[tokio::test]
async fn an_administrator_from_the_command_line_closes_set_up() {
    let app = TestApp::start().await;
    let link = services::setup::new_link(&app.app).await.unwrap().unwrap();
    app.invite(ANA, Role::Administrator, &[]).await;
    assert_eq!(set_up(&app.anonymous(), link.expose()).await, 404);
}

#[tokio::test]
async fn the_last_administrator_stays_one() {
    let app = TestApp::start().await;
    let ana = app.add_person(ANA, Role::Administrator, &[]).await;
    app.invite("invited@halden.example", Role::Administrator, &[]).await;
    let admin = app.signed_in(ANA).await;
    let form = [("name", "Ana"), ("role", "viewer")];
    admin.post(&format!("/settings/users/{ana}"), &form).await.expect(409).says("last administrator");
    admin.post(&format!("/settings/users/{ana}/disable"), &[]).await.expect(409).says("last administrator");
    admin.get("/settings/users").await.expect(200).says("administrator");
}

#[tokio::test]
async fn of_two_racing_demotions_of_the_last_two_administrators_one_wins() {
    let app = TestApp::start().await;
    let ana = app.add_person(ANA, Role::Administrator, &[]).await;
    let bo = app.add_person(BO, Role::Administrator, &[]).await;
    let cli = app.cli();
    for round in 0..8 {
        let change = demotion(Role::Viewer);
        let (one, two) = tokio::join!(
            async {
                match round % 2 {
                    0 => services::users::edit(&app.app, &cli, ana, &change).await,
                    _ => services::users::disable(&app.app, &cli, ana).await,
                }
            },
            services::users::edit(&app.app, &cli, bo, &change),
        );
        let refused = [&one, &two].iter().filter(|done| matches!(done, Err(Error::Conflict(_)))).count();
        assert_eq!((refused, one.is_ok() || two.is_ok()), (1, true), "{one:?} {two:?}");
        let back = demotion(Role::Administrator);
        services::users::edit(&app.app, &cli, ana, &back).await.unwrap();
        services::users::edit(&app.app, &cli, bo, &back).await.unwrap();
        let _ = services::users::enable(&app.app, &cli, ana).await;
    }
}

#[tokio::test]
async fn a_change_of_role_ends_the_persons_sessions_and_renews_ones_own() {
    let app = TestApp::start().await;
    let ana = app.add_person(ANA, Role::Administrator, &[]).await;
    let bo = app.add_person(BO, Role::Operator, &[]).await;
    app.add_person("cy@halden.example", Role::Administrator, &[]).await;
    let (admin, operator) = (app.signed_in(ANA).await, app.signed_in(BO).await);
    let form = [("name", "Bo"), ("role", "auditor")];
    assert_eq!(
        admin.post(&format!("/settings/users/{bo}"), &form).await.expect(303).location(),
        "/settings/users"
    );
    operator.get("/account").await.expect(303);
    let (old, other) = (admin.cookie(COOKIE).unwrap(), app.signed_in(ANA).await);
    admin.post(&format!("/settings/users/{ana}"), &[("name", "Ana"), ("role", "operator")]).await.expect(303);
    assert_ne!(admin.cookie(COOKIE).unwrap(), old);
    admin.get("/account").await.expect(200).says("operator");
    other.get("/account").await.expect(303);
    let replay = app.anonymous();
    replay.set_cookie(COOKIE, &old);
    replay.get("/account").await.expect(303);
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions_and_renews_this_one() {
    let app = TestApp::start().await;
    app.add_person(ANA, Role::Viewer, &[]).await;
    let (here, there) = (app.signed_in(ANA).await, app.signed_in(ANA).await);
    let old = here.cookie(COOKIE).unwrap();
    let new = "nine purple 40 wagons";
    let wrong = [("password", "not the password at all"), ("new_password", new)];
    here.post("/account/password", &wrong).await.expect(422).says("not your password");
    let short = [("password", PASSWORD), ("new_password", "too short")];
    here.post("/account/password", &short).await.expect(422).says("15 characters");
    here.post("/account/password", &[("password", PASSWORD), ("new_password", new)]).await.expect(303);
    here.get("/account").await.expect(200).says("Password changed.");
    here.get("/account").await.expect(200).says_not("Password changed.");
    there.get("/account").await.expect(303);
    let replay = app.anonymous();
    replay.set_cookie(COOKIE, &old);
    replay.get("/account").await.expect(303);
    app.anonymous().post("/login", &[("email", ANA), ("password", PASSWORD)]).await.expect(401);
    app.anonymous().post("/login", &[("email", ANA), ("password", new)]).await.expect(303);
}

#[tokio::test]
async fn my_other_devices_are_signed_out_and_this_one_stays() {
    let app = TestApp::start().await;
    app.add_person(ANA, Role::Viewer, &[]).await;
    let (here, there) = (app.signed_in(ANA).await, app.signed_in(ANA).await);
    here.get("/account").await.expect(200).says("Sign out my other devices");
    here.post("/account/sessions/end", &[]).await.expect(303);
    there.get("/account").await.expect(303);
    here.get("/account").await.expect(200).says("1 session ended").says_not("Sign out my other devices");
}

#[tokio::test]
async fn a_password_link_works_once_and_only_the_newest() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let form = [("name", ""), ("email", " BO@Halden.example "), ("role", "viewer")];
    let shown = admin.post("/settings/users", &form).await.expect(200).text();
    let link = shown
        .split("data-copy=\"http://127.0.0.1:8080")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let bo = services::users::id_of(&app.app, &app.cli(), BO).await.unwrap();
    admin.get("/settings/users").await.expect(200).says(BO).says_not(&link);
    let newer = services::users::invite(&app.app, &app.cli(), bo).await.unwrap();
    let newer = format!("/password/{}", newer.link.expose());
    let client = app.anonymous();
    client.get(&link).await.expect(404);
    client.get(&newer).await.expect(200).says(BO);
    client.get(&newer).await.expect(200);
    client.post(&newer, &[("password", "too short")]).await.expect(422).says("15 characters");
    client.post(&newer, &[("password", PASSWORD)]).await.expect(303);
    client.post(&newer, &[("password", PASSWORD)]).await.expect(404);
    app.signed_in(BO).await.get("/account").await.expect(200);
    let late = services::users::invite(&app.app, &app.cli(), bo).await.unwrap();
    app.advance(Duration::days(3));
    let late = client.get(&format!("/password/{}", late.link.expose())).await.expect(404);
    late.says("An administrator can make a new one");
}

#[tokio::test]
async fn a_password_has_15_to_128_characters_of_any_script() {
    let app = TestApp::start().await;
    let bo = app.add_person(BO, Role::Viewer, &[]).await;
    let long: String = "ö水7x-".chars().cycle().take(129).collect();
    let unique: String = (0..129).map(|n| char::from_u32(0x4e00 + n * 7).unwrap()).collect();
    for (password, fits) in [
        ("vio harbour 92".to_owned(), false),
        ("viol harbour 92".to_owned(), true),
        (unique.chars().take(128).collect(), true),
        (unique, false),
        (long, false),
    ] {
        let link = services::users::invite(&app.app, &app.cli(), bo).await.unwrap();
        let given = SecretString::from(password.clone());
        let done =
            services::account::set_password(&app.app, link.link.expose(), &given, &Origin::default()).await;
        assert_eq!(done.is_ok(), fits, "{password}: {done:?}");
        if fits {
            app.anonymous().post("/login", &[("email", BO), ("password", &password)]).await.expect(303);
        }
    }
}

#[tokio::test]
async fn a_hash_with_older_parameters_is_rewritten_at_sign_in() {
    let app = TestApp::start().await;
    app.add_person(ANA, Role::Viewer, &[]).await;
    let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8192, 1, 1, None).unwrap());
    let stored = weak.hash_password_with_salt(PASSWORD.as_bytes(), b"sixteen byte salt").unwrap().to_string();
    let superuser = app.superuser().await;
    let weaken = sqlx::AssertSqlSafe(format!("update users set password_hash = '{stored}'"));
    sqlx::raw_sql(weaken).execute(&superuser).await.unwrap();
    app.anonymous()
        .post("/login", &[("email", ANA), ("password", "not the password at all")])
        .await
        .expect(401);
    let hash = || async {
        sqlx::query_scalar::<_, String>("select password_hash from users")
            .fetch_one(&superuser)
            .await
            .unwrap()
    };
    assert_eq!(hash().await, stored);
    app.signed_in(ANA).await;
    assert!(hash().await.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash().await);
    app.signed_in(ANA).await;
}

#[tokio::test]
async fn an_unknown_address_costs_the_same_work() {
    let app = TestApp::start().await;
    app.add_person(ANA, Role::Viewer, &[]).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for n in 0..15 {
        // Each from an address of its own, so that no try waits.
        let client = app.anonymous_from(&format!("198.51.100.{n}"));
        for (email, times) in [(ANA, &mut known), ("nobody@halden.example", &mut unknown)] {
            let begun = std::time::Instant::now();
            client
                .post("/login", &[("email", email), ("password", "not the password at all")])
                .await
                .expect(401);
            times.push(begun.elapsed());
        }
    }
    known.sort();
    unknown.sort();
    let ratio = unknown[7].as_secs_f64() / known[7].as_secs_f64();
    assert!((0.6..1.6).contains(&ratio), "median unknown / known = {ratio:.2}");
}

#[tokio::test]
async fn a_page_beyond_ones_role_names_the_role() {
    let app = TestApp::start().await;
    let viewer = app.viewer().await;
    viewer.get("/settings/users").await.expect(403).says("administrator or auditor");
    viewer.post("/settings/teams", &[("name", "Mine")]).await.expect(403).says("administrator");
}

#[tokio::test]
async fn an_auditor_sees_people_and_changes_nothing() {
    let app = TestApp::start().await;
    let ana = app.add_person(ANA, Role::Administrator, &[]).await;
    let team = app.team("Payments").await;
    let auditor = app.person(Role::Auditor).await;
    auditor.get("/settings/users").await.expect(200).says(ANA).says_not("Add a person");
    auditor.get(&format!("/settings/teams/{team}")).await.expect(200).says_not("<form class=\"panel__body");
    for path in [
        format!("/settings/users/{ana}"),
        format!("/settings/users/{ana}/disable"),
        format!("/settings/users/{ana}/link"),
        "/settings/users".into(),
        "/settings/teams".into(),
        format!("/settings/teams/{team}"),
        format!("/settings/teams/{team}/members"),
        format!("/settings/teams/{team}/delete"),
        "/account/tokens".into(),
    ] {
        auditor.post(&path, &[("name", "x")]).await.expect(403);
    }
    auditor.get(&format!("/settings/users/{ana}")).await.expect(403);
    auditor.get("/settings/tokens").await.expect(403);
}

#[tokio::test]
async fn hostile_and_very_long_names_are_shown_as_text() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let long = "n".repeat(200);
    for (n, name) in
        ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "\u{202e}gnp.exe", &long].into_iter().enumerate()
    {
        let email = format!("p{n}@{}.example", "h".repeat(235));
        let form = [("name", name), ("email", email.as_str()), ("role", "viewer")];
        admin.post("/settings/users", &form).await.expect(200);
    }
    let page = admin.get("/settings/users").await.expect(200).says(&long).says_not("<script>alert").text();
    assert!(!page.contains('\u{202e}'), "an unseen character is written out");
    admin
        .post("/settings/users", &[("name", &"n".repeat(201)), ("email", "q@h.example"), ("role", "viewer")])
        .await
        .expect(422);
    admin
        .post("/settings/users", &[("name", "q"), ("email", "p0@h.example\r\nbcc: x@y"), ("role", "viewer")])
        .await
        .expect(422);
    admin
        .post("/settings/users", &[("name", "q"), ("email", "q@h.example"), ("role", "king")])
        .await
        .expect(422)
        .says("is no role");
}

#[tokio::test]
async fn every_change_leaves_exactly_one_record_with_who_did_it() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let bo = app.add_person(BO, Role::Viewer, &[]).await;
    let superuser = app.superuser().await;
    let mut seen: i64 =
        sqlx::query_scalar("select max(id) from audit_events").fetch_one(&superuser).await.unwrap();
    for (path, form, act) in [
        (format!("/settings/users/{bo}"), vec![("name", "Bo"), ("role", "operator")], "user.changed"),
        (format!("/settings/users/{bo}/link"), vec![], "user.invited"),
        (format!("/settings/users/{bo}/disable"), vec![], "user.disabled"),
        (format!("/settings/users/{bo}/enable"), vec![], "user.enabled"),
        ("/settings/teams".into(), vec![("name", "Payments")], "team.created"),
        ("/account".into(), vec![("name", "New Name")], "user.renamed"),
        ("/account/theme".into(), vec![("theme", "dark"), ("next", "/account")], "user.theme_changed"),
        (
            "/account/tokens".into(),
            vec![("name", "ci"), ("scopes", "read"), ("expires", "30")],
            "token.created",
        ),
        ("/account/sessions/end".into(), vec![], "user.sessions_ended"),
        ("/logout".into(), vec![], "user.signed_out"),
    ] {
        admin.post(&path, &form).await;
        let rows: Vec<(i64, String, String, String)> = sqlx::query_as(
            "select id, act, actor_name, host(address) from audit_events where id > $1 order by id",
        )
        .bind(seen)
        .fetch_all(&superuser)
        .await
        .unwrap();
        let acts: Vec<&str> = rows.iter().map(|row| row.1.as_str()).collect();
        assert_eq!(acts, [act], "{path}");
        assert_eq!((rows[0].2.as_str(), rows[0].3.as_str()), ("administrator@halden.example", "127.0.0.1"));
        seen = rows[0].0;
    }
}

#[tokio::test]
async fn the_theme_is_on_every_page_and_leads_back() {
    let app = TestApp::start().await;
    let viewer = app.viewer().await;
    let answer = viewer.post("/account/theme", &[("theme", "dark"), ("next", "/account")]).await.expect(303);
    assert_eq!(answer.location(), "/account");
    viewer.get("/account").await.expect(200).says("data-theme=\"dark\"");
    viewer.post("/account/theme", &[("theme", "pink"), ("next", "/account")]).await.expect(422);
}
