//! Parsing, deriving and hashing real certificates beside x509-parser alone, on one core.

use std::{hint::black_box, time::Instant};

use notafter::x509::{
    Certificate,
    bundle::{self, Limits, Thing},
};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::table::{Line, ratio};

const ROUNDS: usize = 7;
const REPEATS: usize = 20;

/// Nothing where the distribution's bundle is not installed.
pub fn against_bare() -> Option<Line> {
    let bundle = std::fs::read("/etc/ssl/certs/ca-certificates.crt").ok()?;
    let found = bundle::read(&bundle, None, Limits::default()).ok()?;
    let ders: Vec<Vec<u8>> = found
        .into_iter()
        .filter_map(|found| match found.thing {
            Thing::Certificate(der) => Some(der),
            _ => None,
        })
        .collect();
    let rate = |parse: fn(&[u8])| {
        let began = Instant::now();
        for _ in 0..REPEATS {
            ders.iter().for_each(|der| parse(der));
        }
        (ders.len() * REPEATS) as f64 / began.elapsed().as_secs_f64()
    };
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(rate(|der| {
            black_box(Certificate::from_der(der).unwrap());
        }));
        theirs.push(rate(|der| {
            black_box(X509Certificate::from_der(der).unwrap());
        }));
    }
    Some(ratio(
        "parse, extract and SHA-256 against bare x509-parser",
        &ours,
        &theirs,
        "per s",
        0.8,
        ">= 0.8 x",
    ))
}
