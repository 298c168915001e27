//! The search box takes whatever somebody has at hand.

use std::sync::Arc;

use futures_util::TryStreamExt;
use notafter::{
    services::{
        Error,
        certificates::{self, ListRequest, Options},
    },
    store::certificates::NameSample,
};

use super::random;
use crate::support::{
    TestApp,
    made::{leaf, options, upload},
};

async fn names(app: &TestApp, q: &str) -> Vec<String> {
    let request = ListRequest { q: q.to_owned(), ..ListRequest::default() };
    let found = certificates::list(&app.app, &app.cli(), &request).await.unwrap();
    found.entries.into_iter().map(|entry| entry.name).collect()
}

#[tokio::test]
async fn a_certificate_is_found_by_anything_known_of_it() {
    let app = TestApp::start().await;
    let wanted =
        leaf(&["shop.halden.example", "www.Shop.halden.example", "admin.payments.halden.example"], -1, 90);
    let owned = Options { owner: "ines@halden.example".into(), ..options() };
    certificates::import(&app.app, &app.cli(), upload("w", wanted.pem()), &owned).await.unwrap();
    app.import(leaf(&["other.example.org"], -1, 90).pem()).await;
    let request = ListRequest { q: "shop".into(), ..ListRequest::default() };
    let entry = certificates::list(&app.app, &app.cli(), &request).await.unwrap().entries.remove(0);
    let hex = |bytes: &[u8]| hex::encode(bytes);
    let colons = |hex: &str| {
        let pairs: Vec<String> =
            hex.as_bytes().chunks(2).map(|pair| String::from_utf8_lossy(pair).to_uppercase()).collect();
        pairs.join(":")
    };
    let (sha256, sha1, spki) =
        (hex(&entry.sha256), hex(&entry.sha1), hex(entry.spki_sha256.as_ref().unwrap()));
    let asked = [
        "shop",
        "SHOP.halden",
        "hop.hal",
        "payments shop",
        "admin.payments",
        "*.halden.example",
        "*.shop.halden.example",
        "ines@halden.example",
        &entry.serial,
        &colons(&entry.serial),
        &sha256,
        &colons(&sha256),
        &sha1,
        &colons(&sha1),
        &spki,
        &wanted.pem(),
        &format!("Here it is:\n{}", wanted.pem()),
        // As a search box hands it on: one line, the breaks gone or spaces.
        &wanted.pem().replace('\n', ""),
        &format!("Here it is: {}", wanted.pem().replace('\n', " ")),
    ];
    for q in asked {
        assert_eq!(names(&app, q).await, ["shop.halden.example"], "{q}");
    }
    for q in [
        "*.example",
        "shop other",
        "%",
        "_hop",
        "\\",
        "nobody@halden.example",
        "ab:cd:ef",
        "*.hop.halden.example",
    ] {
        assert!(names(&app, q).await.is_empty() || q == "*.example", "{q}");
    }
    assert_eq!(names(&app, "*.example").await, ["shop.halden.example"]);
    // Long hex is a number first, and a part of names where it is nobody's number.
    app.import(leaf(&["deadbeefdeadbeef0123.halden.example"], -1, 90).pem()).await;
    assert_eq!(names(&app, "beefdeadbeef0123").await, ["deadbeefdeadbeef0123.halden.example"]);
    assert!(names(&app, "beefdeadbeef0124").await.is_empty());
}

#[tokio::test]
async fn however_a_search_is_done_it_finds_the_same() {
    let mut app = TestApp::start().await;
    random::fill(&app, 0, 3_000, &[0]).await;
    sqlx::raw_sql("analyze certificates").execute(&app.superuser().await).await.unwrap();
    let questions = [
        "www",
        "a.example",
        "www12",
        "api1",
        "1.a",
        "mail 2",
        "2.b.example",
        "9.a.ex",
        "i7",
        "100%",
        "_",
        "*.a.example",
        "b.example",
        "WWW21.a",
        "w2",
        "\u{fc}ber",
        "example mail",
        "zebra",
        "1234",
        "2999.b",
    ];
    let mut plain = Vec::new();
    for names in [NameSample::from_rows(f64::MAX), NameSample::from_rows(0.0)] {
        app.app.names = Arc::new(names);
        let mut found = Vec::new();
        for (q, tag) in
            questions.iter().flat_map(|q| [(q, vec![]), (q, vec!["shop".to_owned(), "old".to_owned()])])
        {
            let request = ListRequest { q: (*q).to_owned(), tag, limit: Some(200), ..ListRequest::default() };
            let (actor, app) = (app.cli(), &app.app);
            let list = certificates::list(app, &actor, &request).await.unwrap();
            let count = certificates::count(app, &actor, &request).await.unwrap();
            let facets = certificates::facets(app, &actor, &request).await.unwrap();
            let csv: Vec<_> =
                certificates::csv(app, &actor, &request).await.unwrap().try_collect().await.unwrap();
            let ids: Vec<_> = list.entries.iter().map(|entry| entry.id).collect();
            // Facets of what is too much to count come from whichever entries were met first.
            let facets = if count.capped { String::new() } else { format!("{facets:?}") };
            found.push((*q, ids, count, facets, csv.concat()));
        }
        match plain.is_empty() {
            true => plain = found,
            false => assert_eq!(plain, found),
        }
    }
    assert!(plain.iter().filter(|(_, ids, ..)| !ids.is_empty()).count() > 20);
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_answered_by_its_name() {
    let app = TestApp::start().await;
    let bad = [
        ("status", ListRequest { status: vec!["dead".into()], ..ListRequest::default() }),
        ("expires", ListRequest { expires: "soon".into(), ..ListRequest::default() }),
        ("sort", ListRequest { sort: "id;drop".into(), ..ListRequest::default() }),
        ("after", ListRequest { after: "x".into(), ..ListRequest::default() }),
        (
            "q",
            ListRequest {
                q: "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----".into(),
                ..ListRequest::default()
            },
        ),
    ];
    for (field, request) in bad {
        match certificates::list(&app.app, &app.cli(), &request).await {
            Err(Error::Invalid(fields)) => assert_eq!(fields[0].field, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_filter_takes_a_bounded_number_of_values_and_each_once() {
    let app = TestApp::start().await;
    let viewer = app.viewer().await;
    let many = |name: &str, n: usize| (0..n).map(|n| format!("{name}={n}")).collect::<Vec<_>>().join("&");
    for (name, most) in
        [("tag", 20), ("owner", 100), ("team", 100), ("env", 100), ("issuer", 100), ("key", 100)]
    {
        let path = format!("/certificates?{}", many(name, most));
        viewer.get(&path).await.expect(200);
        for path in ["/certificates", "/certificates.csv"] {
            viewer.get(&format!("{path}?{}", many(name, most + 1))).await.expect(422);
        }
    }
    let repeated = vec!["tag=pci"; 500].join("&");
    viewer.get(&format!("/certificates?{repeated}")).await.expect(200);
    let request = ListRequest { tag: (0..21).map(|n| n.to_string()).collect(), ..ListRequest::default() };
    let refused = certificates::list(&app.app, &app.cli(), &request).await.unwrap_err();
    let Error::Invalid(fields) = refused else { panic!("{refused:?}") };
    assert_eq!(fields[0].field, "tag");
}
