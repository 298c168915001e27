//! What belongs to another team looks as if it were not there, whichever way one asks.

use futures_util::TryStreamExt;
use notafter::{
    services::{
        Error, Role,
        certificates::{self, Change, Format, ListRequest},
    },
    store::certificates::CertificateId,
};
use time::Duration;

use crate::support::{
    TestApp,
    app::START,
    made::{actor, leaf},
};

#[tokio::test]
async fn a_foreign_certificate_is_invisible_everywhere() {
    let app = TestApp::start().await;
    let (ours, theirs) = (app.team("ours").await, app.team("theirs").await);
    app.import_for("ours", &leaf(&["ours.example"], -1, 90)).await;
    let made = leaf(&["theirs.example"], -1, 90);
    let foreign = CertificateId(app.import_for("theirs", &made).await);
    app.import(leaf(&["nobodys.example"], -1, 90).pem()).await;
    let member = actor(Role::Operator, &[ours]);
    let missing = CertificateId(999_999);
    for id in [foreign, missing] {
        let change = Change {
            owner: "=bad".into(),
            team: String::new(),
            environment: String::new(),
            tags: vec![],
            note: String::new(),
            seen: None,
        };
        let answers = [
            certificates::detail(&app.app, &member, id).await.map(|_| ()),
            certificates::chain(&app.app, &member, id).await.map(|_| ()),
            certificates::download(&app.app, &member, id, Format::Pem, None).await.map(|_| ()),
            certificates::edit(&app.app, &member, id, &change).await,
            certificates::retire(&app.app, &member, id, "mine now").await,
            certificates::restore(&app.app, &member, id).await,
        ];
        for answer in answers {
            assert!(matches!(answer, Err(Error::NotFound("certificate"))), "{answer:?}");
        }
    }
    let sha256 = notafter::crypto::digest::sha256(&made.der);
    assert!(certificates::find_by_sha256(&app.app, &member, &sha256).await.is_err());
    for q in ["", "theirs", "*.example", &hex::encode(sha256), &made.pem()] {
        let request = ListRequest { q: q.to_owned(), ..ListRequest::default() };
        let listing = certificates::list(&app.app, &member, &request).await.unwrap();
        assert!(listing.entries.iter().all(|entry| entry.team_id == Some(ours)), "{q}");
    }
    let all = ListRequest::default();
    assert_eq!(certificates::count(&app.app, &member, &all).await.unwrap().n, 1);
    let facets = certificates::facets(&app.app, &member, &all).await.unwrap();
    assert!(facets.iter().all(|choice| choice.count == Some(1) && choice.value != "theirs"), "{facets:?}");
    let day = START.date() + Duration::days(80);
    let days = certificates::histogram(&app.app, &member, day, day + Duration::days(30)).await.unwrap();
    assert_eq!(days.iter().map(|day| day.n).sum::<i64>(), 1);
    let csv: Vec<_> = certificates::csv(&app.app, &member, &all).await.unwrap().try_collect().await.unwrap();
    let csv = String::from_utf8(csv.concat()).unwrap();
    assert!(csv.contains("ours.example") && !csv.contains("theirs") && !csv.contains("nobodys"), "{csv}");
    assert_ne!(ours, theirs);
}

#[tokio::test]
async fn a_foreign_number_hides_no_name_that_looks_like_it() {
    let app = TestApp::start().await;
    let ours = app.team("ours").await;
    app.team("theirs").await;
    let made = leaf(&["theirs.example"], -1, 90);
    app.import_for("theirs", &made).await;
    let sha1 = hex::encode(notafter::crypto::digest::sha1(&made.der));
    app.import_for("ours", &leaf(&[&format!("{sha1}.example")], -1, 90)).await;
    let request = ListRequest { q: sha1.clone(), ..ListRequest::default() };
    let found = certificates::list(&app.app, &actor(Role::Operator, &[ours]), &request).await.unwrap();
    assert_eq!(found.entries.len(), 1, "whether others have this number must not show");
}
