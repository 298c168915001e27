//! Who vouches for a certificate: signatures checked off the async threads and within a limit of time, since an upload may be made of
//! nothing but costly ones.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use crate::x509::{Certificate, chain, lineage::Vouched, signature::Verdict};

/// What the known signers say about one certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judged {
    /// The signer at this place made the signature.
    SignedBy(usize),
    /// Signers by the name of its issuer are here, and what it bears is no signature of theirs.
    Refuted,
    /// Nobody here bears the name of its issuer.
    Unknown,
    /// Somebody here bears the name of its issuer, but the algorithm is not checked here.
    Unchecked,
    /// The time was up.
    TimeUp,
}

/// How far a CA certificate may vouch for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It came along in the same upload.
    Brought,
    /// It is in the inventory, but not for long enough, or no longer in use.
    Known,
    /// It is in use in the inventory since longer than a day.
    Settled,
}

/// CA certificates, found by their names.
#[derive(Default)]
pub(super) struct Signers {
    all: Vec<(Arc<Certificate>, Standing)>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
}

impl Signers {
    /// Adds one; its place is the number of those before it.
    pub(super) fn push(&mut self, signer: Arc<Certificate>, standing: Standing) {
        self.by_subject.entry(signer.subject_der().to_vec()).or_default().push(self.all.len());
        self.all.push((signer, standing));
    }

    fn standing(&self, place: usize) -> Standing {
        self.all.get(place).map_or(Standing::Brought, |(_, standing)| *standing)
    }

    fn judge(&self, certificate: &Certificate, until: Instant) -> Judged {
        let named = self.by_subject.get(certificate.issuer_der()).map(Vec::as_slice).unwrap_or_default();
        let signers = named.iter().filter_map(|place| Some((*place, &self.all.get(*place)?.0)));
        let mut judged = Judged::Unknown;
        for (place, signer) in signers
            .filter(|(_, signer)| chain::may_be_issuer(certificate, signer))
            .take(chain::MAX_CANDIDATES)
        {
            if Instant::now() > until {
                return Judged::TimeUp;
            }
            match certificate.verify(signer.spki_der()) {
                Verdict::Good => return Judged::SignedBy(place),
                Verdict::Bad if judged == Judged::Unknown => judged = Judged::Refuted,
                Verdict::Bad => {}
                Verdict::Unsupported => judged = Judged::Unchecked,
            }
        }
        judged
    }

    /// Follows each upwards: for each place, that of the topmost signer known. What a settled one signed is settled, however new it is, unless
    /// it is no longer in use.
    fn settle(&mut self, retired: &HashSet<usize>, until: Instant) -> Vec<usize> {
        let above: Vec<Option<usize>> = (0..self.all.len())
            .map(|place| {
                let (certificate, _) = self.all.get(place)?;
                match self.judge(certificate, until) {
                    Judged::SignedBy(by) if by != place => Some(by),
                    _ => None,
                }
            })
            .collect();
        for _ in 0..chain::MAX_DEPTH {
            for place in 0..self.all.len() {
                let by = above.get(place).copied().flatten().map(|by| self.standing(by));
                if by == Some(Standing::Settled)
                    && !retired.contains(&place)
                    && let Some((_, standing)) = self.all.get_mut(place)
                {
                    *standing = Standing::Settled;
                }
            }
        }
        let top = |mut place: usize| {
            for _ in 0..chain::MAX_DEPTH {
                match above.get(place).copied().flatten() {
                    Some(by) => place = by,
                    None => break,
                }
            }
            place
        };
        (0..self.all.len()).map(top).collect()
    }
}

impl FromIterator<Arc<Certificate>> for Signers {
    fn from_iter<I: IntoIterator<Item = Arc<Certificate>>>(all: I) -> Self {
        let mut signers = Signers::default();
        all.into_iter().for_each(|signer| signers.push(signer, Standing::Settled));
        signers
    }
}

/// Judges each, in the order given, for at most `time`.
pub(super) fn judge_all(
    certificates: &[Option<Arc<Certificate>>],
    signers: &Signers,
    time: Duration,
) -> Vec<Judged> {
    let until = Instant::now() + time;
    let judge = |certificate: &Option<Arc<Certificate>>| match certificate {
        Some(certificate) => signers.judge(certificate, until),
        None => Judged::Unknown,
    };
    certificates.iter().map(judge).collect()
}

/// Whether the newer one of each of `pairs`, (older, newer), is vouched for at least as well as the older one, and so may take its place.
///
/// `signers` are CA certificates; `retired` are the places of those among them that are no longer in use. Doubt protects the older one: it
/// counts as vouched for by a known CA as soon as one bears the name of its issuer, the newer one only when a settled CA signed it. Two
/// under the same topmost signer are vouched for alike. A pair that the time did not suffice for may not.
pub(super) fn may_take_place(
    pairs: &[(Party, Party)],
    mut signers: Signers,
    retired: &HashSet<usize>,
    time: Duration,
) -> Vec<bool> {
    let until = Instant::now() + time;
    let tops = signers.settle(retired, until);
    let mut judged: HashMap<[u8; 32], Judged> = HashMap::new();
    let mut judge = |party: &Party| {
        let certificate = party.certificate.as_ref()?;
        match party.is_self_signed {
            true => Some(Judged::Refuted),
            false => {
                match *judged.entry(certificate.sha256()).or_insert_with(|| signers.judge(certificate, until))
                {
                    Judged::TimeUp => None,
                    other => Some(other),
                }
            }
        }
    };
    let older_rank = |party: &Party, judged: Judged| match judged {
        _ if party.is_self_signed => Vouched::ByNobody,
        Judged::SignedBy(by) if signers.standing(by) == Standing::Brought => Vouched::ByUnknown,
        Judged::Unknown => Vouched::ByUnknown,
        _ => Vouched::ByKnown,
    };
    let newer_rank = |judged: Judged| match judged {
        Judged::SignedBy(by) if signers.standing(by) == Standing::Settled => Vouched::ByKnown,
        Judged::SignedBy(_) | Judged::Unknown | Judged::Unchecked => Vouched::ByUnknown,
        Judged::Refuted | Judged::TimeUp => Vouched::ByNobody,
    };
    let mut may = |(older, newer): &(Party, Party)| {
        let by_newer = judge(newer)?;
        if newer_rank(by_newer) == Vouched::ByKnown {
            return Some(true);
        }
        let by_older = judge(older)?;
        let top = |judged: Judged| match judged {
            Judged::SignedBy(by) => tops.get(by),
            _ => None,
        };
        let is_alike = top(by_older).is_some() && top(by_older) == top(by_newer);
        Some(is_alike || newer_rank(by_newer) >= older_rank(older, by_older))
    };
    pairs.iter().map(|pair| may(pair).unwrap_or(false)).collect()
}

/// One side of a pair.
pub(super) struct Party {
    /// `None`: it could not be read again.
    pub(super) certificate: Option<Arc<Certificate>>,
    /// Nobody but its own key vouches for it.
    pub(super) is_self_signed: bool,
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    fn ca(name: &str) -> (Arc<Certificate>, Issuer<'static, KeyPair>) {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let made = params.self_signed(&key).unwrap();
        (Arc::new(Certificate::from_der(made.der()).unwrap()), Issuer::new(params, key))
    }

    fn issued(name: &str, is_ca: bool, by: &Issuer<'static, KeyPair>) -> (Party, Issuer<'static, KeyPair>) {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let made = params.signed_by(&key, by).unwrap();
        let certificate = Some(Arc::new(Certificate::from_der(made.der()).unwrap()));
        (Party { certificate, is_self_signed: false }, Issuer::new(params, key))
    }

    fn may(
        older: Party,
        newer: Party,
        signers: &[&Arc<Certificate>],
        brought: Vec<Arc<Certificate>>,
    ) -> bool {
        let mut signers: Signers = signers.iter().map(|one| Arc::clone(one)).collect();
        brought.into_iter().for_each(|one| signers.push(one, Standing::Brought));
        may_take_place(&[(older, newer)], signers, &HashSet::new(), Duration::from_secs(60))[0]
    }

    #[test]
    fn whoever_takes_a_place_is_vouched_for_at_least_as_well() {
        let ((root, real), (_, fake)) = (ca("Halden CA"), ca("Totally Fake"));
        let leaf = |by: &Issuer<'static, KeyPair>| issued("shop.halden.example", false, by).0;
        assert!(may(leaf(&real), leaf(&real), &[&root], vec![]));
        assert!(!may(leaf(&real), leaf(&fake), &[&root], vec![]), "nobody knows its issuer");
        assert!(may(leaf(&real), leaf(&fake), &[], vec![]), "as little is known of both");
        assert!(may(leaf(&fake), leaf(&real), &[&root], vec![]));
    }

    #[test]
    fn a_name_borrowed_from_a_known_issuer_is_worth_nothing() {
        let ((root, real), (_, impostor)) = (ca("Halden CA"), ca("Halden CA"));
        let (older, newer) = (issued("a.example", false, &real).0, issued("a.example", false, &impostor).0);
        assert!(!may(older, newer, &[&root], vec![]));
    }

    #[test]
    fn an_issuer_that_comes_along_counts_when_a_known_one_signed_it() {
        let ((root, real), (fake_root, fake)) = (ca("Halden CA"), ca("Totally Fake"));
        let leaf = |by: &Issuer<'static, KeyPair>| issued("a.example", false, by).0;
        let (between, signs) = issued("Halden Issuing 2", true, &real);
        assert!(may(leaf(&real), leaf(&signs), &[&root], vec![between.certificate.unwrap()]));
        assert!(!may(leaf(&real), leaf(&fake), &[&root], vec![fake_root]));
    }

    #[test]
    fn what_the_time_does_not_suffice_for_stays_as_it_is() {
        let (root, real) = ca("Halden CA");
        let (older, newer) = (issued("a.example", false, &real).0, issued("a.example", false, &real).0);
        let signers = [root].into_iter().collect();
        assert_eq!(may_take_place(&[(older, newer)], signers, &HashSet::new(), Duration::ZERO), [false]);
    }
}
