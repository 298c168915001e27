//! Which of the certificates that come in take the place of entries, or of each other; the rule is `x509::lineage`.
//!
//! Candidates are found by shared names within the actor's reach and judged from their rows; only of pairs that fit so far the signatures are
//! checked. A renewal that names no owner, team, environment or tags takes over those of the entry it supersedes, so that its alerts keep
//! going to the same people.

use std::{
    collections::{HashMap, HashSet},
    ops::ControlFlow,
    sync::Arc,
    time::Duration,
};

use crate::{
    services::{Error, Result},
    store::{
        Tx,
        certificates::{
            chain,
            import::{NewEntry, reverse},
            lineage::{Candidate, candidates},
        },
    },
    x509::{
        Certificate,
        lineage::{Generation, Newer},
    },
};

use super::{
    report::Link,
    vouching::{self, Party},
};

/// How many newer certificates with a name in common are tried for one older one, the newest first.
const MAX_TRIES: usize = 500;
/// How many names one batch compares, about a second's work; beyond it, entries stay as they are.
const MAX_COMPARED: usize = 20_000_000;
/// How long the signatures of one batch may take; ten thousand ordinary ones need a second.
const TIME: Duration = Duration::from_secs(3);

/// Who takes whose place. Positions below `fresh` are those of the new certificates, the others of `candidates`.
pub(super) struct Lineage {
    fresh: usize,
    candidates: Vec<Candidate>,
    /// (older, newer)
    pairs: Vec<(usize, usize)>,
    /// (older, newer) that would be one if the newer were vouched for as well as the older.
    unvouched: Vec<(usize, usize)>,
}

/// Compares what comes in with what is there. `certificates` are those of `entries` that could be read.
pub(super) async fn find(
    tx: &mut Tx,
    reach: Option<&[i64]>,
    entries: &[NewEntry],
    certificates: &[Option<Arc<Certificate>>],
) -> Result<Lineage> {
    let fresh = entries.len();
    let mut generations: Vec<Generation> = entries.iter().map(of_entry).collect();
    let (reversed, parents) = wanted(&generations);
    let candidates = candidates(tx, reach, &reversed, &parents).await?;
    generations.extend(candidates.iter().map(of_candidate));
    let pairs = tokio::task::spawn_blocking(move || pairs(&generations, fresh, MAX_COMPARED));
    let pairs = pairs.await.map_err(Error::internal)?;
    let mut lineage = Lineage { fresh, candidates, pairs, unvouched: Vec::new() };
    if !lineage.pairs.is_empty() {
        lineage.keep_vouched(tx, reach, entries, certificates).await?;
    }
    Ok(lineage)
}

/// A CA, or what cannot be read, has no names here: it takes no part.
fn of_entry(entry: &NewEntry) -> Generation {
    let not_before = entry.not_before.filter(|_| !entry.is_ca && entry.unreadable.is_none());
    Generation {
        names: not_before.map(|_| entry.names.clone()).unwrap_or_default(),
        not_before: not_before.unwrap_or(time::OffsetDateTime::UNIX_EPOCH),
        not_after: entry.not_after,
        is_ca: not_before.is_none(),
        is_self_signed: entry.is_self_signed,
    }
}

fn of_candidate(candidate: &Candidate) -> Generation {
    Generation {
        names: candidate.names.clone(),
        not_before: candidate.not_before,
        not_after: candidate.not_after,
        is_ca: false,
        is_self_signed: candidate.is_self_signed,
    }
}

/// The reversed names to look for: each name, the wildcard that would cover it, and what each wildcard covers.
fn wanted(generations: &[Generation]) -> (Vec<String>, Vec<String>) {
    let names = generations.iter().flat_map(|generation| &generation.names);
    let (mut reversed, mut parents) = (Vec::new(), Vec::new());
    for name in names {
        reversed.push(reverse(name));
        match name.split_once('.') {
            Some(("*", parent)) => parents.push(format!("{}.", reverse(parent))),
            Some((_, parent)) => reversed.push(reverse(&format!("*.{parent}"))),
            None => {}
        }
    }
    for list in [&mut reversed, &mut parents] {
        list.sort();
        list.dedup();
    }
    (reversed, parents)
}

/// For each older one its newest successor, if at least one of the two is new. Stops after comparing `budget` names.
fn pairs(generations: &[Generation], fresh: usize, mut budget: usize) -> Vec<(usize, usize)> {
    let newer: Vec<Newer<'_>> = generations.iter().map(Newer::new).collect();
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (position, generation) in generations.iter().enumerate() {
        for name in &generation.names {
            by_name.entry(name).or_default().push(position);
        }
    }
    let age = |position: &usize| generations.get(*position).map(|one| (one.not_before, one.not_after));
    for positions in by_name.values_mut() {
        positions.sort_by_key(|position| std::cmp::Reverse(age(position)));
    }
    let mut successor = |(older, generation): (usize, &Generation)| {
        let first = generation.names.first()?;
        let wildcard = first.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let lists = [Some(first.as_str()), wildcard.as_deref()].into_iter().flatten();
        let newest = lists.filter_map(|name| {
            let found = by_name.get(name)?.iter().take(MAX_TRIES).try_for_each(|&position| {
                let Some(one) = newer.get(position).filter(|one| one.begins_after(generation)) else {
                    // They are sorted: whatever follows began earlier still.
                    return ControlFlow::Break(None);
                };
                if older >= fresh && position >= fresh {
                    return ControlFlow::Continue(());
                }
                budget = budget.saturating_sub(generation.names.len());
                match (budget, one.supersedes(generation)) {
                    (0, _) => ControlFlow::Break(None),
                    (_, true) => ControlFlow::Break(Some(position)),
                    (_, false) => ControlFlow::Continue(()),
                }
            });
            found.break_value().flatten()
        });
        Some((older, newest.max_by_key(age)?))
    };
    let pairs = generations.iter().enumerate().filter_map(&mut successor).collect();
    if budget == 0 {
        tracing::warn!(
            "an import with very many names in common was not compared to the end; some renewals in it are not seen as such"
        );
    }
    pairs
}

/// One side of a pair before it is read: as it came, or its DER; and whether it is self-signed.
type Side = (Option<Arc<Certificate>>, Option<Vec<u8>>, bool);

impl Lineage {
    /// Leaves only the pairs whose newer one is vouched for as well as its older one.
    async fn keep_vouched(
        &mut self,
        tx: &mut Tx,
        reach: Option<&[i64]>,
        entries: &[NewEntry],
        certificates: &[Option<Arc<Certificate>>],
    ) -> Result<()> {
        let members: HashSet<usize> = self.pairs.iter().flat_map(|(older, newer)| [*older, *newer]).collect();
        let there = members.iter().filter_map(|member| self.known(*member)).map(|known| known.id);
        let kept = chain::kept(tx.conn(), &there.collect::<Vec<i64>>()).await?;
        let brought: Vec<Arc<Certificate>> = entries
            .iter()
            .zip(certificates)
            .filter_map(|(entry, certificate)| certificate.clone().filter(|_| entry.is_ca))
            .collect();
        let named =
            entries.iter().enumerate().filter(|(place, entry)| entry.is_ca || members.contains(place));
        let named = named.filter_map(|(_, entry)| entry.issuer_der_sha256.map(|digest| digest.to_vec()));
        let issuers: HashSet<Vec<u8>> =
            named.chain(kept.iter().filter_map(|kept| kept.issuer_der_sha256.clone())).collect();
        let signers = chain::signers(tx.conn(), reach, &issuers.into_iter().collect::<Vec<_>>()).await?;
        let ders: HashMap<i64, Vec<u8>> = kept.into_iter().map(|kept| (kept.id, kept.der)).collect();
        let side = |position: usize| -> Side {
            match self.known(position) {
                Some(known) => (None, ders.get(&known.id).cloned(), known.is_self_signed),
                None => {
                    let is_self_signed = entries.get(position).is_some_and(|entry| entry.is_self_signed);
                    (certificates.get(position).cloned().flatten(), None, is_self_signed)
                }
            }
        };
        let sides: Vec<_> = self.pairs.iter().map(|(older, newer)| (side(*older), side(*newer))).collect();
        let judged = tokio::task::spawn_blocking(move || {
            let read = |der: &[u8]| Certificate::from_der(der).ok().map(Arc::new);
            let party = |(certificate, der, is_self_signed): Side| Party {
                certificate: certificate.or_else(|| read(&der?)),
                is_self_signed,
            };
            let pairs: Vec<_> =
                sides.into_iter().map(|(older, newer)| (party(older), party(newer))).collect();
            let signers = signers.iter().filter_map(|signer| read(&signer.der)).collect();
            vouching::may_take_place(&pairs, signers, brought, TIME)
        });
        let judged = judged.await.map_err(Error::internal)?;
        let all = std::mem::take(&mut self.pairs);
        for (pair, may) in all.into_iter().zip(judged) {
            if may { self.pairs.push(pair) } else { self.unvouched.push(pair) }
        }
        Ok(())
    }

    /// The entry that was there before, if `position` is that of one.
    fn known(&self, position: usize) -> Option<&Candidate> {
        position.checked_sub(self.fresh).and_then(|position| self.candidates.get(position))
    }

    /// Gives each renewal what nobody said about it, from the newest entry that it supersedes.
    pub(super) fn inherit(&self, entries: &mut [NewEntry], may_take_team: bool) {
        for (older, newer) in &self.pairs {
            let Some(from) = self.known(*older) else { continue };
            let Some(entry) = entries.get_mut(*newer) else { continue };
            if entry.owner.is_none() {
                entry.owner.clone_from(&from.owner);
            }
            if entry.environment.is_none() {
                entry.environment.clone_from(&from.environment);
            }
            if entry.tags.is_empty() {
                entry.tags.clone_from(&from.tags);
            }
            if may_take_team && entry.team_id.is_none() {
                entry.team_id = from.team_id;
            }
        }
    }

    /// (older, newer) as ids, given those of the new entries.
    pub(super) fn ids(&self, fresh: &[Option<i64>]) -> Vec<(i64, i64)> {
        let id = |position: usize| match self.known(position) {
            Some(known) => Some(known.id),
            None => fresh.get(position).copied().flatten(),
        };
        self.pairs.iter().filter_map(|(older, newer)| Some((id(*older)?, id(*newer)?))).collect()
    }

    /// The entries that lose their place, also those that came with their successor.
    pub(super) fn replaced<'a>(
        &'a self,
        entries: &'a [NewEntry],
        ids: &'a [Option<i64>],
    ) -> impl Iterator<Item = Replaced<'a>> {
        self.pairs.iter().filter_map(|(older, _)| match self.known(*older) {
            Some(known) => Some(Replaced { id: known.id, name: &known.name, team_id: known.team_id }),
            None => {
                let entry = entries.get(*older)?;
                Some(Replaced { id: (*ids.get(*older)?)?, name: &entry.name, team_id: entry.team_id })
            }
        })
    }

    /// What is said of the new certificate at `position`.
    pub(super) fn links(&self, position: usize, entries: &[NewEntry], ids: &[Option<i64>]) -> Links {
        let link = |position: usize| match self.known(position) {
            Some(known) => Some(Link { id: Some(known.id), name: known.name.clone() }),
            None => {
                let name = entries.get(position)?.name.clone();
                Some(Link { id: ids.get(position).copied().flatten(), name })
            }
        };
        let older_of = |pairs: &[(usize, usize)]| {
            let older = pairs.iter().filter(|(_, newer)| *newer == position);
            older.filter_map(|(older, _)| link(*older)).collect()
        };
        let newer = self.pairs.iter().find(|(older, _)| *older == position);
        Links {
            supersedes: older_of(&self.pairs),
            leaves: older_of(&self.unvouched),
            superseded_by: newer.and_then(|(_, newer)| link(*newer)),
        }
    }
}

/// An entry that loses its place.
pub(super) struct Replaced<'a> {
    /// Id.
    pub(super) id: i64,
    /// What people call it.
    pub(super) name: &'a str,
    /// The team that owns it.
    pub(super) team_id: Option<i64>,
}

/// The lineage of one new certificate.
pub(super) struct Links {
    /// Entries whose place it takes.
    pub(super) supersedes: Vec<Link>,
    /// Entries whose place it would take if it were vouched for as well as they are.
    pub(super) leaves: Vec<Link>,
    /// The newer entry that had taken its place before it came.
    pub(super) superseded_by: Option<Link>,
}

#[cfg(test)]
mod tests {
    use time::{Duration, OffsetDateTime};

    use super::*;

    fn generation(name: &str, day: i64) -> Generation {
        let not_before = OffsetDateTime::UNIX_EPOCH + Duration::days(day);
        Generation {
            names: vec![name.to_owned()],
            not_before,
            not_after: not_before + Duration::days(90),
            is_ca: false,
            is_self_signed: false,
        }
    }

    #[test]
    fn the_newest_of_several_takes_the_place_of_all_older_ones() {
        let all = [generation("a.example", 60), generation("a.example", 0), generation("a.example", 30)];
        assert_eq!(pairs(&all, 3, usize::MAX), [(1, 0), (2, 0)]);
    }

    #[test]
    fn a_wildcard_takes_the_place_of_a_name_under_it() {
        let all = [generation("*.example", 60), generation("a.example", 0), generation("b.a.example", 0)];
        assert_eq!(pairs(&all, 1, usize::MAX), [(1, 0)]);
    }

    #[test]
    fn two_that_were_there_before_stay_as_they_are() {
        let all = [generation("x.example", 0), generation("a.example", 0), generation("a.example", 30)];
        assert!(pairs(&all, 1, usize::MAX).is_empty());
    }

    #[test]
    fn certificates_made_to_be_costly_cost_a_bounded_time() {
        let names = |last: i64| {
            let shared = (0..499).map(|n| format!("n{n}.example"));
            shared.chain([format!("last{last}.example")]).collect::<Vec<_>>()
        };
        let all: Vec<Generation> =
            (0..40).map(|day| Generation { names: names(day), ..generation("", day) }).collect();
        assert!(pairs(&all, 40, 1_000).is_empty());
        let mut renewed = all;
        renewed.push(Generation { names: names(0), ..generation("", 50) });
        assert_eq!(pairs(&renewed, 1, usize::MAX), [(0, 40)]);
    }

    #[test]
    fn a_wildcard_looks_for_what_it_covers() {
        let (reversed, parents) = wanted(&[generation("*.a.example", 0), generation("b.a.example", 0)]);
        assert_eq!(reversed, ["elpmaxe.a.*", "elpmaxe.a.b"]);
        assert_eq!(parents, ["elpmaxe.a."]);
    }
}
