//! What we read in certificates, against what OpenSSL prints: the distribution's CA bundle and odd ones made here.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use notafter::x509::inspect::Inspected;
use notafter::x509::signature::Verdict;
use notafter::x509::{Certificate, CertificateList, CertificateRequest, Key, chain};
use time::macros::{datetime, format_description};

use crate::support::pki::{Folder, Leaf, leaf, openssl};

const BUNDLE: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The DER in each PEM block of `text`.
fn ders(text: &str) -> Vec<Vec<u8>> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let bodies = blocks.map(|block| block.split("-----END").next().unwrap());
    bodies.map(|body| STANDARD.decode(body.split_whitespace().collect::<String>()).unwrap()).collect()
}

/// What `openssl x509` says of a certificate: its lines by the word before `=`, and the long text.
fn printed(der: &[u8]) -> (HashMap<String, String>, String) {
    let arguments =
        ["x509", "-inform", "DER", "-noout", "-subject", "-issuer", "-serial", "-startdate", "-enddate"];
    let format = ["-fingerprint", "-sha256", "-text", "-nameopt", "RFC2253,-esc_msb", "-dateopt", "iso_8601"];
    let mut openssl = Command::new("openssl")
        .args(arguments)
        .args(format)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    openssl.stdin.take().unwrap().write_all(der).unwrap();
    let text = String::from_utf8(openssl.wait_with_output().unwrap().stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with(' ')).filter_map(|line| line.split_once('='));
    (lines.map(|(word, value)| (word.to_lowercase(), value.to_owned())).collect(), text)
}

/// Every field that both know must be the same.
#[track_caller]
fn assert_same_as_openssl(der: &[u8]) -> Certificate {
    let certificate = Certificate::from_der(der).unwrap();
    let (lines, text) = printed(der);
    let line = |word: &str| lines.get(word).cloned().unwrap_or_default();
    let date = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    assert_eq!(certificate.subject(), line("subject"));
    assert_eq!(certificate.issuer(), line("issuer"));
    assert_eq!(certificate.serial(), line("serial").to_lowercase(), "{}", certificate.subject());
    assert_eq!(certificate.not_before().format(&date).unwrap(), line("notbefore"));
    assert_eq!(certificate.not_after().format(&date).unwrap(), line("notafter"));
    assert_eq!(hex::encode_upper(certificate.sha256()), line("sha256 fingerprint").replace(':', ""));
    assert_eq!(certificate.is_ca(), text.contains("CA:TRUE"));
    if let Some(bits) = certificate.key().bits() {
        assert!(text.contains(&format!("Public-Key: ({bits} bit)")), "{bits} bits in {text}");
    }
    certificate
}

/// A self-signed certificate by `openssl req`.
fn made(arguments: &[&str]) -> Vec<u8> {
    let folder = Folder::new();
    let fixed = ["req", "-x509", "-nodes", "-keyout", "key", "-outform", "DER", "-utf8", "-out", "crt"];
    openssl(&folder, &[&fixed[..], arguments].concat());
    folder.read("crt")
}

const EC: [&str; 4] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"];

fn made_ec(arguments: &[&str]) -> Vec<u8> {
    made(&[&EC[..], arguments].concat())
}

#[test]
fn every_root_of_the_bundle_reads_as_openssl_prints_it() {
    let all = ders(&std::fs::read_to_string(BUNDLE).unwrap());
    assert!(all.len() > 100, "{} certificates in {BUNDLE}", all.len());
    for der in &all {
        let certificate = assert_same_as_openssl(der);
        assert!(chain::is_self_signed(&certificate), "{}", certificate.subject());
        assert!(certificate.extensions().iter().all(|extension| !extension.lines.is_empty()));
    }
}

#[test]
fn odd_serials_and_subjects_read_as_openssl_prints_them() {
    for serial in ["-5", "-255", "-256", "0", "255", "0x8000000000000000000000000000000000000001"] {
        assert_same_as_openssl(&made_ec(&["-subj", "/CN=a.example", "-set_serial", serial]));
    }
    for subject in [
        "/CN=<script>alert(1)<\\/script>",
        "/CN==cmd|' \\/C calc'!A1",
        "/CN= a,b\\+\"c;d\\\\e /O=#1/OU= ",
        "/C=SE/O=Müller & Söhne/OU=日本+OU=b/CN=shop\u{202e}moc.live\u{200b}",
        "/DC=corp/DC=example/UID=x/emailAddress=a@b.example/serialNumber=7/street=s/postalCode=1/title=t/SN=s/GN=g",
        "/CN=first.example/CN=second.example",
        "/businessCategory=b/jurisdictionC=SE/jurisdictionST=x/jurisdictionL=y/organizationIdentifier=z/CN=line\nbreak",
    ] {
        assert_same_as_openssl(&made_ec(&["-subj", subject]));
    }
    let empty = assert_same_as_openssl(&made_ec(&["-subj", "/", "-addext", "subjectAltName=DNS:a.example"]));
    assert_eq!((empty.subject(), empty.primary_name().as_str()), ("", "a.example"));
}

#[test]
fn an_unknown_attribute_reads_as_openssl_prints_it() {
    let folder = Folder::new();
    folder.write(
        "config",
        "oid_section=o\n[o]\nodd=1.2.3.4\n[req]\nprompt=no\ndistinguished_name=d\n[d]\nodd=x\nCN=y\n",
    );
    let arguments =
        ["req", "-x509", "-config", "config", "-nodes", "-keyout", "key", "-outform", "DER", "-out", "crt"];
    openssl(&folder, &[&arguments[..], &EC].concat());
    let certificate = assert_same_as_openssl(&folder.read("crt"));
    assert_eq!(certificate.subject(), "CN=y,1.2.3.4=#0C0178");
}

#[test]
fn far_dates_read_as_openssl_prints_them() {
    for (not_before, not_after) in [
        (datetime!(1950-01-01 0:00 UTC), datetime!(2049-12-31 23:59:59 UTC)),
        (datetime!(1969-12-31 23:59:59 UTC), datetime!(9999-12-31 23:59:59 UTC)),
        (datetime!(1900-01-01 0:00 UTC), datetime!(2050-01-01 0:00 UTC)),
    ] {
        let pem = leaf(&Leaf { common_name: "a.example", names: &[], not_before, not_after });
        let certificate = assert_same_as_openssl(&ders(&pem)[0]);
        assert_eq!((certificate.not_before(), certificate.not_after()), (not_before, not_after));
        assert_eq!(certificate.lifetime(), not_after - not_before);
    }
}

#[test]
fn many_and_long_names_are_all_read() {
    let long = format!("{}.{}.{}.{}", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61));
    let mut names: Vec<String> = (0..499).map(|at| format!("n{at}.example")).collect();
    names.push(long.clone());
    let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
    let not_before = datetime!(2026-01-01 0:00 UTC);
    let not_after = datetime!(2026-04-01 0:00 UTC);
    let pem = leaf(&Leaf { common_name: "n0.example", names: &borrowed, not_before, not_after });
    let certificate = assert_same_as_openssl(&ders(&pem)[0]);
    assert_eq!((certificate.sans().len(), long.len()), (500, 253));
    assert_eq!(certificate.names(), names);
}

#[test]
fn every_kind_of_key_is_named_and_its_signature_checked() {
    let curve = |name: &'static str| vec!["-newkey", "ec", "-pkeyopt", name];
    let pss = ["-newkey", "rsa:2048", "-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:32"];
    for (arguments, key, signature, verdict) in [
        (vec!["-newkey", "rsa:2048", "-sha256"], "RSA-2048", "SHA256-RSA", Verdict::Good),
        (vec!["-newkey", "rsa:1024", "-sha1"], "RSA-1024", "SHA1-RSA", Verdict::Good),
        (vec!["-newkey", "rsa:2056", "-sha384"], "RSA-2056", "SHA384-RSA", Verdict::Good),
        (vec!["-newkey", "rsa:2048", "-md5"], "RSA-2048", "MD5-RSA", Verdict::Unsupported),
        (pss.to_vec(), "RSA-2048", "SHA256-RSA-PSS", Verdict::Good),
        (
            vec!["-newkey", "rsa-pss", "-sigopt", "rsa_pss_saltlen:32"],
            "RSA-PSS-2048",
            "SHA256-RSA-PSS",
            Verdict::Good,
        ),
        (curve("ec_paramgen_curve:P-256"), "EC-256", "ECDSA-SHA256", Verdict::Good),
        (curve("ec_paramgen_curve:P-384"), "EC-384", "ECDSA-SHA256", Verdict::Good),
        (curve("ec_paramgen_curve:P-521"), "EC-521", "ECDSA-SHA256", Verdict::Good),
        (curve("ec_paramgen_curve:secp256k1"), "EC-secp256k1", "ECDSA-SHA256", Verdict::Good),
        (
            curve("ec_paramgen_curve:brainpoolP384r1"),
            "EC-brainpoolP384r1",
            "ECDSA-SHA256",
            Verdict::Unsupported,
        ),
        (vec!["-newkey", "ed25519"], "ED25519", "ED25519", Verdict::Good),
        (vec!["-newkey", "ed448"], "ED448", "ED448", Verdict::Unsupported),
    ] {
        let der = made(&[&arguments[..], &["-subj", "/CN=a.example"]].concat());
        let certificate = assert_same_as_openssl(&der);
        assert_eq!((certificate.key().to_string().as_str(), certificate.signature()), (key, signature));
        assert_eq!(certificate.verify(certificate.spki_der()), verdict, "{key} {signature}");
        assert!(chain::is_self_signed(&certificate), "{key} {signature}");
    }
}

#[test]
fn a_version_one_certificate_is_read() {
    let folder = Folder::new();
    let request = ["req", "-new", "-nodes", "-keyout", "key", "-out", "csr", "-subj", "/CN=old.example"];
    openssl(&folder, &[&request[..], &EC].concat());
    let sign = ["x509", "-req", "-in", "csr", "-signkey", "key", "-outform", "DER", "-out", "crt"];
    openssl(&folder, &sign);
    let certificate = assert_same_as_openssl(&folder.read("crt"));
    assert_eq!((certificate.version(), certificate.extensions().len()), (1, 0));
    assert_eq!(certificate.names(), ["old.example"]);
}

#[test]
fn extensions_made_by_openssl_are_readable() {
    let der = made_ec(&[
        "-subj",
        "/CN=a.example",
        "-addext",
        "subjectAltName=DNS:a.example,IP:2001:db8::1,email:a@b.example,URI:urn:x,RID:1.2.3,otherName:1.2.3.4;UTF8:u",
        "-addext",
        "keyUsage=critical,digitalSignature,decipherOnly,keyAgreement",
        "-addext",
        "extendedKeyUsage=serverAuth,1.2.3.4",
        "-addext",
        "nameConstraints=permitted;DNS:.example,excluded;IP:10.0.0.0/255.0.0.0",
        "-addext",
        "tlsfeature=status_request",
        "-addext",
        "nsComment=made by hand",
        "-addext",
        "authorityInfoAccess=OCSP;URI:http://ocsp.example",
        "-addext",
        "1.2.3.4.5=ASN1:UTF8String:odd",
    ]);
    let certificate = assert_same_as_openssl(&der);
    let sans: Vec<String> = certificate.sans().iter().map(ToString::to_string).collect();
    let expected =
        ["DNS:a.example", "IP:2001:db8::1", "email:a@b.example", "URI:urn:x", "RID:1.2.3", "other:1.2.3.4:u"];
    assert_eq!(sans, expected);
    assert_eq!(certificate.key_usage(), ["digitalSignature", "keyAgreement", "decipherOnly"]);
    assert_eq!(certificate.extended_key_usage(), ["serverAuth", "1.2.3.4"]);
    let extensions = certificate.extensions();
    let lines = |name: &str| extensions.iter().find(|one| one.name == name).unwrap().lines.clone();
    assert_eq!(lines("Name constraints"), ["permitted: DNS:.example", "excluded: IP:10.0.0.0/8"]);
    assert_eq!(lines("TLS feature"), ["status_request (must staple)"]);
    assert_eq!(lines("Netscape comment"), ["made by hand"]);
    assert_eq!(lines("Authority information access"), ["OCSP: URI:http://ocsp.example"]);
    assert_eq!(lines("1.2.3.4.5"), ["0c 03 6f 64 64"]);
}

#[test]
fn a_request_and_a_list_made_by_openssl_are_read() {
    let folder = Folder::new();
    folder.write(
        "config",
        "[ca]\ndefault_ca=c\n[c]\ndatabase=index\ndefault_md=sha256\ndefault_crl_days=30\ncrlnumber=number\n",
    );
    folder.write("index", "R\t300101000000Z\t260101000000Z\t2A\tunknown\t/CN=x\n");
    folder.write("number", "012C\n");
    let common = ["-nodes", "-keyout", "key", "-subj", "/O=Halden/CN=ca.example"];
    openssl(&folder, &[&["req", "-x509", "-out", "crt"][..], &common, &EC].concat());
    openssl(
        &folder,
        &["ca", "-config", "config", "-gencrl", "-keyfile", "key", "-cert", "crt", "-out", "crl.pem"],
    );
    openssl(&folder, &["crl", "-in", "crl.pem", "-outform", "DER", "-out", "crl"]);
    let issuer = Certificate::from_der(&ders(std::str::from_utf8(&folder.read("crt")).unwrap())[0]).unwrap();
    let list = CertificateList::from_der(&folder.read("crl")).unwrap();
    assert_eq!((list.issuer(), list.revoked(), list.number()), ("CN=ca.example,O=Halden", 1, Some("012c")));
    assert_eq!(list.verify(&issuer), Verdict::Good);

    let names = "subjectAltName=DNS:a.example,DNS:b.example";
    let request = ["req", "-new", "-outform", "DER", "-out", "csr", "-addext", names];
    openssl(&folder, &[&request[..], &common, &EC].concat());
    let request = CertificateRequest::from_der(&folder.read("csr")).unwrap();
    assert_eq!((request.subject(), request.key()), ("CN=ca.example,O=Halden", &Key::Ec(256)));
    assert_eq!((request.names().len(), request.verify()), (2, Verdict::Good));
    assert!(matches!(Inspected::from(&request), Inspected::CertificateRequest(_)));
}
