//! Walks ASN.1 values by hand, for the containers that no library reads leniently enough (X.690).
//!
//! Where `tlv` forgives, because what it reads is only shown, this walk says what is wrong: it decides what is read.
//! The walk only slices: nothing is copied, so what a container holds keeps the exact bytes that were signed.
//! Older Windows, NSS and Java versions write PKCS#7 and PKCS#12 with indefinite lengths and segmented octet
//! strings; [`to_definite`] rewrites those once, and only those, so that the walk knows definite lengths alone.

use std::borrow::Cow;

use thiserror::Error;

/// How deep constructed values may nest before they are refused: real containers stay under ten.
const MAX_DEPTH: usize = 32;

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OID: u8 = 0x06;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;
/// `[0]`, constructed.
pub(crate) const CONTEXT_0: u8 = 0xa0;
/// `[1]`, constructed.
pub(crate) const CONTEXT_1: u8 = 0xa1;
/// `[0] IMPLICIT` of a primitive type.
pub(crate) const CONTEXT_0_PRIMITIVE: u8 = 0x80;

const CONSTRUCTED: u8 = 0x20;
const SEGMENTED_OCTET_STRING: u8 = OCTET_STRING | CONSTRUCTED;

/// Why a value cannot be walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum Error {
    #[error("it says it is {wanted} bytes long and only {present} are there: it was cut off")]
    Truncated { wanted: usize, present: usize },
    #[error("its length field is not valid")]
    Length,
    #[error("it holds an ASN.1 tag that no certificate format uses")]
    Tag,
    #[error("its parts do not have the expected types")]
    Unexpected,
    #[error("its values are nested too deeply")]
    Depth,
    #[error("more bytes follow its end: {0}")]
    Trailing(usize),
}

/// One value: its tag, its content, and both with the header in front.
#[derive(Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    pub(crate) whole: &'a [u8],
}

/// Reads values one after the other from the content of a constructed value.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next value, whatever its type.
    pub(crate) fn any(&mut self) -> Result<Element<'a>, Error> {
        let (tag, header, length) = header(self.rest)?;
        let length = length.ok_or(Error::Length)?;
        let end = header.checked_add(length).ok_or(Error::Length)?;
        let truncated = Error::Truncated { wanted: end, present: self.rest.len() };
        let (whole, rest) = self.rest.split_at_checked(end).ok_or(truncated)?;
        let content = whole.get(header..).ok_or(Error::Length)?;
        self.rest = rest;
        Ok(Element { tag, content, whole })
    }

    /// The next value, which must have this tag.
    pub(crate) fn expect(&mut self, tag: u8) -> Result<Element<'a>, Error> {
        let element = self.any()?;
        if element.tag == tag { Ok(element) } else { Err(Error::Unexpected) }
    }

    /// The next value if it has this tag; otherwise nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Element<'a>>, Error> {
        if self.rest.first() == Some(&tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// The next value's content, read as a constructed value with this tag.
    pub(crate) fn inside(&mut self, tag: u8) -> Result<Reader<'a>, Error> {
        self.expect(tag).map(|element| Reader::new(element.content))
    }

    /// The next value, a non-negative INTEGER that fits 64 bits.
    pub(crate) fn number(&mut self) -> Result<u64, Error> {
        let content = self.expect(INTEGER)?.content;
        let negative = content.first().is_none_or(|byte| byte & 0x80 != 0);
        if negative || content.len() > 9 || (content.len() == 9 && content.first() != Some(&0)) {
            return Err(Error::Unexpected);
        }
        Ok(content.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// Succeeds only if everything was read.
    pub(crate) fn end(self) -> Result<(), Error> {
        if self.rest.is_empty() { Ok(()) } else { Err(Error::Trailing(self.rest.len())) }
    }
}

/// The one value that `bytes` is; nothing may follow it.
pub(crate) fn single(bytes: &[u8], tag: u8) -> Result<Reader<'_>, Error> {
    let mut reader = Reader::new(bytes);
    let inside = reader.inside(tag)?;
    reader.end()?;
    Ok(inside)
}

/// Appends one value to `out`.
pub(crate) fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    out.push(tag);
    match content.len() {
        length @ 0..0x80 => out.extend(u8::try_from(length)),
        length => {
            let bytes = length.to_be_bytes();
            let significant = bytes.iter().skip_while(|byte| **byte == 0);
            out.extend(u8::try_from(significant.clone().count()).map(|count| 0x80 | count));
            out.extend(significant);
        }
    }
    out.extend_from_slice(content);
}

/// One value with its header, as bytes.
pub(crate) fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(content.len().saturating_add(6));
    put(&mut out, tag, content);
    out
}

/// Rewrites indefinite lengths and segmented octet strings; a value that has neither comes back as it is.
pub(crate) fn to_definite(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let (first, rest) = split(bytes, 0)?;
    if !rest.is_empty() {
        return Err(Error::Trailing(rest.len()));
    }
    if !first.needs_rewriting(0) {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut out = Vec::with_capacity(bytes.len());
    rewrite(&first, 0, &mut out)?;
    Ok(Cow::Owned(out))
}

/// A value that may still have an indefinite length.
struct Loose<'a> {
    tag: u8,
    indefinite: bool,
    content: &'a [u8],
    whole: &'a [u8],
}

impl Loose<'_> {
    fn needs_rewriting(&self, depth: usize) -> bool {
        if self.indefinite || self.tag == SEGMENTED_OCTET_STRING {
            return true;
        }
        if self.tag & CONSTRUCTED == 0 || depth >= MAX_DEPTH {
            return false;
        }
        let mut rest = self.content;
        while !rest.is_empty() {
            // What does not parse is left alone here: whoever reads that part says what is wrong with it.
            let Ok((child, after)) = split(rest, depth + 1) else { return false };
            if child.needs_rewriting(depth + 1) {
                return true;
            }
            rest = after;
        }
        false
    }
}

fn rewrite(element: &Loose<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::Depth);
    }
    if !element.needs_rewriting(depth) {
        out.extend_from_slice(element.whole);
        return Ok(());
    }
    let mut content = Vec::with_capacity(element.content.len());
    let mut rest = element.content;
    while !rest.is_empty() {
        let (child, after) = split(rest, depth + 1)?;
        rest = after;
        if element.tag == SEGMENTED_OCTET_STRING {
            let mut segment = Vec::new();
            rewrite(&child, depth + 1, &mut segment)?;
            content.extend_from_slice(Reader::new(&segment).expect(OCTET_STRING)?.content);
        } else {
            rewrite(&child, depth + 1, &mut content)?;
        }
    }
    let tag = if element.tag == SEGMENTED_OCTET_STRING { OCTET_STRING } else { element.tag };
    put(out, tag, &content);
    Ok(())
}

fn split(bytes: &[u8], depth: usize) -> Result<(Loose<'_>, &[u8]), Error> {
    if depth > MAX_DEPTH {
        return Err(Error::Depth);
    }
    let (tag, header, length) = header(bytes)?;
    if length.is_some() {
        let mut reader = Reader::new(bytes);
        let Element { tag, content, whole } = reader.any()?;
        return Ok((Loose { tag, indefinite: false, content, whole }, reader.rest()));
    }
    if tag & CONSTRUCTED == 0 {
        return Err(Error::Length);
    }
    let body = bytes.get(header..).ok_or(Error::Length)?;
    let mut rest = body;
    loop {
        if let Some(after) = rest.strip_prefix(&[0, 0]) {
            let content = body.get(..body.len() - rest.len()).ok_or(Error::Length)?;
            let whole = bytes.get(..bytes.len() - after.len()).ok_or(Error::Length)?;
            return Ok((Loose { tag, indefinite: true, content, whole }, after));
        }
        rest = split(rest, depth + 1)?.1;
    }
}

/// Tag, size of the header, and the length; no length means the indefinite form.
fn header(bytes: &[u8]) -> Result<(u8, usize, Option<usize>), Error> {
    let truncated = |wanted| Error::Truncated { wanted, present: bytes.len() };
    let tag = *bytes.first().ok_or(truncated(2))?;
    if tag & 0x1f == 0x1f || tag == 0 {
        return Err(Error::Tag);
    }
    let first = *bytes.get(1).ok_or(truncated(2))?;
    match first {
        0x80 => Ok((tag, 2, None)),
        0..0x80 => Ok((tag, 2, Some(usize::from(first)))),
        // Four length bytes reach 4 GiB, far over any limit here.
        0x81..=0x84 => {
            let end = 2 + usize::from(first & 0x7f);
            let length = bytes.get(2..end).ok_or(truncated(end))?;
            let length = length.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
            Ok((tag, end, Some(length)))
        }
        _ => Err(Error::Length),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_value_written_is_read_back() {
        for length in [0, 1, 127, 128, 255, 256, 70_000] {
            let content = vec![7; length];
            let bytes = wrap(SEQUENCE, &content);
            assert_eq!(single(&bytes, SEQUENCE).unwrap().rest(), content);
        }
    }

    #[test]
    fn indefinite_lengths_and_segments_become_definite() {
        // SEQUENCE (indefinite) { OCTET STRING (segmented, indefinite) { "ab", "c" }, NULL }
        let loose = [0x30, 0x80, 0x24, 0x80, 4, 2, b'a', b'b', 4, 1, b'c', 0, 0, 5, 0, 0, 0];
        let definite = [0x30, 7, 4, 3, b'a', b'b', b'c', 5, 0];
        assert_eq!(&*to_definite(&loose).unwrap(), definite);
        assert!(matches!(to_definite(&definite).unwrap(), Cow::Borrowed(_)));
    }

    #[test]
    fn a_value_cut_off_says_so() {
        let cut = Reader::new(&[0x30, 0x82, 1, 0, 5]).any().err().unwrap();
        assert_eq!(cut, Error::Truncated { wanted: 260, present: 5 });
    }

    #[test]
    fn deep_nesting_is_refused_in_little_time() {
        let bomb = [0x30, 0x80].repeat(500_000);
        assert_eq!(to_definite(&bomb).unwrap_err(), Error::Depth);
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!(Reader::new(&[2, 4, 0x7f, 0xff, 0xff, 0xff]).number().unwrap(), 0x7fff_ffff);
        assert!(Reader::new(&[2, 1, 0x80]).number().is_err());
        assert!(Reader::new(&[2, 0]).number().is_err());
        assert!(Reader::new(&[2, 9, 1, 0, 0, 0, 0, 0, 0, 0, 0]).number().is_err());
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(definite) = to_definite(&bytes) {
                prop_assert!(definite.len() <= bytes.len() + 64);
            }
        }
    }
}
