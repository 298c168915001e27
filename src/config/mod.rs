//! What needs a restart to change: the environment, or a TOML file with the same names (CONTRACT: flag > environment > file > default).
//!
//! `X_FILE` reads the value of a secret `X` from a file. An unknown or bad value stops the start with its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use ipnet::IpNet;
use secrecy::SecretString;
use time::OffsetDateTime;
use url::Url;

use values::{Values, bad};

mod values;

/// Every setting that may be given. `NOTAFTER_CONFIG` itself is only read from the environment.
const KNOWN: &[&str] = &[
    "DATABASE_URL",
    "NOTAFTER_MIGRATE_DATABASE_URL",
    "NOTAFTER_CONFIG",
    "NOTAFTER_DATA_DIR",
    "NOTAFTER_PG_BIN",
    "NOTAFTER_LISTEN",
    "NOTAFTER_PUBLIC_URL",
    "NOTAFTER_MASTER_KEY",
    "NOTAFTER_TLS",
    "NOTAFTER_TLS_CERT_FILE",
    "NOTAFTER_TLS_KEY_FILE",
    "NOTAFTER_TLS_CLIENT_CA_FILE",
    "NOTAFTER_TLS_MIN_VERSION",
    "NOTAFTER_TLS_CLIENT_AUTH",
    "NOTAFTER_TRUSTED_PROXIES",
    "NOTAFTER_SMTP_URL",
    "NOTAFTER_MAIL_FROM",
    "NOTAFTER_OUTBOUND_ALLOW",
    "NOTAFTER_METRICS_TOKEN",
    "NOTAFTER_LOG",
    "NOTAFTER_TEST_MODE",
    "NOTAFTER_TEST_NOW",
];

const MASTER_KEY: &str = "NOTAFTER_MASTER_KEY";
/// Where container engines put secrets, readable in the container by all.
const CONTAINER_SECRETS: &str = "/run/secrets/";

/// Settings whose value may come from a file named by `<name>_FILE`.
const SECRET: &[&str] = &[
    "DATABASE_URL",
    "NOTAFTER_MIGRATE_DATABASE_URL",
    "NOTAFTER_MASTER_KEY",
    "NOTAFTER_SMTP_URL",
    "NOTAFTER_METRICS_TOKEN",
];

/// A setting that cannot be used, by its name.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody reads a setting of this name.
    #[error("{0} is not a setting of notafter; see the configuration table in the README")]
    Unknown(String),
    /// The value does not say what it must.
    #[error("{name}: {reason}")]
    Bad {
        /// The setting.
        name: String,
        /// What is wrong with it; never the value of a secret.
        reason: String,
    },
}

/// Everything the process was started with.
#[derive(Clone)]
pub struct Config {
    /// Where PostgreSQL is; `None` = a private server under `data_dir`.
    pub database_url: Option<SecretString>,
    /// The role that owns the schema, where it differs from the application's.
    pub migrate_database_url: Option<SecretString>,
    /// Keys, the private PostgreSQL server and audit anchors live here.
    pub data_dir: PathBuf,
    /// Folder of the PostgreSQL programs, when they are not where they usually are.
    pub pg_bin: Option<PathBuf>,
    /// Address the console listens on.
    pub listen: SocketAddr,
    /// The address people use, when it is not `listen`.
    pub public_url: Option<Url>,
    /// 32 bytes, base64; `None` = a key file under `data_dir`.
    pub master_key: Option<SecretString>,
    /// TLS of our own listener.
    pub tls: Tls,
    /// Proxies whose `X-Forwarded-For` counts.
    pub trusted_proxies: Vec<IpNet>,
    /// The mail relay; `None` = alerts wait and the console says so.
    pub smtp: Option<Smtp>,
    /// Sender of every mail.
    pub mail_from: String,
    /// Ranges that outgoing connections may reach besides public addresses.
    pub outbound_allow: Vec<IpNet>,
    /// Bearer token that `/metrics` asks for; `None` = loopback only.
    pub metrics_token: Option<SecretString>,
    /// Filter of the log, `tracing` syntax.
    pub log: String,
    /// Test settings are allowed.
    pub test_mode: bool,
    /// Where the clock starts, in test mode.
    pub test_now: Option<OffsetDateTime>,
}

/// TLS of our own listener (`NOTAFTER_TLS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// Plain HTTP: loopback only, or behind `NOTAFTER_TRUSTED_PROXIES`.
    Off,
    /// Certificate chain and key from PEM files, read again when they change.
    Files(TlsFiles),
}

/// Paths and rules for [`Tls::Files`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificate chain, PEM, leaf first.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Whose client certificates are accepted.
    pub client_ca: Option<PathBuf>,
    /// Whether a client must show one.
    pub client_auth: ClientAuth,
    /// TLS 1.2 is offered as well.
    pub allow_tls12: bool,
}

/// Client certificates on our own listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuth {
    /// Not asked for.
    None,
    /// Checked when shown.
    Optional,
    /// Refused without one.
    Required,
}

/// A mail relay (`NOTAFTER_SMTP_URL`).
#[derive(Clone)]
pub struct Smtp {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: SmtpTls,
    /// User and password, when the relay wants them.
    pub credentials: Option<(String, SecretString)>,
}

/// Protection of the connection to the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpTls {
    /// TLS from the first byte (`smtps://`).
    Wrapper,
    /// STARTTLS, or nothing is sent (`smtp://`, the default).
    Required,
    /// STARTTLS when offered (`?tls=opportunistic`).
    Opportunistic,
    /// Never (`?tls=none`).
    None,
}

impl Config {
    /// Reads the process environment and the file that `NOTAFTER_CONFIG` names.
    pub fn from_env() -> Result<Config, Error> {
        Config::with_listen(None)
    }

    /// As [`Config::from_env`], with the address to listen on from a flag.
    pub fn with_listen(listen: Option<SocketAddr>) -> Result<Config, Error> {
        let ours = |name: &str| {
            name == "DATABASE_URL" || name == "DATABASE_URL_FILE" || name.starts_with("NOTAFTER_")
        };
        let flag = listen.map(|address| ("NOTAFTER_LISTEN".to_owned(), address.to_string()));
        Config::from_pairs(std::env::vars().filter(|(name, _)| ours(name)).chain(flag))
    }

    /// Reads settings from `pairs` (as from an environment) over the file named in them.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Config, Error> {
        let mut values: BTreeMap<String, String> =
            pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        if let Some(path) = values.get("NOTAFTER_CONFIG").cloned() {
            for (name, value) in read_toml(Path::new(&path))? {
                values.entry(name).or_insert(value);
            }
        }
        let values = resolve_secret_files(values)?;
        let known: BTreeSet<&str> = KNOWN.iter().copied().collect();
        if let Some(unknown) = values.keys().find(|name| !known.contains(name.as_str())) {
            return Err(Error::Unknown(unknown.clone()));
        }
        Values(values).into_config()
    }

    /// The address people and mails use, without a trailing slash.
    pub fn base_url(&self) -> String {
        self.base_url_at(self.listen)
    }

    /// As [`Config::base_url`], when the listener was given another port than asked for (port 0).
    pub fn base_url_at(&self, listen: SocketAddr) -> String {
        match &self.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("{}://{listen}", if self.tls == Tls::Off { "http" } else { "https" }),
        }
    }

    /// People reach the console by HTTPS, so cookies can be `Secure` and `__Host-`.
    pub fn is_https(&self) -> bool {
        self.base_url().starts_with("https://")
    }
}

fn read_toml(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |reason: String| bad("NOTAFTER_CONFIG", format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
    if table.contains_key(MASTER_KEY) && is_for_everybody(path) {
        return Err(wrong(format!(
            "it holds {MASTER_KEY} and can be read by everybody on this machine; chmod 600 it"
        )));
    }
    let text_of = |name: &str, value: toml::Value| match value {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(flag) => Ok(if flag { "1" } else { "0" }.to_owned()),
        toml::Value::Array(list) => {
            Ok(list.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(","))
        }
        _ => Err(wrong(format!("{name} must be text, a number, a list of text, or true or false"))),
    };
    table.into_iter().map(|(name, value)| text_of(&name, value).map(|text| (name, text))).collect()
}

/// Whether anybody who can reach the file may read it (S19).
fn is_for_everybody(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

fn resolve_secret_files(mut values: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
    for name in SECRET {
        let file = format!("{name}_FILE");
        let Some(path) = values.remove(&file) else { continue };
        if values.contains_key(*name) {
            return Err(bad(&file, format!("{name} is set as well; give one of the two")));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| bad(&file, format!("{path}: {error}")))?;
        if *name == MASTER_KEY && !path.starts_with(CONTAINER_SECRETS) && is_for_everybody(Path::new(&path)) {
            return Err(bad(&file, format!("{path} can be read by everybody on this machine; chmod 600 it")));
        }
        values.insert((*name).to_owned(), text.trim_end_matches(['\n', '\r']).to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, Error> {
        Config::from_pairs(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    fn refusal(pairs: &[(&str, &str)]) -> String {
        read(pairs).err().expect("must be refused").to_string()
    }

    #[test]
    fn nothing_configured_is_enough() {
        let config = read(&[]).unwrap();
        assert_eq!(config.base_url(), "http://127.0.0.1:8080");
        assert!(config.database_url.is_none() && config.smtp.is_none() && !config.is_https());
    }

    #[test]
    fn an_unknown_setting_stops_the_start_by_name() {
        assert!(refusal(&[("NOTAFTER_SMTP_ULR", "smtp://h")]).starts_with("NOTAFTER_SMTP_ULR"));
    }

    #[test]
    fn each_bad_value_is_refused_by_name() {
        for (name, value) in [
            ("NOTAFTER_LISTEN", "8080"),
            ("NOTAFTER_LISTEN", "0.0.0.0:8080"),
            ("NOTAFTER_PUBLIC_URL", "https://h.example/path"),
            ("NOTAFTER_TLS", "on"),
            ("NOTAFTER_SMTP_URL", "http://h.example"),
            ("NOTAFTER_SMTP_URL", "smtp://h.example?tls=maybe"),
            ("NOTAFTER_MAIL_FROM", "nobody"),
            ("NOTAFTER_MAIL_FROM", "a@b.example\r\nBcc: c@d.example"),
            ("NOTAFTER_OUTBOUND_ALLOW", "10.0.0.0/99"),
            ("NOTAFTER_TEST_NOW", "2026-11-20T09:00:00Z"),
            ("NOTAFTER_TEST_MODE", "yes"),
        ] {
            assert!(refusal(&[(name, value)]).starts_with(name), "{name}={value}");
        }
    }

    #[test]
    fn starttls_is_required_unless_written_otherwise() {
        let smtp =
            read(&[("NOTAFTER_SMTP_URL", "smtp://us%40er:p%3Aw@relay.example")]).unwrap().smtp.unwrap();
        assert_eq!((smtp.host.as_str(), smtp.port, smtp.tls), ("relay.example", 587, SmtpTls::Required));
        let (user, password) = smtp.credentials.unwrap();
        assert_eq!((user.as_str(), password.expose_secret()), ("us@er", "p:w"));
        let plain = read(&[("NOTAFTER_SMTP_URL", "smtp://127.0.0.1:25?tls=none")]).unwrap().smtp.unwrap();
        assert_eq!((plain.port, plain.tls), (25, SmtpTls::None));
    }

    #[test]
    fn the_environment_wins_over_the_file_and_secrets_come_from_files() {
        let folder = std::env::temp_dir().join(format!("notafter-config-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (toml, secret) = (folder.join("notafter.toml"), folder.join("token"));
        std::fs::write(
            &toml,
            "NOTAFTER_LISTEN = \"127.0.0.1:1\"\nNOTAFTER_OUTBOUND_ALLOW = [\"10.0.0.0/8\", \"::1\"]\n",
        )
        .unwrap();
        std::fs::write(&secret, "t0ken\n").unwrap();
        let config = read(&[
            ("NOTAFTER_CONFIG", toml.to_str().unwrap()),
            ("NOTAFTER_LISTEN", "127.0.0.1:2"),
            ("NOTAFTER_METRICS_TOKEN_FILE", secret.to_str().unwrap()),
        ])
        .unwrap();
        assert_eq!((config.listen.port(), config.outbound_allow.len()), (2, 2));
        assert_eq!(config.metrics_token.unwrap().expose_secret(), "t0ken");
        // A master key that everybody may read is none.
        let key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        std::fs::write(&secret, key).unwrap();
        std::fs::write(&toml, format!("NOTAFTER_MASTER_KEY = \"{key}\"\n")).unwrap();
        let given = [
            ("NOTAFTER_MASTER_KEY_FILE", secret.to_str().unwrap()),
            ("NOTAFTER_CONFIG", toml.to_str().unwrap()),
        ];
        for (place, path) in given.into_iter().zip([&secret, &toml]) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(refusal(&[place]).contains("everybody"), "{place:?}");
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
            assert!(read(&[place]).unwrap().master_key.is_some(), "{place:?}");
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
