//! The names of a mail that never change: the alert id a receiver can count by, the Message-ID, and the thread it belongs to.

use url::Url;

use crate::{
    config::Config,
    crypto::digest::sha256,
    store::alerts::sweeps::{Candidate, NewDelivery},
};

use super::recipients::Recipient;

/// Hex SHA-256 of certificate, threshold and recipient: the value of `X-Notafter-Alert-Id`.
pub fn alert_id(certificate_sha256: &[u8], threshold: i32, recipient: &str) -> String {
    hex::encode(sha256(format!("{} {threshold} {recipient}", hex::encode(certificate_sha256)).as_bytes()))
}

/// The Message-ID of that alert, the same at every try.
pub fn message_id(alert_id: &str, host: &str) -> String {
    format!("<alert.{alert_id}@{host}>")
}

/// What all mails about certificates of the same names refer to, so that a mail program shows a lineage as one thread.
pub fn thread_id(name: &str, sans: &[String], host: &str) -> String {
    let mut names: Vec<String> = sans.iter().map(|san| san.to_lowercase()).collect();
    if names.is_empty() {
        names.push(name.to_lowercase());
    }
    names.sort();
    names.dedup();
    let digest = hex::encode(sha256(names.join("\n").as_bytes()));
    format!("<names.{}@{host}>", digest.get(..32).unwrap_or(&digest))
}

/// The host of our addresses, as the right side of a Message-ID.
pub fn host(config: &Config) -> String {
    Url::parse(&config.base_url())
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| "localhost".into())
}

/// The delivery about `entry` at `threshold` to `recipient`.
pub fn delivery(entry: &Candidate, threshold: i32, recipient: &Recipient, host: &str) -> NewDelivery {
    let alert_id = alert_id(&entry.sha256, threshold, &recipient.address);
    NewDelivery {
        certificate: entry.id,
        sha256: entry.sha256.clone(),
        name: entry.name.clone(),
        not_after: entry.not_after,
        threshold,
        recipient: recipient.address.clone(),
        reason: recipient.reason.as_str(),
        message_id: message_id(&alert_id, host),
        alert_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_an_alert_changes_its_id_and_nothing_else_does() {
        let id = alert_id(&[7; 32], 14, "ann@halden.example");
        assert_eq!(id, alert_id(&[7; 32], 14, "ann@halden.example"));
        assert_eq!(id.len(), 64);
        for other in [
            alert_id(&[8; 32], 14, "ann@halden.example"),
            alert_id(&[7; 32], 7, "ann@halden.example"),
            alert_id(&[7; 32], 14, "bob@halden.example"),
        ] {
            assert_ne!(id, other);
        }
    }

    #[test]
    fn a_renewal_stays_in_its_thread() {
        let sans = |names: &[&str]| names.iter().map(|name| format!("DNS:{name}")).collect::<Vec<_>>();
        let thread = |names: &[&str]| thread_id("x", &sans(names), "certs.example");
        assert_eq!(thread(&["a.example", "b.example"]), thread(&["B.example", "a.example"]));
        assert_ne!(thread(&["a.example"]), thread(&["b.example"]));
    }
}
