//! Serial numbers as text (RFC 5280 §4.1.2.2).
//!
//! Lower-case hex without separators, two digits a byte, without the sign byte, exactly the number that
//! OpenSSL prints: 255 (DER `00 ff`) is `ff`, zero is `00`. A negative serial, which RFC 5280 forbids and
//! which exists, is its magnitude after a minus sign: DER `ff` is `-01`. Two different numbers never share a
//! text, so `(issuer, serial)` can be a key.

/// Writes the content octets of the `INTEGER` as hex.
pub fn hex(octets: &[u8]) -> String {
    let is_negative = octets.first().is_some_and(|first| first & 0x80 != 0);
    if is_negative {
        return format!("-{}", positive(&magnitude(octets)));
    }
    positive(octets)
}

fn positive(octets: &[u8]) -> String {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    match octets.get(start..) {
        Some(digits) if !digits.is_empty() => hex::encode(digits),
        _ => "00".to_owned(),
    }
}

/// Two's complement: invert and add one, from the last octet on.
fn magnitude(octets: &[u8]) -> Vec<u8> {
    let mut carry = true;
    let mut inverted: Vec<u8> = octets
        .iter()
        .rev()
        .map(|octet| {
            let (sum, overflow) = (!octet).overflowing_add(u8::from(carry));
            carry = overflow;
            sum
        })
        .collect();
    inverted.reverse();
    inverted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_read_as_openssl_prints_them() {
        for (octets, text) in [
            (&[0x00, 0xff][..], "ff"),
            (&[0x0f], "0f"),
            (&[0x00], "00"),
            (&[], "00"),
            (&[0x00, 0x00, 0x01], "01"),
            (&[0x4f, 0x2a], "4f2a"),
            (&[0xff], "-01"),
            (&[0x80], "-80"),
            (&[0xff, 0x00], "-0100"),
            (&[0xff, 0xff], "-01"),
        ] {
            assert_eq!(hex(octets), text, "{octets:02x?}");
        }
    }
}
