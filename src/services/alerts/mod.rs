//! Expiry alerts: the right people know in time, once.
//!
//! A **sweep** walks through what ends soon and inserts one delivery per certificate, threshold and recipient; the unique key is the
//! once-only logic. A **job** per delivery sends it in three beats and keeps the relay's answer. Rule, preview and test mail are for people.

pub mod thresholds;
pub mod recipients;
pub mod identity;
pub mod rules;
pub mod sweep;
pub mod delivery;
pub mod deliveries;
pub mod parked;
pub mod preview;
pub mod health;
