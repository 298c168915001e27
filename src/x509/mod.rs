//! X.509 as values: certificates, requests, revocation lists and what is in them (RFC 5280).
//!
//! Bytes go in and plain values come out; nothing here reads a file, a socket or a clock. `Certificate` is
//! parsed once and carried everywhere. The structure must be whole; names and the contents of extensions
//! are read leniently (`tlv`), since an odd certificate must be inventoried, not
//! rejected. Text from inside a certificate is hostile: it is kept as it is (but for NUL, which is kept as
//! `␀`), and whoever shows it escapes it and makes it [`visible`].

mod error;
mod tlv;
pub mod oid;
pub mod text;
pub mod name;
pub mod serial;
pub mod validity;
pub mod san;
pub mod key;
pub mod signature;
pub mod sct;
pub mod extension;
mod structure;
pub mod certificate;
pub mod csr;
pub mod crl;
pub mod chain;
pub mod lineage;
pub mod inspect;

// What carries them.
pub(crate) mod ber;
pub(crate) mod pbe;
pub mod pem;
pub mod pkcs7;
pub mod private_key;
pub mod jks;
pub mod pkcs12;
pub(crate) mod probe;
pub mod bundle;

pub use certificate::Certificate;
pub use crl::CertificateList;
pub use csr::CertificateRequest;
pub use error::Error;
pub use extension::Extension;
pub use key::Key;
pub use san::San;
pub use text::visible;

#[cfg(test)]
mod properties;
