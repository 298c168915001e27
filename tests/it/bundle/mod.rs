//! Bundles made by openssl and keytool are read; bundles we write are read by openssl and keytool.

use std::process::Command;

use notafter::x509::bundle::{self, Error, Found, Limits, Thing};
use notafter::x509::private_key::Format;

use crate::support::pki::Folder;

mod bad_input;
mod reading;
mod writing;

/// A root, a leaf and its key made by openssl, in a folder of their own.
struct Workshop {
    folder: Folder,
}

impl Workshop {
    fn new() -> Self {
        let w = Self { folder: Folder::new() };
        w.openssl("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -out root.pem -subj /CN=Root -days 30");
        w.openssl("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=www.acme.example");
        w.openssl(
            "x509 -req -in leaf.csr -CA root.pem -CAkey root.key -CAcreateserial -out leaf.pem -days 20",
        );
        w.openssl("x509 -in leaf.pem -outform DER -out leaf.der");
        w.openssl("x509 -in root.pem -outform DER -out root.der");
        w.openssl("pkcs8 -topk8 -nocrypt -in leaf.key -outform DER -out key.der");
        w.put("both.pem", [w.file("leaf.pem"), w.file("root.pem")].concat());
        w
    }

    fn openssl(&self, arguments: &str) -> String {
        self.run("openssl", arguments)
    }

    fn keytool(&self, arguments: &str) -> String {
        self.run("keytool", arguments)
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &str) -> String {
        let words = arguments.split_whitespace();
        let done = Command::new(program).args(words).current_dir(&self.folder.0).output().unwrap();
        let said = [done.stdout.as_slice(), done.stderr.as_slice()].concat();
        assert!(done.status.success(), "{program} {arguments}\n{}", String::from_utf8_lossy(&said));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    fn file(&self, name: &str) -> Vec<u8> {
        self.folder.read(name)
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        self.folder.write(name, bytes);
    }

    fn read(&self, name: &str, password: Option<&str>) -> Vec<Found> {
        bundle::read(&self.file(name), password, Limits::default()).unwrap()
    }

    fn refused(&self, name: &str, password: Option<&str>) -> Error {
        bundle::read(&self.file(name), password, Limits::default()).unwrap_err()
    }
}

fn certificates(found: &[Found]) -> Vec<&[u8]> {
    let certificate = |found| match found {
        &Found { thing: Thing::Certificate(ref der), .. } => Some(der.as_slice()),
        _ => None,
    };
    found.iter().filter_map(certificate).collect()
}

/// Format and key of the one private key found.
fn key(found: &[Found]) -> (Format, bool, Vec<u8>) {
    let mut keys = found.iter().filter_map(|found| match &found.thing {
        Thing::PrivateKey { der, format, encrypted } => Some((*format, *encrypted, der.to_vec())),
        _ => None,
    });
    let key = keys.next().unwrap();
    assert!(keys.next().is_none());
    key
}

fn reason(found: &[Found]) -> &str {
    found
        .iter()
        .find_map(|found| match &found.thing {
            Thing::Unreadable { reason, .. } => Some(reason.as_str()),
            _ => None,
        })
        .unwrap()
}
