//! PKCS#7 bundles, `.p7b` and `.p7c`: a CMS SignedData that signs nothing and carries certificates (RFC 5652 §5).
//!
//! Read by hand so that a certificate keeps its exact bytes and one that does not parse does not hide the others.
//! The set loses the order in which certificates were given: DER sorts it (X.690 §11.6).

use der::asn1::ObjectIdentifier;
use thiserror::Error;

use super::ber::{self, CONTEXT_0, CONTEXT_1, INTEGER, OID, Reader, SEQUENCE, SET, put, wrap};

const DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");

/// What a bundle carries, each in its own DER.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Whatever stands in the certificate set; attribute certificates are left out and counted.
    pub certificates: Vec<Vec<u8>>,
    /// The revocation lists.
    pub lists: Vec<Vec<u8>>,
    /// How many values were neither.
    pub others: usize,
}

/// Why a value is not a bundle of certificates.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// The structure is broken.
    #[error("the PKCS#7 bundle cannot be read: {0}")]
    Malformed(String),
    /// CMS, but encrypted, digested or plain content: nothing in it is a certificate.
    #[error("this CMS message is not signed data, so it carries no certificates")]
    NotSignedData,
    /// More entries than the caller takes.
    #[error("the PKCS#7 bundle holds more than {0} certificates")]
    TooMany(usize),
}

impl From<ber::Error> for Error {
    fn from(error: ber::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Takes the certificates and revocation lists, `limit` at most, out of a bundle in DER or BER.
///
/// # Errors
/// When `bytes` is not one CMS SignedData, or holds more.
pub fn read(bytes: &[u8], limit: usize) -> Result<Contents, Error> {
    let bytes = ber::to_definite(bytes)?;
    let mut message = ber::single(&bytes, SEQUENCE)?;
    if message.expect(OID)?.content != SIGNED_DATA.as_bytes() {
        return Err(Error::NotSignedData);
    }
    let mut signed = message.inside(CONTEXT_0)?.inside(SEQUENCE)?;
    signed.expect(INTEGER)?;
    signed.expect(SET)?;
    signed.expect(SEQUENCE)?;
    let mut contents = Contents::default();
    let mut room = limit;
    for (tag, found) in [(CONTEXT_0, &mut contents.certificates), (CONTEXT_1, &mut contents.lists)] {
        let set = signed.optional(tag)?.map(|set| set.content).unwrap_or_default();
        let mut reader = Reader::new(set);
        while !reader.is_empty() {
            let element = reader.any()?;
            room = room.checked_sub(1).ok_or(Error::TooMany(limit))?;
            if element.tag == SEQUENCE {
                found.push(element.whole.to_vec());
            } else {
                contents.others += 1;
            }
        }
    }
    Ok(contents)
}

/// A bundle of these certificates, without a signature ("degenerate", RFC 5652 §5.1).
#[must_use]
pub fn write(certificates: &[&[u8]]) -> Vec<u8> {
    let mut sorted = certificates.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut signed = Vec::new();
    put(&mut signed, INTEGER, &[1]);
    put(&mut signed, SET, &[]);
    put(&mut signed, SEQUENCE, &wrap(OID, DATA.as_bytes()));
    put(&mut signed, CONTEXT_0, &sorted.concat());
    put(&mut signed, SET, &[]);
    let mut message = wrap(OID, SIGNED_DATA.as_bytes());
    put(&mut message, CONTEXT_0, &wrap(SEQUENCE, &signed));
    wrap(SEQUENCE, &message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn certificates_written_are_read_back_sorted_and_once() {
        let (one, two) = (wrap(SEQUENCE, &[5, 0]), wrap(SEQUENCE, &[2, 1, 1]));
        let bundle = write(&[&two, &one, &two]);
        let contents = read(&bundle, 2).unwrap();
        assert_eq!(read(&bundle, 1), Err(Error::TooMany(1)));
        assert_eq!(contents, Contents { certificates: vec![one, two], lists: vec![], others: 0 });
    }

    #[test]
    fn other_messages_say_that_they_carry_no_certificates() {
        let mut message = wrap(OID, DATA.as_bytes());
        put(&mut message, CONTEXT_0, &wrap(ber::OCTET_STRING, b"hello"));
        assert_eq!(read(&wrap(SEQUENCE, &message), 9), Err(Error::NotSignedData));
    }

    #[test]
    fn a_bundle_cut_off_says_so() {
        let bundle = write(&[&wrap(SEQUENCE, &[5, 0])]);
        let error = read(&bundle[..bundle.len() - 3], 9).unwrap_err();
        assert!(error.to_string().contains("it was cut off"), "{error}");
    }

    proptest! {
        #[test]
        fn a_changed_byte_never_panics(place in 0usize..60, value in any::<u8>()) {
            let mut bundle = write(&[&wrap(SEQUENCE, &[5, 0]), &wrap(SEQUENCE, &[2, 1, 1])]);
            let place = place % bundle.len();
            bundle[place] = value;
            let _ = read(&bundle, 9);
        }
    }
}
