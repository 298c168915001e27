//! Parses the arguments, calls the command, maps its outcome to an exit code.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    notafter::cli::run()
}
