//! Nothing that comes in silences a certificate that is better vouched for than itself, nor keeps the inventory busy for long.

use notafter::{
    jobs,
    services::{
        Error, Role,
        alerts::sweep,
        certificates::{self, ListRequest},
    },
    store::certificates::CertificateId,
};

use crate::support::{
    TestApp,
    made::{authority, issued, leaf, options, params, upload},
};

async fn states(app: &TestApp, name: &str) -> Vec<(String, String)> {
    let request = ListRequest { q: name.to_owned(), ..ListRequest::default() };
    let found = certificates::list(&app.app, &app.cli(), &request).await.unwrap();
    found.entries.into_iter().map(|entry| (entry.issuer_name, entry.state)).collect()
}

#[tokio::test]
async fn a_certificate_of_an_invented_issuer_silences_nobody() {
    let app = TestApp::start().await;
    app.add_person("root@halden.example", Role::Administrator, &[]).await;
    let (real, fake) = (authority("Halden CA"), authority("Totally Fake"));
    app.import(real.pem()).await;
    app.import(issued(params(&["shop.example"], -300, 6), &real).pem()).await;
    let brought = format!("{}{}", issued(params(&["shop.example"], -1, 90), &fake).pem(), fake.pem());
    let report = app.import(brought).await;
    let said = report.rows[0].sentence();
    assert!(said.contains("does not supersede shop.example"), "{said}");
    let expected = [("Halden CA", "active"), ("Totally Fake", "active")];
    assert_eq!(
        states(&app, "shop.example").await,
        expected.map(|(issuer, state)| (issuer.into(), state.into()))
    );
    sweep::ask(&app.app).await.unwrap();
    jobs::run_until_empty(&app.app).await.unwrap();
    let mail = &app.outbox.messages()[0];
    assert!(mail.subject.contains("shop.example expires in 6 days"), "{}", mail.subject);
    let report = app.import(issued(params(&["shop.example"], -1, 80), &real).pem()).await;
    assert!(report.rows[0].sentence().contains("supersedes shop.example"), "{}", report.rows[0].sentence());
}

#[tokio::test]
async fn a_borrowed_issuer_name_silences_nobody_whichever_comes_first() {
    let app = TestApp::start().await;
    let (real, impostor) = (authority("Halden CA"), authority("Halden CA"));
    app.import(real.pem()).await;
    app.import(issued(params(&["a.example"], -1, 90), &impostor).pem()).await;
    let report = app.import(issued(params(&["a.example"], -300, 6), &real).pem()).await;
    assert!(!report.rows[0].sentence().contains("superseded"), "{}", report.rows[0].sentence());
    assert!(states(&app, "a.example").await.iter().all(|(_, state)| state == "active"));
}

#[tokio::test]
async fn an_upload_of_very_many_names_is_refused_and_says_how_many() {
    let app = TestApp::start().await;
    let names: Vec<String> = (0..26_000).map(|n| format!("n{n}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let ca = authority("Halden CA");
    let two: String = (0..2).map(|_| issued(params(&names, -1, 90), &ca).pem()).collect();
    let refused = certificates::import(&app.app, &app.cli(), upload("many.pem", two), &options()).await;
    let Err(Error::Invalid(wrong)) = refused else { panic!("{refused:?}") };
    assert!(wrong[0].message.contains("bear 52000 names"), "{}", wrong[0].message);
    assert!(states(&app, "n1.example").await.is_empty());
}

#[tokio::test]
async fn a_certificate_of_more_names_than_are_indexed_is_found_and_keeps_its_place() {
    let app = TestApp::start().await;
    let all: Vec<String> = (0..1_500).map(|n| format!("n{n}.example")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    app.import(issued(params(&all, -300, 6), &authority("Halden CA")).pem()).await;
    assert_eq!(states(&app, "n7.example").await.len(), 1);
    let report = app.import(issued(params(&all[..1_000], -1, 90), &authority("Halden CA")).pem()).await;
    assert!(!report.rows[0].sentence().contains("supersedes"), "it covers only what the index holds");
}

/// The sentence of a single certificate that is imported.
async fn said(app: &TestApp, pem: String) -> String {
    app.import(pem).await.rows[0].sentence()
}

#[tokio::test]
async fn an_invented_issuer_does_not_become_known_by_being_imported_first() {
    let app = TestApp::start().await;
    let (real, fake) = (authority("Halden CA"), authority("Totally Fake"));
    app.import(real.pem()).await;
    app.import(issued(params(&["shop.example"], -300, 6), &real).pem()).await;
    app.import(fake.pem()).await;
    let forged = said(&app, issued(params(&["shop.example"], -1, 90), &fake).pem()).await;
    assert!(forged.contains("does not supersede shop.example"), "{forged}");
    // The real one is as new here, but vouches for both.
    let renewed = said(&app, issued(params(&["shop.example"], -1, 80), &real).pem()).await;
    assert!(renewed.contains("; supersedes shop.example"), "{renewed}");
}

#[tokio::test]
async fn another_issuer_takes_over_once_it_has_been_known_for_a_day() {
    let app = TestApp::start().await;
    let (old, new) = (authority("Halden CA"), authority("Halden CA 2"));
    app.import(format!("{}{}", old.pem(), new.pem())).await;
    app.import(issued(params(&["a.example"], -300, 6), &old).pem()).await;
    app.advance(time::Duration::hours(25));
    let moved = said(&app, issued(params(&["a.example"], -1, 80), &new).pem()).await;
    assert!(moved.contains("supersedes a.example"), "{moved}");
}

#[tokio::test]
async fn only_a_ca_in_use_vouches() {
    let app = TestApp::start().await;
    let (real, gone, printer) =
        (authority("Halden CA"), authority("Given Up"), leaf(&["printer.example"], -300, 300));
    app.import(format!("{}{}{}", real.pem(), gone.pem(), printer.pem())).await;
    let request = ListRequest { q: "given up".into(), ..ListRequest::default() };
    let retired = certificates::list(&app.app, &app.cli(), &request).await.unwrap().entries.remove(0).id;
    certificates::retire(&app.app, &app.cli(), CertificateId(retired), "no longer ours").await.unwrap();
    app.advance(time::Duration::hours(25));
    app.import(issued(params(&["shop.example"], -300, 6), &real).pem()).await;
    for by in [&gone, &printer] {
        let forged = said(&app, issued(params(&["shop.example"], -1, 90), by).pem()).await;
        assert!(forged.contains("does not supersede shop.example"), "{forged}");
    }
}

#[tokio::test]
async fn a_flood_of_the_same_name_pushes_no_issuer_out() {
    let app = TestApp::start().await;
    let real = authority("Halden CA");
    app.import(real.pem()).await;
    let old = issued(params(&["shop.example"], -300, 6), &real);
    let id = app.import(old.pem()).await.rows[0].outcome.id().unwrap();
    let flood: Vec<_> = (0..80).map(|_| authority("Halden CA")).collect();
    app.import(flood.iter().map(|one| one.pem()).collect::<String>()).await;
    let forged = said(&app, issued(params(&["shop.example"], -1, 90), &authority("Nobody")).pem()).await;
    assert!(forged.contains("does not supersede shop.example"), "{forged}");
    let chain = certificates::chain(&app.app, &app.cli(), CertificateId(id)).await.unwrap();
    assert!(chain.complete && chain.links.len() == 2, "{}", chain.links.len());
}

#[tokio::test]
async fn where_the_newest_is_vouched_for_by_nobody_the_next_takes_the_place() {
    let app = TestApp::start().await;
    let (real, staging) = (authority("Halden CA"), authority("Staging"));
    app.import(real.pem()).await;
    let forged = issued(params(&["shop.example"], -1, 200), &staging);
    app.import(forged.pem()).await;
    let old = issued(params(&["shop.example"], -300, 6), &real);
    let new = issued(params(&["shop.example"], -2, 90), &real);
    let report = app.import(format!("{}{}", old.pem(), new.pem())).await;
    assert!(report.rows[1].sentence().contains("; supersedes shop.example"), "{}", report.rows[1].sentence());
}
