//! Properties over all of X.509: hostile bytes are read or refused, never a panic, and where the parser
//! library reads a certificate too, both read the same.

use std::sync::LazyLock;

use proptest::prelude::*;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, CrlDistributionPoint, CustomExtension, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, KeyPair, KeyUsagePurpose, NameConstraints,
};
use x509_parser::certificate::X509CertificateParser;
use x509_parser::nom::Parser;

use super::extension::RawExtension;
use super::inspect::Inspected;
use super::{Certificate, CertificateList, CertificateRequest, tlv, visible};

/// One of everything, so that a changed byte hits every reader.
fn rich() -> CertificateParams {
    let mut params = CertificateParams::new(vec!["a.example".to_owned(), "192.0.2.1".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CountryName, "SE");
    params.distinguished_name.push(DnType::CommonName, "a.example");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let range = GeneralSubtree::IpAddress(CidrSubnet::from_v4_prefix([10, 0, 0, 0], 8));
    let excluded_subtrees = vec![GeneralSubtree::DnsName(".example".to_owned())];
    params.name_constraints = Some(NameConstraints { permitted_subtrees: vec![range], excluded_subtrees });
    params.crl_distribution_points =
        vec![CrlDistributionPoint { uris: vec!["http://crl.example/x".to_owned()] }];
    let policies = vec![0x30, 6, 0x30, 4, 6, 2, 0x2a, 3];
    params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 32], policies));
    params
}

static CERTIFICATE: LazyLock<Vec<u8>> =
    LazyLock::new(|| rich().self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec());

static REQUEST: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
    params.serialize_request(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
});

/// Changes some bytes and cuts the end.
fn changed(der: &[u8], changes: &[(prop::sample::Index, u8)], cut: Option<prop::sample::Index>) -> Vec<u8> {
    let mut der = der.to_vec();
    for (at, byte) in changes {
        let at = at.index(der.len());
        der[at] = *byte;
    }
    let len = cut.map_or(der.len(), |cut| cut.index(der.len()));
    der.truncate(len);
    der
}

/// Reads the bytes as everything and looks at all of it.
fn look(der: &[u8]) {
    if let Ok(certificate) = Certificate::from_der(der) {
        let _ = (Inspected::from(&certificate), certificate.names(), certificate.lifetime());
        visible(&certificate.primary_name());
        agrees_with_library(der, &certificate);
    }
    if let Ok(request) = CertificateRequest::from_der(der) {
        let _ = (Inspected::from(&request), request.names(), request.primary_name());
    }
    if let Ok(list) = CertificateList::from_der(der) {
        let _ = Inspected::from(&list);
    }
}

fn agrees_with_library(der: &[u8], certificate: &Certificate) {
    let mut parser = X509CertificateParser::new().with_deep_parse_extensions(false);
    let Ok((_, parsed)) = parser.parse(der) else { return };
    assert_eq!(certificate.serial(), super::serial::hex(parsed.raw_serial()));
    assert_eq!(certificate.not_after(), parsed.validity.not_after.to_datetime());
    assert_eq!(certificate.not_before(), parsed.validity.not_before.to_datetime());
    // The library leaves out what a damaged key holds after its bit string; a digest of the element has all of it.
    assert!(certificate.spki_der().starts_with(parsed.subject_pki.raw));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        look(&bytes);
    }

    #[test]
    fn changed_certificates_and_requests_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        look(&changed(&CERTIFICATE, &changes, cut));
        look(&changed(&REQUEST, &changes, cut));
    }

    #[test]
    fn every_reader_of_extensions_survives_any_value(
        prefix in prop::sample::select(vec![
            vec![0x55, 0x1d],
            vec![0x2b, 6, 1, 5, 5, 7, 1],
            vec![0x60, 0x86, 0x48, 1, 0x86, 0xf8, 0x42, 1],
            vec![0x2b, 6, 1, 4, 1, 0x82, 0x37, 21],
            vec![0x2b, 6, 1, 4, 1, 0xd6, 0x79, 2, 4],
        ]),
        last in 0_u8..60,
        outer in prop::sample::select(vec![0x30_u8, 0x03, 0x04, 0x02, 0x1e]),
        fields in prop::collection::vec((prop::sample::select(vec![
            0x02_u8, 0x03, 0x04, 0x06, 0x0c, 0x16, 0x1e, 0x30, 0x31, 0x80, 0x81, 0x82, 0x86, 0x87, 0xa0, 0xa1, 0xa2, 0xa4,
        ]), prop::collection::vec(any::<u8>(), 0..12)), 0..6),
    ) {
        let element = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()][..], content].concat();
        let content: Vec<u8> = fields.iter().flat_map(|(tag, value)| element(*tag, value)).collect();
        let nested = element(outer, &element(0x30, &content));
        let oid = [&prefix[..], &[last]].concat();
        for value in [element(outer, &content), nested, content.clone()] {
            let shown = RawExtension { oid: &oid, critical: false, value: &value }.readable();
            prop_assert!(!shown.name.is_empty());
        }
    }

    #[test]
    fn elements_are_parts_of_their_input(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut all = tlv::elements(&bytes);
        let read: usize = all.by_ref().map(|element| element.raw.len()).sum();
        prop_assert_eq!(read + all.rest().len(), bytes.len());
    }
}
