//! Signed certificate timestamps: the promises of Certificate Transparency logs (RFC 6962 §3.2, §3.3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;
use x509_parser::extensions::{SignedCertificateTimestamp, parse_ct_signed_certificate_timestamp_list};

/// One log's promise to publish a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Sct {
    /// The version as people count it: 1 is the first.
    pub version: u16,
    /// The SHA-256 of the log's key, in hex.
    pub log_id: String,
    /// The same in base64, as log lists write it.
    pub log_id_base64: String,
    /// When the log saw the certificate; absent when no calendar holds the number.
    #[serde(with = "time::serde::rfc3339::option")]
    pub timestamp: Option<OffsetDateTime>,
    /// The algorithm of the log's signature, as `ECDSA-SHA256`.
    pub signature: String,
}

/// Reads the value of the SCT list extension; `None` if it is no such list.
pub(crate) fn read(value: &[u8]) -> Option<Vec<Sct>> {
    let (_, list) = parse_ct_signed_certificate_timestamp_list(value).ok()?;
    Some(list.iter().map(convert).collect())
}

fn convert(sct: &SignedCertificateTimestamp<'_>) -> Sct {
    let nanoseconds = i128::from(sct.timestamp) * 1_000_000;
    Sct {
        version: u16::from(sct.version.0) + 1,
        log_id: hex::encode(sct.id.key_id),
        log_id_base64: STANDARD.encode(sct.id.key_id),
        timestamp: OffsetDateTime::from_unix_timestamp_nanos(nanoseconds).ok(),
        signature: algorithm(sct.signature.hash_alg_id, sct.signature.sign_alg_id),
    }
}

/// The names of TLS 1.2's two registries (RFC 5246 §7.4.1.4.1).
fn algorithm(hash: u8, signature: u8) -> String {
    let hash = match hash {
        2 => "SHA1",
        4 => "SHA256",
        5 => "SHA384",
        6 => "SHA512",
        _ => return format!("algorithm {hash}.{signature}"),
    };
    match signature {
        1 => format!("{hash}-RSA"),
        3 => format!("ECDSA-{hash}"),
        _ => format!("algorithm {hash}.{signature}"),
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn list(timestamp: u64) -> Vec<u8> {
        let mut sct = vec![0];
        sct.extend_from_slice(&[0xab; 32]);
        sct.extend_from_slice(&timestamp.to_be_bytes());
        sct.extend_from_slice(&[0, 0, 4, 3, 0, 1, 0x30]);
        let len = u8::try_from(sct.len()).unwrap();
        [&[4, len + 4, 0, len + 2, 0, len][..], &sct].concat()
    }

    #[test]
    fn a_timestamp_is_read() {
        let all = read(&list(1_700_000_000_123)).unwrap();
        assert_eq!(all.len(), 1);
        let sct = all.first().unwrap();
        assert_eq!((sct.version, sct.signature.as_str()), (1, "ECDSA-SHA256"));
        assert_eq!(sct.timestamp.unwrap(), datetime!(2023-11-14 22:13:20.123 UTC));
        assert!(sct.log_id.starts_with("abab") && sct.log_id_base64.starts_with("q6ur"));
    }

    #[test]
    fn a_timestamp_outside_of_the_calendar_is_absent() {
        assert_eq!(read(&list(u64::MAX)).unwrap().first().unwrap().timestamp, None);
        assert_eq!(read(&[4, 1, 0]), None);
    }
}
