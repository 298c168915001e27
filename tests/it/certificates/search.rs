//! The search box takes whatever somebody has at hand.

use notafter::services::{
    Error,
    certificates::{self, ListRequest, Options},
};

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
