//! Coming in: sign-in, the first administrator, a password from a one-time link, the password once more before a sensitive act.

pub mod views;
