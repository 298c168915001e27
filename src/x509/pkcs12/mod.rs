//! PKCS#12 files, `.p12` and `.pfx`: certificates and keys under one password (RFC 7292).
//!
//! Written by p12-keystore. Read by hand: every key derivation is paid from one [`Work`] before it is computed, also
//! those that only show once an outer layer is open, and one bag that cannot be read does not hide the others.

use der::asn1::ObjectIdentifier;
use zeroize::Zeroizing;

use super::ber::{
    self, BMP_STRING, CONTEXT_0, CONTEXT_0_PRIMITIVE, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, SET,
};
use super::pbe::{self, Password, Work};
use super::private_key;

pub use error::Error;
pub use write::{WriteError, write, write_with_key};

mod error;
mod write;

/// How deep SafeContents bags may nest.
const MAX_DEPTH: usize = 4;

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const ENCRYPTED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.6");
const KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.1");
const SHROUDED_KEY_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.2");
const CERTIFICATE_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.3");
const LIST_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.4");
const NESTED_BAG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.10.1.6");
const X509_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.22.1");
const X509_LIST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.23.1");
const FRIENDLY_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.20");

/// One bag of a file.
pub struct Bag {
    /// Its friendly name.
    pub alias: Option<String>,
    /// What it holds.
    pub content: Content,
}

/// What a bag holds.
pub enum Content {
    /// A certificate's DER, not yet parsed.
    Certificate(Vec<u8>),
    /// A revocation list's DER, not yet parsed.
    CertificateList(Vec<u8>),
    /// A key, PKCS#8; `encrypted` if the password did not open it.
    PrivateKey {
        /// PKCS#8, or an EncryptedPrivateKeyInfo.
        der: Zeroizing<Vec<u8>>,
        /// Whether it still needs a password.
        encrypted: bool,
    },
    /// A bag, or a whole encrypted part, that cannot be read, and why.
    Unreadable(String),
}

/// True if `bytes` have the outer shape of a PKCS#12 file: version 3, then a content.
#[must_use]
pub fn is_file(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    let inside =
        reader.inside(SEQUENCE).and_then(|mut pfx| Ok((pfx.number()?, pfx.inside(SEQUENCE)?.expect(OID)?)));
    inside.is_ok_and(|(version, _)| version == 3)
}

/// Opens a file of at most `limit` bags, all of them in order and with duplicates.
///
/// Without a password the empty one is tried, which is what programs write when they are given none.
pub(crate) fn read(
    bytes: &[u8],
    password: Option<&str>,
    limit: usize,
    work: &mut Work,
) -> Result<Vec<Bag>, Error> {
    let bytes = ber::to_definite(bytes)?;
    let mut pfx = ber::single(&bytes, SEQUENCE)?;
    if pfx.number()? != 3 {
        return Err(Error::Unsupported("its version is not 3".to_owned()));
    }
    let mut content = pfx.inside(SEQUENCE)?;
    if content.expect(OID)?.content != DATA.as_bytes() {
        return Err(Error::Unsupported("it is protected by a signature, not by a password".to_owned()));
    }
    let safes = content.inside(CONTEXT_0)?.expect(OCTET_STRING)?.content;
    let closed = if password.is_none() { Error::PasswordNeeded } else { Error::WrongPassword };
    let mac = pfx.optional(SEQUENCE)?.map(|mac| mac.content);
    let password =
        matching_password(mac, safes, password.unwrap_or_default(), work)?.ok_or(closed.clone())?;
    let mut opening = Opening { password, work, limit, bags: Vec::new(), proven: mac.is_some() };
    let safes = ber::to_definite(safes)?;
    let mut safes = ber::single(&safes, SEQUENCE)?;
    while !safes.is_empty() {
        opening.safe(safes.inside(SEQUENCE)?).map_err(|error| match error {
            Error::WrongPassword => closed.clone(),
            other => other,
        })?;
    }
    Ok(opening.bags)
}

/// The spelling of the password that the MAC agrees with; without a MAC, the plain one.
fn matching_password(
    mac: Option<&[u8]>,
    safes: &[u8],
    password: &str,
    work: &mut Work,
) -> Result<Option<Password>, Error> {
    let Some(mac) = mac else { return Ok(Some(Password::new(password))) };
    let mut candidates = vec![Password::new(password)];
    if password.is_empty() {
        candidates.push(Password::absent());
    }
    for candidate in candidates {
        match pbe::verify_mac(mac, safes, &candidate, work) {
            Ok(()) => return Ok(Some(candidate)),
            Err(pbe::Error::WrongPassword) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// A file while its parts are opened.
struct Opening<'w> {
    password: Password,
    work: &'w mut Work,
    limit: usize,
    bags: Vec<Bag>,
    /// The password agreed with the MAC, or has opened something: what stays closed is then a fault of that part.
    proven: bool,
}

impl Opening<'_> {
    fn push(&mut self, alias: Option<String>, content: Content) -> Result<(), Error> {
        if self.bags.len() >= self.limit {
            return Err(Error::TooMany(self.limit));
        }
        self.bags.push(Bag { alias, content });
        Ok(())
    }

    /// One ContentInfo of the AuthenticatedSafe.
    fn safe(&mut self, mut safe: Reader<'_>) -> Result<(), Error> {
        let kind = safe.expect(OID)?.content;
        let mut content = safe.inside(CONTEXT_0)?;
        if kind == DATA.as_bytes() {
            return self.bags(content.expect(OCTET_STRING)?.content, 0);
        }
        if kind != ENCRYPTED_DATA.as_bytes() {
            return self.push(None, Content::Unreadable("a part is encrypted to a public key".to_owned()));
        }
        let mut encrypted = content.inside(SEQUENCE)?;
        encrypted.expect(INTEGER)?;
        let mut info = encrypted.inside(SEQUENCE)?;
        info.expect(OID)?;
        let algorithm = info.expect(SEQUENCE)?.content;
        let ciphertext = encrypted_content(&mut info)?;
        match pbe::decrypt(algorithm, &ciphertext, &self.password, self.work) {
            Ok(plain) => {
                self.proven = true;
                self.bags(&plain, 0)
            }
            Err(error @ (pbe::Error::WrongPassword | pbe::Error::Unsupported(_))) if self.proven => {
                self.push(None, Content::Unreadable(format!("an encrypted part cannot be opened: {error}")))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The bags of one SafeContents.
    fn bags(&mut self, safe: &[u8], depth: usize) -> Result<(), Error> {
        let safe = ber::to_definite(safe)?;
        let mut bags = ber::single(&safe, SEQUENCE)?;
        while !bags.is_empty() {
            let bag = bags.expect(SEQUENCE)?;
            self.bag(Reader::new(bag.content), depth)?;
        }
        Ok(())
    }

    fn bag(&mut self, mut bag: Reader<'_>, depth: usize) -> Result<(), Error> {
        let kind = bag.expect(OID)?.content;
        let value = bag.expect(CONTEXT_0)?.content;
        let alias = bag.optional(SET)?.and_then(|attributes| friendly_name(attributes.content));
        let content = match kind {
            kind if kind == NESTED_BAG.as_bytes() && depth < MAX_DEPTH => return self.bags(value, depth + 1),
            kind if kind == CERTIFICATE_BAG.as_bytes() => match wrapped(value, &X509_CERTIFICATE) {
                Some(der) => Content::Certificate(der.to_vec()),
                None => Content::Unreadable("the certificate in this bag is not X.509".to_owned()),
            },
            kind if kind == LIST_BAG.as_bytes() => match wrapped(value, &X509_LIST) {
                Some(der) => Content::CertificateList(der.to_vec()),
                None => Content::Unreadable("the revocation list in this bag is not X.509".to_owned()),
            },
            kind if kind == KEY_BAG.as_bytes() => {
                Content::PrivateKey { der: Zeroizing::new(value.to_vec()), encrypted: false }
            }
            kind if kind == SHROUDED_KEY_BAG.as_bytes() => self.shrouded(value),
            _ => Content::Unreadable("this bag holds neither a certificate nor a private key".to_owned()),
        };
        self.push(alias, content)
    }

    /// A key under the password, or as it is found when that does not open it.
    fn shrouded(&mut self, value: &[u8]) -> Content {
        match private_key::open(value, &self.password, self.work) {
            Ok(der) => Content::PrivateKey { der, encrypted: false },
            Err(_) => Content::PrivateKey { der: Zeroizing::new(value.to_vec()), encrypted: true },
        }
    }
}

/// The ciphertext of an EncryptedContentInfo: one string, or the segments that BER allows.
fn encrypted_content(info: &mut Reader<'_>) -> Result<Vec<u8>, ber::Error> {
    if let Some(whole) = info.optional(CONTEXT_0_PRIMITIVE)? {
        return Ok(whole.content.to_vec());
    }
    let mut segments = info.inside(CONTEXT_0)?;
    let mut ciphertext = Vec::new();
    while !segments.is_empty() {
        ciphertext.extend_from_slice(segments.expect(OCTET_STRING)?.content);
    }
    Ok(ciphertext)
}

/// The DER in a certificate bag or list bag, if it is of this type.
fn wrapped<'a>(value: &'a [u8], kind: &ObjectIdentifier) -> Option<&'a [u8]> {
    let mut reader = ber::single(value, SEQUENCE).ok()?;
    let is_kind = reader.expect(OID).ok()?.content == kind.as_bytes();
    let der = reader.inside(CONTEXT_0).ok()?.expect(OCTET_STRING).ok()?.content;
    is_kind.then_some(der)
}

fn friendly_name(attributes: &[u8]) -> Option<String> {
    let mut reader = Reader::new(attributes);
    while !reader.is_empty() {
        let mut attribute = reader.inside(SEQUENCE).ok()?;
        if attribute.expect(OID).ok()?.content == FRIENDLY_NAME.as_bytes() {
            let name = attribute.inside(SET).ok()?.expect(BMP_STRING).ok()?.content;
            let units: Vec<u16> =
                name.as_chunks::<2>().0.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            return Some(String::from_utf16_lossy(&units)).filter(|name| !name.is_empty());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::ber::{put, wrap};
    use super::*;

    const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
    const SHA_3DES: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.12.1.3");

    fn sequence(parts: &[Vec<u8>]) -> Vec<u8> {
        wrap(SEQUENCE, &parts.concat())
    }

    fn oid(oid: &ObjectIdentifier) -> Vec<u8> {
        wrap(OID, oid.as_bytes())
    }

    fn number(number: u32) -> Vec<u8> {
        wrap(INTEGER, &[&[0], number.to_be_bytes().as_slice()].concat())
    }

    fn content(kind: &ObjectIdentifier, value: &[u8]) -> Vec<u8> {
        sequence(&[oid(kind), wrap(CONTEXT_0, value)])
    }

    fn file(safes: &[Vec<u8>], mac: Option<Vec<u8>>) -> Vec<u8> {
        let safes = wrap(OCTET_STRING, &sequence(safes));
        sequence(&[wrap(INTEGER, &[3]), content(&DATA, &safes), mac.unwrap_or_default()])
    }

    fn bags(bags: &[Vec<u8>]) -> Vec<u8> {
        content(&DATA, &wrap(OCTET_STRING, &sequence(bags)))
    }

    fn mac(iterations: u32) -> Vec<u8> {
        let digest = sequence(&[sequence(&[oid(&SHA256)]), wrap(OCTET_STRING, &[0; 32])]);
        sequence(&[digest, wrap(OCTET_STRING, b"salt"), number(iterations)])
    }

    fn triple_des(iterations: u32) -> Vec<u8> {
        sequence(&[oid(&SHA_3DES), sequence(&[wrap(OCTET_STRING, b"salt"), number(iterations)])])
    }

    fn shrouded_key(iterations: u32) -> Vec<u8> {
        let key = sequence(&[triple_des(iterations), wrap(OCTET_STRING, &[0; 16])]);
        sequence(&[oid(&SHROUDED_KEY_BAG), wrap(CONTEXT_0, &key)])
    }

    fn encrypted(iterations: u32) -> Vec<u8> {
        let mut info = [oid(&DATA), triple_des(iterations)].concat();
        put(&mut info, CONTEXT_0_PRIMITIVE, &[0; 16]);
        content(&ENCRYPTED_DATA, &sequence(&[number(0), wrap(SEQUENCE, &info)]))
    }

    fn open(bytes: &[u8]) -> Result<Vec<Bag>, Error> {
        read(bytes, Some("x"), 100, &mut Work::new())
    }

    #[test]
    fn hostile_iteration_counts_are_refused_wherever_they_stand() {
        let hostile = 0x7fff_ffff;
        for bytes in [file(&[], Some(mac(hostile))), file(&[encrypted(hostile)], None)] {
            assert_eq!(open(&bytes).err(), Some(Error::TooMuchWork(u64::from(hostile))));
        }
        let keys = vec![shrouded_key(hostile); 3];
        let found = open(&file(&[bags(&keys)], None)).unwrap();
        assert!(found.iter().all(|bag| matches!(bag.content, Content::PrivateKey { encrypted: true, .. })));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn many_keys_share_one_budget_and_none_is_lost() {
        let keys = vec![shrouded_key(300_000); 100];
        let found = open(&file(&[bags(&keys)], None)).unwrap();
        assert_eq!(found.len(), 100);
    }

    #[test]
    fn a_bag_that_cannot_be_read_does_not_hide_the_next() {
        let odd = sequence(&[oid(&CERTIFICATE_BAG), wrap(CONTEXT_0, &sequence(&[oid(&DATA)]))]);
        let mut name = vec![0];
        name.extend("ü".encode_utf16().flat_map(u16::to_be_bytes).skip(1));
        let value = sequence(&[oid(&X509_CERTIFICATE), wrap(CONTEXT_0, &wrap(OCTET_STRING, b"der"))]);
        let attribute = sequence(&[oid(&FRIENDLY_NAME), wrap(SET, &wrap(BMP_STRING, &name))]);
        let good = sequence(&[oid(&CERTIFICATE_BAG), wrap(CONTEXT_0, &value), wrap(SET, &attribute)]);
        let found = open(&file(&[bags(&[odd, good])], None)).unwrap();
        assert!(matches!(found[0].content, Content::Unreadable(_)));
        assert!(matches!(&found[1].content, Content::Certificate(der) if der == b"der"));
        assert_eq!(found[1].alias.as_deref(), Some("ü"));
    }

    #[test]
    fn bags_in_bags_have_a_bottom_and_bags_have_a_limit() {
        let mut nested = sequence(&[]);
        for _ in 0..1_000 {
            nested = sequence(&[sequence(&[oid(&NESTED_BAG), wrap(CONTEXT_0, &nested)])]);
        }
        let nested = content(&DATA, &wrap(OCTET_STRING, &nested));
        assert!(matches!(open(&file(&[nested], None)).unwrap()[0].content, Content::Unreadable(_)));
        let many = vec![sequence(&[oid(&DATA), wrap(CONTEXT_0, &[])]); 101];
        assert_eq!(open(&file(&[bags(&many)], None)).err(), Some(Error::TooMany(100)));
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_panics(place in any::<proptest::sample::Index>(), value in any::<u8>()) {
            let mut bytes = file(&[bags(&[shrouded_key(1)]), encrypted(1)], Some(mac(1)));
            let place = place.index(bytes.len());
            bytes[place] = value;
            let _ = open(&bytes);
        }
    }
}
