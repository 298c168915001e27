//! The names of a certificate, as many as fit at once; the others are one click away.

use crate::store::certificates::Entry;

/// How many names are shown without a click.
const FIRST: usize = 24;

/// One name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// A symbol of its kind.
    pub icon: &'static str,
    /// Its kind in a word, unless it is a DNS name.
    pub kind: &'static str,
    /// The name; hostile text.
    pub text: String,
}

/// All names of a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Shown at once.
    pub first: Vec<Name>,
    /// Shown on demand.
    pub rest: Vec<Name>,
}

impl Names {
    /// The subject alternative names of an entry.
    pub fn of(entry: &Entry) -> Self {
        let mut first: Vec<Name> = entry.sans.iter().map(|san| name(san)).collect();
        let rest = first.split_off(first.len().min(FIRST));
        Self { first, rest }
    }

    /// How many there are.
    pub fn total(&self) -> usize {
        self.first.len() + self.rest.len()
    }
}

fn name(san: &str) -> Name {
    let (kind, text) = san.split_once(':').unwrap_or(("", san));
    let (icon, kind) = match kind {
        "DNS" => ("globe", ""),
        "IP" => ("server", "IP address"),
        "email" => ("mail", "mail address"),
        "URI" => ("link", "URI"),
        _ => return Name { icon: "tag", kind: "", text: san.to_owned() },
    };
    Name { icon, kind, text: text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_own_colons() {
        let shown = name("URI:https://a.example/x");
        assert_eq!((shown.icon, shown.text.as_str()), ("link", "https://a.example/x"));
        assert_eq!(name("dirName:CN=a").text, "dirName:CN=a");
    }
}
