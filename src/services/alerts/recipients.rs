//! Who is told about an entry. The owner and the team's address; when neither can be reached the fallback; when there is none, every
//! administrator. So nothing is ever sent to nobody.

use std::collections::BTreeSet;

use crate::store::alerts::recipients::AddressBook;

pub use crate::services::mail::expiry::Reason;

/// An address, lower case, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient {
    /// `local@host`.
    pub address: String,
    /// Why they are told.
    pub reason: Reason,
}

/// Everybody who is told about an entry of this owner and team; each address once. Empty only when there is no administrator.
pub fn of_entry(
    owner: Option<&str>,
    team: Option<i64>,
    fallback: Option<&str>,
    book: &AddressBook,
) -> Vec<Recipient> {
    let team = team.and_then(|team| book.teams.get(&team)).map(String::as_str);
    let mut seen = BTreeSet::new();
    let told: Vec<Recipient> = [(owner, Reason::Owner), (team, Reason::Team)]
        .into_iter()
        .filter_map(|(text, reason)| Some(Recipient { address: reachable(text?, book)?, reason }))
        .filter(|recipient| seen.insert(recipient.address.clone()))
        .collect();
    if told.is_empty() { as_recipients(fallbacks(fallback, book), Reason::Fallback) } else { told }
}

/// Who is told instead when the relay refuses `refused` for good; nobody when the administrators themselves were refused.
pub fn after_refusal(refused: &str, fallback: Option<&str>, book: &AddressBook) -> Vec<Recipient> {
    let chosen = fallbacks(fallback, book);
    let instead = if chosen.iter().any(|address| address == refused) { administrators(book) } else { chosen };
    let others = instead.into_iter().filter(|address| address != refused).collect();
    as_recipients(others, Reason::Escalated)
}

fn fallbacks(fallback: Option<&str>, book: &AddressBook) -> Vec<String> {
    match fallback.and_then(|text| reachable(text, book)) {
        Some(address) => vec![address],
        None => administrators(book),
    }
}

fn administrators(book: &AddressBook) -> Vec<String> {
    book.administrators
        .iter()
        .filter_map(|text| reachable(text, book))
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}

fn as_recipients(addresses: Vec<String>, reason: Reason) -> Vec<Recipient> {
    addresses.into_iter().map(|address| Recipient { address, reason }).collect()
}

/// The address in `text`, unless it belongs to somebody who left.
fn reachable(text: &str, book: &AddressBook) -> Option<String> {
    let address = address(text)?;
    (!book.disabled.contains(&address)).then_some(address)
}

/// `text` as one mail address in lower case; `None` when it is a name, several addresses, or anything a relay could misread.
pub fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let (local, host) = text.rsplit_once('@')?;
    let plain = |part: &str, extra: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !part.contains("..")
            && part.chars().all(|character| character.is_ascii_alphanumeric() || extra.contains(character))
    };
    let fits = local.len() <= 64 && text.len() <= 254;
    // A reader would decode `=?` even here (RFC 2047 §2).
    let fits = fits && !text.contains("=?");
    // RFC 5322 atoms; quoted local parts and address literals are not for people.
    (fits && plain(local, "!#$%&'*+-/=?^_`{|}~.") && plain(host, "-.")).then(|| text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book() -> AddressBook {
        AddressBook {
            teams: [(1, "payments@halden.example".to_owned())].into(),
            administrators: vec!["root@halden.example".into(), "second@halden.example".into()],
            disabled: ["gone@halden.example".to_owned()].into(),
        }
    }

    fn told(owner: Option<&str>, team: Option<i64>, fallback: Option<&str>) -> Vec<String> {
        let told = of_entry(owner, team, fallback, &book());
        told.into_iter().map(|one| format!("{} {}", one.reason.as_str(), one.address)).collect()
    }

    #[test]
    fn owner_and_team_are_told_each_once() {
        assert_eq!(
            told(Some("Ann@Halden.example"), Some(1), None),
            ["owner ann@halden.example", "team payments@halden.example"]
        );
        assert_eq!(told(Some("payments@halden.example"), Some(1), None), ["owner payments@halden.example"]);
    }

    #[test]
    fn nothing_is_sent_to_nobody() {
        let everyone = ["fallback root@halden.example", "fallback second@halden.example"];
        assert_eq!(told(None, None, None), everyone);
        assert_eq!(told(Some("Payments"), Some(9), None), everyone, "a name is no address, team 9 has none");
        assert_eq!(told(Some("gone@halden.example"), None, None), everyone, "who left reads nothing");
        assert_eq!(told(None, None, Some("certs@halden.example")), ["fallback certs@halden.example"]);
        assert_eq!(told(None, None, Some("gone@halden.example")), everyone);
    }

    #[test]
    fn a_refusal_goes_to_the_fallback_then_to_the_administrators_then_ends() {
        let after = |refused: &str, fallback| {
            after_refusal(refused, fallback, &book()).into_iter().map(|one| one.address).collect::<Vec<_>>()
        };
        assert_eq!(after("ann@halden.example", Some("certs@halden.example")), ["certs@halden.example"]);
        assert_eq!(
            after("certs@halden.example", Some("certs@halden.example")),
            ["root@halden.example", "second@halden.example"]
        );
        assert_eq!(after("root@halden.example", None), ["second@halden.example"]);
    }

    #[test]
    fn only_one_plain_address_is_an_address() {
        for good in ["a@b", "first.last+tag@mail.halden.example", " ann@halden.example "] {
            assert!(address(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "ann",
            "@b",
            "a@",
            "a b@c",
            "a@b c",
            "a@b,c@d",
            "<a@b>",
            "a@b>",
            "a@b\r\nBcc: c@d",
            "a@b@c",
            ".a@b",
            "a..b@c",
            "a@b..c",
            "\"a b\"@c",
            "a@[127.0.0.1]",
            "=?utf-8?q?=0aBcc?=@b.example",
            "ä@b.example",
        ] {
            assert_eq!(address(bad), None, "{bad:?}");
        }
    }
}
