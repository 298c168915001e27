//! How a person names one certificate: by its id, a fingerprint or its serial.

use anyhow::bail;

use crate::{
    app::App,
    services::{
        Actor, Error,
        certificates::{ListRequest, find_by_sha256, list},
    },
    store::certificates::{CertificateId, Entry},
};

/// The longest number that is an id rather than a serial.
const MAX_ID_DIGITS: usize = 18;
/// How many certificates with one serial are looked at.
const MAX_SAME_SERIAL: i64 = 20;

/// The certificate meant. Decimal digits are an id first, and a serial if there is no such id.
///
/// # Errors
/// When there is none, or when certificates of several issuers have this serial.
pub async fn find(app: &App, actor: &Actor, reference: &str) -> anyhow::Result<CertificateId> {
    let digits: String = reference.trim().to_lowercase().replace([':', ' '], "");
    if digits.is_empty()
        || !digits.strip_prefix('-').unwrap_or(&digits).chars().all(|c| c.is_ascii_hexdigit())
    {
        return Err(not_found());
    }
    if let Ok(sha256) = <[u8; 32]>::try_from(hex::decode(&digits).unwrap_or_default()) {
        return Ok(find_by_sha256(app, actor, &sha256).await?);
    }
    if digits.len() <= MAX_ID_DIGITS
        && let Ok(id) = digits.parse().map(CertificateId)
        && id.0 > 0
    {
        match crate::services::certificates::detail(app, actor, id).await {
            Ok(_) => return Ok(id),
            Err(Error::NotFound(_)) => {}
            Err(other) => return Err(other.into()),
        }
    }
    by_serial(app, actor, &digits).await
}

async fn by_serial(app: &App, actor: &Actor, digits: &str) -> anyhow::Result<CertificateId> {
    // With colons, a short serial is not taken for a word; without its zeros, `0a` and `a` are the same.
    let request = ListRequest { q: spaced(digits), limit: Some(MAX_SAME_SERIAL), ..ListRequest::default() };
    let found = list(app, actor, &request).await?.entries;
    let same = |entry: &&Entry| {
        significant(&entry.serial) == significant(digits) || hex::encode(&entry.sha1) == digits
    };
    match found.iter().filter(same).collect::<Vec<_>>().as_slice() {
        [] => Err(not_found()),
        [one] => Ok(CertificateId(one.id)),
        several => {
            let ids: Vec<String> = several.iter().map(|entry| entry.id.to_string()).collect();
            bail!("several certificates have this serial; name one by its id: {}", ids.join(", "))
        }
    }
}

/// `4f2a` as `4f:2a`, which is surely meant as digits.
fn spaced(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let even = if digits.len() % 2 == 0 { digits.to_owned() } else { format!("0{digits}") };
    let pairs: Vec<&str> = (0..even.len()).step_by(2).filter_map(|at| even.get(at..at + 2)).collect();
    match pairs.as_slice() {
        [only] => format!("{sign}00:{only}"),
        pairs => format!("{sign}{}", pairs.join(":")),
    }
}

fn significant(digits: &str) -> String {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    format!("{sign}{}", digits.trim_start_matches('0'))
}

fn not_found() -> anyhow::Error {
    Error::NotFound("certificate").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_written_so_that_they_are_taken_for_a_serial() {
        assert_eq!((spaced("4f2a"), spaced("f2a")), ("4f:2a".into(), "0f:2a".into()));
        assert_eq!((spaced("1"), spaced("-0a")), ("00:01".into(), "-00:0a".into()));
    }
}
