//! Certificates of any shape, made quickly in the process (the openssl ones of `pki` take a process each), and callers for services.

use notafter::services::{
    Actor, Caller, Reach, Role,
    certificates::{self, Options, Report, Source, Upload},
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber,
};
use time::{Duration, OffsetDateTime};

use super::{TestApp, app::START};

/// A certificate and its key.
pub struct Made {
    pub params: CertificateParams,
    pub key: KeyPair,
    pub der: Vec<u8>,
}

impl Made {
    pub fn pem(&self) -> String {
        notafter::x509::pem::write("CERTIFICATE", &self.der)
    }
}

/// What [`leaf`] is asked for: one name, valid from and until so many days from [`START`].
pub fn params(names: &[&str], from: i64, until: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    if let Some(name) = names.first() {
        params.distinguished_name.push(DnType::CommonName, *name);
    }
    let dns = |name: &&str| SanType::DnsName((*name).to_owned().try_into().unwrap());
    params.subject_alt_names = names.iter().map(dns).collect();
    params.not_before = START + Duration::days(from);
    params.not_after = START + Duration::days(until);
    params.serial_number = Some(SerialNumber::from_slice(&uuid::Uuid::now_v7().into_bytes()));
    params
}

pub fn self_signed(params: CertificateParams) -> Made {
    let key = KeyPair::generate().unwrap();
    let der = params.self_signed(&key).unwrap().der().to_vec();
    Made { params, key, der }
}

/// A self-signed leaf for these names.
pub fn leaf(names: &[&str], from: i64, until: i64) -> Made {
    self_signed(params(names, from, until))
}

pub fn authority(name: &str) -> Made {
    let mut params = params(&[], -1000, 3000);
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    self_signed(params)
}

pub fn issued(params: CertificateParams, issuer: &Made) -> Made {
    let key = KeyPair::generate().unwrap();
    let der =
        params.signed_by(&key, &Issuer::from_params(&issuer.params, &issuer.key)).unwrap().der().to_vec();
    Made { params, key, der }
}

pub fn upload(name: &str, bytes: impl Into<Vec<u8>>) -> Upload {
    Upload { file_name: name.to_owned(), bytes: bytes.into().into(), password: None }
}

pub fn options() -> Options {
    Options::of(Source::Import)
}

/// Somebody of this role, limited to these teams unless there are none.
pub fn actor(role: Role, teams: &[i64]) -> Actor {
    let reach = if teams.is_empty() { Reach::All } else { Reach::Teams(teams.to_vec()) };
    Actor::User(Caller {
        user: 1,
        email: format!("{role}@halden.example"),
        name: role.to_string(),
        role,
        reach,
        confirmed_at: Some(OffsetDateTime::UNIX_EPOCH),
        address: None,
        request_id: None,
    })
}

impl TestApp {
    /// Imports as the command line's user, who reaches everything.
    pub async fn import(&self, bytes: impl Into<Vec<u8>>) -> Report {
        certificates::import(&self.app, &self.cli(), upload("upload", bytes), &options()).await.unwrap()
    }

    /// Imports one certificate for a team; answers its id.
    pub async fn import_for(&self, team: &str, made: &Made) -> i64 {
        let options = Options { team: team.to_owned(), ..options() };
        let report =
            certificates::import(&self.app, &self.cli(), upload("upload", made.pem()), &options).await;
        report.unwrap().rows[0].outcome.id().unwrap()
    }
}
