//! PEM: the textual form of certificates and keys (RFC 7468), and the older headers of RFC 1421.
//!
//! [`Blocks`] is lazy and holds at most one block: it reads any number of certificates in constant memory. It is
//! lenient about what surrounds the blocks (text, byte order marks, CRLF, UTF-16, indentation) and strict about the
//! blocks themselves; a damaged block is an item that says what is wrong and where, and the reading goes on.

use std::io::{self, BufRead};

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use zeroize::Zeroizing;

use lines::{Lines, without_mark};

mod lines;

/// The most bytes that one block may decode to, unless the caller says otherwise.
pub const MAX_BLOCK: usize = 1 << 20;

/// How much of a line outside a block is kept: enough for the longest BEGIN line.
const MAX_TEXT_LINE: usize = 256;
/// Room that a private key's text takes at most, save for RSA keys beyond 8192 bits.
const KEY_ROOM: usize = 16 << 10;

/// Base64 with or without its padding.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// One block between a BEGIN and an END line.
pub struct Block {
    /// Counts from 1.
    pub number: usize,
    /// The line of BEGIN, from 1.
    pub line: usize,
    /// What stands after BEGIN, such as `CERTIFICATE`.
    pub label: String,
    /// What the block holds.
    pub body: Body,
}

/// What a block holds. Wiped when dropped, because it may be a private key.
pub enum Body {
    /// The decoded bytes.
    Der(Zeroizing<Vec<u8>>),
    /// Encrypted the way old OpenSSL did it, with a `Proc-Type: 4,ENCRYPTED` header: the bytes are ciphertext.
    LegacyEncrypted(Zeroizing<Vec<u8>>),
    /// Cannot be decoded, and why.
    Damaged(String),
    /// Longer than the limit; its content was skipped, not kept.
    TooLarge,
}

impl Block {
    /// Where the block stands, for a person to find it.
    #[must_use]
    pub fn place(&self) -> String {
        format!("PEM block {}, line {}", self.number, self.line)
    }
}

/// The blocks of a text, one at a time.
pub struct Blocks<R> {
    lines: Lines<R>,
    max_block: usize,
    number: usize,
    /// A BEGIN line met inside a block whose END is missing: it opens the next block.
    pending: Option<(String, usize)>,
}

impl<R: BufRead> Blocks<R> {
    /// Reads blocks that decode to at most `max_block` bytes each.
    pub fn new(reader: R, max_block: usize) -> Self {
        Self { lines: Lines::new(reader), max_block, number: 0, pending: None }
    }

    fn begin(&mut self) -> io::Result<Option<(String, usize)>> {
        if let Some(pending) = self.pending.take() {
            return Ok(Some(pending));
        }
        while self.lines.next(MAX_TEXT_LINE)?.is_some() {
            if let Some(label) = self.lines.marker("BEGIN") {
                return Ok(Some((label, self.lines.number())));
            }
        }
        Ok(None)
    }

    fn body(&mut self, label: &str) -> io::Result<Body> {
        let mut content = Content::new(label, self.max_block);
        loop {
            let Some(complete) = self.lines.next(content.room())? else {
                return Ok(content.damaged(format!("the block has no END {label} line: it was cut off")));
            };
            if let Some(next) = self.lines.marker("BEGIN") {
                self.pending = Some((next, self.lines.number()));
                return Ok(
                    content.damaged(format!("the block has no END {label} line before the next BEGIN"))
                );
            }
            match self.lines.marker("END") {
                Some(end) if end == label => return Ok(content.finish()),
                Some(end) => {
                    return Ok(content.damaged(format!("the block ends with END {end}, not END {label}")));
                }
                None => content.add(self.lines.trimmed(), self.lines.number(), complete),
            }
        }
    }
}

impl<R: BufRead> Iterator for Blocks<R> {
    type Item = io::Result<Block>;

    fn next(&mut self) -> Option<Self::Item> {
        let (label, line) = match self.begin() {
            Ok(begin) => begin?,
            Err(error) => return Some(Err(error)),
        };
        self.number = self.number.saturating_add(1);
        let number = self.number;
        Some(self.body(&label).map(|body| Block { number, line, label, body }))
    }
}

/// One block, with its line breaks, as RFC 7468 §2 writes it.
#[must_use]
pub fn write(label: &str, der: &[u8]) -> String {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut text = String::with_capacity(body.len() + body.len() / 64 + 2 * label.len() + 40);
    text.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str(&format!("-----END {label}-----\n"));
    text
}

/// Decodes base64 that has no BEGIN and END around it; `None` if it is anything else.
#[must_use]
pub fn decode_bare(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let text = without_mark(text).iter().copied().filter(|byte| *byte != 0 && !byte.is_ascii_whitespace());
    let text = Zeroizing::new(text.collect::<Vec<u8>>());
    LENIENT.decode(&*text).ok().filter(|der| !der.is_empty()).map(Zeroizing::new)
}

/// True if a BEGIN line stands somewhere in `bytes`, be it UTF-8 or UTF-16.
#[must_use]
pub fn is_armoured(bytes: &[u8]) -> bool {
    Blocks::new(bytes, 0).begin().is_ok_and(|begin| begin.is_some())
}

/// The base64 of one block while it is collected.
struct Content {
    base64: Zeroizing<Vec<u8>>,
    max_base64: usize,
    legacy: bool,
    too_large: bool,
    bad_line: Option<usize>,
}

impl Content {
    fn new(label: &str, max_block: usize) -> Self {
        let max_base64 = max_block.saturating_add(2) / 3 * 4;
        // A buffer that grows leaves copies behind that nobody wipes: a key gets its room at once.
        let room = if label.ends_with("PRIVATE KEY") { KEY_ROOM } else { 0 };
        let base64 = Zeroizing::new(Vec::with_capacity(room));
        Self { base64, max_base64, legacy: false, too_large: false, bad_line: None }
    }

    /// How much of the next line is worth keeping: what still fits, and always enough to see a marker.
    fn room(&self) -> usize {
        if self.too_large { MAX_TEXT_LINE } else { self.max_base64 - self.base64.len() + MAX_TEXT_LINE }
    }

    fn add(&mut self, line: &[u8], number: usize, complete: bool) {
        // RFC 1421 headers stand before the base64 and hold a colon, which base64 never does.
        if self.base64.is_empty() && line.contains(&b':') {
            self.legacy |= line.starts_with(b"Proc-Type:") && line.ends_with(b"ENCRYPTED");
            return;
        }
        if !complete || self.base64.len() + line.len() > self.max_base64 {
            self.too_large = true;
            self.base64 = Zeroizing::default();
        }
        if self.too_large {
            return;
        }
        let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if self.bad_line.is_none() && !line.iter().filter(|byte| !byte.is_ascii_whitespace()).all(is_base64) {
            self.bad_line = Some(number);
        }
        self.base64.extend(line.iter().filter(|byte| !byte.is_ascii_whitespace()));
    }

    fn damaged(self, reason: String) -> Body {
        if self.too_large { Body::TooLarge } else { Body::Damaged(reason) }
    }

    fn finish(self) -> Body {
        if let Some(line) = self.bad_line {
            return self.damaged(format!("line {line} is not base64"));
        }
        if self.too_large {
            return Body::TooLarge;
        }
        match LENIENT.decode(&*self.base64).map(Zeroizing::new) {
            Ok(der) if der.is_empty() => Body::Damaged("the block is empty".to_owned()),
            Ok(der) if self.legacy => Body::LegacyEncrypted(der),
            Ok(der) => Body::Der(der),
            Err(_) => {
                Body::Damaged("its base64 is incomplete or has characters in the wrong place".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(text: &[u8]) -> Vec<Block> {
        Blocks::new(text, MAX_BLOCK).map(|block| block.unwrap()).collect()
    }

    fn only(text: &[u8]) -> Body {
        let mut found = blocks(text);
        assert_eq!(found.len(), 1);
        found.remove(0).body
    }

    fn damage(text: &str) -> String {
        match only(text.as_bytes()) {
            Body::Damaged(reason) => reason,
            _ => panic!("not damaged"),
        }
    }

    fn der(body: Body) -> Vec<u8> {
        match body {
            Body::Der(der) => der.to_vec(),
            Body::Damaged(reason) => panic!("{reason}"),
            _ => panic!("no DER"),
        }
    }

    #[test]
    fn what_is_written_is_read_back_with_its_place() {
        let text = format!(
            "subject=x\r\n\r\n{}text\n{}",
            write("CERTIFICATE", &[1; 100]),
            write("X509 CRL", &[2; 48])
        );
        let found = blocks(text.as_bytes());
        assert_eq!(found[0].place(), "PEM block 1, line 3");
        assert_eq!(found[1].place(), "PEM block 2, line 9");
        assert_eq!(found[1].label, "X509 CRL");
        let bodies: Vec<_> = found.into_iter().map(|block| der(block.body)).collect();
        assert_eq!(bodies, [vec![1; 100], vec![2; 48]]);
        assert!(text.lines().all(|line| line.len() <= 64));
    }

    #[test]
    fn marks_crlf_indentation_and_utf16_do_not_disturb() {
        let text = write("CERTIFICATE", &[9; 70]);
        let little: Vec<u8> =
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> =
            "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_be_bytes).collect();
        let variants = [
            format!("\u{feff}{text}").into_bytes(),
            text.replace('\n', "\r\n").into_bytes(),
            text.lines().map(|line| format!("    {line}  \n")).collect::<String>().into_bytes(),
            text.trim_end().as_bytes().to_vec(),
            little,
            big,
        ];
        for variant in variants {
            assert!(is_armoured(&variant));
            assert_eq!(der(only(&variant)), [9; 70]);
        }
    }

    #[test]
    fn padding_may_be_missing() {
        assert_eq!(der(only(b"-----BEGIN X-----\nAQ\n-----END X-----\n")), [1]);
    }

    #[test]
    fn damaged_blocks_say_what_is_wrong_and_do_not_hide_the_next() {
        assert_eq!(damage("-----BEGIN X-----\nAQ==\n"), "the block has no END X line: it was cut off");
        assert_eq!(damage("\n-----BEGIN X-----\nAQ==\nA!==\n-----END X-----"), "line 4 is not base64");
        assert_eq!(
            damage("-----BEGIN X-----\nAQ==\n-----END Y-----"),
            "the block ends with END Y, not END X"
        );
        assert_eq!(damage("-----BEGIN X-----\n-----END X-----"), "the block is empty");
        assert!(damage("-----BEGIN X-----\nAQAAA\n-----END X-----").contains("base64"));
        let found = blocks(b"-----BEGIN X-----\nAQ==\n-----BEGIN Y-----\nAg==\n-----END Y-----\n");
        assert!(matches!(&found[0].body, Body::Damaged(reason) if reason.contains("before the next BEGIN")));
        assert_eq!((found[1].label.as_str(), found[1].line), ("Y", 3));
    }

    #[test]
    fn legacy_encryption_is_seen() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: DES-EDE3-CBC,00\n\nAQ==\n-----END RSA PRIVATE KEY-----\n";
        assert!(matches!(only(text.as_bytes()), Body::LegacyEncrypted(_)));
    }

    #[test]
    fn an_endless_block_is_skipped_and_the_next_is_read() {
        let mut text = b"-----BEGIN X-----\n".to_vec();
        text.extend(b"QUFB".repeat(1 << 20));
        text.extend(b"\n".iter().chain(write("CERTIFICATE", &[5; 10]).as_bytes()));
        let found = blocks(&text);
        assert!(matches!(found[0].body, Body::TooLarge));
        assert_eq!(found[1].label, "CERTIFICATE");
        assert!(matches!(
            only(&b"QUFB\n".repeat(1 << 20).splice_front(b"-----BEGIN X-----\n")),
            Body::TooLarge
        ));
    }

    #[test]
    fn a_block_of_exactly_the_limit_is_read() {
        let text = write("X", &[1; 99]);
        let body = |limit| Blocks::new(text.as_bytes(), limit).next().unwrap().unwrap().body;
        assert!(matches!(body(99), Body::Der(_)));
        assert!(matches!(body(96), Body::TooLarge));
    }

    #[test]
    fn bare_base64_is_decoded_and_other_text_is_not() {
        assert_eq!(*decode_bare(b"\xef\xbb\xbfAQID\r\nBA==\r\n").unwrap(), [1, 2, 3, 4]);
        assert!(decode_bare(b"hello, world").is_none());
        assert!(decode_bare(b" \n").is_none());
    }

    trait SpliceFront {
        fn splice_front(self, front: &[u8]) -> Vec<u8>;
    }

    impl SpliceFront for Vec<u8> {
        fn splice_front(mut self, front: &[u8]) -> Vec<u8> {
            self.splice(0..0, front.iter().copied());
            self
        }
    }

    proptest! {
        #[test]
        fn any_bytes_between_markers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut text = b"-----BEGIN CERTIFICATE-----\n".to_vec();
            text.extend(&bytes);
            text.extend(b"\n-----END CERTIFICATE-----\n");
            prop_assert!(!blocks(&text).is_empty());
            blocks(&bytes);
            let _ = decode_bare(&bytes);
        }

        #[test]
        fn any_der_survives_the_round_trip(bytes in proptest::collection::vec(any::<u8>(), 1..300)) {
            prop_assert_eq!(der(only(write("ANY", &bytes).as_bytes())), bytes);
        }
    }
}
