//! Expiry alerts: the one rule, the deliveries, and the sweeps that insert them.

pub mod rules;
pub mod recipients;
pub mod sweeps;
pub mod deliveries;
pub mod sending;
