//! Parses the arguments, calls the command, maps its outcome to an exit code.

fn main() {}
