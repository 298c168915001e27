//! Certificates for tests, made by `openssl` (what we read) so that nothing is checked against our own writing.

use std::{os::unix::fs::DirBuilderExt, path::PathBuf, process::Command};

use time::{OffsetDateTime, macros::format_description};

/// A folder of its own, removed at the end of the test.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("notafter-test-{}", uuid::Uuid::now_v7().simple()));
        // As the console's own data directory: nobody else may write there, whatever the umask.
        std::fs::DirBuilder::new().mode(0o755).create(&path).unwrap();
        Folder(path)
    }

    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.join(name)).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Runs openssl in `folder`; fails with its words.
#[track_caller]
pub fn openssl(folder: &Folder, arguments: &[&str]) -> Vec<u8> {
    let done = Command::new("openssl").args(arguments).current_dir(&folder.0).output().unwrap();
    assert!(done.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    done.stdout
}

/// What a test certificate says.
pub struct Leaf<'a> {
    pub common_name: &'a str,
    pub names: &'a [&'a str],
    pub not_before: OffsetDateTime,
    pub not_after: OffsetDateTime,
}

/// A self-signed EC certificate with exactly these dates, as PEM.
pub fn leaf(leaf: &Leaf<'_>) -> String {
    let folder = Folder::new();
    let format = format_description!("[year][month][day][hour][minute][second]Z");
    let sans: Vec<String> = leaf.names.iter().map(|name| format!("DNS:{name}")).collect();
    let sans = if sans.is_empty() { String::new() } else { format!("subjectAltName={}\n", sans.join(",")) };
    let config = format!(
        "[req]\nprompt=no\ndistinguished_name=dn\nutf8=yes\nstring_mask=utf8only\n[dn]\nCN={}\n[ca]\ndefault_ca=c\n[c]\ndatabase=index\n\
         serial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=p\nunique_subject=no\nrand_serial=yes\nx509_extensions=e\n\
         [p]\ncommonName=optional\n[e]\nbasicConstraints=CA:FALSE\n{sans}",
        leaf.common_name
    );
    folder.write("config", config);
    folder.write("index", "");
    openssl(
        &folder,
        &[
            "req",
            "-new",
            "-config",
            "config",
            "-utf8",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "key",
            "-out",
            "csr",
        ],
    );
    openssl(
        &folder,
        &[
            "ca",
            "-batch",
            "-utf8",
            "-config",
            "config",
            "-selfsign",
            "-keyfile",
            "key",
            "-in",
            "csr",
            "-out",
            "crt",
            "-notext",
            "-startdate",
            &leaf.not_before.format(&format).unwrap(),
            "-enddate",
            &leaf.not_after.format(&format).unwrap(),
        ],
    );
    String::from_utf8(folder.read("crt")).unwrap()
}
