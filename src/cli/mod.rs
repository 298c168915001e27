//! The command line: one file per noun, in-process on the same database, with the same services and the same audit.
