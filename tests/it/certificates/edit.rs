//! Edits, retiring, downloads and the CSV.

use std::sync::Arc;

use futures_util::TryStreamExt;
use notafter::{
    app::{App, People},
    services::{
        Actor, Caller, Error, Role,
        certificates::{self, Change, Format, ListRequest},
        inspect,
    },
    store::certificates::CertificateId,
};
use rcgen::DnType;
use time::Duration;
use tokio::sync::Semaphore;

use super::random;
use crate::support::{
    TestApp,
    made::{actor, leaf, params, self_signed},
    pki::{Folder, openssl},
};

fn change() -> Change {
    Change {
        owner: "Web@Halden.example".into(),
        team: "web".into(),
        environment: "Production".into(),
        tags: vec!["Shop".into(), "edge".into(), "shop".into()],
        note: "renewed\r\nby hand".into(),
        seen: None,
    }
}

#[tokio::test]
async fn an_edit_is_kept_counted_and_audited() {
    let app = TestApp::start().await;
    app.team("web").await;
    let report = app.import(leaf(&["a.example"], -1, 90).pem()).await;
    let id = CertificateId(report.rows[0].outcome.id().unwrap());
    certificates::edit(&app.app, &app.cli(), id, &change()).await.unwrap();
    let entry = certificates::detail(&app.app, &app.cli(), id).await.unwrap().entry;
    assert_eq!(entry.owner.as_deref(), Some("web@halden.example"));
    assert_eq!((entry.team.as_deref(), entry.environment.as_deref()), (Some("web"), Some("production")));
    assert_eq!(
        (entry.tags, entry.note.as_str()),
        (vec!["edge".to_owned(), "shop".to_owned()], "renewed\nby hand")
    );
    let by_tag = ListRequest { tag: vec!["shop".into()], ..ListRequest::default() };
    assert_eq!(certificates::count(&app.app, &app.cli(), &by_tag).await.unwrap().n, 1);
    let detail: String =
        sqlx::query_scalar("select detail from audit_events where act = 'certificate.edited'")
            .fetch_one(&app.app.pool)
            .await
            .unwrap();
    assert!(detail.contains("\"before\"") && detail.contains("web@halden.example"), "{detail}");
}

#[tokio::test]
async fn of_two_edits_from_the_same_page_the_second_is_told() {
    let app = TestApp::start().await;
    app.team("web").await;
    let report = app.import(leaf(&["a.example"], -1, 90).pem()).await;
    let id = CertificateId(report.rows[0].outcome.id().unwrap());
    let seen = certificates::detail(&app.app, &app.cli(), id).await.unwrap().entry.changed_at;
    app.advance(Duration::seconds(5));
    let first = Change { seen: Some(seen), ..change() };
    certificates::edit(&app.app, &app.cli(), id, &first).await.unwrap();
    let second = Change { note: "mine".into(), ..first };
    assert!(matches!(certificates::edit(&app.app, &app.cli(), id, &second).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn every_wrong_field_is_named_and_nothing_changes() {
    let app = TestApp::start().await;
    let report = app.import(leaf(&["a.example"], -1, 90).pem()).await;
    let id = CertificateId(report.rows[0].outcome.id().unwrap());
    let wrong = Change {
        owner: "not an address".into(),
        team: "missing".into(),
        environment: "=cmd|x".into(),
        tags: vec!["a,b".into()],
        note: "x".repeat(10_001),
        seen: None,
    };
    let Err(Error::Invalid(fields)) = certificates::edit(&app.app, &app.cli(), id, &wrong).await else {
        panic!("must be refused")
    };
    let named: Vec<&str> = fields.iter().map(|field| field.field).collect();
    assert_eq!(named, ["owner", "team", "environment", "tags", "note"]);
    let viewer = actor(Role::Viewer, &[]);
    assert!(matches!(certificates::edit(&app.app, &viewer, id, &change()).await, Err(Error::Forbidden(_))));
    assert_eq!(certificates::detail(&app.app, &app.cli(), id).await.unwrap().entry.owner, None);
}

#[tokio::test]
async fn a_retired_certificate_comes_back_when_asked() {
    let app = TestApp::start().await;
    let report = app.import(leaf(&["a.example"], -1, 90).pem()).await;
    let id = CertificateId(report.rows[0].outcome.id().unwrap());
    let status = async || {
        let detail = certificates::detail(&app.app, &app.cli(), id).await.unwrap();
        (detail.entry.status(app.app.now()).as_str(), detail.entry.retired_reason)
    };
    certificates::retire(&app.app, &app.cli(), id, "host is gone").await.unwrap();
    assert_eq!(status().await, ("retired", Some("host is gone".to_owned())));
    assert!(matches!(certificates::retire(&app.app, &app.cli(), id, "").await, Err(Error::Conflict(_))));
    certificates::restore(&app.app, &app.cli(), id).await.unwrap();
    assert_eq!(status().await, ("valid", None));
    assert!(matches!(certificates::restore(&app.app, &app.cli(), id).await, Err(Error::Conflict(_))));
}

#[tokio::test]
async fn downloads_are_what_openssl_reads() {
    let app = TestApp::start().await;
    let made = leaf(&["a.example"], -1, 90);
    let id = CertificateId(app.import(made.pem()).await.rows[0].outcome.id().unwrap());
    let folder = Folder::new();
    let get = async |format: Format| {
        let password = "a long password".into();
        certificates::download(&app.app, &app.cli(), id, format, Some(&password)).await.unwrap()
    };
    assert_eq!(get(Format::Der).await.bytes, made.der);
    assert_eq!(get(Format::Pem).await.bytes, made.pem().into_bytes());
    folder.write("p7b", get(Format::P7b).await.bytes);
    let read = openssl(&folder, &["pkcs7", "-inform", "DER", "-in", "p7b", "-print_certs"]);
    assert!(String::from_utf8(read).unwrap().contains("a.example"));
    folder.write("p12", get(Format::P12).await.bytes);
    let read = openssl(&folder, &["pkcs12", "-in", "p12", "-nokeys", "-passin", "pass:a long password"]);
    assert!(String::from_utf8(read).unwrap().contains("BEGIN CERTIFICATE"));
    for format in [Format::P12, Format::Jks] {
        let without = certificates::download(&app.app, &app.cli(), id, format, None).await;
        assert!(matches!(without, Err(Error::Invalid(_))));
        assert_eq!(get(format).await.file_name, format!("certificate-{id}.{}", format.as_str()));
    }
}

#[tokio::test]
async fn exports_never_take_every_connection() {
    let app = TestApp::start().await;
    let admin = app.admin().await;
    let taken = app.app.export_slots.clone().acquire_many_owned(2).await.unwrap();
    let refused = admin.get("/certificates.csv").await.expect(503);
    assert_eq!(refused.header("retry-after"), "5");
    refused.says("Several exports are running");
    admin.get("/certificates").await.expect(200);
    drop(taken);
    admin.get("/certificates.csv").await.expect(200).says("id,name,status");
    // Whoever stops reading gives the room back, with most of the rows still to come.
    random::fill(&app, 0, 6_000, &[0]).await;
    for _ in 0..3 {
        let begun = certificates::csv(&app.app, &app.cli(), &ListRequest::default()).await.unwrap();
        drop(begun);
        let freed = app.app.export_slots.clone().acquire_many_owned(2);
        drop(tokio::time::timeout(std::time::Duration::from_secs(20), freed).await.expect("room again"));
    }
}

#[tokio::test]
async fn one_person_takes_neither_all_exports_nor_all_turns_to_be_read() {
    let test = TestApp::start().await;
    random::fill(&test, 0, 6_000, &[0]).await;
    let console = App { export_slots: Arc::new(Semaphore::new(4)), ..test.app.clone() };
    let somebody = |user: i64| match actor(Role::Viewer, &[]) {
        Actor::User(caller) => Actor::User(Caller { user, ..caller }),
        other => other,
    };
    let (one, other) = (somebody(1), somebody(2));
    let all = ListRequest::default();
    let _held = [
        certificates::csv(&console, &one, &all).await.unwrap(),
        certificates::csv(&console, &one, &all).await.unwrap(),
    ];
    let refused = certificates::csv(&console, &one, &all).await.err().unwrap();
    assert!(matches!(&refused, Error::Unavailable(said) if said.contains("several exports")), "{refused}");
    certificates::csv(&console, &other, &all).await.unwrap();
    let take = || People::take(&console.people.reading, Some(1), "files");
    let _waiting: Vec<_> = (0..8).map(|_| take().unwrap()).collect();
    let refused = inspect::inspect_upload(&console, &one, b"x", None).await.unwrap_err();
    assert!(matches!(refused, Error::Unavailable(_)), "{refused}");
    let read = inspect::inspect_upload(&console, &other, b"x", None).await;
    assert!(matches!(read, Err(Error::Invalid(_))), "it was read, and nothing is in it");
}

#[tokio::test]
async fn an_export_that_breaks_off_is_never_taken_for_whole() {
    let app = TestApp::start().await;
    random::fill(&app, 0, 20_000, &[0]).await;
    let mut blocks = certificates::csv(&app.app, &app.cli(), &ListRequest::default()).await.unwrap();
    blocks.try_next().await.unwrap().expect("a first block");
    let ended: Vec<bool> = sqlx::query_scalar(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and query ilike 'copy%'",
    )
    .fetch_all(&app.superuser().await)
    .await
    .unwrap();
    assert_eq!(ended, [true]);
    assert!(blocks.try_collect::<Vec<_>>().await.is_err());
}

#[tokio::test]
async fn no_cell_of_the_csv_runs_and_every_one_reads_back() {
    let app = TestApp::start().await;
    let hostile = ["=1+1", "+1", "-1", "@sum", "\tx", "＝1", "a,\"b\"\nc", "plain", "ünï ©"];
    let mut pem = String::new();
    for name in hostile {
        let mut params = params(&[], -1, 90);
        params.distinguished_name.push(DnType::CommonName, name);
        pem.push_str(&self_signed(params).pem());
    }
    app.import(pem).await;
    for sort in ["", "name"] {
        let request = ListRequest { sort: sort.to_owned(), ..ListRequest::default() };
        let blocks: Vec<_> =
            certificates::csv(&app.app, &app.cli(), &request).await.unwrap().try_collect().await.unwrap();
        let text = String::from_utf8(blocks.concat()).unwrap();
        assert!(text.starts_with("id,name,status,not_before,not_after,days_left,"));
        assert!(text.ends_with("\r\n"));
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let mut names: Vec<String> = reader.records().map(|row| row.unwrap()[1].to_owned()).collect();
        names.sort();
        let marked = |name: &&str| match name.chars().next() {
            Some('=' | '+' | '-' | '@' | '\t' | '＝') => format!("'{name}"),
            _ => (*name).to_owned(),
        };
        let mut expected: Vec<String> = hostile.iter().map(marked).collect();
        expected.sort();
        assert_eq!(names, expected);
        assert!(text.contains(",valid,2026-11-19T09:00:00Z,2027-02-18T09:00:00Z,90,"), "{text}");
    }
}
