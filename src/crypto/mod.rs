//! Cryptography of the console itself: chance, passwords, tokens, sealing, digests. Values in, values out.
//!
//! What concerns X.509 is in `x509`. No secret type here prints or compares itself.

pub mod random;
pub mod digest;
pub mod password;
pub mod token;
pub mod master_key;
pub mod seal;
