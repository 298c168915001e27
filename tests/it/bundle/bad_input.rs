//! Bad input gets a clear sentence, in bounded time and memory, and never a panic.

use notafter::x509::bundle::{self, Error, Limits};
use notafter::x509::pem;

use super::{Workshop, certificates, key, reason};

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
        assert_eq!(certificates(&found), [der.as_slice()], "the good one is not lost");
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

/// One value with a length of four bytes.
fn value(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84], length.as_slice(), content].concat()
}

/// A certificate's outer shape around this signed part.
fn signed(content: &[u8]) -> Vec<u8> {
    value(0x30, &[value(0x30, content), vec![0x30, 0, 0x03, 1, 0]].concat())
}

#[test]
fn bombs_are_answered_in_little_memory() {
    let relative_name = [0x31, 11, 0x30, 9, 0x06, 3, 0x55, 4, 3, 0x0c, 2, b'a', b'b'];
    let name = |count| value(0x30, &relative_name.repeat(count));
    let certificate =
        |count| signed(&[vec![2, 1, 1, 0x30, 0], name(count), vec![0x30, 0], name(count)].concat());
    let revoked = [
        0x30, 18, 2, 1, 1, 0x17, 13, b'2', b'6', b'0', b'1', b'0', b'1', b'0', b'0', b'0', b'0', b'0', b'0',
        b'Z',
    ];
    let time = &revoked[5..];
    let list = |count| signed(&[&[0x30, 0, 0x30, 0], time, &value(0x30, &revoked.repeat(count))].concat());
    let oid = [0x06, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 2];
    let set = [vec![2, 1, 1, 0x31, 0, 0x30, 0], value(0xa0, &[0x30, 0].repeat(5_000_000))].concat();
    let bundle = value(0x30, &[oid.to_vec(), value(0xa0, &value(0x30, &set))].concat());
    let bombs = [
        certificate(400_000),
        certificate(39_000),
        list(500_000),
        list(52_000),
        bundle,
        b"-----BEGIN A-----\nAA==\n-----END A-----\n".repeat(250_000),
        [0x30, 0x80].repeat(5_000_000),
        b"-----BEGIN A-----\n".repeat(500_000),
    ];
    // Of this process, which nextest gives to this test alone.
    let before = memory("VmRSS:");
    for (number, bomb) in bombs.iter().enumerate() {
        let read = bundle::read(bomb, Some("x"), Limits::default());
        let found = read.map(|found| found.len());
        assert!(
            matches!(found, Ok(1) | Err(Error::TooMany { .. } | Error::Unrecognised)),
            "{number}: {found:?}"
        );
    }
    let grown = memory("VmHWM:").saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB");
}

/// A line of this process's memory statistics, in KiB.
fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
