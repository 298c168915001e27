//! What became of each thing in an import: a typed outcome for programs, a plain sentence for people.

use time::{OffsetDateTime, macros::format_description};

use crate::x509::visible;

/// Everything that was found in one upload, in its order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Report {
    /// One row for each thing.
    pub rows: Vec<Row>,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Name of the file, as the person called it; hostile text.
    pub file: String,
    /// Where in the file, such as `PEM block 2, line 41`.
    pub place: String,
    /// What people call the thing; hostile text.
    pub name: String,
    /// SHA-256 of its bytes, where they were kept or known.
    pub sha256: Option<[u8; 32]>,
    /// What became of it.
    pub outcome: Outcome,
}

/// An entry that is named beside another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id; `None` when the reader may not open it.
    pub id: Option<i64>,
    /// What people call it; hostile text.
    pub name: String,
}

/// Where a new certificate stands in its chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// It signed itself.
    SelfSigned,
    /// This entry signed it; the signature was checked.
    Under(Link),
    /// Its issuer, by this name, is not in the inventory.
    IssuerUnknown(String),
    /// Its issuer, by this name, is there, but the algorithm of the signature is not checked here.
    Unchecked(String),
    /// A large batch: chains are linked when they are read.
    NotLookedFor,
}

/// What became of one thing.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It is in the inventory now.
    New {
        /// Its id.
        id: i64,
        /// Its place in the chain.
        place: Place,
        /// Entries that name it as their issuer, counted up to 1,001.
        children: i64,
        /// Entries whose place it takes.
        supersedes: Vec<Link>,
        /// Entries whose names it has all and whose place it does not take, since they are vouched for and it is not.
        leaves: Vec<Link>,
        /// The newer entry that had taken its place before it came.
        superseded_by: Option<Link>,
    },
    /// It was there before; nothing was changed.
    Known {
        /// Its id.
        id: i64,
        /// Since when.
        added_at: OffsetDateTime,
    },
    /// It was there before, and belongs to a team that the actor cannot reach.
    KnownElsewhere,
    /// The same certificate came earlier in this upload.
    Repeated {
        /// Where.
        first: String,
    },
    /// It cannot be read and is kept by its fingerprint.
    KeptUnreadable {
        /// Its id.
        id: i64,
        /// Why it cannot be read.
        reason: String,
    },
    /// It cannot be read, and nothing of it is kept.
    Unreadable {
        /// Why.
        reason: String,
    },
    /// A certificate request; not stored.
    CertificateRequest,
    /// A certificate revocation list; not stored.
    CertificateList,
    /// A private key.
    PrivateKey(KeyOutcome),
}

/// What became of a private key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOutcome {
    /// Nobody asked to keep it, so it was not.
    NotStored,
    /// Sealed and kept.
    Stored,
    /// A key of the same public half is kept already.
    Known,
    /// Asked for and not possible; the text says why.
    CannotStore(String),
}

impl Outcome {
    /// The word in the API and in `--json`.
    pub fn word(&self) -> &'static str {
        match self {
            Outcome::New { .. } => "new",
            Outcome::Known { .. } | Outcome::KnownElsewhere => "known",
            Outcome::Repeated { .. } => "repeated",
            Outcome::KeptUnreadable { .. } => "kept_unreadable",
            Outcome::Unreadable { .. } => "unreadable",
            Outcome::CertificateRequest => "certificate_request",
            Outcome::CertificateList => "certificate_list",
            Outcome::PrivateKey(KeyOutcome::Stored) => "private_key_stored",
            Outcome::PrivateKey(_) => "private_key_not_stored",
        }
    }

    /// The entry it is about, if the actor may open it.
    pub fn id(&self) -> Option<i64> {
        match self {
            Outcome::New { id, .. } | Outcome::Known { id, .. } | Outcome::KeptUnreadable { id, .. } => {
                Some(*id)
            }
            _ => None,
        }
    }
}

impl Report {
    /// How many rows have this outcome's word.
    pub fn number_of(&self, word: &str) -> usize {
        self.rows.iter().filter(|row| row.outcome.word() == word).count()
    }

    /// How many certificates lost their place by this import, those that came with their successor included.
    pub fn superseded(&self) -> usize {
        let of_row = |row: &Row| match &row.outcome {
            // What came in is counted by its successor, unless that was there before.
            Outcome::New { supersedes, .. } => supersedes.len(),
            _ => 0,
        };
        let late = self.rows.iter().filter(|row| {
            let Outcome::New { superseded_by: Some(newer), .. } = &row.outcome else { return false };
            self.rows.iter().all(|other| other.outcome.id() != newer.id)
        });
        self.rows.iter().map(of_row).sum::<usize>() + late.count()
    }
}

impl Row {
    /// What happened, as a sentence without its full stop; invisible characters of names are shown.
    pub fn sentence(&self) -> String {
        match &self.outcome {
            Outcome::New { place, children, supersedes, leaves, superseded_by, .. } => {
                let mut sentence = new(place, *children, supersedes, superseded_by.as_ref());
                if let Some(left) = several(leaves) {
                    sentence.push_str(&format!(
                        "; does not supersede {left}, which is better vouched for: no CA that has been in the inventory for a day signed this one. \
                         Retire {left} once it is out of use"
                    ));
                }
                sentence
            }
            Outcome::Known { added_at, .. } => {
                let day = added_at.format(format_description!("[year]-[month]-[day]")).unwrap_or_default();
                format!("Known already, in the inventory since {day}; nothing was changed")
            }
            Outcome::KnownElsewhere => {
                "Known already, owned by a team that you cannot reach; nothing was changed".to_owned()
            }
            Outcome::Repeated { first } => format!("The same certificate as {}", visible(first)),
            Outcome::KeptUnreadable { reason, .. } => {
                format!("New, kept by its fingerprint only, because it cannot be read: {}", visible(reason))
            }
            Outcome::Unreadable { reason } => format!("Not imported: {}", visible(reason)),
            Outcome::CertificateRequest => {
                "A certificate request, not stored: it asks for a certificate and is none; \
                 send it to your CA and import what the CA answers"
                    .to_owned()
            }
            Outcome::CertificateList => {
                "A certificate revocation list, not stored: the inventory holds certificates; \
                 read it with notafter inspect"
                    .to_owned()
            }
            Outcome::PrivateKey(key) => key.sentence(),
        }
    }
}

impl KeyOutcome {
    fn sentence(&self) -> String {
        match self {
            KeyOutcome::NotStored => {
                "A private key, not stored: keys are kept only when that is chosen for an import".to_owned()
            }
            KeyOutcome::Stored => "A private key, sealed and kept".to_owned(),
            KeyOutcome::Known => "A private key that is kept already; nothing was changed".to_owned(),
            KeyOutcome::CannotStore(reason) => format!("A private key, not stored: {}", visible(reason)),
        }
    }
}

fn new(place: &Place, children: i64, supersedes: &[Link], superseded_by: Option<&Link>) -> String {
    let mut sentence = match place {
        Place::SelfSigned => "New, self-signed".to_owned(),
        Place::Under(issuer) => format!("New, linked to its issuer {}", visible(&issuer.name)),
        Place::IssuerUnknown(issuer) => {
            format!("New; its issuer {} is not in the inventory yet", visible(issuer))
        }
        Place::Unchecked(issuer) => {
            format!("New; the algorithm by which {} signed it cannot be checked here", visible(issuer))
        }
        Place::NotLookedFor => "New".to_owned(),
    };
    match children {
        ..=0 => {}
        1 => sentence.push_str("; issuer of 1 certificate in the inventory"),
        2..=1_000 => sentence.push_str(&format!("; issuer of {children} certificates in the inventory")),
        _ => sentence.push_str("; issuer of more than 1,000 certificates in the inventory"),
    }
    if let Some(older) = several(supersedes) {
        sentence.push_str(&format!("; supersedes {older}"));
    }
    if let Some(newer) = superseded_by {
        let newer = visible(&newer.name);
        sentence.push_str(&format!("; superseded already by a newer {newer}, so nobody is told when it ends: bring it back if it is still served"));
    }
    sentence
}

fn several(links: &[Link]) -> Option<String> {
    match links {
        [] => None,
        [one] => Some(visible(&one.name)),
        [one, rest @ ..] => Some(format!("{} and {} more", visible(&one.name), rest.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(outcome: Outcome) -> Row {
        Row { file: "f".into(), place: "entry 1".into(), name: "n".into(), sha256: None, outcome }
    }

    #[test]
    fn a_new_certificate_tells_its_links() {
        let link = |name: &str| Link { id: Some(1), name: name.into() };
        let outcome = Outcome::New {
            id: 1,
            place: Place::Under(link("Halden CA\u{202e}")),
            children: 0,
            supersedes: vec![link("a.example"), link("b.example")],
            leaves: vec![],
            superseded_by: None,
        };
        assert_eq!(
            row(outcome).sentence(),
            "New, linked to its issuer Halden CA‹U+202E›; supersedes a.example and 1 more"
        );
    }

    #[test]
    fn a_key_is_not_stored_unless_asked() {
        let said = row(Outcome::PrivateKey(KeyOutcome::NotStored)).sentence();
        assert!(said.starts_with("A private key, not stored"));
    }
}
