//! From a parsed certificate to the columns of its row, and from an unreadable one to what can still be said of it.

use crate::{
    crypto::digest::{sha1, sha256},
    store::certificates::{
        UNKNOWN_END,
        import::{MAX_NAME, NewEntry},
    },
    x509::{Certificate, chain, name},
};

/// The row of a certificate that could be read; whose it is comes later.
pub(super) fn entry(certificate: &Certificate) -> NewEntry {
    NewEntry {
        der: certificate.der().to_vec(),
        sha256: certificate.sha256(),
        sha1: certificate.sha1(),
        spki_sha256: Some(certificate.spki_sha256()),
        unreadable: None,
        name: short(&certificate.primary_name()),
        subject: certificate.subject().to_owned(),
        issuer: certificate.issuer().to_owned(),
        issuer_name: called(certificate.issuer_der(), certificate.issuer()),
        serial: certificate.serial().to_owned(),
        not_before: Some(certificate.not_before()),
        not_after: certificate.not_after(),
        key: certificate.key().to_string(),
        signature: certificate.signature().to_owned(),
        sans: certificate.sans().iter().map(ToString::to_string).collect(),
        names: certificate.names(),
        is_ca: certificate.is_ca(),
        is_self_signed: chain::is_self_signed(certificate),
        authority_key_id: certificate
            .authority_key_identifier()
            .and_then(|named| named.key_identifier.as_deref().map(<[u8]>::to_vec)),
        subject_key_id: certificate.subject_key_identifier().map(<[u8]>::to_vec),
        subject_der_sha256: Some(sha256(certificate.subject_der())),
        issuer_der_sha256: Some(sha256(certificate.issuer_der())),
        ..NewEntry::default()
    }
}

/// The row of bytes that call themselves a certificate and cannot be read: the fingerprint is all there is.
pub(super) fn unreadable(bytes: &[u8], reason: &str) -> NewEntry {
    let digest = sha256(bytes);
    let shown: String = hex::encode(digest).chars().take(16).collect();
    NewEntry {
        der: bytes.to_vec(),
        sha256: digest,
        sha1: sha1(bytes),
        unreadable: Some(short(reason)),
        name: format!("Unreadable certificate {shown}"),
        not_after: UNKNOWN_END,
        ..NewEntry::default()
    }
}

/// What people call a CA: its common name, else its whole name.
pub(super) fn called(name_der: &[u8], whole: &str) -> String {
    let common = name::common_name(name_der).filter(|common| !common.is_empty());
    short(common.as_deref().unwrap_or(whole))
}

/// At most as long as a list shows; the subject keeps the whole.
fn short(text: &str) -> String {
    let is_long = text.chars().nth(MAX_NAME).is_some();
    let kept = if is_long { MAX_NAME - 1 } else { MAX_NAME };
    let visible = text.chars().map(|c| if c == '\0' { '\u{2400}' } else { c });
    visible.take(kept).chain(is_long.then_some('…')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_is_cut_and_says_so() {
        assert_eq!(short(&"é".repeat(MAX_NAME)), "é".repeat(MAX_NAME));
        let cut = short(&"é".repeat(MAX_NAME + 1));
        assert!(cut.chars().count() == MAX_NAME && cut.ends_with('…'));
    }
}
