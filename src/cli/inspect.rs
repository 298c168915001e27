//! `inspect FILE|-`: says what is in a file. Needs no database and stores nothing.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};
use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    services::{
        self,
        inspect::{Placed, inspect},
    },
    x509::{
        Extension,
        bundle::{self, Limits},
        inspect::Inspected,
        visible,
    },
};

use super::Out;

/// The command line may read far more than a page.
const LIMITS: Limits = Limits { entries: 1_000_000, block: 1 << 20, whole: 1 << 30 };

/// Certificate, CSR, CRL, PKCS#7, PKCS#12, JKS or a bundle of them.
#[derive(Debug, Args)]
pub struct Inspect {
    /// A file, or - for standard input
    file: PathBuf,
    /// Print JSON: one certificate is an object, several things are a list
    #[arg(long)]
    json: bool,
    /// File holding the password of a PKCS#12 file or Java key store
    #[arg(long, value_name = "F")]
    password_file: Option<PathBuf>,
}

/// Prints what was found.
pub fn run(command: &Inspect, out: Out<'_>) -> anyhow::Result<()> {
    let bytes = read(&command.file)?;
    let password = command.password_file.as_ref().map(password).transpose()?;
    let found = inspect(&bytes, password.as_ref().map(ExposeSecret::expose_secret), LIMITS)
        .map_err(|error| refusal(&command.file, &error))?;
    if command.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&json(&found)?)?)?;
        return Ok(());
    }
    for placed in &found {
        print(placed, out)?;
    }
    Ok(())
}

/// Which file, what is wrong with it, and how a password is given where one is missing.
fn refusal(file: &Path, error: &services::Error) -> anyhow::Error {
    let message = error.to_string();
    let advice = match message == bundle::Error::PasswordNeeded.to_string() {
        true => "; give it with --password-file",
        false => "",
    };
    anyhow!("{}: {message}{advice}", visible(&file.display().to_string()))
}

fn read(file: &PathBuf) -> anyhow::Result<Vec<u8>> {
    if file.as_os_str() == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().take(LIMITS.whole as u64 + 1).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(file).with_context(|| format!("{}", file.display()))
}

/// The first line of the file, so that an editor's last newline is not part of the password.
pub(super) fn password(file: &PathBuf) -> anyhow::Result<SecretString> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{}", file.display()))?;
    Ok(SecretString::from(text.lines().next().unwrap_or_default().to_owned()))
}

fn json(found: &[Placed]) -> anyhow::Result<Value> {
    Ok(match found {
        [one] => serde_json::to_value(one)?,
        several => serde_json::to_value(several)?,
    })
}

fn print(placed: &Placed, out: Out<'_>) -> anyhow::Result<()> {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let mut extensions: &[Extension] = &[];
    let title = match &placed.thing {
        Inspected::Certificate(about) => {
            lines.extend([
                ("subject", about.subject.clone()),
                ("issuer", about.issuer.clone()),
                ("serial", about.serial.clone()),
                ("not before", second(about.not_before)),
                ("not after", second(about.not_after)),
                ("key", format!("{}, signed with {}", about.key, about.signature)),
                ("names", about.sans.join(", ")),
                ("sha256", about.sha256.clone()),
                ("usage", [about.key_usage.join(", "), about.extended_key_usage.join(", ")].join("; ")),
            ]);
            lines.push(("spki sha256", about.spki_sha256.clone()));
            extensions = &about.extensions;
            if about.is_ca { "certificate of an authority" } else { "certificate" }
        }
        Inspected::CertificateRequest(about) => {
            lines.extend([
                ("subject", about.subject.clone()),
                ("key", about.key.clone()),
                ("names", about.sans.join(", ")),
            ]);
            if about.signature_valid == Some(false) {
                lines.push(("signature", "does not belong to its key".into()));
            }
            lines.push(("spki sha256", about.spki_sha256.clone()));
            extensions = &about.extensions;
            "certificate request"
        }
        Inspected::CertificateList(about) => {
            lines.extend([
                ("issuer", about.issuer.clone()),
                ("this update", second(about.this_update)),
                ("next update", about.next_update.map_or_else(|| "not given".into(), second)),
                ("revoked", about.revoked.to_string()),
            ]);
            extensions = &about.extensions;
            "revocation list"
        }
        Inspected::PrivateKey(about) => {
            lines.push(("key", about.key.clone().unwrap_or_else(|| "not known".into())));
            lines.push(("written as", about.format.clone()));
            lines.push(("encrypted", if about.encrypted { "yes" } else { "no" }.into()));
            lines.extend(about.spki_sha256.clone().map(|digest| ("spki sha256", digest)));
            lines.extend(about.advice.clone().map(|advice| ("advice", advice)));
            "private key"
        }
        Inspected::Unreadable(about) => {
            lines.extend([("reason", about.reason.clone()), ("sha256", about.sha256.clone())]);
            "unreadable"
        }
    };
    writeln!(out, "{}: {title}", visible(&placed.place))?;
    for (name, value) in lines.iter().filter(|(_, value)| !value.trim_matches([';', ' ']).is_empty()) {
        writeln!(out, "  {name:12} {}", visible(value))?;
    }
    for extension in extensions {
        let critical = if extension.critical { " (critical)" } else { "" };
        writeln!(out, "  {}{critical}", visible(&extension.name))?;
        for line in &extension.lines {
            writeln!(out, "    {}", visible(line))?;
        }
    }
    Ok(())
}

fn second(moment: OffsetDateTime) -> String {
    moment.format(&Rfc3339).unwrap_or_else(|_| moment.to_string())
}
