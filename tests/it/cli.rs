//! The command line as a person or a script runs it: the real program on a database of its own.

use std::{
    io::{BufRead, BufReader, Write},
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::Value;
use sqlx::ConnectOptions;
use time::{Duration, OffsetDateTime};

use crate::support::{
    pki::{Folder, Leaf, leaf, openssl},
    postgres::Database,
};

const CA_BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The program, with a database and a data folder of its own.
struct Cli {
    database: Database,
    data_dir: Folder,
}

impl Cli {
    async fn new() -> Cli {
        Cli { database: Database::fresh().await, data_dir: Folder::new() }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_notafter"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("DATABASE_URL", self.database.app.to_url_lossy().as_str())
            .env("NOTAFTER_MIGRATE_DATABASE_URL", self.database.owner.to_url_lossy().as_str())
            .env("NOTAFTER_DATA_DIR", &self.data_dir.0);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs it and expects exit code 0.
    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.status.code(), Some(0), "{arguments:?}: {}", stderr(&done));
        stdout(&done)
    }

    /// Runs it and expects this exit code.
    #[track_caller]
    fn fails(&self, code: i32, arguments: &[&str]) -> Output {
        let done = self.run(arguments);
        assert_eq!(done.status.code(), Some(code), "{arguments:?}: {}{}", stdout(&done), stderr(&done));
        assert!(!stderr(&done).contains("panicked"), "{}", stderr(&done));
        done
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.ok(arguments)).unwrap()
    }

    #[track_caller]
    fn import(&self, path: &Path) -> String {
        self.ok(&["certificates", "import", path.to_str().unwrap()])
    }
}

fn stdout(done: &Output) -> String {
    String::from_utf8(done.stdout.clone()).unwrap()
}

fn stderr(done: &Output) -> String {
    String::from_utf8(done.stderr.clone()).unwrap()
}

fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object[field].as_str().unwrap_or_else(|| panic!("{field} in {object}"))
}

/// A CA in `folder` and `days` of a leaf signed by it: `<name>.pem`, `ca.pem`, `<name>.key`.
fn issue(folder: &Folder, name: &str, days: &str) {
    if !folder.0.join("ca.pem").exists() {
        let new = [
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "900",
        ];
        openssl(
            folder,
            &[&new[..], &["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Halden CA"]].concat(),
        );
    }
    let subject = format!("/CN={name}");
    let san = format!("subjectAltName=DNS:{name}");
    let (key, pem) = (format!("{name}.key"), format!("{name}.pem"));
    let new =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-CA", "ca.pem"];
    let own = [
        "-CAkey", "ca.key", "-days", days, "-subj", &subject, "-addext", &san, "-keyout", &key, "-out", &pem,
    ];
    openssl(folder, &[&new[..], &own[..]].concat());
}

/// The four files of certbot and dehydrated under `stem + suffix`, of a certificate that begins and ends so many days from now.
#[expect(clippy::disallowed_methods, reason = "the program under test runs on the real clock")]
fn four_files(folder: &Folder, made: &Folder, under: &str, name: &str, suffix: &str, days: (i64, i64)) {
    issue(made, name, "90");
    let now = OffsetDateTime::now_utc();
    let (not_before, not_after) = (now + Duration::days(days.0), now + Duration::days(days.1));
    let own = leaf(&Leaf { common_name: name, names: &[name], not_before, not_after });
    let ca = String::from_utf8(made.read("ca.pem")).unwrap();
    folder.write(&format!("{under}/cert{suffix}.pem"), &own);
    folder.write(&format!("{under}/chain{suffix}.pem"), &ca);
    folder.write(&format!("{under}/fullchain{suffix}.pem"), [own, ca].concat());
    folder.write(&format!("{under}/privkey{suffix}.pem"), made.read(&format!("{name}.key")));
}

fn link_live(folder: &Folder, live: &str, archive: &str, number: &str) {
    std::fs::create_dir_all(folder.0.join(live)).unwrap();
    for stem in ["cert", "chain", "fullchain", "privkey"] {
        let target = format!("../../{archive}/{stem}{number}.pem");
        symlink(target, folder.0.join(format!("{live}/{stem}.pem"))).unwrap();
    }
}

/// Names and states of all that the inventory holds, in the order of names.
fn inventory(cli: &Cli) -> Vec<(String, String)> {
    let listed = cli.json(&["certificates", "list", "--sort", "name", "--json"]);
    let pair = |object: &Value| (text(object, "name").to_owned(), text(object, "status").to_owned());
    listed.as_array().unwrap().iter().map(pair).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, status)| ((*name).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test]
async fn every_root_of_the_distribution_is_listed_with_the_fields_openssl_prints() {
    let cli = Cli::new().await;
    let said = cli.import(Path::new(CA_BUNDLE));
    let listed = cli.json(&["certificates", "list", "--json"]);
    let listed = listed.as_array().unwrap();
    let bundle = std::fs::read_to_string(CA_BUNDLE).unwrap();
    let blocks: Vec<&str> = bundle.split_inclusive("-----END CERTIFICATE-----\n").collect();
    assert_eq!(listed.len(), blocks.len());
    assert!(said.ends_with(&format!("{} new\n", blocks.len())), "{said}");
    let folder = Folder::new();
    for block in blocks {
        folder.write("one.pem", block);
        let print = [
            "x509",
            "-in",
            "one.pem",
            "-noout",
            "-serial",
            "-fingerprint",
            "-sha256",
            "-enddate",
            "-dateopt",
            "iso_8601",
        ];
        let printed = String::from_utf8(openssl(&folder, &print)).unwrap();
        let field = |name: &str| {
            let line = printed.lines().find(|line| line.to_lowercase().starts_with(name)).unwrap();
            line.split_once('=').unwrap().1.to_owned()
        };
        let sha256 = field("sha256 fingerprint").replace(':', "").to_lowercase();
        let object = listed.iter().find(|object| text(object, "sha256") == sha256).unwrap();
        assert_eq!(text(object, "serial"), field("serial").to_lowercase());
        assert_eq!(text(object, "not_after"), field("notafter").replace(' ', "T"));
        assert!(object["is_ca"] == true && object["subject"] == object["issuer"]);
    }
    let again = cli.import(Path::new(CA_BUNDLE));
    assert!(again.ends_with(&format!("{} known already\n", listed.len())), "{again}");
    cli.database.drop().await;
}

#[tokio::test]
async fn a_folder_of_anything_is_imported_and_what_cannot_be_read_is_named() {
    let cli = Cli::new().await;
    let folder = Folder::new();
    issue(&folder, "shop.example", "90");
    openssl(
        &folder,
        &["req", "-new", "-key", "shop.example.key", "-subj", "/CN=asked.example", "-out", "asked.csr"],
    );
    openssl(
        &folder,
        &[
            "pkcs12",
            "-export",
            "-in",
            "shop.example.pem",
            "-inkey",
            "shop.example.key",
            "-passout",
            "pass:right",
            "-out",
            "shop.p12",
        ],
    );
    folder.write("deep/down/garbage.pem", [7; 300]);
    folder.write("deep/README", "nothing to see");
    folder.write("deep/.hidden.pem", folder.read("ca.pem"));
    folder.write("deep/empty.crt", "");
    symlink(&folder.0, folder.0.join("deep/loop")).unwrap();
    symlink(folder.0.join("gone"), folder.0.join("dangling.pem")).unwrap();
    folder.write("password", "wrong\n");
    let path = folder.0.to_str().unwrap();
    let password = folder.0.join("password");
    let p12 = folder.0.join("shop.p12");
    let told = stderr(&cli.fails(1, &["inspect", p12.to_str().unwrap()]));
    assert!(told.contains("shop.p12: the file needs a password; give it with --password-file"), "{told}");
    let done = cli
        .fails(1, &["certificates", "import", path, "--password-file", password.to_str().unwrap(), "--json"]);
    let report: Value = serde_json::from_str(&stdout(&done)).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let about = |file: &str| {
        rows.iter()
            .find(|row| text(row, "file").ends_with(file))
            .map(|row| (text(row, "outcome"), text(row, "message")))
    };
    assert_eq!(about("/shop.example.pem").unwrap().0, "new");
    assert_eq!(about("/asked.csr").unwrap().0, "certificate_request");
    assert_eq!(about("/shop.example.key").unwrap().0, "private_key_not_stored");
    assert!(about("/shop.p12").unwrap().1.contains("the password is wrong"));
    assert!(about("/garbage.pem").unwrap().1.contains("nothing was recognised"));
    assert!(about("/empty.crt").unwrap().1.contains("empty"));
    assert!(about("/dangling.pem").unwrap().1.contains("there is no such file"));
    assert!(
        about("README").is_none() && about("hidden").is_none() && report["summary"]["skipped_files"] == 2
    );
    assert_eq!((&report["summary"]["new"], &report["summary"]["unreadable"]), (&2.into(), &4.into()));
    assert!(stderr(&done).contains("4 things could not be read"));
    folder.write("password", "right\r\n");
    let p12 = folder.0.join("shop.p12");
    let said = cli.ok(&[
        "certificates",
        "import",
        p12.to_str().unwrap(),
        "--password-file",
        password.to_str().unwrap(),
    ]);
    assert!(said.contains("Known already") && said.contains("A private key, not stored"), "{said}");
    cli.database.drop().await;
}

#[tokio::test]
async fn a_live_folder_of_certbot_comes_with_its_past_and_without_its_keys() {
    let cli = Cli::new().await;
    let (root, made) = (Folder::new(), Folder::new());
    four_files(&root, &made, "archive/a.example", "a.example", "1", (-60, 30));
    four_files(&root, &made, "archive/a.example", "a.example", "2", (-1, 89));
    link_live(&root, "live/a.example", "archive/a.example", "2");
    root.write("live/README", "This directory contains your keys");
    root.write("keys/0000_key.pem", made.read("ca.key"));
    root.write("ssl-dhparams.pem", "-----BEGIN DH PARAMETERS-----\nMEYC\n-----END DH PARAMETERS-----\n");
    // Keys are not opened: what is in them cannot be found out.
    for number in ["1", "2"] {
        root.write(&format!("archive/a.example/privkey{number}.pem"), "not even a key");
    }
    let said = cli.import(&root.0);
    assert!(said.contains("live folders of certbot in ") && !said.contains("0000_key"), "{said}");
    assert!(
        said.ends_with(
            "3 new; 1 older one superseded; 1 repeated in this import; 2 private keys not stored; 1 file skipped as nothing known\n"
        ),
        "{said}"
    );
    let expected = pairs(&[("a.example", "superseded"), ("a.example", "valid"), ("Halden CA", "valid")]);
    let mut found = inventory(&cli);
    found.sort_by_key(|(name, status)| (name.to_lowercase(), status.clone()));
    assert_eq!(found, expected);
    let live = root.0.join("live/a.example");
    assert!(cli.import(&live).contains("3 known already"));
    cli.database.drop().await;
}

#[tokio::test]
async fn live_folders_of_acme_sh_lego_and_dehydrated_are_recognised() {
    let (root, made) = (Folder::new(), Folder::new());
    let cli = Cli::new().await;
    issue(&made, "b.example", "90");
    let (leaf, ca) = (made.read("b.example.pem"), made.read("ca.pem"));
    root.write("acme/account.conf", "x=1");
    root.write("acme/ca/account.key", made.read("ca.key"));
    root.write("acme/b.example_ecc/b.example.cer", &leaf);
    root.write("acme/b.example_ecc/ca.cer", &ca);
    root.write("acme/b.example_ecc/fullchain.cer", [leaf, ca].concat());
    root.write("acme/b.example_ecc/b.example.key", "a key");
    root.write("acme/b.example_ecc/b.example.conf", "Le_Domain='b.example'");
    let said = cli.import(&root.0.join("acme"));
    assert!(said.contains("live folders of acme.sh in ") && said.contains("2 new; 1 private key"), "{said}");
    issue(&made, "c.example", "90");
    let (leaf, ca) = (made.read("c.example.pem"), made.read("ca.pem"));
    root.write("lego/accounts/x/keys/me.key", made.read("ca.key"));
    root.write("lego/certificates/c.example.crt", [leaf, ca.clone()].concat());
    root.write("lego/certificates/c.example.issuer.crt", ca);
    root.write("lego/certificates/c.example.json", "{}");
    root.write("lego/certificates/c.example.key", "a key");
    let said = cli.import(&root.0.join("lego"));
    assert!(said.contains("live folders of lego in "), "{said}");
    assert!(said.contains("1 new; 1 known already; 1 repeated in this import; 1 private key"), "{said}");
    four_files(&root, &made, "dehydrated/certs/d.example", "d.example", "-1700000000", (-60, 30));
    four_files(&root, &made, "dehydrated/certs/d.example", "d.example", "-1710000000", (-1, 89));
    for stem in ["cert", "chain", "fullchain", "privkey"] {
        let link = root.0.join(format!("dehydrated/certs/d.example/{stem}.pem"));
        symlink(format!("{stem}-1710000000.pem"), link).unwrap();
    }
    let said = cli.import(&root.0.join("dehydrated"));
    assert!(
        said.contains("live folders of dehydrated in ") && said.contains("2 new; 1 older one superseded"),
        "{said}"
    );
    cli.database.drop().await;
}

#[tokio::test]
async fn any_number_of_certificates_streams_from_one_file_and_from_a_pipe() {
    let cli = Cli::new().await;
    let key = rcgen::KeyPair::generate().unwrap();
    let one = |n: usize| {
        let params = rcgen::CertificateParams::new(vec![format!("host-{n}.example")]).unwrap();
        params.self_signed(&key).unwrap().pem()
    };
    let text: String = (0..4_001).map(one).collect();
    assert!(text.len() > 1 << 20);
    let mut child = cli
        .command(&["certificates", "import", "-", "--json", "--tag", "fleet"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let sent = text.clone();
    let writer = std::thread::spawn(move || stdin.write_all(sent.as_bytes()).unwrap());
    let done = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(done.status.success(), "{}", stdout(&done));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&report["summary"]["new"], report["rows"].as_array().unwrap().len()), (&4_001.into(), 4_001));
    assert!(text_of_last(&report).starts_with("PEM block 4001, line "));
    let folder = Folder::new();
    let file = folder.write("fleet.pem", text);
    assert!(cli.import(&file).ends_with("4001 known already\n"));
    assert_eq!(
        cli.json(&["certificates", "list", "--json", "--tag", "fleet"]).as_array().unwrap().len(),
        4_001
    );
    let table = cli.ok(&["certificates", "list", "--limit", "3", "--sort", "name"]);
    assert_eq!(table.lines().count(), 4, "{table}");
    assert_eq!(cli.ok(&["certificates", "list", "--csv"]).lines().count(), 4_002);
    cli.database.drop().await;
}

fn text_of_last(report: &Value) -> &str {
    text(report["rows"].as_array().unwrap().last().unwrap(), "place")
}

#[tokio::test]
async fn a_pipe_that_closes_early_ends_the_printing_and_not_the_import() {
    let cli = Cli::new().await;
    let first = cli.run(&["certificates", "list"]);
    assert!(
        stderr(&first)
            .contains("this is a new installation (NOTAFTER_DATA_DIR says where); made a master key"),
        "a new installation is said to be one"
    );
    for arguments in [&["certificates", "import", CA_BUNDLE][..], &["certificates", "list", "--json"][..]] {
        let mut child = cli.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        // The reader goes away with the rest unread.
        BufReader::with_capacity(64, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success() && stderr(&done).is_empty(), "{arguments:?}: {}", stderr(&done));
    }
    assert!(inventory(&cli).len() > 100);
    cli.database.drop().await;
}

#[tokio::test]
async fn one_certificate_is_shown_changed_retired_restored_and_exported() {
    let cli = Cli::new().await;
    let folder = Folder::new();
    issue(&folder, "shop.example", "6");
    let rehearsed =
        cli.ok(&["certificates", "import", folder.0.join("ca.pem").to_str().unwrap(), "--dry-run"]);
    assert!(rehearsed.ends_with("1 would be new\n"), "{rehearsed}");
    assert!(inventory(&cli).is_empty());
    cli.import(&folder.0.join("ca.pem"));
    let leaf = folder.0.join("shop.example.pem");
    let options =
        ["--owner", "web@halden.example", "--environment", "production", "--tag", "b", "--tag", "a"];
    cli.ok(&[&["certificates", "import", leaf.to_str().unwrap()][..], &options[..]].concat());
    let listed =
        cli.json(&["certificates", "list", "--expires", "14d", "--owner", "web@halden.example", "--json"]);
    let object = &listed[0];
    assert_eq!((text(object, "status"), object["days_left"].as_i64()), ("expiring", Some(6)));
    assert_eq!((&object["tags"], text(object, "source")), (&serde_json::json!(["a", "b"]), "cli"));
    let id = object["id"].to_string();
    for named in [id.as_str(), text(object, "sha256"), text(object, "sha1"), text(object, "serial")] {
        assert_eq!(cli.json(&["certificates", "show", named, "--json"])["id"], object["id"], "{named}");
    }
    assert_eq!(cli.json(&["certificates", "show", &id, "--json"])["common_name"], "shop.example");
    assert!(cli.ok(&["certificates", "show", &id]).contains("shop.example < Halden CA"));
    let changed = cli.json(&["certificates", "edit", &id, "--note", "moved", "--tag", "c", "--json"]);
    assert_eq!((text(&changed, "note"), text(&changed, "owner")), ("moved", "web@halden.example"));
    assert_eq!(changed["tags"], serde_json::json!(["c"]));
    assert!(cli.ok(&["certificates", "retire", &id, "--reason", "gone"]).starts_with("retired shop.example"));
    assert_eq!(
        cli.json(&["certificates", "list", "--status", "retired", "--json"])[0]["retired_reason"],
        "gone"
    );
    cli.fails(1, &["certificates", "retire", &id]);
    assert!(cli.ok(&["certificates", "restore", &id]).starts_with("restored shop.example"));
    let own = String::from_utf8(folder.read("shop.example.pem")).unwrap();
    assert_eq!(cli.ok(&["certificates", "show", &id, "--pem"]), own);
    assert_eq!(cli.ok(&["certificates", "export", &id, "--format", "fullchain"]), own);
    let made = folder.0.join("made.der");
    cli.ok(&["certificates", "export", &id, "--format", "der", "--out", made.to_str().unwrap()]);
    let again = openssl(&folder, &["x509", "-inform", "DER", "-in", "made.der"]);
    assert_eq!(String::from_utf8(again).unwrap(), own);
    let made = folder.0.join("made.p7b");
    cli.ok(&["certificates", "export", &id, "--format", "p7b", "--out", made.to_str().unwrap()]);
    let printed = openssl(&folder, &["pkcs7", "-inform", "DER", "-in", "made.p7b", "-print_certs"]);
    assert_eq!(String::from_utf8(printed).unwrap().matches("BEGIN CERTIFICATE").count(), 2);
    cli.database.drop().await;
}

#[tokio::test]
async fn inspect_says_everything_in_words_and_what_to_do_with_a_key_it_does_not_open() {
    let cli = Cli::new().await;
    let folder = Folder::new();
    issue(&folder, "shop.halden.example", "30");
    openssl(
        &folder,
        &["ec", "-in", "shop.halden.example.key", "-aes128", "-passout", "pass:old", "-out", "old.key"],
    );
    let path = |name: &str| folder.0.join(name).to_str().unwrap().to_owned();
    let spki = |said: &str| {
        said.lines()
            .find_map(|line| line.trim().strip_prefix("spki sha256"))
            .map(|rest| rest.trim().to_owned())
    };
    let leaf = cli.ok(&["inspect", &path("shop.halden.example.pem")]);
    let names =
        openssl(&folder, &["x509", "-in", "shop.halden.example.pem", "-noout", "-ext", "subjectAltName"]);
    let names = String::from_utf8(names).unwrap();
    assert!(names.contains("DNS:shop.halden.example"), "{names}");
    assert!(leaf.contains("Subject alternative name") && leaf.contains("DNS:shop.halden.example"), "{leaf}");
    let ends = leaf.lines().find_map(|line| line.trim().strip_prefix("not after")).unwrap().trim();
    OffsetDateTime::parse(ends, &time::format_description::well_known::Rfc3339).unwrap();
    let key = cli.ok(&["inspect", &path("shop.halden.example.key")]);
    assert!(spki(&leaf).is_some() && spki(&leaf) == spki(&key), "the key is known by its public half: {key}");
    assert!(key.contains("PKCS#8"), "{key}");
    let old = cli.ok(&["inspect", &path("old.key")]);
    assert!(old.contains("openssl pkcs8 -topk8"), "{old}");
    assert!(!key.contains("PRIVATE KEY") && !old.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn exit_codes_tell_what_went_wrong() {
    let cli = Cli::new().await;
    let folder = Folder::new();
    issue(&folder, "shop.example", "90");
    let pem = folder.0.join("shop.example.pem");
    let pem = pem.to_str().unwrap();
    let said = stderr(&cli.fails(1, &["certificates", "import", "/nowhere/at.all", pem]));
    assert!(said.contains("1 thing could not be read"), "{said}");
    assert_eq!(inventory(&cli).len(), 1);
    assert!(stderr(&cli.fails(1, &["certificates", "show", "4711"])).contains("certificate not found"));
    cli.fails(2, &["certificates", "import"]);
    cli.fails(2, &["certificates", "import", pem, "--owner", "nobody"]);
    cli.fails(2, &["certificates", "import", pem, "--team", "nowhere"]);
    cli.fails(2, &["certificates", "list", "--status", "odd"]);
    cli.fails(2, &["certificates", "edit", "1"]);
    cli.fails(2, &["certificates", "export", "1", "--format", "csv"]);
    let p12 = folder.0.join("x.p12");
    cli.fails(2, &["certificates", "export", "1", "--format", "p12", "--out", p12.to_str().unwrap()]);
    let mut kept = std::fs::read(pem).unwrap();
    kept.splice(60..60, *b"!!");
    let broken = folder.write("broken.crt", kept);
    let said = stdout(&cli.fails(1, &["certificates", "import", broken.to_str().unwrap()]));
    assert!(said.contains("Not imported: line 2 is not base64"), "{said}");
    cli.database.drop().await;
}

#[tokio::test]
async fn hostile_names_are_shown_and_never_obeyed() {
    let cli = Cli::new().await;
    let folder = Folder::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "\u{1b}[2J\u{202e}=cmd|x");
    let file = folder.write("evil\u{1b}[31m.pem", params.self_signed(&key).unwrap().pem());
    let said = cli.import(&file);
    assert!(!said.contains('\u{1b}') && said.contains("‹U+001B›"), "{said}");
    for arguments in [&["certificates", "list"][..], &["certificates", "show", "1"][..]] {
        let said = cli.ok(arguments);
        assert!(!said.contains('\u{1b}') && !said.contains('\u{202e}'), "{said}");
    }
    cli.database.drop().await;
}

#[tokio::test]
async fn several_certificates_are_changed_and_each_is_told() {
    let cli = Cli::new().await;
    let folder = Folder::new();
    issue(&folder, "shop.example", "6");
    issue(&folder, "vpn.example", "90");
    for name in ["shop.example.pem", "vpn.example.pem"] {
        cli.import(&folder.0.join(name));
    }
    let listed = cli.json(&["certificates", "list", "--json"]);
    let ids: Vec<String> =
        listed.as_array().unwrap().iter().take(2).map(|one| one["id"].to_string()).collect();
    let (one, two) = (ids[0].as_str(), ids[1].as_str());
    let said = cli.ok(&["certificates", "edit", one, two, "--owner", "web@halden.example"]);
    assert_eq!(said.lines().filter(|line| line.starts_with("changed ")).count(), 2, "{said}");
    let partly = cli.fails(1, &["certificates", "edit", "4711", one, "--note", "moved"]);
    assert!(stdout(&partly).starts_with("changed "), "{}", stdout(&partly));
    let told = stderr(&partly);
    assert!(told.contains("4711: certificate not found") && told.contains("1 of 2 certificates"), "{told}");
    let wrong = cli.fails(2, &["certificates", "edit", "4711", one, "--team", "nowhere"]);
    assert!(stderr(&wrong).contains("there are no teams yet"), "{}", stderr(&wrong));
    cli.database.drop().await;
}

#[tokio::test]
async fn deliveries_are_listed_in_the_words_of_their_filter() {
    let cli = Cli::new().await;
    let folder = Folder::new();
    issue(&folder, "shop.example", "6");
    let pem = folder.0.join("shop.example.pem");
    let owner = "web@halden.example";
    cli.ok(&["certificates", "import", pem.to_str().unwrap(), "--owner", owner]);
    let swept = cli.ok(&["alerts", "sweep"]);
    assert!(swept.contains("queued 1 mail") || swept.contains("queued 0 mails"), "{swept}");
    let listed = cli.ok(&["alerts", "list", "--state", "waiting"]);
    let mut lines = listed.lines();
    assert!(lines.next().unwrap().trim_start().starts_with("ID  STATE"), "{listed}");
    assert!(lines.next().unwrap().contains("waiting"), "{listed}");
    cli.database.drop().await;
}

#[tokio::test]
async fn an_import_that_finds_the_disk_full_says_only_that() {
    let cli = Cli::new().await;
    let folder = Folder::new();
    let file = folder.write("a.pem", crate::support::made::leaf(&["a.example"], -1, 90).pem());
    cli.ok(&["certificates", "list"]);
    let mut superuser = cli.database.superuser.connect().await.unwrap();
    let full = "create function full_disk() returns trigger language plpgsql as
                    $$ begin raise exception using errcode = '53100'; end $$;
                create trigger full_disk before insert on certificates execute function full_disk();";
    sqlx::raw_sql(full).execute(&mut superuser).await.unwrap();
    let done = cli.fails(1, &["certificates", "import", file.to_str().unwrap()]);
    assert_eq!(stdout(&done), "");
    assert!(
        stderr(&done).contains("the disk of the database is full; nothing was changed"),
        "{}",
        stderr(&done)
    );
    cli.database.drop().await;
}
