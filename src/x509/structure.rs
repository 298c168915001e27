//! The outer structure of signed objects, and of a certificate field by field (RFC 5280 §4.1).
//!
//! Written by hand over `tlv` for three reasons: an error names the field that is broken; what is merely odd
//! (a malformed attribute in a name, an extension that breaks its own syntax) passes; and an import spends its
//! time on hashing, not on building trees that it drops. `tests/it/x509.rs` holds it against OpenSSL,
//! `properties` against the parser library.

use time::OffsetDateTime;

use super::signature::{self, Verdict};
use super::validity::{self, Validity};
use super::{Error, tlv};

const OBJECT: &str = "certificate";

/// The parts of one certificate, as they are in the DER.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Structure<'a> {
    /// 1, 2 or 3 as people count it.
    pub version: u32,
    /// The content of the serial's `INTEGER`.
    pub serial: &'a [u8],
    pub issuer: &'a [u8],
    pub validity: Validity,
    pub subject: &'a [u8],
    pub spki: &'a [u8],
    /// The content of the list of extensions; empty if there is none.
    pub extensions: &'a [u8],
    /// The `AlgorithmIdentifier` of the signature.
    pub algorithm: &'a [u8],
}

impl<'a> Structure<'a> {
    /// Reads exactly one certificate; the error names the first field that is not what it should be.
    pub(crate) fn read(der: &'a [u8]) -> Result<Structure<'a>, Error> {
        let Signed { content, algorithm, .. } = Signed::read(OBJECT, der)?;
        let mut inner = tlv::elements(content);
        let version = version(&mut inner)?;
        let serial = field(OBJECT, &mut inner, tlv::INTEGER, "serial")?.value;
        field(OBJECT, &mut inner, tlv::SEQUENCE, "signature")?;
        let issuer = field(OBJECT, &mut inner, tlv::SEQUENCE, "issuer")?.raw;
        let validity = dates(field(OBJECT, &mut inner, tlv::SEQUENCE, "validity")?.value)?;
        let subject = field(OBJECT, &mut inner, tlv::SEQUENCE, "subject")?.raw;
        let spki = field(OBJECT, &mut inner, tlv::SEQUENCE, "subject_public_key_info")?.raw;
        let extensions = extensions(inner)?;
        Ok(Structure { version, serial, issuer, validity, subject, spki, extensions, algorithm })
    }
}

/// What certificates, requests and lists have in common: a content, an algorithm and a signature.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    /// What the signature is over.
    pub signed: &'a [u8],
    /// The same without its own tag and length.
    pub content: &'a [u8],
    /// The `AlgorithmIdentifier` of the signature.
    pub algorithm: &'a [u8],
    /// The content of the signature's `BIT STRING`.
    pub signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads exactly one signed object; errors speak of `object`.
    pub(crate) fn read(object: &'static str, der: &'a [u8]) -> Result<Signed<'a>, Error> {
        let mut whole = tlv::elements(der);
        let cut = || Error::unreadable(object, "it is no DER sequence or is cut short");
        let outer = whole.next_if(tlv::SEQUENCE).ok_or_else(cut)?;
        if !whole.rest().is_empty() {
            return Err(Error::Trailing { object, extra: whole.rest().len() });
        }
        let mut outer = tlv::elements(outer.value);
        let signed = field(object, &mut outer, tlv::SEQUENCE, "the signed part")?;
        let algorithm = field(object, &mut outer, tlv::SEQUENCE, "the signature algorithm")?.raw;
        let signature = field(object, &mut outer, tlv::BIT_STRING, "the signature")?.value;
        if !outer.rest().is_empty() {
            return Err(Error::unreadable(object, "something follows the signature"));
        }
        Ok(Signed { signed: signed.raw, content: signed.value, algorithm, signature })
    }

    /// Checks the signature with the key of a `SubjectPublicKeyInfo`.
    pub(crate) fn verify(&self, signer_spki: &[u8]) -> Verdict {
        // A signature is whole octets, so no bits are unused.
        let Some(signature) = self.signature.strip_prefix(&[0]) else { return Verdict::Bad };
        signature::verify(signer_spki, self.algorithm, self.signed, signature)
    }
}

/// The next field, which must be there with this tag.
pub(crate) fn field<'a>(
    object: &'static str,
    fields: &mut tlv::Elements<'a>,
    tag: u8,
    name: &str,
) -> Result<tlv::Tlv<'a>, Error> {
    fields.next_if(tag).ok_or_else(|| Error::unreadable(object, format!("{name} is missing or broken")))
}

fn broken(reason: impl Into<String>) -> Error {
    Error::unreadable(OBJECT, reason)
}

/// `[0] EXPLICIT INTEGER`, left out for version 1.
fn version(fields: &mut tlv::Elements<'_>) -> Result<u32, Error> {
    let Some(explicit) = fields.next_if(0xa0) else { return Ok(1) };
    let number = tlv::only(explicit.value, tlv::INTEGER).and_then(tlv::small_integer);
    number.and_then(|number| number.checked_add(1)).ok_or_else(|| broken("version is broken"))
}

fn dates(content: &[u8]) -> Result<Validity, Error> {
    let mut times = tlv::elements(content);
    let mut next = |name: &str| -> Result<OffsetDateTime, Error> {
        let time = times.next().and_then(|time| validity::time(time.raw));
        time.ok_or_else(|| broken(format!("{name} is not a time that can be represented")))
    };
    Ok(Validity { not_before: next("not_before")?, not_after: next("not_after")? })
}

/// After the key only `[1]` and `[2]` unique identifiers and `[3]` extensions may come.
fn extensions(mut fields: tlv::Elements<'_>) -> Result<&[u8], Error> {
    let mut found = &[][..];
    for field in fields.by_ref() {
        match field.tag {
            0x81 | 0x82 | 0xa1 | 0xa2 => {}
            0xa3 => {
                found =
                    tlv::only(field.value, tlv::SEQUENCE).ok_or_else(|| broken("extensions are broken"))?
            }
            other => return Err(broken(format!("unknown field with tag {other:#04x} after the public key"))),
        }
    }
    let mut each = tlv::elements(found);
    each.by_ref().for_each(drop);
    if fields.rest().is_empty() && each.rest().is_empty() {
        Ok(found)
    } else {
        Err(broken("extensions are broken"))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    fn der() -> Vec<u8> {
        let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn reason(der: &[u8]) -> String {
        Structure::read(der).unwrap_err().to_string()
    }

    #[test]
    fn a_cut_or_lengthened_certificate_is_refused() {
        let der = der();
        assert_eq!(
            reason(&der[..der.len() - 1]),
            "certificate is unreadable: it is no DER sequence or is cut short"
        );
        assert_eq!(reason(&[&der[..], &[0, 0]].concat()), "2 bytes follow the end of the certificate");
        assert_eq!(reason(&[]), "certificate is unreadable: it is no DER sequence or is cut short");
        assert_eq!(reason(&[0x30, 0]), "certificate is unreadable: the signed part is missing or broken");
    }

    #[test]
    fn the_broken_field_is_named() {
        let good = der();
        let date = good.windows(2).position(|window| window == [0x17, 13] || window == [0x18, 15]).unwrap();
        let mut der = good.clone();
        der[date + 2] = b'x';
        assert_eq!(
            reason(&der),
            "certificate is unreadable: not_before is not a time that can be represented"
        );
        let start = good.iter().position(|byte| *byte == 0xa0).unwrap();
        let mut der = good.clone();
        der[start + 5] = 0x04;
        assert_eq!(reason(&der), "certificate is unreadable: serial is missing or broken");
        let extensions = good.windows(5).position(|window| window[0] == 0xa3 && window[2] == 0x30).unwrap();
        let mut der = good.clone();
        der[extensions + 2] = 0x31;
        assert_eq!(reason(&der), "certificate is unreadable: extensions are broken");
    }
}
