//! The first hour: set up, import, find, give an owner, look at the mail, sign out; then the same ways without a mouse and without scripts.

use notafter::services::{Role, setup};
use thirtyfour::common::keys::Key;
use time::Duration;

use crate::support::{
    TestApp,
    app::START,
    browser::Browser,
    people::PASSWORD,
    pki::{Leaf, leaf},
};

fn ending_in(name: &str, days: i64) -> String {
    leaf(&Leaf {
        common_name: name,
        names: &[name],
        not_before: START - Duration::days(80),
        not_after: START + Duration::days(days),
    })
}

#[tokio::test]
async fn browser_a_newcomer_sets_up_imports_finds_and_hands_over() {
    let app = TestApp::start().await;
    let link = setup::new_link(&app.app).await.unwrap().expect("set-up is open");
    let browser = Browser::open(&app).await;
    browser.visit(&notafter::web::urls::setup(link.expose())).await;
    browser.fill("input[name=name]", "Ines Moreau").await;
    browser.fill("input[name=email]", "ines@halden.example").await;
    browser.fill("input[name=password]", PASSWORD).await;
    browser.click("main form button[type=submit]").await;
    browser.says("Ines Moreau").await;

    browser.visit("/certificates/import").await;
    browser.fill("textarea[name=text]", &ending_in("checkout.halden.example", 6)).await;
    browser.click("main form button[type=submit]").await;
    browser.says("checkout.halden.example").await;

    browser.visit("/certificates").await;
    browser.fill("input[name=q]", "checkout").await;
    browser.key(Key::Enter).await;
    browser.click("tbody a[data-row]").await;
    browser.says("Nothing will renew this certificate").await;
    let page = browser.path().await;
    browser.visit(&format!("{page}/edit")).await;
    browser.fill("input[name=owner]", "tomas@halden.example").await;
    browser.click("main form button[type=submit]").await;
    browser.says("tomas@halden.example").await;

    browser.visit("/alerts").await;
    browser.says("checkout.halden.example").await;
    notafter::jobs::run_until_empty(&app.app).await.unwrap();
    browser.visit("/alerts").await;
    browser.says("tomas@halden.example").await;
    let mails = app.outbox.messages();
    assert_eq!(mails.iter().filter(|mail| mail.to == "tomas@halden.example").count(), 1, "{mails:?}");

    browser.click("form[action='/logout'] button").await;
    browser.find("input[name=password]").await;
    browser.visit("/certificates").await;
    assert!(browser.path().await.starts_with("/login"), "{}", browser.path().await);
    browser.close().await;
}

#[tokio::test]
async fn browser_the_keyboard_alone_signs_in_searches_and_opens() {
    let app = TestApp::start().await;
    app.add_person("ines@halden.example", Role::Administrator, &[]).await;
    import(&app, &ending_in("vpn.halden.example", 3)).await;
    let browser = Browser::open(&app).await;
    browser.visit("/login").await;
    browser.find("input[name=email]").await.focus().await.unwrap();
    type_text(&browser, "ines@halden.example").await;
    browser.key(Key::Tab).await;
    type_text(&browser, PASSWORD).await;
    browser.key(Key::Enter).await;
    browser.find("nav.side").await;

    browser.visit("/certificates").await;
    browser.key(Key::Tab).await;
    assert_eq!(browser.focus().await, "a: Skip to content");
    browser.key(Key::Enter).await;
    assert_eq!(browser.focus().await, "main#main");
    browser
        .driver
        .action_chain()
        .key_down(Key::Control)
        .send_keys("k")
        .key_up(Key::Control)
        .perform()
        .await
        .unwrap();
    browser.find("dialog#palette[open]").await;
    browser.key(Key::Escape).await;
    for _ in 0..60 {
        browser.key(Key::Tab).await;
        if browser.focus().await == "a: vpn.halden.example" {
            break;
        }
    }
    browser.key(Key::Enter).await;
    browser.says("Not after").await;
    browser.close().await;
}

#[tokio::test]
async fn browser_without_scripts_everything_still_works() {
    let app = TestApp::start().await;
    app.add_person("ines@halden.example", Role::Administrator, &[]).await;
    let browser = Browser::open(&app).await;
    browser.scripts(false).await;
    browser.visit("/login").await;
    browser.fill("input[name=email]", "ines@halden.example").await;
    browser.fill("input[name=password]", PASSWORD).await;
    browser.click("main form button[type=submit]").await;
    browser.visit("/certificates/import").await;
    browser.fill("textarea[name=text]", &ending_in("plain.halden.example", 60)).await;
    browser.click("main form button[type=submit]").await;
    browser.says("plain.halden.example").await;
    browser.visit("/certificates?status=valid&q=plain").await;
    browser.click("tbody a[data-row]").await;
    browser.says("plain.halden.example").await;
    browser.visit("/account").await;
    browser.says("ines@halden.example").await;
    browser.close().await;
}

async fn import(app: &TestApp, pem: &str) {
    use notafter::services::certificates::import::{Options, Source, Upload, import};
    let upload = Upload {
        file_name: "test.pem".into(),
        bytes: zeroize::Zeroizing::new(pem.as_bytes().to_vec()),
        password: None,
    };
    import(&app.app, &app.cli(), upload, &Options::of(Source::Cli)).await.unwrap();
}

async fn type_text(browser: &Browser, text: &str) {
    browser.driver.action_chain().send_keys(text).perform().await.unwrap();
}
