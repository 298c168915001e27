//! The map of the house.
//!
//! *Floors go down; nouns are the same on every floor; writes carry a `Tx`.* To find anything, say its noun: `ls src/*/alerts*
//! templates/alerts tests/it/alerts.rs` is the whole feature.
//!
//! ```text
//!  roof      main.rs -> cli/ -> start/ (builds the App) -> server/ (runs it)
//!  doors     web/   api/   responders/   jobs/        never import each other; routes.rs and address.rs are the frame they share
//!  services  services/   app.rs                       the verbs; the only place that knows both store and outside
//!  first     store/ | notifiers/                      PostgreSQL; the outside world, one trait and one file per kind
//!            outbound/                                below them: the one way out to the network, guarded
//!  ground    crypto/   x509/   clock.rs   config/   values in, values out: no IO, no async, no "now"; shares.rs counts who holds what
//! ```
//!
//! - **Plan, call, keep.** What is about to be done outside is a row first, then done without a transaction, then kept. A crash leaves a
//!   row that says what was meant, and a retry resumes.
//! - **A write needs a [`store::Tx`], and a `Tx` ends in an audit event.** There is no other way to commit one.
//! - **One dependency, one home.** sqlx lives in `store/`, axum in the doors, x509-parser in `x509/`, argon2 and the AEAD in `crypto/`,
//!   lettre in `notifiers/`, clap in `cli/`. `tests/it/architecture.rs` holds the walls up.
//! - **Every route names its permission** ([`routes::Access`]); one without cannot be written.
//!
//! To add a feature: a migration, `store/<noun>.rs` (row, reads, writes), `services/<noun>.rs` (verbs: permission, `now`, `Tx`, event),
//! then its doors: `web/<noun>/<page>.rs` with `templates/<noun>/<page>.html`, `api/<noun>.rs`, `cli/<noun>.rs`, and `tests/it/<noun>.rs`.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

pub mod clock;
pub mod config;
pub mod crypto;
pub mod shares;
pub mod x509;

pub mod outbound;
pub mod store;
pub mod notifiers;

pub mod app;
pub mod services;

pub mod routes;
pub mod address;
pub mod web;
pub mod api;
pub mod responders;
pub mod jobs;

pub mod server;
pub mod start;
pub mod cli;
