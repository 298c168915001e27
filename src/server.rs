//! Merges the HTTP doors behind the common middleware, listens, and stops gracefully.
