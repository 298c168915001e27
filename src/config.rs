//! What needs a restart to change: the environment, or a TOML file with the same names (CONTRACT: flag > environment > file > default).
//!
//! `X_FILE` reads the value of a secret `X` from a file. An unknown or bad value stops the start with its name.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

use ipnet::IpNet;
use secrecy::SecretString;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

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

struct Values(BTreeMap<String, String>);

impl Values {
    fn into_config(mut self) -> Result<Config, Error> {
        let test_mode = self.flag("NOTAFTER_TEST_MODE")?;
        let test_now = self.take("NOTAFTER_TEST_NOW");
        if test_now.is_some() && !test_mode {
            return Err(bad("NOTAFTER_TEST_NOW", "is a test setting; it needs NOTAFTER_TEST_MODE=1"));
        }
        let listen =
            self.parse("NOTAFTER_LISTEN", "127.0.0.1:8080", "an address and port, such as 127.0.0.1:8080")?;
        let trusted_proxies = self.networks("NOTAFTER_TRUSTED_PROXIES")?;
        let config = Config {
            database_url: self.take("DATABASE_URL").map(SecretString::from),
            migrate_database_url: self.take("NOTAFTER_MIGRATE_DATABASE_URL").map(SecretString::from),
            data_dir: self.take("NOTAFTER_DATA_DIR").unwrap_or_else(|| "./data".into()).into(),
            pg_bin: self.take("NOTAFTER_PG_BIN").map(PathBuf::from),
            listen,
            public_url: self.public_url()?,
            master_key: self.take("NOTAFTER_MASTER_KEY").map(SecretString::from),
            tls: self.tls(&listen, &trusted_proxies)?,
            trusted_proxies,
            smtp: self.smtp()?,
            mail_from: self
                .take("NOTAFTER_MAIL_FROM")
                .unwrap_or_else(|| "notafter <notafter@localhost>".into()),
            outbound_allow: self.networks("NOTAFTER_OUTBOUND_ALLOW")?,
            metrics_token: self.take("NOTAFTER_METRICS_TOKEN").map(SecretString::from),
            log: self.take("NOTAFTER_LOG").unwrap_or_else(|| "info,sqlx=warn,lettre=warn".into()),
            test_mode,
            test_now: test_now.map(|text| OffsetDateTime::parse(&text, &Rfc3339)).transpose().map_err(
                |_| bad("NOTAFTER_TEST_NOW", "must be an RFC 3339 time, such as 2026-11-20T09:00:00Z"),
            )?,
        };
        check_sender(&config.mail_from)?;
        Ok(config)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    fn parse<T: FromStr>(&mut self, name: &str, default: &str, wanted: &str) -> Result<T, Error> {
        let text = self.take(name).unwrap_or_else(|| default.to_owned());
        text.parse().map_err(|_| bad(name, format!("`{text}` is not {wanted}")))
    }

    fn flag(&mut self, name: &str) -> Result<bool, Error> {
        match self.take(name).as_deref() {
            None | Some("0" | "false") => Ok(false),
            Some("1" | "true") => Ok(true),
            Some(other) => Err(bad(name, format!("`{other}` is neither 0 nor 1"))),
        }
    }

    fn networks(&mut self, name: &str) -> Result<Vec<IpNet>, Error> {
        let text = self.take(name).unwrap_or_default();
        text.split([',', ' ']).filter(|part| !part.is_empty()).map(|part| parse_network(name, part)).collect()
    }

    fn public_url(&mut self) -> Result<Option<Url>, Error> {
        let Some(text) = self.take("NOTAFTER_PUBLIC_URL") else { return Ok(None) };
        let url =
            Url::parse(&text).map_err(|_| bad("NOTAFTER_PUBLIC_URL", format!("`{text}` is not a URL")))?;
        if !matches!(url.scheme(), "http" | "https")
            || url.host().is_none()
            || url.path() != "/"
            || url.query().is_some()
        {
            return Err(bad("NOTAFTER_PUBLIC_URL", "must be http(s)://host[:port] without a path"));
        }
        Ok(Some(url))
    }

    fn tls(&mut self, listen: &SocketAddr, proxies: &[IpNet]) -> Result<Tls, Error> {
        let certificate = self.take("NOTAFTER_TLS_CERT_FILE").map(PathBuf::from);
        let key = self.take("NOTAFTER_TLS_KEY_FILE").map(PathBuf::from);
        let client_ca = self.take("NOTAFTER_TLS_CLIENT_CA_FILE").map(PathBuf::from);
        let client_auth = self.client_auth(client_ca.is_some())?;
        let allow_tls12 = match self.take("NOTAFTER_TLS_MIN_VERSION").as_deref() {
            None | Some("1.3") => false,
            Some("1.2") => true,
            Some(other) => {
                return Err(bad("NOTAFTER_TLS_MIN_VERSION", format!("`{other}` is neither 1.2 nor 1.3")));
            }
        };
        match self.take("NOTAFTER_TLS").as_deref() {
            None | Some("off") if !listen.ip().is_loopback() && proxies.is_empty() => Err(bad(
                "NOTAFTER_LISTEN",
                format!(
                    "{listen} would serve plain HTTP beyond this machine; set NOTAFTER_TLS=files, or NOTAFTER_TRUSTED_PROXIES"
                ),
            )),
            None | Some("off") => Ok(Tls::Off),
            Some("files") => {
                let certificate = certificate
                    .ok_or_else(|| bad("NOTAFTER_TLS_CERT_FILE", "is needed with NOTAFTER_TLS=files"))?;
                let key =
                    key.ok_or_else(|| bad("NOTAFTER_TLS_KEY_FILE", "is needed with NOTAFTER_TLS=files"))?;
                Ok(Tls::Files(TlsFiles { certificate, key, client_ca, client_auth, allow_tls12 }))
            }
            Some(other) => Err(bad("NOTAFTER_TLS", format!("`{other}` is neither off nor files"))),
        }
    }

    fn client_auth(&mut self, has_ca: bool) -> Result<ClientAuth, Error> {
        let mode = match self.take("NOTAFTER_TLS_CLIENT_AUTH").as_deref() {
            None | Some("none") => ClientAuth::None,
            Some("optional") => ClientAuth::Optional,
            Some("required") => ClientAuth::Required,
            Some(other) => {
                return Err(bad(
                    "NOTAFTER_TLS_CLIENT_AUTH",
                    format!("`{other}` is none of none, optional, required"),
                ));
            }
        };
        if mode != ClientAuth::None && !has_ca {
            return Err(bad("NOTAFTER_TLS_CLIENT_CA_FILE", "is needed with NOTAFTER_TLS_CLIENT_AUTH"));
        }
        Ok(mode)
    }

    fn smtp(&mut self) -> Result<Option<Smtp>, Error> {
        let Some(text) = self.take("NOTAFTER_SMTP_URL") else { return Ok(None) };
        let wrong = |reason: &str| bad("NOTAFTER_SMTP_URL", reason);
        let url =
            Url::parse(&text).map_err(|_| wrong("is not a URL such as smtp://user:password@host:587"))?;
        let mode = url.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
        let tls = match (url.scheme(), mode.as_deref()) {
            ("smtps", None) => SmtpTls::Wrapper,
            ("smtp", None | Some("required")) => SmtpTls::Required,
            ("smtp", Some("opportunistic")) => SmtpTls::Opportunistic,
            ("smtp", Some("none")) => SmtpTls::None,
            ("smtp" | "smtps", Some(_)) => {
                return Err(wrong("?tls= is none of required, opportunistic, none"));
            }
            _ => return Err(wrong("must begin with smtp:// or smtps://")),
        };
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| wrong("names no host"))?;
        let decode = |part: &str| {
            percent_decode(part).ok_or_else(|| wrong("has a broken % escape in its user or password"))
        };
        let credentials = match (url.username(), url.password()) {
            ("", _) => None,
            (user, password) => {
                Some((decode(user)?, SecretString::from(decode(password.unwrap_or_default())?)))
            }
        };
        let port = url.port().unwrap_or(if tls == SmtpTls::Wrapper { 465 } else { 587 });
        Ok(Some(Smtp { host: host.trim_matches(['[', ']']).to_owned(), port, tls, credentials }))
    }
}

fn bad(name: &str, reason: impl Into<String>) -> Error {
    Error::Bad { name: name.to_owned(), reason: reason.into() }
}

fn parse_network(name: &str, text: &str) -> Result<IpNet, Error> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
        .map_err(|_| bad(name, format!("`{text}` is not an address range such as 10.0.0.0/8")))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

fn read_toml(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let wrong = |reason: String| bad("NOTAFTER_CONFIG", format!("{}: {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
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

fn resolve_secret_files(mut values: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, Error> {
    for name in SECRET {
        let file = format!("{name}_FILE");
        let Some(path) = values.remove(&file) else { continue };
        if values.contains_key(*name) {
            return Err(bad(&file, format!("{name} is set as well; give one of the two")));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| bad(&file, format!("{path}: {error}")))?;
        values.insert((*name).to_owned(), text.trim_end_matches(['\n', '\r']).to_owned());
    }
    Ok(values)
}

/// Checks a `Name <local@host>` sender roughly; the mail library, whose home is `notifiers/`, has the last word.
fn check_sender(text: &str) -> Result<(), Error> {
    let address = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>')).trim();
    let plain = !text.chars().any(char::is_control) && !address.contains(' ');
    match address.rsplit_once('@') {
        Some((local, host)) if plain && !local.is_empty() && !host.is_empty() => Ok(()),
        _ => Err(bad("NOTAFTER_MAIL_FROM", "is not an address such as notafter <notafter@certs.example>")),
    }
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
        std::fs::remove_dir_all(folder).unwrap();
    }
}
