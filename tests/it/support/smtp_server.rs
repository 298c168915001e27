//! Runs `smtp_server.py`: a real relay on loopback, with STARTTLS and with faults.

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use notafter::config::{Smtp, SmtpTls};
use secrecy::SecretString;

/// A relay that ends with the test.
pub struct SmtpServer {
    process: Child,
    folder: PathBuf,
    port: u16,
    /// The authority that issued its certificate, DER.
    pub authority: Option<Vec<u8>>,
}

/// How a relay is to behave.
#[derive(Default)]
pub struct Behaviour {
    /// Offers STARTTLS, with a certificate for `localhost`.
    pub tls: bool,
    /// Wants this `user:password`.
    pub auth: Option<&'static str>,
    /// A fault by its name in `smtp_server.py`.
    pub fault: Option<&'static str>,
    /// How many messages it happens to; `None` = all.
    pub times: Option<u32>,
}

impl SmtpServer {
    /// Starts a relay and waits until it listens.
    pub fn start(behaviour: Behaviour) -> Self {
        let folder = std::env::temp_dir().join(format!("notafter-smtp-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/smtp_server.py");
        let mut command = Command::new("python3");
        command.arg(script).arg(&folder).stdout(Stdio::piped());
        let authority = behaviour.tls.then(|| {
            let (authority, chain, key) = certificate_for_localhost();
            let (cert_file, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
            std::fs::write(&cert_file, chain).unwrap();
            std::fs::write(&key_file, key).unwrap();
            command.arg("--cert").arg(cert_file).arg("--key").arg(key_file);
            authority
        });
        command.args(behaviour.auth.iter().flat_map(|auth| ["--auth", auth]));
        command.args(behaviour.fault.iter().flat_map(|fault| ["--fault", fault]));
        command.args(behaviour.times.iter().flat_map(|times| ["--times".into(), times.to_string()]));
        let mut process = command.spawn().expect("python3 is installed");
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().parse().expect("aiosmtpd is installed");
        Self { process, folder, port, authority }
    }

    /// Settings that reach it.
    pub fn settings(&self, tls: SmtpTls) -> Smtp {
        Smtp { host: "localhost".into(), port: self.port, tls, credentials: None }
    }

    /// The same, signing in.
    pub fn settings_with(&self, tls: SmtpTls, user: &str, password: &str) -> Smtp {
        let credentials = Some((user.to_owned(), SecretString::from(password.to_owned())));
        Smtp { credentials, ..self.settings(tls) }
    }

    /// What it accepted, in order.
    pub fn messages(&self) -> Vec<String> {
        let files = (1..).map(|number| self.folder.join(format!("{number}.eml")));
        files.map_while(|file| std::fs::read_to_string(file).ok()).collect()
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// An authority's DER, and the certificate and key of a relay called `localhost`, PEM.
fn certificate_for_localhost() -> (Vec<u8>, String, String) {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(vec![]).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "Relay Test Authority");
    let authority_der = authority.self_signed(&authority_key).unwrap().der().to_vec();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap();
    (authority_der, leaf.pem(), key.serialize_pem())
}
