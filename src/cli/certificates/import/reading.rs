//! From one file to batches of what it holds; any length of PEM in flat memory.

use std::{
    fs::File,
    io::{self, BufReader, Read},
};

use indicatif::ProgressBar;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::x509::{
    bundle::{self, Found, Limits, Stream},
    jks, pem,
};

use super::places::{Place, reason};

/// How many things are stored in one transaction: the most whose place in the chain is still looked up.
pub const BATCH: usize = 2_000;
/// A file up to this length is read at once, whatever it is.
const SMALL: usize = 1 << 20;
/// A container cannot be read in pieces.
const LIMITS: Limits = Limits { entries: 1_000_000, block: pem::MAX_BLOCK, whole: 64 << 20 };

/// A part of what reading a file gave.
pub enum Piece {
    /// What was found next.
    Things(Vec<Found>),
    /// The file cannot be read, or no further; why.
    Failed(String),
    /// Nothing in it was recognised, and nobody said that there would be.
    Foreign,
}

/// Reads a file to its end, or until `send` says that nobody listens.
pub fn read(
    place: &Place,
    password: Option<&SecretString>,
    bar: &ProgressBar,
    mut send: impl FnMut(Piece) -> bool,
) {
    let opened: io::Result<Box<dyn Read>> = if place.path.as_os_str() == "-" {
        Ok(Box::new(io::stdin().lock()))
    } else {
        File::open(&place.path).map(|file| Box::new(file) as Box<dyn Read>)
    };
    let read = opened
        .map_err(|error| Piece::Failed(reason(&error)))
        .and_then(|reader| pieces(bar.wrap_read(reader), place, password, &mut send));
    if let Err(last) = read {
        send(last);
    }
}

fn pieces(
    mut reader: impl Read,
    place: &Place,
    password: Option<&SecretString>,
    send: &mut dyn FnMut(Piece) -> bool,
) -> Result<(), Piece> {
    let password = password.map(ExposeSecret::expose_secret);
    let failed = |error: io::Error| Piece::Failed(reason(&error));
    let mut head = up_to(&mut reader, SMALL + 1).map_err(failed)?;
    if head.len() > SMALL {
        if !is_container(&head) {
            let rest = BufReader::with_capacity(1 << 16, head.as_slice().chain(reader));
            return batches(Stream::new(rest, password, LIMITS), place, send);
        }
        let rest = up_to(&mut reader, LIMITS.whole.saturating_sub(SMALL)).map_err(failed)?;
        head = Zeroizing::new([head.as_slice(), rest.as_slice()].concat());
    }
    match bundle::read(&head, password, LIMITS) {
        Ok(found) => batches(found.into_iter().map(Ok), place, send),
        Err(error) => Err(refusal(&error, place, &head)),
    }
}

/// At most so many bytes, in a buffer that never moves, because they may hold a key.
fn up_to(reader: &mut impl Read, most: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(most));
    reader.take(most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether these are the first bytes of something longer that is not text.
fn is_container(head: &[u8]) -> bool {
    jks::is_store(head) || matches!(head, [0x30, 0x80..=0x84, ..])
}

fn batches(
    found: impl Iterator<Item = Result<Found, bundle::Error>>,
    place: &Place,
    send: &mut dyn FnMut(Piece) -> bool,
) -> Result<(), Piece> {
    let mut batch = Vec::new();
    let mut is_empty = true;
    for one in found {
        is_empty = false;
        match one {
            Ok(one) => batch.push(one),
            Err(error) => {
                send(Piece::Things(batch));
                return Err(Piece::Failed(error.to_string()));
            }
        }
        if batch.len() >= BATCH && !send(Piece::Things(std::mem::take(&mut batch))) {
            return Ok(());
        }
    }
    if is_empty {
        return Err(refusal(&bundle::Error::Unrecognised, place, &[]));
    }
    if !batch.is_empty() {
        send(Piece::Things(batch));
    }
    Ok(())
}

/// A folder may hold anything: what is neither called a certificate nor looks like one is no fault there.
fn refusal(error: &bundle::Error, place: &Place, bytes: &[u8]) -> Piece {
    const NAMES: [&str; 15] = [
        "cer", "cert", "crl", "crt", "csr", "der", "jks", "key", "keystore", "p12", "p7b", "p7c", "p7s",
        "pem", "pfx",
    ];
    let is_foreign = match error {
        // PEM of something else, such as parameters for a key exchange.
        bundle::Error::Unrecognised if pem::is_armoured(bytes) => true,
        bundle::Error::Unrecognised | bundle::Error::Empty => {
            let extension = place.path.extension().and_then(|extension| extension.to_str());
            !extension.is_some_and(|extension| NAMES.contains(&extension.to_lowercase().as_str()))
        }
        _ => false,
    };
    match error {
        _ if is_foreign && !place.is_named => Piece::Foreign,
        bundle::Error::PasswordNeeded => Piece::Failed(format!("{error}; give it with --password-file")),
        _ => Piece::Failed(error.to_string()),
    }
}
