//! Expiry alerts: the one rule, the deliveries, and the sweeps that insert them.

pub mod rules;
pub mod recipients;
pub mod sweeps;
pub mod deliveries;
pub mod sending;

/// The kind of job that sends one delivery.
pub const SEND: &str = "send_alert";

/// A delivery that waits for its job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Its id.
    pub id: i64,
    /// What people call the certificate.
    pub name: String,
    /// The team it belongs to.
    pub team: Option<i64>,
}
