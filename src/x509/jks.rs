//! Java key stores of the type JKS: the format of Java before 9, fixed since the 1990s.
//!
//! A big-endian list of entries and a SHA-1 over the password, a salt of two English words and all that precedes.
//! Certificates are not encrypted. A private key is, in a scheme of Sun's own that protects it badly; it is found
//! and named, never opened. JCEKS differs in what its entries may be (serialised Java objects) and is not read.

use std::collections::HashSet;

use aws_lc_rs::digest;
use thiserror::Error;
use zeroize::Zeroizing;

const MAGIC: u32 = 0xfeed_feed;
const JCEKS_MAGIC: u32 = 0xcece_cece;
const SALT: &[u8] = b"Mighty Aphrodite";
const DIGEST_LENGTH: usize = 20;
const KEY_ENTRY: u32 = 1;
const TRUSTED_ENTRY: u32 = 2;
/// More certificates than any chain has.
const MAX_CHAIN: u32 = 100;

/// One entry of a store.
pub struct Entry {
    /// The name under which Java finds it.
    pub alias: String,
    /// The protected key (an EncryptedPrivateKeyInfo), if it is a key entry.
    pub key: Option<Zeroizing<Vec<u8>>>,
    /// The trusted certificate, or the key's chain with its own certificate first.
    pub certificates: Vec<Vec<u8>>,
}

/// Why a store cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The digest at the end does not agree.
    #[error("the password is wrong, or the key store was changed after it was written")]
    WrongPassword,
    /// A JCEKS store.
    #[error(
        "this is a JCEKS key store, which cannot be read here; convert it: \
         keytool -importkeystore -srckeystore FILE -srcstoretype JCEKS -destkeystore NEW.p12 -deststoretype PKCS12"
    )]
    Jceks,
    /// The structure is broken.
    #[error("the key store is damaged: {0}")]
    Malformed(&'static str),
    /// More entries and certificates than the caller takes.
    #[error("the key store holds more than {0} certificates and keys")]
    TooMany(usize),
    /// An alias to be written is too long for the format.
    #[error("the alias is longer than 65535 bytes")]
    AliasTooLong,
}

/// True if `bytes` begins like a JKS or JCEKS store.
#[must_use]
pub fn is_store(bytes: &[u8]) -> bool {
    let magic = bytes.first_chunk().map(|magic| u32::from_be_bytes(*magic));
    matches!(magic, Some(MAGIC | JCEKS_MAGIC))
}

/// Reads a store of at most `limit` keys and certificates.
///
/// Without a password the certificates are read all the same, as `keytool -list` does: the digest then proves nothing.
///
/// # Errors
/// [`Error::WrongPassword`] when a password is given and the digest does not agree; the others name what is wrong.
pub fn read(bytes: &[u8], password: Option<&str>, limit: usize) -> Result<Vec<Entry>, Error> {
    let mut reader = Reader { rest: bytes };
    match reader.u32()? {
        MAGIC => {}
        JCEKS_MAGIC => return Err(Error::Jceks),
        _ => return Err(Error::Malformed("it does not begin with FEEDFEED")),
    }
    let (body, stored) = bytes.split_last_chunk::<DIGEST_LENGTH>().ok_or(CUT_OFF)?;
    if let Some(password) = password
        && integrity(body, password).as_ref() != stored
    {
        return Err(Error::WrongPassword);
    }
    let mut reader = Reader { rest: body.get(4..).ok_or(CUT_OFF)? };
    let version = reader.u32()?;
    if !matches!(version, 1 | 2) {
        return Err(Error::Malformed("its version is neither 1 nor 2"));
    }
    let mut entries = Vec::new();
    let mut room = limit;
    for _ in 0..reader.u32()? {
        let entry = reader.entry(version)?;
        let size = entry.certificates.len() + usize::from(entry.key.is_some());
        room = room.checked_sub(size).ok_or(Error::TooMany(limit))?;
        entries.push(entry);
    }
    if !reader.rest.is_empty() {
        return Err(Error::Malformed("bytes follow its last entry"));
    }
    Ok(entries)
}

/// A store of trusted certificates, each under its alias; `created` is when they were put in, in Unix milliseconds.
///
/// Java compares aliases in lower case, so they are written so; of two equal ones the later gets a number.
///
/// # Errors
/// [`Error::AliasTooLong`].
pub fn write(certificates: &[(&str, &[u8])], created: u64, password: &str) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let count = u32::try_from(certificates.len()).map_err(|_| Error::TooMany(u32::MAX as usize))?;
    out.extend([MAGIC, 2, count].into_iter().flat_map(u32::to_be_bytes));
    let mut used = HashSet::new();
    for (alias, der) in certificates {
        out.extend(TRUSTED_ENTRY.to_be_bytes());
        put_text(&mut out, &unique(&mut used, &alias.to_lowercase()))?;
        out.extend(created.to_be_bytes());
        put_text(&mut out, "X.509")?;
        out.extend(
            u32::try_from(der.len())
                .map_err(|_| Error::Malformed("a certificate is too large"))?
                .to_be_bytes(),
        );
        out.extend_from_slice(der);
    }
    let digest = integrity(&out, password);
    out.extend_from_slice(digest.as_ref());
    Ok(out)
}

/// `alias`, or `alias (2)` and so on if it is taken already.
pub(crate) fn unique(used: &mut HashSet<String>, alias: &str) -> String {
    let mut candidate = alias.to_owned();
    let mut number = 2_u64;
    while !used.insert(candidate.clone()) {
        candidate = format!("{alias} ({number})");
        number += 1;
    }
    candidate
}

fn integrity(body: &[u8], password: &str) -> digest::Digest {
    let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    context.update(&Zeroizing::new(password.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>()));
    context.update(SALT);
    context.update(body);
    context.finish()
}

/// Text as Java's `DataOutput.writeUTF`: UTF-8 of each UTF-16 unit on its own, with NUL in two bytes.
fn put_text(out: &mut Vec<u8>, text: &str) -> Result<(), Error> {
    let mut bytes = Vec::with_capacity(text.len());
    for unit in text.encode_utf16() {
        let low = |shift: u16| 0x80 | u8::try_from(unit >> shift & 0x3f).unwrap_or_default();
        let high = |mark: u8, shift: u16| mark | u8::try_from(unit >> shift).unwrap_or_default();
        match unit {
            1..0x80 => bytes.push(high(0, 0)),
            0 | 0x80..0x800 => bytes.extend([high(0xc0, 6), low(0)]),
            _ => bytes.extend([high(0xe0, 12), low(6), low(0)]),
        }
    }
    out.extend(u16::try_from(bytes.len()).map_err(|_| Error::AliasTooLong)?.to_be_bytes());
    out.extend(bytes);
    Ok(())
}

/// The opposite of [`put_text`]; what is not valid becomes a replacement character.
fn text(bytes: &[u8]) -> String {
    let mut units = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter().copied().map(u16::from);
    while let Some(first) = rest.next() {
        let mut more = || rest.next().unwrap_or_default() & 0x3f;
        units.push(match first {
            0..0x80 => first,
            0xc0..0xe0 => (first & 0x1f) << 6 | more(),
            0xe0..0xf0 => (first & 0x0f) << 12 | more() << 6 | more(),
            _ => 0xfffd,
        });
    }
    String::from_utf16_lossy(&units)
}

const CUT_OFF: Error = Error::Malformed("it was cut off");

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(CUT_OFF)?;
        self.rest = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        let bytes = <[u8; 4]>::try_from(self.take(4)?).map_err(|_| CUT_OFF)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn text(&mut self) -> Result<String, Error> {
        let length = <[u8; 2]>::try_from(self.take(2)?).map_err(|_| CUT_OFF)?;
        self.take(usize::from(u16::from_be_bytes(length))).map(text)
    }

    fn block(&mut self) -> Result<&'a [u8], Error> {
        let length = usize::try_from(self.u32()?).map_err(|_| CUT_OFF)?;
        self.take(length)
    }

    fn certificate(&mut self, version: u32) -> Result<Vec<u8>, Error> {
        if version == 2 && self.text()? != "X.509" {
            return Err(Error::Malformed("a certificate in it is not of the type X.509"));
        }
        self.block().map(<[u8]>::to_vec)
    }

    fn entry(&mut self, version: u32) -> Result<Entry, Error> {
        let kind = self.u32()?;
        let alias = self.text()?;
        self.take(8)?;
        match kind {
            TRUSTED_ENTRY => Ok(Entry { alias, key: None, certificates: vec![self.certificate(version)?] }),
            KEY_ENTRY => {
                let key = Some(Zeroizing::new(self.block()?.to_vec()));
                let length = self.u32()?;
                if length > MAX_CHAIN {
                    return Err(Error::Malformed("a chain in it is longer than 100 certificates"));
                }
                let certificates =
                    (0..length).map(|_| self.certificate(version)).collect::<Result<_, _>>()?;
                Ok(Entry { alias, key, certificates })
            }
            _ => Err(Error::Malformed("an entry in it is neither a key nor a certificate")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn store() -> Vec<u8> {
        write(&[("Wurzel ä😀", b"one"), ("root", b"two"), ("ROOT", b"three")], 0, "geheim").unwrap()
    }

    #[test]
    fn a_store_written_is_read_back_with_aliases_made_distinct() {
        let entries = read(&store(), Some("geheim"), 10).unwrap();
        let seen: Vec<_> = entries.iter().map(|e| (e.alias.as_str(), e.certificates[0].as_slice())).collect();
        let expected: [(&str, &[u8]); 3] = [("wurzel ä😀", b"one"), ("root", b"two"), ("root (2)", b"three")];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_wrong_password_is_refused_and_none_reads_the_certificates() {
        assert_eq!(read(&store(), Some("falsch"), 10).err(), Some(Error::WrongPassword));
        assert_eq!(read(&store(), None, 10).unwrap().len(), 3);
    }

    #[test]
    fn jceks_is_explained() {
        let error = read(&[0xce, 0xce, 0xce, 0xce, 0, 0], None, 10).err().unwrap();
        assert!(error.to_string().contains("keytool -importkeystore"));
    }

    #[test]
    fn more_entries_than_the_limit_are_refused() {
        assert_eq!(read(&store(), None, 2).err(), Some(Error::TooMany(2)));
        assert_eq!(read(&store(), None, 3).unwrap().len(), 3);
    }

    #[test]
    fn a_store_cut_off_anywhere_is_an_error() {
        let store = store();
        for length in 0..store.len() {
            assert!(read(&store[..length], None, 10).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_count_without_entries_costs_nothing() {
        let mut bomb = [MAGIC, 2, u32::MAX].into_iter().flat_map(u32::to_be_bytes).collect::<Vec<_>>();
        bomb.extend([0; 20]);
        assert_eq!(read(&bomb, None, 10).err(), Some(CUT_OFF));
    }

    proptest! {
        #[test]
        fn aliases_survive(alias in "\\PC{0,40}") {
            let lower = alias.to_lowercase();
            let store = write(&[(&alias, b"x")], 5, "p").unwrap();
            prop_assert_eq!(&read(&store, Some("p"), 1).unwrap()[0].alias, &lower);
        }

        #[test]
        fn a_changed_byte_never_panics(place in 0usize..120, value in any::<u8>()) {
            let mut bytes = store();
            let place = place % bytes.len();
            bytes[place] = value;
            let _ = read(&bytes, None, 10);
        }
    }
}
