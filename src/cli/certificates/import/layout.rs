//! The live folders of ACME clients: which one a folder is, and what each file in it is for.
//!
//! A live folder says by its names alone what is a key, so that the key need not be opened.

use std::{fmt, path::Path};

/// Whose folder it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `live/<name>/{cert,chain,fullchain,privkey}.pem` and the same with numbers in `archive/<name>/`.
    Certbot,
    /// `<name>/<name>.cer`, `ca.cer`, `fullchain.cer`, `<name>.key`; `<name>_ecc` for EC keys.
    AcmeSh,
    /// `certificates/<name>.{crt,issuer.crt,json,key}`.
    Lego,
    /// `certs/<name>/{cert,chain,fullchain,privkey}.pem` and the same with times.
    Dehydrated,
}

/// What a file is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It may hold certificates.
    Read,
    /// A private key, left alone.
    Key,
    /// Holds nothing that is not in the files beside it.
    Skip,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Certbot => "certbot",
            Layout::AcmeSh => "acme.sh",
            Layout::Lego => "lego",
            Layout::Dehydrated => "dehydrated",
        })
    }
}

impl Layout {
    /// The client whose live folder has these files.
    pub fn of(folder: &Path, files: &[String]) -> Option<Layout> {
        if let Some(suffix) = files.iter().find_map(|file| suffix(file, "fullchain"))
            && [format!("cert{suffix}.pem"), format!("privkey{suffix}.pem")]
                .iter()
                .all(|file| files.contains(file))
        {
            let has_times = files.iter().any(|file| suffix_of_time(file));
            let in_certs = folder.parent().and_then(Path::file_name).is_some_and(|name| name == "certs");
            return Some(if has_times || in_certs { Layout::Dehydrated } else { Layout::Certbot });
        }
        if let Some(own) = own_certificate(folder)
            && files.contains(&own)
            && files.iter().any(|file| file == "fullchain.cer" || file.ends_with(".key"))
        {
            return Some(Layout::AcmeSh);
        }
        let is_lego = |file: &String| {
            file.strip_suffix(".json").is_some_and(|name| {
                files.contains(&format!("{name}.crt"))
                    && [".key", ".issuer.crt"].iter().any(|end| files.contains(&format!("{name}{end}")))
            })
        };
        files.iter().any(is_lego).then_some(Layout::Lego)
    }

    /// What `file` is for, beside `files` in `folder`.
    pub fn role(self, folder: &Path, file: &str, files: &[String]) -> Role {
        let has = |name: String| files.contains(&name);
        match self {
            Layout::Certbot | Layout::Dehydrated => match suffix(file, "fullchain") {
                Some(end) if has(format!("cert{end}.pem")) && has(format!("chain{end}.pem")) => Role::Skip,
                _ if suffix(file, "privkey").is_some() => Role::Key,
                _ if file == "README" || file.starts_with("ocsp") => Role::Skip,
                _ => Role::Read,
            },
            Layout::AcmeSh => {
                let has_parts =
                    own_certificate(folder).is_some_and(has) && files.iter().any(|file| file == "ca.cer");
                match file {
                    "fullchain.cer" if has_parts => Role::Skip,
                    _ if file.ends_with(".key") => Role::Key,
                    _ if file.ends_with(".conf") => Role::Skip,
                    _ => Role::Read,
                }
            }
            Layout::Lego => match file.rsplit_once('.') {
                // Its .pem and .pfx hold the key together with what is in .crt.
                Some((name, "key" | "pem" | "pfx")) if has(format!("{name}.crt")) => Role::Key,
                Some((_, "json")) => Role::Skip,
                _ => Role::Read,
            },
        }
    }
}

/// Whether a client keeps only its account, settings and programs in this folder beside `folders` and `files`.
pub fn is_beside(name: &str, folders: &[String], files: &[String]) -> bool {
    let has = |name: &str| folders.iter().any(|folder| folder == name);
    if is_certbot_root(folders) {
        return !["live", "archive"].contains(&name);
    }
    let is_root = has("certs") || has("certificates");
    (is_root && name == "accounts")
        || (files.iter().any(|file| file == "account.conf")
            && ["ca", "deploy", "dnsapi", "notify"].contains(&name))
}

/// Whether this is certbot's own folder, such as `/etc/letsencrypt`.
pub fn is_certbot_root(folders: &[String]) -> bool {
    ["live", "archive"].iter().all(|name| folders.iter().any(|folder| folder == name))
}

/// acme.sh names the file after the folder.
fn own_certificate(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    Some(format!("{}.cer", name.strip_suffix("_ecc").unwrap_or(name)))
}

/// `""`, `3` or `-1700000000` of `cert.pem`, `cert3.pem` and `cert-1700000000.pem`.
fn suffix<'a>(file: &'a str, stem: &str) -> Option<&'a str> {
    let suffix = file.strip_suffix(".pem")?.strip_prefix(stem)?;
    let digits = suffix.strip_prefix('-').unwrap_or(suffix);
    let is_number = digits.chars().all(|c| c.is_ascii_digit());
    (is_number && (suffix.is_empty() || !digits.is_empty())).then_some(suffix)
}

fn suffix_of_time(file: &str) -> bool {
    suffix(file, "cert").is_some_and(|suffix| suffix.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(folder: &str, files: &[&str]) -> Option<Layout> {
        Layout::of(Path::new(folder), &files.iter().map(|file| (*file).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn each_client_is_told_by_its_names() {
        let four = ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"];
        assert_eq!(layout("/etc/letsencrypt/live/a.example", &four), Some(Layout::Certbot));
        assert_eq!(layout("/x/a", &["cert2.pem", "fullchain2.pem", "privkey2.pem"]), Some(Layout::Certbot));
        assert_eq!(layout("/x/certs/a.example", &four), Some(Layout::Dehydrated));
        assert_eq!(
            layout("/x/a", &["cert-17.pem", "fullchain-17.pem", "privkey-17.pem"]),
            Some(Layout::Dehydrated)
        );
        assert_eq!(layout("/x/a.example_ecc", &["a.example.cer", "fullchain.cer"]), Some(Layout::AcmeSh));
        assert_eq!(layout("/x/certificates", &["a.crt", "a.json", "a.key"]), Some(Layout::Lego));
        assert_eq!(layout("/x/ssl", &["a.crt", "a.key", "cert.pem", "fullchainx.pem"]), None);
    }

    #[test]
    fn a_fullchain_is_read_only_where_its_parts_are_missing() {
        let files = ["cert1.pem", "chain1.pem", "fullchain1.pem", "fullchain2.pem"].map(str::to_owned);
        let role = |file| Layout::Certbot.role(Path::new("/x"), file, &files);
        assert_eq!([role("fullchain1.pem"), role("fullchain2.pem")], [Role::Skip, Role::Read]);
        assert_eq!(role("privkey1.pem"), Role::Key);
    }
}
