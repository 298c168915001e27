//! `/`: what asks for a person today. Every number leads to the list that has exactly so many lines.

mod welcome;
mod tiles;
mod page;

use crate::routes::{Access, Routes};

/// The page of this folder.
pub fn routes() -> Routes {
    Routes::new().get("/", Access::SignedIn, page::get)
}
