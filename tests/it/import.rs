//! Import: what each thing in an upload becomes, and that nothing is stored by halves.

use notafter::{
    services::{
        Error, Role,
        certificates::{self, KeyOutcome, ListRequest, Options, Outcome, Report, Upload, report::Place},
    },
    x509::bundle::{self, Limits},
};
use rcgen::{CertificateParams, DnType, KeyPair};
use time::macros::datetime;

use crate::support::{
    TestApp,
    made::{actor, authority, issued, leaf, options, params, self_signed, upload},
    pki::{Folder, openssl},
};

async fn refused(app: &TestApp, name: &str, bytes: impl Into<Vec<u8>>) -> String {
    let refused = certificates::import(&app.app, &app.cli(), upload(name, bytes), &options()).await;
    match refused {
        Err(Error::Invalid(fields)) => {
            assert_eq!(fields[0].field, "files");
            fields[0].message.clone()
        }
        other => panic!("must be refused: {other:?}"),
    }
}

async fn total(app: &TestApp) -> i64 {
    certificates::count(&app.app, &app.cli(), &ListRequest::default()).await.unwrap().n
}

fn said(report: &Report) -> Vec<String> {
    report.rows.iter().map(|row| row.sentence()).collect()
}

#[tokio::test]
async fn the_bundle_of_the_distribution_is_imported_once() {
    let app = TestApp::start().await;
    let bundle = std::fs::read("/etc/ssl/certs/ca-certificates.crt").unwrap();
    let first = app.import(bundle.clone()).await;
    assert_eq!(first.number_of("new"), first.rows.len());
    assert!(first.rows.len() > 100);
    let again = app.import(bundle).await;
    assert_eq!(again.number_of("known"), again.rows.len());
    assert!(again.rows[0].sentence().starts_with("Known already, in the inventory since 2026-11-20"));
    assert_eq!(usize::try_from(total(&app).await).unwrap(), first.rows.len());
}

#[tokio::test]
async fn what_is_no_certificate_is_refused_by_its_name_and_leaves_nothing() {
    let app = TestApp::start().await;
    let whole = leaf(&["a.example"], -1, 90).der;
    assert!(refused(&app, "empty.pem", "").await.contains("empty.pem: the input is empty"));
    assert!(refused(&app, "notes.txt", "hello").await.contains("notes.txt: nothing was recognised"));
    assert!(refused(&app, "zeros", vec![0; 4096]).await.contains("zeros: the input is empty"));
    assert!(refused(&app, "big", vec![b'x'; (10 << 20) + 1]).await.contains("larger than"));
    let half = app.import(&whole[..whole.len() / 2]).await;
    assert_eq!(half.number_of("unreadable"), 1);
    assert!(said(&half)[0].starts_with("Not imported: "), "{:?}", said(&half));
    assert_eq!(total(&app).await, 0);
}

#[tokio::test]
async fn a_wrong_password_says_so_and_the_right_one_reads() {
    let app = TestApp::start().await;
    let folder = Folder::new();
    let made = leaf(&["p12.example"], -1, 90);
    folder.write("crt", made.pem());
    folder.write("key", made.key.serialize_pem());
    openssl(
        &folder,
        &["pkcs12", "-export", "-in", "crt", "-inkey", "key", "-out", "p12", "-passout", "pass:right"],
    );
    let p12 = folder.read("p12");
    let with = |password: &str| Upload { password: Some(password.into()), ..upload("web.p12", p12.clone()) };
    let wrong = certificates::import(&app.app, &app.cli(), with("wrong"), &options()).await.unwrap_err();
    assert!(wrong.to_string().contains("web.p12: the password is wrong"), "{wrong}");
    assert!(refused(&app, "web.p12", p12.clone()).await.contains("needs a password"));
    assert_eq!(total(&app).await, 0);
    let right = certificates::import(&app.app, &app.cli(), with("right"), &options()).await.unwrap();
    assert_eq!((right.number_of("new"), right.number_of("private_key_not_stored")), (1, 1));
}

#[tokio::test]
async fn the_files_of_one_form_cost_no_more_than_one_may() {
    let app = TestApp::start().await;
    let folder = Folder::new();
    let made = leaf(&["p12.example"], -1, 90);
    folder.write("crt", made.pem());
    folder.write("key", made.key.serialize_pem());
    let export =
        ["pkcs12", "-export", "-in", "crt", "-inkey", "key", "-out", "p12", "-passout", "pass:right"];
    openssl(&folder, &[&export[..], &["-iter", "400000", "-nomaciter"]].concat());
    let one = || Upload { password: Some("right".into()), ..upload("one.p12", folder.read("p12")) };
    let all = |count: usize| (0..count).map(|_| one()).collect::<Vec<_>>();
    certificates::import_all(&app.app, &app.cli(), all(1), &options()).await.unwrap();
    let refused = certificates::import_all(&app.app, &app.cli(), all(5), &options()).await;
    let refused = refused.unwrap_err().to_string();
    assert!(refused.contains("one.p12: the file asks for 400000 password iterations"), "{refused}");
    assert!(refused.contains("import it alone"), "{refused}");
}

#[tokio::test]
async fn hostile_names_are_kept_as_text_and_shown_harmless() {
    let app = TestApp::start().await;
    let mut pem = String::new();
    for name in ["<script>alert(1)</script>", "=cmd|' /C calc'!A0", "gnp.\u{202e}elpmaxe\u{200b}", "a\tb\nc"]
    {
        let mut params = params(&[], -1, 90);
        params.distinguished_name.push(DnType::CommonName, name);
        pem.push_str(&self_signed(params).pem());
    }
    let report = app.import(pem).await;
    assert_eq!(report.number_of("new"), 4, "{:?}", said(&report));
    let listing = certificates::list(&app.app, &app.cli(), &ListRequest::default()).await.unwrap();
    assert!(listing.entries.iter().any(|entry| entry.name == "<script>alert(1)</script>"));
}

#[tokio::test]
async fn odd_certificates_are_inventoried() {
    let app = TestApp::start().await;
    let long = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
    assert_eq!(long.len(), 253);
    let many: Vec<String> = (0..500).map(|n| format!("n{n}.many.example")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut early = params(&["early.example"], 0, 0);
    (early.not_before, early.not_after) = (datetime!(1949-01-01 0:00 UTC), datetime!(1960-06-01 0:00 UTC));
    let mut late = params(&["late.example"], 0, 0);
    late.not_after = datetime!(9999-12-31 23:59:59 UTC);
    let folder = Folder::new();
    openssl(
        &folder,
        &[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-subj",
            "/CN=minus.example",
            "-set_serial",
            "-5",
            "-days",
            "90",
            "-keyout",
            "key",
            "-out",
            "crt",
        ],
    );
    let made = [leaf(&[&long], -1, 90), leaf(&many, -1, 90), self_signed(early), self_signed(late)];
    let mut pem: String = made.iter().map(|made| made.pem()).collect();
    pem.push_str(&String::from_utf8(folder.read("crt")).unwrap());
    let report = app.import(pem).await;
    assert_eq!(report.number_of("new"), 5, "{:?}", said(&report));
    let find = async |q: &str| {
        let request = ListRequest { q: q.to_owned(), ..ListRequest::default() };
        certificates::list(&app.app, &app.cli(), &request).await.unwrap().entries
    };
    assert_eq!(find(&long).await.len(), 1);
    assert_eq!(find("*.many.example").await[0].sans.len(), 500);
    assert_eq!(find("n499.many").await.len(), 1);
    assert_eq!(find("-05").await[0].serial, "-05");
    let now = app.app.now();
    assert_eq!(find("early").await[0].status(now).as_str(), "expired");
    let late = &find("late.example").await[0];
    assert_eq!((late.status(now).as_str(), late.not_after.year()), ("valid", 9999));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_kept_by_its_fingerprint() {
    let app = TestApp::start().await;
    let mut der = leaf(&["odd.example"], -1, 90).der;
    // The first date loses its type: the structure still looks like a certificate's.
    let at = der.windows(2).position(|pair| pair == [0x17, 0x0d]).unwrap();
    der[at] = 0x04;
    let report = app.import(notafter::x509::pem::write("CERTIFICATE", &der)).await;
    let Outcome::KeptUnreadable { id, reason } = &report.rows[0].outcome else {
        panic!("{:?}", report.rows[0])
    };
    let detail =
        certificates::detail(&app.app, &app.cli(), notafter::store::certificates::CertificateId(*id))
            .await
            .unwrap();
    assert_eq!(detail.der, der);
    assert_eq!(detail.entry.unreadable.as_ref(), Some(reason));
    assert_eq!((detail.entry.status(app.app.now()).as_str(), detail.entry.ends()), ("unreadable", None));
    let sha256 = hex::encode(&detail.entry.sha256);
    assert!(detail.entry.name == format!("Unreadable certificate {}", &sha256[..16]));
    for q in [sha256.as_str(), "unreadable certificate"] {
        let request = ListRequest { q: q.to_owned(), ..ListRequest::default() };
        let found = certificates::list(&app.app, &app.cli(), &request).await.unwrap();
        assert_eq!(found.entries[0].id, *id, "{q}");
    }
    assert_eq!(app.import(der).await.number_of("known"), 1);
}

#[tokio::test]
async fn of_two_who_import_the_same_file_at_once_each_is_told_the_truth() {
    let app = TestApp::start().await;
    let pem: String = (0..40).map(|n| leaf(&[&format!("n{n}.example")], -1, 90).pem()).collect();
    let (one, two) = tokio::join!(app.import(pem.clone()), app.import(pem));
    for (one, two) in one.rows.iter().zip(&two.rows) {
        let mut words = [one.outcome.word(), two.outcome.word()];
        words.sort_unstable();
        assert_eq!(words, ["known", "new"]);
        assert_eq!(one.outcome.id(), two.outcome.id());
    }
    assert_eq!(total(&app).await, 40);
}

#[tokio::test]
async fn an_upload_has_a_limit_and_a_stream_has_none() {
    let app = TestApp::start().await;
    let pem = leaf(&["a.example"], -1, 90).pem().repeat(2_001);
    let refusal = refused(&app, "many.pem", pem.clone()).await;
    assert!(
        refusal.contains("more than 2000") && refusal.contains("notafter certificates import"),
        "{refusal}"
    );
    assert_eq!(total(&app).await, 0);
    let found = bundle::read(pem.as_bytes(), None, Limits { entries: 10_000, ..Limits::default() }).unwrap();
    let report =
        certificates::import_batch(&app.app, &app.cli(), "many.pem", found, &options()).await.unwrap();
    assert_eq!((report.number_of("new"), report.number_of("repeated")), (1, 2_000));
}

#[tokio::test]
async fn a_request_a_list_and_a_key_are_told_apart_and_not_stored() {
    let app = TestApp::start().await;
    let key = KeyPair::generate().unwrap();
    let request = CertificateParams::new(vec!["csr.example".to_owned()])
        .unwrap()
        .serialize_request(&key)
        .unwrap()
        .pem()
        .unwrap();
    let report = app.import(format!("{request}{}", key.serialize_pem())).await;
    let said = said(&report);
    assert!(said[0].starts_with("A certificate request, not stored"), "{said:?}");
    assert!(said[1].starts_with("A private key, not stored"), "{said:?}");
    let kept: i64 = sqlx::query_scalar("select count(*) from keys").fetch_one(&app.app.pool).await.unwrap();
    assert_eq!((kept, total(&app).await), (0, 0));
}

#[tokio::test]
async fn a_key_is_sealed_only_when_somebody_who_may_chose_so() {
    let app = TestApp::start().await;
    let made = leaf(&["key.example"], -1, 90);
    let both = format!("{}{}", made.pem(), made.key.serialize_pem());
    let keep = Options { keep_keys: true, ..options() };
    let operator = actor(Role::Operator, &[]);
    let refused = certificates::import(&app.app, &operator, upload("k", both.clone()), &keep).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))));
    assert_eq!(total(&app).await, 0);
    let admin = actor(Role::Administrator, &[]);
    let report = certificates::import(&app.app, &admin, upload("k", both.clone()), &keep).await.unwrap();
    assert_eq!(report.rows[1].outcome, Outcome::PrivateKey(KeyOutcome::Stored));
    let again = certificates::import(&app.app, &admin, upload("k", both), &keep).await.unwrap();
    assert_eq!(again.rows[1].outcome, Outcome::PrivateKey(KeyOutcome::Known));
    let sealed: Vec<u8> =
        sqlx::query_scalar("select sealed from keys").fetch_one(&app.app.pool).await.unwrap();
    let plain = made.key.serialize_der();
    assert!(!sealed.windows(32).any(|part| plain.windows(32).any(|secret| secret == part)));
    let id = notafter::store::certificates::CertificateId(report.rows[0].outcome.id().unwrap());
    assert!(certificates::detail(&app.app, &admin, id).await.unwrap().key_is_kept);
}

#[tokio::test]
async fn a_newer_certificate_supersedes_whichever_comes_first() {
    let app = TestApp::start().await;
    let older = leaf(&["a.example"], -80, 10);
    let newer = leaf(&["a.example", "b.example"], -1, 89);
    let described = Options { owner: "web@halden.example".into(), tags: vec!["Shop".into()], ..options() };
    let first =
        certificates::import(&app.app, &app.cli(), upload("o", older.pem()), &described).await.unwrap();
    let report = app.import(newer.pem()).await;
    assert!(said(&report)[0].contains("supersedes a.example"), "{:?}", said(&report));
    let id =
        |report: &Report| notafter::store::certificates::CertificateId(report.rows[0].outcome.id().unwrap());
    let old = certificates::detail(&app.app, &app.cli(), id(&first)).await.unwrap();
    assert_eq!(old.entry.status(app.app.now()).as_str(), "superseded");
    assert_eq!(old.superseded_by.unwrap().id, report.rows[0].outcome.id());
    let new = certificates::detail(&app.app, &app.cli(), id(&report)).await.unwrap();
    assert_eq!(new.entry.owner.as_deref(), Some("web@halden.example"), "a renewal keeps its owner");
    assert_eq!((new.entry.tags, new.supersedes.len()), (vec!["shop".to_owned()], 1));
    let late = app.import(leaf(&["b.example"], -70, 20).pem()).await;
    assert!(said(&late)[0].contains("superseded already by a newer a.example"), "{:?}", said(&late));
    let wildcard = app.import(leaf(&["*.example"], 0, 200).pem()).await;
    assert!(said(&wildcard)[0].contains("supersedes a.example"), "{:?}", said(&wildcard));
}

#[tokio::test]
async fn another_teams_certificate_is_neither_superseded_nor_shown() {
    let app = TestApp::start().await;
    let (ours, _) = (app.team("ours").await, app.team("theirs").await);
    let victim = leaf(&["pay.example"], -80, 10);
    let id = app.import_for("theirs", &victim).await;
    let member = actor(Role::Operator, &[ours]);
    let rival = leaf(&["pay.example"], -1, 300);
    let report = certificates::import(&app.app, &member, upload("r", rival.pem()), &options()).await.unwrap();
    assert!(!said(&report)[0].contains("supersedes"), "{:?}", said(&report));
    let entry = notafter::store::certificates::find(
        &app.app.pool,
        None,
        notafter::store::certificates::CertificateId(id),
    );
    let entry = entry.await.unwrap().unwrap();
    assert_eq!(entry.state, "active");
    let again = certificates::import(&app.app, &member, upload("v", victim.pem()), &options()).await.unwrap();
    assert_eq!((&again.rows[0].outcome, again.rows[0].outcome.id()), (&Outcome::KnownElsewhere, None));
    let foreign = Options { team: "theirs".into(), ..options() };
    let refused =
        certificates::import(&app.app, &member, upload("f", rival.pem()), &foreign).await.unwrap_err();
    assert_eq!(refused.to_string(), "there is no team `theirs`");
}

#[tokio::test]
async fn chains_are_linked_whichever_end_comes_first() {
    let app = TestApp::start().await;
    let root = authority("Halden Root");
    let mut middle = params(&[], -100, 2000);
    middle.distinguished_name.push(DnType::CommonName, "Halden Issuing");
    middle.is_ca = root.params.is_ca;
    let middle = issued(middle, &root);
    let impostor = authority("Halden Issuing");
    let end = issued(params(&["shop.example"], -1, 90), &middle);
    let report = app.import(end.pem()).await;
    assert_eq!(said(&report)[0], "New; its issuer Halden Issuing is not in the inventory yet");
    let id = notafter::store::certificates::CertificateId(report.rows[0].outcome.id().unwrap());
    app.import(impostor.pem()).await;
    assert!(!certificates::chain(&app.app, &app.cli(), id).await.unwrap().complete);
    let report = app.import(format!("{}{}", middle.pem(), root.pem())).await;
    let Outcome::New { place: Place::Under(link), children, .. } = &report.rows[0].outcome else {
        panic!("{:?}", report.rows[0])
    };
    assert_eq!((link.name.as_str(), *children), ("Halden Root", 1));
    assert!(said(&report)[1].starts_with("New, self-signed; issuer of 1 certificate"), "{:?}", said(&report));
    let chain = certificates::chain(&app.app, &app.cli(), id).await.unwrap();
    let names: Vec<String> = chain.links.iter().map(|link| link.certificate.primary_name()).collect();
    assert_eq!(
        (names, chain.complete),
        (vec!["shop.example".into(), "Halden Issuing".into(), "Halden Root".into()], true)
    );
    let full = certificates::download(&app.app, &app.cli(), id, certificates::Format::FullChain, None)
        .await
        .unwrap();
    assert_eq!(full.bytes, format!("{}{}", end.pem(), middle.pem()).into_bytes());
    assert_eq!(full.file_name, format!("certificate-{id}-fullchain.pem"));
}

#[tokio::test]
async fn a_small_import_is_audited_one_by_one_and_a_large_one_in_parts() {
    let app = TestApp::start().await;
    let pem = |count: u32| {
        (0..count).map(|n| leaf(&[&format!("n{n}.c{count}.example")], -1, 90).pem()).collect::<String>()
    };
    app.import(pem(3)).await;
    app.import(pem(101)).await;
    let acts: Vec<(String, i64)> = sqlx::query_as(
        "select act, count(*) from audit_events where act like 'certificate%' group by act order by act",
    )
    .fetch_all(&app.app.pool)
    .await
    .unwrap();
    assert_eq!(acts, [("certificate.imported".to_owned(), 3), ("certificates.imported".to_owned(), 1)]);
}

#[tokio::test]
async fn a_reader_imports_nothing() {
    let app = TestApp::start().await;
    for role in [Role::Viewer, Role::Auditor, Role::Approver] {
        let made = leaf(&["a.example"], -1, 90);
        let refused =
            certificates::import(&app.app, &actor(role, &[]), upload("a", made.pem()), &options()).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{role}");
    }
    assert_eq!(total(&app).await, 0);
}
