//! Who vouches for a certificate: signatures checked off the async threads and within a limit of time, since an upload may be made of
//! nothing but costly ones.

use std::{
    collections::HashMap,
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
    /// Nobody here bears the name of its issuer, or its algorithm is not checked here.
    Unknown,
    /// The time was up.
    TimeUp,
}

/// CA certificates, found by their names.
#[derive(Default)]
pub(super) struct Signers {
    all: Vec<Arc<Certificate>>,
    by_subject: HashMap<Vec<u8>, Vec<usize>>,
}

impl Signers {
    /// Adds one; its place is the number of those before it.
    pub(super) fn push(&mut self, signer: Arc<Certificate>) {
        self.by_subject.entry(signer.subject_der().to_vec()).or_default().push(self.all.len());
        self.all.push(signer);
    }

    fn judge(&self, certificate: &Certificate, until: Instant) -> Judged {
        let named = self.by_subject.get(certificate.issuer_der()).map(Vec::as_slice).unwrap_or_default();
        let mut judged = Judged::Unknown;
        for place in named.iter().take(chain::MAX_CANDIDATES) {
            if Instant::now() > until {
                return Judged::TimeUp;
            }
            match self.all.get(*place).and_then(|signer| chain::judged_by(certificate, signer)) {
                Some(Verdict::Good) => return Judged::SignedBy(*place),
                Some(Verdict::Bad) => judged = Judged::Refuted,
                Some(Verdict::Unsupported) | None => {}
            }
        }
        judged
    }
}

impl FromIterator<Arc<Certificate>> for Signers {
    fn from_iter<I: IntoIterator<Item = Arc<Certificate>>>(all: I) -> Self {
        let mut signers = Signers::default();
        all.into_iter().for_each(|signer| signers.push(signer));
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

/// How well each of `pairs`, (older, newer), is vouched for, and so whether the newer one may take the older one's place.
///
/// `signers` were in the inventory before; `brought` are the CA certificates that came along, which count once one of `signers` vouches for
/// them. A pair that the time did not suffice for may not.
pub(super) fn may_take_place(
    pairs: &[(Party, Party)],
    mut signers: Signers,
    mut brought: Vec<Arc<Certificate>>,
    time: Duration,
) -> Vec<bool> {
    let until = Instant::now() + time;
    // From the top of a chain down: each round finds those right below what is vouched for.
    for _ in 0..chain::MAX_DEPTH {
        let (vouched, rest): (Vec<_>, Vec<_>) = brought
            .into_iter()
            .partition(|certificate| matches!(signers.judge(certificate, until), Judged::SignedBy(_)));
        brought = rest;
        if vouched.is_empty() {
            break;
        }
        vouched.into_iter().for_each(|certificate| signers.push(certificate));
    }
    let mut known: HashMap<[u8; 32], Option<Vouched>> = HashMap::new();
    let mut standing = |party: &Party| {
        let Some(certificate) = &party.certificate else { return None };
        if party.is_self_signed {
            return Some(Vouched::ByNobody);
        }
        *known.entry(certificate.sha256()).or_insert_with(|| match signers.judge(certificate, until) {
            Judged::SignedBy(_) => Some(Vouched::ByKnown),
            Judged::Unknown => Some(Vouched::ByUnknown),
            Judged::Refuted => Some(Vouched::ByNobody),
            Judged::TimeUp => None,
        })
    };
    let may = |(older, newer): &(Party, Party)| match standing(newer) {
        Some(Vouched::ByKnown) => true,
        Some(newer) => standing(older).is_some_and(|older| newer >= older),
        None => false,
    };
    pairs.iter().map(may).collect()
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
        let signers = signers.iter().map(|one| Arc::clone(one)).collect();
        may_take_place(&[(older, newer)], signers, brought, Duration::from_secs(60))[0]
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
        assert_eq!(may_take_place(&[(older, newer)], signers, vec![], Duration::ZERO), [false]);
    }
}
