//! notafter
