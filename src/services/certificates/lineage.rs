//! Which of the certificates that come in take the place of entries, or of each other; the rule is `x509::lineage`.
//!
//! Candidates are found by shared names within the actor's reach and judged from their rows; only of pairs that fit so far the signatures are
//! checked. A renewal that names no owner, team, environment or tags takes over those of the entry it supersedes, so that its alerts keep
//! going to the same people.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use time::OffsetDateTime;

use crate::{
    crypto::digest::sha256,
    services::{Error, Result},
    store::{
        Tx,
        certificates::{
            chain,
            import::NewEntry,
            lineage::{Candidate, candidates},
        },
    },
    x509::{Certificate, chain::MAX_DEPTH, lineage::Generation},
};

use super::{
    report::Link,
    successors,
    vouching::{self, Party, Signers, Standing},
};

/// How many names one batch compares, about a second's work; beyond it, entries stay as they are.
const MAX_COMPARED: usize = 20_000_000;
/// A CA vouches for others once it has been in the inventory for so long: what comes along, in the same upload or right before, proves nothing.
const SETTLING: time::Duration = time::Duration::DAY;
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
    now: OffsetDateTime,
) -> Result<Lineage> {
    let fresh = entries.len();
    let mut generations: Vec<Generation> = entries.iter().map(of_entry).collect();
    let (reversed, parents) = successors::wanted(&generations);
    let candidates = candidates(tx, reach, &reversed, &parents).await?;
    generations.extend(candidates.iter().map(of_candidate));
    let pairs =
        tokio::task::spawn_blocking(move || successors::pairs(&generations, fresh, MAX_COMPARED, now));
    let pairs = pairs.await.map_err(Error::internal)?;
    let mut lineage = Lineage { fresh, candidates, pairs, unvouched: Vec::new() };
    if !lineage.pairs.is_empty() {
        lineage.keep_vouched(tx, reach, entries, certificates, now).await?;
    }
    Ok(lineage)
}

/// A CA, or what cannot be read, has no names here: it takes no part.
fn of_entry(entry: &NewEntry) -> Generation {
    let not_before = entry.not_before.filter(|_| !entry.is_ca && entry.unreadable.is_none());
    Generation {
        names: not_before.map(|_| entry.names.clone()).unwrap_or_default(),
        not_before: not_before.unwrap_or(OffsetDateTime::UNIX_EPOCH),
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

/// The CA certificates with these names, and those above them, level by level; with how far they vouch, and whether they are out of use.
async fn known_signers(
    tx: &mut Tx,
    reach: Option<&[i64]>,
    names: HashSet<Vec<u8>>,
    now: OffsetDateTime,
) -> Result<Vec<(Arc<Certificate>, Standing, bool)>> {
    let mut asked = names.clone();
    let mut next: Vec<Vec<u8>> = names.into_iter().collect();
    let mut found = Vec::new();
    for _ in 0..MAX_DEPTH {
        if next.is_empty() {
            break;
        }
        let level = chain::signers(tx.conn(), reach, &next).await?;
        next.clear();
        for signer in level.into_iter().filter(|signer| signer.is_ca) {
            let Ok(certificate) = Certificate::from_der(&signer.der) else { continue };
            let above = sha256(certificate.issuer_der()).to_vec();
            if asked.insert(above.clone()) {
                next.push(above);
            }
            let is_retired = !signer.is_active || signer.not_after < now;
            let is_settled = !is_retired && signer.added_at <= now - SETTLING;
            let standing = if is_settled { Standing::Settled } else { Standing::Known };
            found.push((Arc::new(certificate), standing, is_retired));
        }
    }
    Ok(found)
}

/// One side of a pair before it is read: as it came, or its DER; and whether it is self-signed.
type Side = (Option<Arc<Certificate>>, Option<Vec<u8>>, bool);

impl Lineage {
    /// Leaves each older one the newest of its successors that is vouched for as well as itself.
    async fn keep_vouched(
        &mut self,
        tx: &mut Tx,
        reach: Option<&[i64]>,
        entries: &[NewEntry],
        certificates: &[Option<Arc<Certificate>>],
        now: OffsetDateTime,
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
        let signers = known_signers(tx, reach, issuers, now).await?;
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
            let (mut all, mut retired) = (Signers::default(), HashSet::new());
            for (n, (certificate, standing, is_retired)) in signers.into_iter().enumerate() {
                all.push(certificate, standing);
                retired.extend(is_retired.then_some(n));
            }
            brought.into_iter().for_each(|certificate| all.push(certificate, Standing::Brought));
            vouching::may_take_place(&pairs, all, &retired, TIME)
        });
        let judged = judged.await.map_err(Error::internal)?;
        let judged: Vec<_> = std::mem::take(&mut self.pairs).into_iter().zip(judged).collect();
        for of_one in judged.chunk_by(|(one, _), (next, _)| one.0 == next.0) {
            match of_one.iter().find(|(_, may)| *may) {
                Some((pair, _)) => self.pairs.push(*pair),
                None => self.unvouched.extend(of_one.first().map(|(pair, _)| *pair)),
            }
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
