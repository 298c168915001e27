//! Bundles made by openssl and keytool are read; bundles we write are read by openssl and keytool.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use notafter::x509::bundle::{self, Error, Found, Limits, Thing};
use notafter::x509::private_key::{self, Format};
use notafter::x509::{jks, pem, pkcs7, pkcs12};

/// A folder of one test, with a root, a leaf and its key made by openssl.
struct Workshop {
    folder: PathBuf,
}

impl Workshop {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("bundle-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let workshop = Self { folder };
        workshop.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -subj /CN=Root -days 30");
        workshop
            .openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=www.acme.example");
        workshop.openssl(
            "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -out leaf.pem -days 20",
        );
        workshop.openssl("x509 -in leaf.pem -outform DER -out leaf.der");
        workshop.openssl("x509 -in root.pem -outform DER -out root.der");
        fs::write(
            workshop.folder.join("both.pem"),
            [workshop.file("leaf.pem"), workshop.file("root.pem")].concat(),
        )
        .unwrap();
        workshop
    }

    fn openssl(&self, arguments: &str) -> String {
        self.run("openssl", arguments)
    }

    fn keytool(&self, arguments: &str) -> String {
        self.run("keytool", arguments)
    }

    fn run(&self, program: &str, arguments: &str) -> String {
        let output = self.attempt(program, arguments);
        assert!(
            output.status.success(),
            "{program} {arguments}\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn attempt(&self, program: &str, arguments: &str) -> Output {
        let arguments = arguments.split_whitespace();
        Command::new(program).args(arguments).current_dir(&self.folder).output().unwrap()
    }

    fn file(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    fn put(&self, name: &str, bytes: &[u8]) {
        fs::write(self.folder.join(name), bytes).unwrap();
    }

    fn read(&self, name: &str, password: Option<&str>) -> Vec<Found> {
        bundle::read(&self.file(name), password, Limits::default()).unwrap()
    }

    fn refused(&self, name: &str, password: Option<&str>) -> Error {
        bundle::read(&self.file(name), password, Limits::default()).unwrap_err()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn certificates(found: &[Found]) -> Vec<&[u8]> {
    let certificate = |found| match found {
        &Found { thing: Thing::Certificate(ref der), .. } => Some(der.as_slice()),
        _ => None,
    };
    found.iter().filter_map(certificate).collect()
}

/// Format and key of the one private key found.
fn key(found: &[Found]) -> (Format, bool, Vec<u8>) {
    let mut keys = found.iter().filter_map(|found| match &found.thing {
        Thing::PrivateKey { der, format, encrypted } => Some((*format, *encrypted, der.to_vec())),
        _ => None,
    });
    let key = keys.next().unwrap();
    assert!(keys.next().is_none());
    key
}

fn reason(found: &[Found]) -> &str {
    found
        .iter()
        .find_map(|found| match &found.thing {
            Thing::Unreadable { reason, .. } => Some(reason.as_str()),
            _ => None,
        })
        .unwrap()
}

#[test]
fn pem_in_any_mix_is_told_apart() {
    let w = Workshop::new();
    w.openssl("x509 -in leaf.pem -text -trustout -addtrust serverAuth -out trusted.pem");
    w.openssl("ecparam -name prime256v1 -genkey -out sec1.pem");
    w.openssl("rsa -in leaf.key -traditional -out pkcs1.pem");
    w.openssl("pkcs8 -topk8 -in leaf.key -passout pass:geheim -out encrypted.pem");
    w.openssl("rsa -in leaf.key -traditional -aes128 -passout pass:geheim -out legacy.pem");
    w.put("index.txt", b"");
    w.put("ca.cnf", b"[ca]\ndefault_ca=x\n[x]\ndatabase=index.txt\ndefault_md=sha256\ndefault_crl_days=3\n");
    w.openssl("ca -config ca.cnf -gencrl -keyfile root.key -cert root.pem -out root.crl");
    let names = [
        "trusted.pem",
        "leaf.csr",
        "sec1.pem",
        "pkcs1.pem",
        "leaf.key",
        "encrypted.pem",
        "legacy.pem",
        "root.crl",
    ];
    let mut mix = b"\xef\xbb\xbfSome words before\r\n".to_vec();
    for name in names {
        mix.extend(w.file(name));
        mix.extend(b"\r\nand some between\r\n");
    }
    w.put("mix.pem", &mix);
    let shown: Vec<_> = w.read("mix.pem", None).iter().map(|found| format!("{:?}", found.thing)).collect();
    let expected = [
        "Certificate(",
        "CertificateRequest(",
        "PrivateKey(SEC1, encrypted: false)",
        "PrivateKey(PKCS#1, encrypted: false)",
        "PrivateKey(PKCS#8, encrypted: false)",
        "PrivateKey(encrypted PKCS#8, encrypted: true)",
        "PrivateKey(encrypted PEM, encrypted: true)",
        "CertificateList(",
    ];
    assert_eq!(shown.len(), expected.len(), "{shown:?}");
    assert!(shown.iter().zip(expected).all(|(shown, expected)| shown.starts_with(expected)), "{shown:?}");
    let found = w.read("mix.pem", None);
    assert_eq!(
        certificates(&found),
        [w.file("leaf.der")],
        "the trust settings are no part of the certificate"
    );
    // EC PARAMETERS stand before the SEC1 key: a block that is counted and not reported.
    assert!(found[2].place.starts_with("PEM block 4, line "), "{}", found[2].place);
    // A fitting password opens the encrypted PKCS#8 key and nothing else changes.
    let opened = w.read("mix.pem", Some("geheim"));
    assert!(matches!(opened[5].thing, Thing::PrivateKey { format: Format::Pkcs8, encrypted: false, .. }));
}

#[test]
fn der_of_each_kind_is_told_apart_and_may_be_concatenated() {
    let w = Workshop::new();
    w.openssl("req -in leaf.csr -outform DER -out csr.der");
    w.openssl("pkey -in leaf.key -outform DER -out key.der");
    w.openssl("pkcs8 -topk8 -in leaf.key -passout pass:x -outform DER -out encrypted.der");
    for (name, expected) in [
        ("leaf.der", "Certificate("),
        ("csr.der", "CertificateRequest("),
        ("key.der", "PrivateKey("),
        ("encrypted.der", "PrivateKey(encrypted PKCS#8, encrypted: true)"),
    ] {
        let found = w.read(name, None);
        assert!(
            found.len() == 1 && format!("{:?}", found[0].thing).starts_with(expected),
            "{name}: {found:?}"
        );
    }
    w.put("many.der", &[w.file("leaf.der"), w.file("root.der")].concat());
    let found = w.read("many.der", None);
    assert_eq!(certificates(&found), [w.file("leaf.der"), w.file("root.der")]);
    assert_eq!(found[1].place, "entry 2");
    w.put("tail.der", &[w.file("leaf.der"), b"tail".to_vec()].concat());
    let found = w.read("tail.der", None);
    assert_eq!((certificates(&found).len(), reason(&found)), (1, "4 bytes follow that are not DER"));
}

#[test]
fn base64_without_armour_and_utf16_are_read() {
    let w = Workshop::new();
    let text = String::from_utf8(w.file("leaf.pem")).unwrap();
    let bare: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    w.put("bare.txt", bare.as_bytes());
    assert_eq!(certificates(&w.read("bare.txt", None)), [w.file("leaf.der")]);
    for (name, text) in [("utf16.pem", &text), ("utf16.txt", &bare)] {
        let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
        w.put(name, &units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
        assert_eq!(certificates(&w.read(name, None)), [w.file("leaf.der")]);
    }
}

#[test]
fn pkcs7_by_openssl_is_read_in_pem_and_der() {
    let w = Workshop::new();
    w.openssl("crl2pkcs7 -nocrl -certfile both.pem -out both.p7b");
    w.openssl("crl2pkcs7 -nocrl -certfile both.pem -outform DER -out both.p7c");
    for (name, place) in [("both.p7b", "PEM block 1, line 1, entry 2"), ("both.p7c", "entry 2")] {
        let found = w.read(name, None);
        assert_eq!(certificates(&found).len(), 2);
        assert!(certificates(&found).contains(&w.file("leaf.der").as_slice()));
        assert_eq!(found[1].place, place);
    }
    // Streamed CMS has indefinite lengths.
    w.put("text", b"hello");
    w.openssl("cms -sign -stream -binary -nodetach -in text -signer leaf.pem -inkey leaf.key -certfile root.pem -outform DER -out ber.p7m");
    assert_eq!(w.file("ber.p7m")[1], 0x80);
    assert_eq!(certificates(&w.read("ber.p7m", None)).len(), 2);
    w.openssl("cms -encrypt -in text -outform DER -out sealed.p7m leaf.pem");
    assert!(w.refused("sealed.p7m", None).to_string().contains("not signed data"));
}

#[test]
fn pkcs7_we_write_is_read_by_openssl() {
    let w = Workshop::new();
    let (leaf, root) = (w.file("leaf.der"), w.file("root.der"));
    let bundle = pkcs7::write(&[&leaf, &root]);
    w.put("ours.p7c", &bundle);
    w.put("ours.p7b", pem::write("PKCS7", &bundle).as_bytes());
    for arguments in
        ["pkcs7 -inform DER -in ours.p7c -print_certs -noout", "pkcs7 -in ours.p7b -print_certs -noout"]
    {
        let printed = w.openssl(arguments);
        assert!(printed.contains("www.acme.example") && printed.contains("CN = Root"), "{printed}");
    }
    assert!(w.keytool("-printcert -file ours.p7c").contains("www.acme.example"));
    assert_eq!(certificates(&w.read("ours.p7c", None)).len(), 2);
}

#[test]
fn pkcs12_by_openssl_is_opened_modern_and_legacy() {
    let w = Workshop::new();
    let export =
        "pkcs12 -export -inkey leaf.key -in leaf.pem -certfile root.pem -passout pass:gehäim -name web";
    w.openssl("pkcs8 -topk8 -nocrypt -in leaf.key -outform DER -out key.der");
    for (name, more) in [
        ("modern.p12", ""),
        ("legacy.p12", "-legacy"),
        ("plain.p12", "-keypbe NONE -certpbe NONE"),
        ("twokey.p12", "-keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-RC2-128 -legacy"),
        ("sha512.p12", "-macalg sha512 -certpbe AES-192-CBC"),
    ] {
        w.openssl(&format!("{export} {more} -out {name}"));
        let found = w.read(name, Some("gehäim"));
        assert_eq!(certificates(&found), [w.file("leaf.der"), w.file("root.der")], "{name}");
        assert_eq!(key(&found), (Format::Pkcs8, false, w.file("key.der")), "{name}");
        assert_eq!(found[0].place, "alias web");
        assert_eq!(w.refused(name, Some("falsch")), Error::WrongPassword);
        assert_eq!(w.refused(name, None), Error::PasswordNeeded);
    }
}

#[test]
fn pkcs12_with_an_empty_password_or_none_opens_without_one() {
    let w = Workshop::new();
    w.openssl("pkcs12 -export -nokeys -in both.pem -passout pass: -out empty.p12");
    w.openssl("pkcs12 -export -nokeys -in both.pem -passout pass: -nomac -certpbe NONE -out open.p12");
    for name in ["empty.p12", "open.p12"] {
        assert_eq!(certificates(&w.read(name, None)).len(), 2, "{name}");
        assert_eq!(certificates(&w.read(name, Some(""))).len(), 2, "{name}");
    }
    w.openssl(
        "pkcs12 -export -nokeys -in both.pem -passout pass:geheim -nomac -certpbe AES-256-CBC -out nomac.p12",
    );
    assert_eq!(w.refused("nomac.p12", None), Error::PasswordNeeded);
    assert_eq!(w.refused("nomac.p12", Some("falsch")), Error::WrongPassword);
    assert_eq!(certificates(&w.read("nomac.p12", Some("geheim"))).len(), 2);
}

#[test]
fn key_stores_by_keytool_are_read() {
    let w = Workshop::new();
    for kind in ["JKS", "PKCS12"] {
        let name = format!("{kind}.store");
        let common = format!("-storetype {kind} -keystore {name} -storepass geheim");
        w.keytool(&format!("-importcert -noprompt -alias wurzel -file root.pem {common}"));
        w.keytool(&format!(
            "-genkeypair -keyalg EC -alias web -dname CN=java.example -keypass geheim {common}"
        ));
        let found = w.read(&name, Some("geheim"));
        assert_eq!(certificates(&found).len(), 2, "{kind}");
        assert!(certificates(&found).contains(&w.file("root.der").as_slice()));
        assert!(found.iter().any(|found| found.place == "alias wurzel"), "{found:?}");
        assert!(found.iter().any(|found| found.place == "alias web"), "{found:?}");
        let (format, encrypted, der) = key(&found);
        match kind {
            "JKS" => assert_eq!((format, encrypted), (Format::Java, true)),
            _ => assert_eq!(private_key::describe(&der, format).algorithm.as_deref(), Some("EC-256")),
        }
        assert_eq!(w.refused(&name, Some("falsch")), Error::WrongPassword);
    }
    assert_eq!(
        certificates(&w.read("JKS.store", None)).len(),
        2,
        "a JKS shows its certificates without a password"
    );
    w.keytool("-importcert -noprompt -alias wurzel -file root.pem -storetype JCEKS -keystore jceks.store -storepass geheim");
    assert!(w.refused("jceks.store", Some("geheim")).to_string().contains("JCEKS"));
}

#[test]
fn pkcs12_we_write_is_opened_by_openssl_and_keytool() {
    let w = Workshop::new();
    let (leaf, root) = (w.file("leaf.der"), w.file("root.der"));
    w.put("trust.p12", &pkcs12::write(&[("root", &root), ("root", &leaf)], "geheim").unwrap());
    let printed = w.openssl("pkcs12 -in trust.p12 -passin pass:geheim -nokeys -info");
    assert!(printed.contains("www.acme.example") && printed.contains("CN = Root"), "{printed}");
    let listed = w.keytool("-list -keystore trust.p12 -storepass geheim");
    assert_eq!(listed.matches("trustedCertEntry").count(), 2, "{listed}");
    assert_eq!(certificates(&w.read("trust.p12", Some("geheim"))).len(), 2);

    w.openssl("pkcs8 -topk8 -nocrypt -in leaf.key -outform DER -out key.der");
    let file = pkcs12::write_with_key("web", &w.file("key.der"), &[&leaf, &root], "geheim").unwrap();
    w.put("key.p12", &file);
    assert!(w.openssl("pkcs12 -in key.p12 -passin pass:geheim -nodes").contains("BEGIN PRIVATE KEY"));
    let listed = w.keytool("-list -v -keystore key.p12 -storepass geheim");
    assert!(listed.contains("PrivateKeyEntry") && listed.contains("Certificate chain length: 2"), "{listed}");
    assert_eq!(key(&w.read("key.p12", Some("geheim"))).2, w.file("key.der"));
}

#[test]
fn a_java_key_store_we_write_is_read_by_keytool() {
    let w = Workshop::new();
    let (leaf, root) = (w.file("leaf.der"), w.file("root.der"));
    let store = jks::write(&[("Wurzel", &root), ("blatt ä", &leaf)], 1_700_000_000_000, "geheim").unwrap();
    w.put("ours.jks", &store);
    let listed = w.keytool("-J-Dstdout.encoding=UTF-8 -J-Dfile.encoding=UTF-8 -list -storetype JKS -keystore ours.jks -storepass geheim");
    assert_eq!(listed.matches("trustedCertEntry").count(), 2, "{listed}");
    assert!(listed.contains("wurzel"), "{listed}");
}

#[test]
fn a_hostile_iteration_count_is_refused() {
    let w = Workshop::new();
    w.openssl(
        "pkcs12 -export -nokeys -in both.pem -passout pass:x -certpbe NONE -iter 2000001 -out slow.p12",
    );
    assert_eq!(w.refused("slow.p12", Some("x")), Error::TooMuchWork { iterations: 2_000_001 });
    w.openssl("pkcs12 -export -nokeys -in both.pem -passout pass:x -legacy -iter 700000 -nomac -certpbe PBE-SHA1-3DES -out slow3.p12");
    assert_eq!(w.refused("slow3.p12", Some("x")), Error::TooMuchWork { iterations: 700_000 });
}

#[test]
fn each_bad_input_gets_its_own_sentence() {
    let read = |bytes: &[u8]| bundle::read(bytes, None, Limits::default());
    assert_eq!(read(b"").unwrap_err(), Error::Empty);
    assert_eq!(read(b"\xef\xbb\xbf \r\n").unwrap_err(), Error::Empty);
    for garbage in
        [&b"hello, world"[..], b"\x00\x01\x02", b"0 s:CN = x", b"\x30\x03\x02\x01\x05", b"aGVsbG8="]
    {
        assert_eq!(read(garbage).unwrap_err(), Error::Unrecognised, "{garbage:?}");
    }
    let w = Workshop::new();
    let der = w.file("leaf.der");
    let found = read(&der[..der.len() - 7]).unwrap();
    assert!(reason(&found).contains("it was cut off"), "{found:?}");
    let found = read(pem::write("CERTIFICATE", &der[..der.len() - 7]).as_bytes()).unwrap();
    assert!(reason(&found).contains("it was cut off"), "{found:?}");

    let leaf = String::from_utf8(w.file("leaf.pem")).unwrap();
    let (open, bad) = (leaf.replace("-----END CERTIFICATE-----", ""), leaf.replacen("\nMI", "\n?!", 1));
    for (broken, sentence) in [(open, "no END CERTIFICATE line"), (bad, "line 2 is not base64")] {
        let found = read(format!("{broken}{leaf}").as_bytes()).unwrap();
        assert_eq!(certificates(&found), [der.clone()], "the good one is not lost");
        assert!(reason(&found).contains(sentence), "{found:?}");
    }
}

#[test]
fn what_is_too_large_or_too_many_is_refused() {
    let w = Workshop::new();
    let leaf = w.file("leaf.pem");
    let read = |bytes: &[u8]| bundle::read(bytes, None, Limits::default());
    assert_eq!(read(&leaf.repeat(2_001)).unwrap_err(), Error::TooMany { limit: 2_000 });
    assert_eq!(certificates(&read(&leaf.repeat(2_000)).unwrap()).len(), 2_000);
    let endless = [b"-----BEGIN CERTIFICATE-----\n".to_vec(), b"QUFB\n".repeat(1 << 20)].concat();
    let block = Error::TooLarge { what: "PEM block 1, line 1".to_owned(), limit: 1 << 20 };
    assert_eq!(read(&endless).unwrap_err(), block);
    let whole = Error::TooLarge { what: "the input".to_owned(), limit: 10 << 20 };
    assert_eq!(read(&endless.repeat(3)).unwrap_err(), whole);
}

#[test]
fn a_stream_of_any_length_is_read_block_by_block() {
    let w = Workshop::new();
    let leaf = w.file("leaf.pem");
    let stream = std::io::BufReader::new(std::io::Read::chain(leaf.as_slice(), leaf.as_slice()));
    let blocks: Vec<_> = pem::Blocks::new(stream, pem::MAX_BLOCK).map(Result::unwrap).collect();
    assert_eq!(blocks.len(), 2);
    assert!(
        blocks.iter().all(|block| matches!(&block.body, pem::Body::Der(der) if **der == w.file("leaf.der")))
    );
}

#[test]
fn mutated_files_never_panic() {
    let w = Workshop::new();
    w.openssl("pkcs12 -export -inkey leaf.key -in leaf.pem -passout pass:x -iter 1 -out small.p12");
    w.openssl("crl2pkcs7 -nocrl -certfile both.pem -outform DER -out both.p7c");
    w.keytool(
        "-importcert -noprompt -alias a -file root.pem -storetype JKS -keystore a.jks -storepass geheim",
    );
    for name in ["leaf.der", "leaf.pem", "small.p12", "both.p7c", "a.jks"] {
        let bytes = w.file(name);
        for place in 0..bytes.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut mutated = bytes.clone();
                mutated[place] ^= change;
                let _ = bundle::read(&mutated, None, Limits::default());
            }
            let _ = bundle::read(&bytes[..place], None, Limits::default());
        }
    }
}

#[test]
fn debug_output_shows_no_key() {
    let w = Workshop::new();
    let found = w.read("leaf.key", None);
    let (_, _, der) = key(&found);
    let shown = format!("{found:?}");
    assert!(shown.len() < 200 && !shown.contains(&format!("{:?}", &der[..8])), "{shown}");
}
