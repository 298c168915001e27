//! From the text of a setting to its value; what cannot be used is refused by the setting's name.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, str::FromStr};

use ipnet::IpNet;
use secrecy::SecretString;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use url::Url;

use super::{ClientAuth, Config, Error, Smtp, SmtpTls, Tls, TlsFiles};

/// Settings as text, each taken out once it is understood.
pub(super) struct Values(pub(super) BTreeMap<String, String>);

impl Values {
    /// Understands all of them.
    pub(super) fn into_config(mut self) -> Result<Config, Error> {
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

pub(super) fn bad(name: &str, reason: impl Into<String>) -> Error {
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

/// Checks a `Name <local@host>` sender roughly; the mail library, whose home is `notifiers/`, has the last word.
fn check_sender(text: &str) -> Result<(), Error> {
    let address = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>')).trim();
    let plain = !text.chars().any(char::is_control) && !address.contains(' ');
    match address.rsplit_once('@') {
        Some((local, host)) if plain && !local.is_empty() && !host.is_empty() => Ok(()),
        _ => Err(bad("NOTAFTER_MAIL_FROM", "is not an address such as notafter <notafter@certs.example>")),
    }
}
