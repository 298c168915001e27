//! What we write, read by others: openssl and keytool.

use notafter::x509::{jks, pem, pkcs7, pkcs12};

use super::{Workshop, certificates, key};

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
fn a_trust_store_we_write_is_opened_by_openssl_and_keytool() {
    let w = Workshop::new();
    let (leaf, root) = (w.file("leaf.der"), w.file("root.der"));
    w.put("trust.p12", pkcs12::write(&[("root", &root), ("root", &leaf)], "geheim").unwrap());
    let printed = w.openssl("pkcs12 -in trust.p12 -passin pass:geheim -nokeys -info");
    assert!(printed.contains("www.acme.example") && printed.contains("CN = Root"), "{printed}");
    let listed = w.keytool("-list -keystore trust.p12 -storepass geheim");
    assert_eq!(listed.matches("trustedCertEntry").count(), 2, "{listed}");
    assert_eq!(certificates(&w.read("trust.p12", Some("geheim"))).len(), 2);
}

#[test]
fn a_key_in_pkcs12_we_write_is_opened_by_openssl_and_keytool() {
    let w = Workshop::new();
    let (leaf, root) = (w.file("leaf.der"), w.file("root.der"));
    let file = pkcs12::write_with_key("web", &w.file("key.der"), &[&leaf, &root], "geheim").unwrap();
    w.put("key.p12", file);
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
    w.put("ours.jks", store);
    let listed = w.keytool("-J-Dstdout.encoding=UTF-8 -J-Dfile.encoding=UTF-8 -list -storetype JKS -keystore ours.jks -storepass geheim");
    assert_eq!(listed.matches("trustedCertEntry").count(), 2, "{listed}");
    assert!(listed.contains("wurzel"), "{listed}");
}
