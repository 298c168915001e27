//! Every page, empty and with hostile and very long content, in light, dark and 390 pixels: axe finds nothing, nothing reaches over the edge, and
//! nothing that a certificate says is run.

use notafter::services::Role;
use time::Duration;

use crate::support::{
    TestApp,
    app::START,
    browser::{Browser, Look},
    people::PASSWORD,
    pki::{Leaf, leaf},
};

const PAGES: &[&str] = &[
    "/",
    "/certificates",
    "/certificates?q=nothing-has-this-name",
    "/certificates?status=expiring&sort=-name",
    "/certificates/import",
    "/alerts",
    "/audit",
    "/jobs",
    "/account",
    "/settings/users",
    "/settings/users/new",
    "/settings/teams",
    "/settings/tokens",
    "/nothing-is-here",
    "/api/docs",
];

async fn signed_in(app: &TestApp) -> Browser {
    app.add_person("ines@halden.example", Role::Administrator, &[]).await;
    let browser = Browser::open(app).await;
    browser.visit("/login").await;
    assert_eq!(browser.faults().await, Vec::<String>::new(), "/login");
    browser.fill("input[name=email]", "ines@halden.example").await;
    browser.fill("input[name=password]", PASSWORD).await;
    browser.click("main form button[type=submit]").await;
    browser.find("nav.side").await;
    browser
}

async fn check(browser: &Browser, looks: &[Look], pages: &[String]) {
    let mut faults = Vec::new();
    for look in looks.iter().copied() {
        browser.look(look).await;
        for page in pages {
            browser.visit(page).await;
            faults
                .extend(browser.faults().await.into_iter().map(|fault| format!("{page} {look:?}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test]
async fn browser_every_page_is_accessible_when_empty() {
    let app = TestApp::start().await;
    let browser = signed_in(&app).await;
    // Colours do not depend on what is in the tables: the other test sees all three.
    check(&browser, &[Look::Phone], &PAGES.iter().map(|page| (*page).to_owned()).collect::<Vec<_>>()).await;
    browser.close().await;
}

#[tokio::test]
async fn browser_every_page_is_accessible_and_runs_nothing_with_hostile_content() {
    let app = TestApp::start().await;
    let long = format!("{}.halden.example", vec!["a".repeat(59); 4].join("."));
    let many: Vec<String> = (0..500).map(|n| format!("host-{n}.halden.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let hostile = "<script>document.title='owned'</script>";
    let bidi = "evil\u{202e}gpj.halden.example";
    let leaves = [
        (long.chars().take(64).collect::<String>(), vec![long.as_str()], 5),
        (hostile.to_owned(), vec!["x.halden.example"], 20),
        ("=cmd|' /C calc'!A0".to_owned(), many, 300),
        (bidi.to_owned(), vec!["y.halden.example"], -3),
    ];
    for (common_name, names, days) in &leaves {
        let pem = leaf(&Leaf {
            common_name,
            names,
            not_before: START - Duration::days(60),
            not_after: START + Duration::days(*days),
        });
        import(&app, &pem).await;
    }
    notafter::jobs::run_until_empty(&app.app).await.unwrap();
    let browser = signed_in(&app).await;
    let ids = sqlx::query_scalar::<_, i64>("select id from certificates order by id")
        .fetch_all(&app.app.pool)
        .await
        .unwrap();
    let mut pages: Vec<String> = PAGES.iter().map(|page| (*page).to_owned()).collect();
    for id in ids {
        pages.extend(
            ["", "/chain", "/history", "/raw", "/edit"].map(|part| format!("/certificates/{id}{part}")),
        );
    }
    check(&browser, &[Look::Light, Look::Dark, Look::Phone], &pages).await;
    browser.close().await;
}

async fn import(app: &TestApp, pem: &str) {
    use notafter::services::certificates::import::{Options, Source, Upload, import};
    let upload = Upload {
        file_name: "test.pem".into(),
        bytes: zeroize::Zeroizing::new(pem.as_bytes().to_vec()),
        password: None,
    };
    let options = Options { owner: "ops@halden.example".into(), ..Options::of(Source::Cli) };
    import(&app.app, &app.cli(), upload, &options).await.unwrap();
}
