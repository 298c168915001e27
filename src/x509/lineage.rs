//! Lineage: when a newer certificate takes the place of an older one, so that the older one may stay silent.
//!
//! The rule: **a newer certificate supersedes an older one if it covers every name of it, neither is a CA, and it is vouched for at least as
//! well ([`Vouched`]).** Anybody can make a certificate for any name and call its issuer what they like, so it must not silence one that a
//! known CA signed, and a self-signed one must not silence an issued one.
//! *Newer* means a later `not_before` and a later `not_after`, without a gap in between that is still to come. *Covers* means that each name of the older one
//! (`Certificate::names`: DNS and IP names in lower case, the common name where there is none) is a name of the
//! newer one, or is one label in front of a wildcard of it: `*.a.example` covers `b.a.example`, neither
//! `a.example` nor `c.b.a.example`; a wildcard is covered only by the same wildcard. A certificate without names
//! (a CA, a person's) is never superseded. Issuer, key and subject may change: a renewal elsewhere is a renewal.

use std::collections::HashSet;

use time::OffsetDateTime;

/// What the rule looks at, from a certificate or from its row in the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// DNS and IP names as `Certificate::names` gives them.
    pub names: Vec<String>,
    /// The first second of validity.
    pub not_before: OffsetDateTime,
    /// The last second of validity.
    pub not_after: OffsetDateTime,
    /// True for a CA.
    pub is_ca: bool,
    /// True for what nobody but its own key vouches for.
    pub is_self_signed: bool,
}

/// How well a certificate is vouched for, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Vouched {
    /// By its own key only, or by a signature that the CA it names did not make.
    ByNobody,
    /// By an issuer of whom nothing is known.
    ByUnknown,
    /// By a CA that has been in the inventory for a while; the signature was checked.
    ByKnown,
}

/// A generation made ready to be compared with many older ones.
pub struct Newer<'a> {
    generation: &'a Generation,
    names: HashSet<&'a str>,
}

impl<'a> Newer<'a> {
    /// Prepares the names.
    pub fn new(generation: &'a Generation) -> Newer<'a> {
        Newer { generation, names: generation.names.iter().map(String::as_str).collect() }
    }

    /// True if its life begins after that of `older`; nothing else takes a place.
    pub fn begins_after(&self, older: &Generation) -> bool {
        self.generation.not_before > older.not_before
    }

    /// True if it takes the place of `older` by names, dates and self-signature; whether it is vouched for as well needs the signers.
    /// One whose life begins only after the older one's end, and not yet, leaves a gap that somebody must hear of.
    pub fn supersedes(&self, older: &Generation, now: OffsetDateTime) -> bool {
        let newer = self.generation;
        newer.not_before <= older.not_after.max(now)
            && !newer.is_ca
            && !older.is_ca
            && (older.is_self_signed || !newer.is_self_signed)
            && self.begins_after(older)
            && newer.not_after > older.not_after
            && covers(&self.names, &older.names)
    }
}

/// True if each of the older names is covered by one of the newer, and there is at least one.
fn covers(newer: &HashSet<&str>, older_names: &[String]) -> bool {
    !older_names.is_empty() && older_names.iter().all(|name| covers_one(newer, name))
}

fn covers_one(newer: &HashSet<&str>, name: &str) -> bool {
    if newer.contains(name) {
        return true;
    }
    match name.split_once('.') {
        // An address is no label in front of anything.
        Some((label, parent))
            if label != "*" && !label.is_empty() && name.parse::<std::net::IpAddr>().is_err() =>
        {
            newer.contains(format!("*.{parent}").as_str())
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn generation(names: &[&str], from: OffsetDateTime, until: OffsetDateTime) -> Generation {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Generation { names, not_before: from, not_after: until, is_ca: false, is_self_signed: false }
    }

    fn supersedes(newer: &Generation, older: &Generation) -> bool {
        Newer::new(newer).supersedes(older, OffsetDateTime::UNIX_EPOCH)
    }

    fn covers(newer: &[&str], older: &[&str]) -> bool {
        let older: Vec<String> = older.iter().map(|name| (*name).to_owned()).collect();
        super::covers(&newer.iter().copied().collect(), &older)
    }

    #[test]
    fn every_older_name_must_be_covered() {
        assert!(covers(&["a.example", "b.example"], &["b.example"]));
        assert!(covers(&["b.example", "a.example"], &["a.example", "b.example"]));
        assert!(!covers(&["a.example"], &["a.example", "b.example"]));
        assert!(!covers(&["a.example"], &[]));
        assert!(!covers(&[], &["a.example"]));
    }

    #[test]
    fn a_wildcard_covers_exactly_one_label() {
        assert!(covers(&["*.a.example"], &["b.a.example"]));
        assert!(!covers(&["*.a.example"], &["a.example"]));
        assert!(!covers(&["*.a.example"], &["c.b.a.example"]));
        assert!(covers(&["*.a.example"], &["*.a.example"]));
        assert!(!covers(&["*.example"], &["*.a.example"]));
        assert!(!covers(&["b.a.example"], &["*.a.example"]));
        assert!(!covers(&["*.a.example"], &[".a.example"]));
        assert!(!covers(&["*.0.2.1"], &["192.0.2.1"]));
    }

    #[test]
    fn newer_means_both_dates() {
        let older =
            generation(&["a.example"], datetime!(2026-01-01 0:00 UTC), datetime!(2026-04-01 0:00 UTC));
        let newer =
            generation(&["a.example"], datetime!(2026-03-01 0:00 UTC), datetime!(2026-06-01 0:00 UTC));
        let shorter =
            generation(&["a.example"], datetime!(2026-03-01 0:00 UTC), datetime!(2026-03-08 0:00 UTC));
        assert!(supersedes(&newer, &older));
        assert!(!supersedes(&older, &newer) && !supersedes(&older, &older) && !supersedes(&shorter, &older));
    }

    #[test]
    fn a_gap_that_is_still_to_come_is_no_renewal() {
        let older =
            generation(&["a.example"], datetime!(2026-01-01 0:00 UTC), datetime!(2026-04-01 0:00 UTC));
        let later =
            generation(&["a.example"], datetime!(2026-05-01 0:00 UTC), datetime!(2026-08-01 0:00 UTC));
        assert!(!Newer::new(&later).supersedes(&older, datetime!(2026-03-20 0:00 UTC)));
        assert!(Newer::new(&later).supersedes(&older, datetime!(2026-05-01 0:00 UTC)), "late, but here");
    }

    #[test]
    fn what_is_self_signed_takes_the_place_of_its_like_only() {
        let issued =
            generation(&["a.example"], datetime!(2026-01-01 0:00 UTC), datetime!(2026-04-01 0:00 UTC));
        let newer =
            generation(&["a.example"], datetime!(2026-03-01 0:00 UTC), datetime!(2026-06-01 0:00 UTC));
        let self_signed = |generation: &Generation| Generation { is_self_signed: true, ..generation.clone() };
        assert!(!supersedes(&self_signed(&newer), &issued));
        assert!(supersedes(&self_signed(&newer), &self_signed(&issued)));
        assert!(supersedes(&newer, &self_signed(&issued)));
    }

    #[test]
    fn a_ca_neither_supersedes_nor_is_superseded() {
        let older =
            generation(&["a.example"], datetime!(2026-01-01 0:00 UTC), datetime!(2026-04-01 0:00 UTC));
        let newer =
            generation(&["a.example"], datetime!(2026-03-01 0:00 UTC), datetime!(2026-06-01 0:00 UTC));
        assert!(!supersedes(&Generation { is_ca: true, ..newer.clone() }, &older));
        assert!(!supersedes(&newer, &Generation { is_ca: true, ..older }));
    }
}
