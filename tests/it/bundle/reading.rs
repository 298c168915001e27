//! What others write, read: each format as openssl and keytool make it.

use notafter::x509::bundle::{Error, Thing};
use notafter::x509::pem;
use notafter::x509::private_key::{self, Format};

use super::{Workshop, certificates, key, reason};

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
    w.put("mix.pem", mix);
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
    w.put("many.der", [w.file("leaf.der"), w.file("root.der")].concat());
    let found = w.read("many.der", None);
    assert_eq!(certificates(&found), [w.file("leaf.der"), w.file("root.der")]);
    assert_eq!(found[1].place, "entry 2");
    w.put("tail.der", [w.file("leaf.der"), b"tail".to_vec()].concat());
    let found = w.read("tail.der", None);
    assert_eq!(
        (certificates(&found).len(), reason(&found)),
        (1, "what follows here is nothing that is known")
    );
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
        w.put(name, units.flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
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
fn pkcs12_by_openssl_is_opened_modern_and_legacy() {
    let w = Workshop::new();
    let export =
        "pkcs12 -export -inkey leaf.key -in leaf.pem -certfile root.pem -passout pass:gehäim -name web";
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
