//! The inventory: lists, counts, facets, search, edits, export, and who may see what.

mod counts;
mod edit;
mod reach;
mod search;
mod random;
