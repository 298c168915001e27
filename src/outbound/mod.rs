//! The one way out to the network (S13): resolve once, refuse what may not be reached, connect to the checked address, within a time limit.
//!
//! Who named the host decides what is checked:
//!
//! - A host named by a person, a certificate or an answer from outside ([`NamedBy::Anyone`]) must resolve to public addresses only, or to
//!   ranges listed in `NOTAFTER_OUTBOUND_ALLOW`. One special address among several refuses the whole name, so a name that answers with a
//!   public and a private address cannot be played against us.
//! - A host named by the operator in the environment ([`NamedBy::Operator`]), such as the mail relay of `NOTAFTER_SMTP_URL`, may be
//!   anywhere: whoever sets the environment already decides where the process runs and what it may reach, and a relay on the same machine
//!   or in the company's network is the usual case. It is still resolved once and pinned. Only link-local addresses, and those with which a
//!   cloud answers its own machines, are refused even then: no relay is there, and credentials are.
//!
//! No proxy from the environment is ever used.

pub mod address;
pub mod resolve;

pub use self::resolve::{Error, NamedBy, Outbound};
