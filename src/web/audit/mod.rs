//! `/audit`: who did what, searched, proved, taken away.

pub mod filter;
pub mod list;
pub mod export;

use crate::{
    routes::{Access, Routes},
    services::Permission,
};

/// The page, its exports, and the proof.
pub fn routes() -> Routes {
    let reads = Access::Needs(Permission::AuditRead);
    Routes::new()
        .get("/audit", reads, list::get)
        .get("/audit.csv", reads, export::csv)
        .get("/audit.json", reads, export::json)
        .post("/audit/verify", reads, list::verify)
}
