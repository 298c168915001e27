//! The inventory's verbs: import, find, list, count, edit, retire, export.
//!
//! An import reads bytes once (`x509::bundle`), derives the columns, and stores everything in one `Tx`: new entries, their place in chains
//! and lineage, kept keys, audit events. Nothing a certificate names is ever fetched (S14).

mod derive;
mod keys;
mod read;
mod fields;
mod vouching;
mod pasted;
mod lineage;
mod successors;
mod linking;
pub mod report;
pub mod import;
mod files;
pub mod query;
pub mod view;
pub mod history;
pub mod edit;
pub mod export;
pub mod csv_rows;
pub mod wire;

pub use self::{
    edit::{Change, edit, restore, retire},
    export::{Download, Format, csv, download},
    files::import_all,
    history::history,
    import::{Options, Source, Upload, import, import_batch, rehearse_batch},
    query::{Choice, ListRequest, Listing, count, facets, histogram, list},
    report::{KeyOutcome, Link, Outcome, Report, Row},
    view::{Chain, ChainLink, Detail, chain, detail, find_by_sha256},
};
