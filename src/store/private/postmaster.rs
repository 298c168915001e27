//! The server process: its `postmaster.pid`, whether it lives, starting it and telling it to stop.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use postgresql_commands::initdb::InitDbBuilder;
use postgresql_commands::postgres::PostgresBuilder;
use postgresql_commands::traits::CommandBuilder;
use rustix::fs::OFlags;
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use super::account::Account;
use super::binaries::Binaries;
use super::error::{Error, file};
use super::memory;
use super::place::{self, Place};

/// A log larger than this is set aside when the server starts.
const LOG_LIMIT: u64 = 16 * 1024 * 1024;

/// Sorting and upper case of all scripts, the same on every machine.
const LOCALE: &str = if cfg!(target_os = "macos") { "en_US.UTF-8" } else { "C.UTF-8" };

/// What the lock file of a running server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub pid: i32,
    pub sockets: PathBuf,
}

/// What is known of the server of a cluster.
pub(super) enum State {
    /// No server, and nothing to tidy.
    Down,
    /// No server, but one ended without leaving properly.
    Crashed,
    /// This server runs, or is about to.
    Up(Postmaster),
}

/// Looks whether a server runs on `data`.
///
/// Removes a lock file whose process id now belongs to another program, which PostgreSQL itself would believe; all
/// other leftovers it judges better than we can.
pub(super) fn look(data: &Path) -> Result<State, Error> {
    let path = data.join("postmaster.pid");
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(State::Down),
        Err(error) => return Err(file("read", &path)(error)),
    };
    let Some(postmaster) = parse(&text) else {
        return Ok(State::Crashed);
    };
    if !lives(postmaster.pid) {
        return Ok(State::Crashed);
    }
    if is_another_program(postmaster.pid, data) {
        fs::remove_file(&path).map_err(file("remove", &path))?;
        return Ok(State::Crashed);
    }
    Ok(State::Up(postmaster))
}

/// Line 1 is the process id, line 5 the first socket folder.
fn parse(text: &str) -> Option<Postmaster> {
    let mut lines = text.lines();
    let pid: i32 = lines.next()?.trim().parse().ok()?;
    let sockets = lines.nth(3).map(str::trim).unwrap_or_default();
    (pid > 0).then(|| Postmaster { pid, sockets: PathBuf::from(sockets) })
}

/// Whether a process of this id exists that we may signal; one that we may not is of another user, hence no server of ours.
pub(super) fn lives(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// A server works inside its data folder; where the system shows it (Linux), a process elsewhere is not ours.
fn is_another_program(pid: i32, data: &Path) -> bool {
    match fs::read_link(format!("/proc/{pid}/cwd")) {
        // The system shows the folder without symbolic links.
        Ok(cwd) => cwd != data.canonicalize().as_deref().unwrap_or(data),
        // A process that has ended but was not reaped has no folder.
        Err(error) => error.kind() == ErrorKind::NotFound && Path::new("/proc/self/cwd").exists(),
    }
}

/// Asks the server to end its sessions and stop, which leaves a clean cluster.
pub(super) fn interrupt(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // The only failure is a process that has gone, which is what was asked for.
        let _gone = kill_process(pid, Signal::INT);
    }
}

/// Makes a new cluster, whole or not at all.
pub(super) fn init(binaries: &Binaries, place: &Place, account: &Account) -> Result<(), Error> {
    let making = place.cluster.join("data.making");
    match fs::remove_dir_all(&making) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(file("remove", &making)(error)),
        _ => {}
    }
    place::own_folder(&making, account)?;
    let mut command = InitDbBuilder::new()
        .program_dir(&binaries.folder)
        .pgdata(&making)
        .username("postgres")
        .encoding("UTF8")
        .locale(LOCALE)
        .auth_local("peer")
        .auth_host("reject")
        .data_checksums()
        .build();
    command.env_clear().current_dir(&place.cluster).stdin(Stdio::null());
    account.apply(&mut command);
    let output = command.output().map_err(file("run", binaries.folder.join("initdb")))?;
    if !output.status.success() {
        return Err(Error::InitFailed {
            cluster: place.cluster.clone(),
            tail: last_lines(&String::from_utf8_lossy(&output.stderr)),
        });
    }
    fs::rename(&making, place.data()).map_err(file("put in place", &making))
}

/// Starts the server in a process group of its own, so that Ctrl-C reaches only the console, which then ends it in order.
pub(super) fn spawn(
    binaries: &Binaries,
    place: &Place,
    account: &Account,
    durable: bool,
) -> Result<Child, Error> {
    remove_sockets(place)?;
    let log = open_log(&place.log)?;
    let errors = log.try_clone().map_err(file("open", &place.log))?;
    let sockets = place.sockets.to_string_lossy().into_owned();
    let (hba, ident) = (place.hba(), place.ident());
    let mut builder = PostgresBuilder::new().program_dir(&binaries.folder).data_dir(place.data());
    for (name, value) in fixed_parameters() {
        builder = builder.runtime_param(name, value);
    }
    for (name, value) in [
        ("shared_buffers", memory::shared_buffers().as_str()),
        ("unix_socket_directories", quoted(&sockets).as_str()),
        ("hba_file", &hba.to_string_lossy()),
        ("ident_file", &ident.to_string_lossy()),
    ] {
        builder = builder.runtime_param(name, value);
    }
    if !durable {
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            builder = builder.runtime_param(name, "off");
        }
    }
    let mut command: Command = builder.build();
    command
        .env_clear()
        .current_dir(&place.cluster)
        .stdin(Stdio::null())
        .stdout(log)
        .stderr(errors)
        .process_group(0);
    account.apply(&mut command);
    command.spawn().map_err(file("run", binaries.folder.join("postgres")))
}

/// Removes what a killed server left in its socket folder: PostgreSQL would believe the process id written there,
/// whoever has it now. The folder serves this cluster only, and its server is down when this is called.
fn remove_sockets(place: &Place) -> Result<(), Error> {
    for name in [".s.PGSQL.5432", ".s.PGSQL.5432.lock"] {
        let path = place.sockets.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(file("remove", path)(error)),
            _ => {}
        }
    }
    Ok(())
}

/// What every private server runs with. Logs name no statement and no value, which could hold what a person typed.
fn fixed_parameters() -> [(&'static str, &'static str); 13] {
    [
        ("listen_addresses", ""),
        ("port", "5432"),
        ("unix_socket_permissions", "0700"),
        ("logging_collector", "off"),
        ("log_destination", "stderr"),
        ("log_line_prefix", "%m [%p] %u@%d "),
        ("log_min_error_statement", "panic"),
        ("log_error_verbosity", "terse"),
        ("log_timezone", "UTC"),
        ("timezone", "UTC"),
        ("max_connections", "200"),
        ("cluster_name", "notafter"),
        ("password_encryption", "scram-sha-256"),
    ]
}

/// One element of a list parameter, which a comma in the path would otherwise end.
fn quoted(path: &str) -> String {
    format!("\"{}\"", path.replace('"', "\"\""))
}

/// The log, for appending; a large one is kept once as `postgres.log.1`.
fn open_log(path: &Path) -> Result<File, Error> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.len() > LOG_LIMIT) {
        fs::rename(path, path.with_extension("log.1")).map_err(file("set aside", path))?;
    }
    let mut open = OpenOptions::new();
    open.append(true).create(true).mode(0o600);
    open.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    open.open(path).map_err(file("open", path))
}

/// The end of the log, for an error message.
pub(super) fn log_tail(path: &Path) -> String {
    last_lines(&String::from_utf8_lossy(&fs::read(path).unwrap_or_default()))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    let start = lines.len().saturating_sub(4);
    lines.get(start..).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_file_of_a_server_is_read() {
        let text = "4711\n/d/data\n1764000000\n5432\n/d/run\n\n  5432001 12\nready   \n";
        let expected = Postmaster { pid: 4711, sockets: PathBuf::from("/d/run") };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse(""), None);
        assert_eq!(parse("-5\n"), None);
    }

    #[test]
    fn only_the_last_lines_of_a_log_are_told() {
        assert_eq!(last_lines("a\nb\n\nc\nd\ne\n"), "b | c | d | e");
        assert_eq!(last_lines(""), "");
    }
}
