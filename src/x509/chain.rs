//! Chains: which certificate signed which, and the way from a leaf to a self-signed root (RFC 5280 §6.1).
//!
//! This links certificates for showing and storing; it is no verdict of trust: dates, constraints and
//! revocation are not looked at.

use std::cmp::Reverse;

use super::Certificate;
use super::signature::Verdict;

/// No chain is followed further than this; real ones have up to five certificates.
pub const MAX_DEPTH: usize = 10;

/// So many issuers with the fitting name and identifiers are tried for one certificate: a signature costs time,
/// and an upload may hold thousands of the same name.
pub const MAX_CANDIDATES: usize = 64;

/// The way from a leaf upwards, as far as the known certificates lead.
#[derive(Clone, Debug)]
pub struct Chain<'a> {
    /// The leaf first, each followed by its issuer.
    pub certificates: Vec<&'a Certificate>,
    /// True if the last one is self-signed.
    pub complete: bool,
    /// The name of the issuer that is not known (RFC 4514), if that is why the chain ends.
    pub missing: Option<String>,
}

/// True if `parent` signed `child`: the names link byte for byte, the key identifiers do not contradict each
/// other, and the signature is good. An algorithm that cannot be verified here is not proof, so `false`.
pub fn is_issued_by(child: &Certificate, parent: &Certificate) -> bool {
    may_be_issuer(child, parent) && child.verify(parent.spki_der()) == Verdict::Good
}

/// True if the certificate signed itself. Where the algorithm cannot be verified here (MD5, Ed448) the names
/// and identifiers decide, since nothing rests on a root's own signature.
pub fn is_self_signed(certificate: &Certificate) -> bool {
    may_be_issuer(certificate, certificate) && certificate.verify(certificate.spki_der()) != Verdict::Bad
}

/// Follows issuers from `leaf` through `pool` until a self-signed certificate, an unknown issuer, a loop or
/// [`MAX_DEPTH`]. Of several issuers with the same name and key, a self-signed one is taken first and then the
/// one that is valid longest. Certificates of the pool that do not belong are passed over.
pub fn order<'a>(leaf: &'a Certificate, pool: &'a [Certificate]) -> Chain<'a> {
    let mut certificates = vec![leaf];
    let mut last = leaf;
    loop {
        if is_self_signed(last) {
            return Chain { certificates, complete: true, missing: None };
        }
        if certificates.len() >= MAX_DEPTH {
            return Chain { certificates, complete: false, missing: None };
        }
        let Some(issuer) = issuer_in(pool, last, &certificates) else {
            let missing = Some(last.issuer().to_owned());
            return Chain { certificates, complete: false, missing };
        };
        certificates.push(issuer);
        last = issuer;
    }
}

/// The best issuer of `child` that is not in the chain yet.
fn issuer_in<'a>(
    pool: &'a [Certificate],
    child: &Certificate,
    chain: &[&Certificate],
) -> Option<&'a Certificate> {
    let mut candidates: Vec<&Certificate> = pool
        .iter()
        .filter(|candidate| may_be_issuer(child, candidate) && !chain.contains(candidate))
        .collect();
    candidates.sort_by_key(|candidate| Reverse((candidate.is_self_issued(), candidate.not_after())));
    candidates.into_iter().take(MAX_CANDIDATES).find(|candidate| is_issued_by(child, candidate))
}

/// The cheap half of the question, which most pairs fail: names as bytes, then key identifiers, then the
/// issuer and serial that the child may name.
pub fn may_be_issuer(child: &Certificate, parent: &Certificate) -> bool {
    if child.issuer_der() != parent.subject_der() {
        return false;
    }
    let Some(authority) = child.authority_key_identifier() else { return true };
    let key_agrees = match (&authority.key_identifier, parent.subject_key_identifier()) {
        (Some(named), Some(own)) => named == own,
        _ => true,
    };
    let serial_agrees = authority.serial.as_deref().is_none_or(|serial| serial == parent.serial());
    key_agrees && serial_agrees
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, PKCS_ML_DSA_65};

    use super::*;

    struct Signer {
        key: KeyPair,
        params: CertificateParams,
        certificate: Certificate,
    }

    fn params(name: &str, is_ca: bool) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.use_authority_key_identifier_extension = true;
        if is_ca {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params
    }

    fn root(name: &str, key: KeyPair) -> Signer {
        let params = params(name, true);
        let certificate = Certificate::from_der(params.self_signed(&key).unwrap().der()).unwrap();
        Signer { key, params, certificate }
    }

    fn issue(name: &str, is_ca: bool, parent: &Signer) -> Signer {
        let key = KeyPair::generate().unwrap();
        sign(name, is_ca, key, parent)
    }

    fn sign(name: &str, is_ca: bool, key: KeyPair, parent: &Signer) -> Signer {
        let params = params(name, is_ca);
        let issuer = Issuer::from_params(&parent.params, &parent.key);
        let certificate = Certificate::from_der(params.signed_by(&key, &issuer).unwrap().der()).unwrap();
        Signer { key, params, certificate }
    }

    fn names(chain: &Chain<'_>) -> Vec<String> {
        chain.certificates.iter().map(|certificate| certificate.primary_name()).collect()
    }

    #[test]
    fn a_shuffled_pool_is_put_in_order() {
        let root = root("root", KeyPair::generate().unwrap());
        let middle = issue("middle", true, &root);
        let leaf = issue("leaf.example", false, &middle);
        let stranger = self::root("stranger", KeyPair::generate().unwrap());
        let pool =
            [root.certificate.clone(), stranger.certificate, leaf.certificate.clone(), middle.certificate];
        let chain = order(&leaf.certificate, &pool);
        assert_eq!(names(&chain), ["leaf.example", "middle", "root"]);
        assert!(chain.complete && chain.missing.is_none());
        assert!(is_self_signed(&root.certificate) && !is_self_signed(&leaf.certificate));
    }

    #[test]
    fn a_missing_issuer_is_named() {
        let root = root("root", KeyPair::generate().unwrap());
        let middle = issue("middle", true, &root);
        let leaf = issue("leaf.example", false, &middle);
        let pool = [root.certificate];
        let chain = order(&leaf.certificate, &pool);
        assert_eq!((names(&chain), chain.complete), (vec!["leaf.example".to_owned()], false));
        assert_eq!(chain.missing.unwrap(), "CN=middle");
    }

    #[test]
    fn the_same_name_with_another_key_did_not_sign() {
        let real = root("root", KeyPair::generate().unwrap());
        let fake = root("root", KeyPair::generate().unwrap());
        let leaf = issue("leaf.example", false, &real);
        assert!(is_issued_by(&leaf.certificate, &real.certificate));
        assert!(!is_issued_by(&leaf.certificate, &fake.certificate));
    }

    #[test]
    fn two_that_signed_each_other_end_without_a_root() {
        let one = root("one", KeyPair::generate().unwrap());
        let two = root("two", KeyPair::generate().unwrap());
        let one_by_two = sign("one", true, KeyPair::from_pem(&one.key.serialize_pem()).unwrap(), &two);
        let two_by_one = sign("two", true, KeyPair::from_pem(&two.key.serialize_pem()).unwrap(), &one);
        let leaf = issue("leaf.example", false, &one);
        let pool = [one_by_two.certificate, two_by_one.certificate];
        let chain = order(&leaf.certificate, &pool);
        assert_eq!(names(&chain), ["leaf.example", "one", "two"]);
        assert!(!chain.complete);
    }

    #[test]
    fn a_self_signed_issuer_is_preferred_to_a_cross_signed_one() {
        let one = root("one", KeyPair::generate().unwrap());
        let two = root("two", KeyPair::generate().unwrap());
        let crossed = sign("one", true, KeyPair::from_pem(&one.key.serialize_pem()).unwrap(), &two);
        let leaf = issue("leaf.example", false, &one);
        let pool = [crossed.certificate, two.certificate, one.certificate];
        let chain = order(&leaf.certificate, &pool);
        assert_eq!(names(&chain), ["leaf.example", "one"]);
        assert!(chain.complete);
    }

    #[test]
    fn ml_dsa_signatures_are_verified() {
        let root = root("root", KeyPair::generate_for(&PKCS_ML_DSA_65).unwrap());
        let leaf = issue("leaf.example", false, &root);
        assert_eq!(
            (root.certificate.key().to_string().as_str(), leaf.certificate.signature()),
            ("ML-DSA-65", "ML-DSA-65")
        );
        assert!(is_issued_by(&leaf.certificate, &root.certificate) && is_self_signed(&root.certificate));
    }
}
