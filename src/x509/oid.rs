//! Object identifiers: their dotted form, and the names that people know them by.

use std::fmt::Write;

/// Writes the content octets of an `OBJECT IDENTIFIER` (X.690 §8.19) as `1.2.840.113549`.
///
/// Octets that are no identifier (none, an unfinished arc, an arc beyond 128 bits) are written as `#` and hex.
pub fn dotted(octets: &[u8]) -> String {
    arcs(octets).unwrap_or_else(|| format!("#{}", hex::encode(octets)))
}

fn arcs(octets: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(octets.len() * 3);
    let mut arc = 0_u128;
    let mut unfinished = true;
    for octet in octets {
        arc = arc.checked_mul(128)? | u128::from(octet & 0x7f);
        unfinished = octet & 0x80 != 0;
        if unfinished {
            continue;
        }
        if text.is_empty() {
            let root = (arc / 40).min(2);
            write!(text, "{root}.{}", arc - root * 40).ok()?;
        } else {
            write!(text, ".{arc}").ok()?;
        }
        arc = 0;
    }
    (!unfinished).then_some(text)
}

/// The short name of a naming attribute as OpenSSL prints it, `CN` for 2.5.4.3.
pub(crate) fn attribute(octets: &[u8]) -> Option<&'static str> {
    match octets {
        [0x55, 0x04, last] => x520_attribute(*last),
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, last] => match last {
            1 => Some("UID"),
            3 => Some("mail"),
            25 => Some("DC"),
            _ => None,
        },
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, last] => match last {
            1 => Some("emailAddress"),
            2 => Some("unstructuredName"),
            8 => Some("unstructuredAddress"),
            _ => None,
        },
        // 1.3.6.1.4.1.311.60.2.1: where an organisation is registered (CA/Browser Forum EV Guidelines §9.2.4)
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x3c, 0x02, 0x01, last] => match last {
            1 => Some("jurisdictionL"),
            2 => Some("jurisdictionST"),
            3 => Some("jurisdictionC"),
            _ => None,
        },
        _ => None,
    }
}

fn x520_attribute(last: u8) -> Option<&'static str> {
    Some(match last {
        3 => "CN",
        4 => "SN",
        5 => "serialNumber",
        6 => "C",
        7 => "L",
        8 => "ST",
        9 => "street",
        10 => "O",
        11 => "OU",
        12 => "title",
        13 => "description",
        15 => "businessCategory",
        16 => "postalAddress",
        17 => "postalCode",
        18 => "postOfficeBox",
        20 => "telephoneNumber",
        41 => "name",
        42 => "GN",
        43 => "initials",
        44 => "generationQualifier",
        45 => "x500UniqueIdentifier",
        46 => "dnQualifier",
        51 => "houseIdentifier",
        65 => "pseudonym",
        72 => "role",
        97 => "organizationIdentifier",
        _ => return None,
    })
}

/// The name of a key purpose (RFC 5280 §4.2.1.12 and common private ones), or its dotted form.
pub(crate) fn purpose(octets: &[u8]) -> String {
    let known = match octets {
        [0x55, 0x1d, 0x25, 0x00] => "anyExtendedKeyUsage",
        [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, last] => match last {
            1 => "serverAuth",
            2 => "clientAuth",
            3 => "codeSigning",
            4 => "emailProtection",
            5 => "ipsecEndSystem",
            6 => "ipsecTunnel",
            7 => "ipsecUser",
            8 => "timeStamping",
            9 => "OCSPSigning",
            17 => "ipsecIKE",
            21 => "secureShellClient",
            22 => "secureShellServer",
            28 => "cmcRA",
            31 => "BrandIndicatorforMessageIdentification",
            36 => "documentSigning",
            _ => return dotted(octets),
        },
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0a, 0x03, 0x03] => "msServerGatedCrypto",
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x0a, 0x03, 0x04] => "msEncryptingFileSystem",
        [0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x14, 0x02, 0x02] => "msSmartcardLogon",
        [0x2b, 0x06, 0x01, 0x05, 0x02, 0x03, 0x05] => "pkInitKDC",
        _ => return dotted(octets),
    };
    known.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_arcs_share_an_octet() {
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d]), "1.2.840.113549");
        assert_eq!(dotted(&[0x55, 0x04, 0x03]), "2.5.4.3");
        assert_eq!(dotted(&[0x88, 0x37, 0x03]), "2.999.3");
        assert_eq!(dotted(&[0x00]), "0.0");
    }

    #[test]
    fn octets_that_are_no_identifier_are_shown_as_hex() {
        assert_eq!(dotted(&[]), "#");
        assert_eq!(dotted(&[0x2a, 0x86]), "#2a86");
        assert!(dotted(&[0xff; 40]).starts_with('#'));
    }

    #[test]
    fn purposes_have_names_or_numbers() {
        assert_eq!(purpose(&[0x2b, 6, 1, 5, 5, 7, 3, 1]), "serverAuth");
        assert_eq!(purpose(&[0x2b, 6, 1, 5, 5, 7, 3, 99]), "1.3.6.1.5.5.7.3.99");
    }
}
