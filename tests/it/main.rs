//! The one integration test binary: one file per noun, `flows/` for stories, `support/` for what they share.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, clippy::expect_used)]

mod bundle;
mod x509;
mod private_postgres;

mod support;
mod cli;

mod architecture;
mod api;
mod server;
mod listener;
mod zero_characters;
// The templates call `crate::web::assets::url`; a template written in a test finds it here.
use notafter::web;

mod parts;

mod alert_pages;
mod certificates;
mod import;
mod vouching;
mod alerts;
mod alert_races;
mod mail;
mod jobs;
mod parked;
mod sessions;
mod people;
mod teams;
mod tokens;
mod audit;
mod soak;
mod audit_pages;
mod jobs_pages;
mod flows;
mod certificate_pages;
