//! Import: what each thing in an upload becomes, and that nothing is stored by halves.

use notafter::services::{
    Actor,
    certificates::{self, ListRequest, Options, Outcome, Source, Upload},
};

use crate::support::TestApp;

pub fn cli() -> Actor {
    Actor::Cli("root".to_owned())
}

pub fn upload(name: &str, bytes: impl Into<Vec<u8>>) -> Upload {
    Upload { file_name: name.to_owned(), bytes: bytes.into().into(), password: None }
}

#[tokio::test]
async fn the_bundle_of_the_distribution_is_imported_once() {
    let app = TestApp::start().await;
    let bundle = std::fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
    let options = Options::of(Source::Cli);
    let first =
        certificates::import(&app.app, &cli(), upload("ca.crt", bundle.clone()), &options).await.unwrap();
    assert_eq!(first.number_of("new"), first.rows.len());
    assert!(first.rows.len() > 100);
    let again = certificates::import(&app.app, &cli(), upload("ca.crt", bundle), &options).await.unwrap();
    assert_eq!(again.number_of("known"), again.rows.len());
    assert!(matches!(again.rows[0].outcome, Outcome::Known { .. }));
    let count = certificates::count(&app.app, &cli(), &ListRequest::default()).await.unwrap();
    assert_eq!(usize::try_from(count.n).unwrap(), first.rows.len());
}
