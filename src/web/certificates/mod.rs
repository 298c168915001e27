//! The inventory's pages: the list and its export, one certificate from several sides, changing and retiring it, import.

mod words;
mod address;
mod facets;
pub mod row;
pub mod list;
pub mod export;
mod head;
mod chain_view;
mod names;
mod alert_line;
pub mod detail;
pub mod chain;
pub mod history;
pub mod raw;
pub mod download;
pub mod alias;
mod ownership;
pub mod edit;
pub mod retire;
pub mod import;
mod upload;
mod report;

use crate::{
    routes::{Access, Routes},
    services::Permission,
};

pub use self::{address::href, row::Row};

const READ: Access = Access::Needs(Permission::CertificatesRead);
const WRITE: Access = Access::Needs(Permission::CertificatesWrite);

/// The pages of this folder.
pub fn routes() -> Routes {
    Routes::new()
        .get("/certificates", READ, list::get)
        .get("/certificates.csv", READ, export::get)
        .get("/certificates/import", WRITE, import::get)
        .post("/certificates/import", WRITE, import::post)
        .get("/certificates/sha256/{fingerprint}", READ, alias::get)
        .get("/certificates/{id}", READ, detail::get)
        .get("/certificates/{id}/chain", READ, chain::get)
        .get("/certificates/{id}/history", READ, history::get)
        .get("/certificates/{id}/raw", READ, raw::get)
        .get("/certificates/{id}/download", READ, download::get)
        .get("/certificates/{id}/edit", WRITE, edit::get)
        .post("/certificates/{id}/edit", WRITE, edit::post)
        .get("/certificates/{id}/retire", WRITE, retire::get)
        .post("/certificates/{id}/retire", WRITE, retire::post)
        .post("/certificates/{id}/restore", WRITE, retire::restore)
}
