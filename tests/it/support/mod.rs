//! What the tests share: an application on a database of its own, callers who act as people do, and a clock that moves by hand.

pub mod app;
pub mod browser;
pub mod client;
pub mod made;
pub mod people;
pub mod pki;
pub mod postgres;
pub mod smtp_server;

pub use app::TestApp;
pub use client::{Answer, Client};
