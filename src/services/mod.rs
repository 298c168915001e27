//! The verbs, and the only floor that knows both the store and the outside. Each function leads with `app, actor`, takes `now` once from
//! the clock, and ends a write in an audit event.

pub mod error;
pub mod permissions;
pub mod certificates;
pub mod origin;
mod throttles;
pub mod passwords;
pub mod users;
pub mod setup;
pub mod sign_in;
pub mod sessions;
pub mod account;
pub mod teams;
pub mod tokens;
mod reading;
pub mod inspect;
pub mod calls;
pub mod health;
pub mod jobs;
pub mod mail;
pub mod alerts;
pub mod spreadsheet;
pub mod audit;

pub use self::error::{Error, FieldError};
pub use self::origin::Origin;
pub use self::permissions::{Actor, Caller, Permission, Reach, Role, Scope};

/// Answer of a service.
pub type Result<T> = std::result::Result<T, Error>;
