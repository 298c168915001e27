//! Locks between processes of ours: one at a time starts or stops the server, and the last one out stops it.
//!
//! The kernel releases them when a process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rustix::fs::OFlags;

use super::error::{Error, file};

/// How often, a quarter of a second apart, the turn is asked for: six minutes, longer than a start may take.
const TRIES: u32 = 1_440;

/// Waits until no other process starts or stops the server; the turn ends when the file is dropped.
pub(super) async fn take(lock: &Path) -> Result<File, Error> {
    let turn = open(lock)?;
    for _ in 0..TRIES {
        if try_exclusive(&turn, lock)? {
            return Ok(turn);
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    Err(Error::Busy { lock: lock.to_path_buf() })
}

/// Takes the turn only when it is free.
pub(super) fn take_if_free(lock: &Path) -> Result<Option<File>, Error> {
    let turn = open(lock)?;
    Ok(try_exclusive(&turn, lock)?.then_some(turn))
}

/// Counts us among the users of the server, until the file is dropped.
pub(super) fn join(lock: &Path) -> Result<File, Error> {
    let in_use = open(lock)?;
    in_use.lock_shared().map_err(file("lock", lock))?;
    Ok(in_use)
}

/// Whether we are the only user; the count of us is given up when we are not.
pub(super) fn is_alone(in_use: &File, lock: &Path) -> Result<bool, Error> {
    try_exclusive(in_use, lock)
}

fn try_exclusive(held: &File, lock: &Path) -> Result<bool, Error> {
    match held.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(file("lock", lock)(error)),
    }
}

fn open(lock: &Path) -> Result<File, Error> {
    let mut open = OpenOptions::new();
    open.write(true).create(true).truncate(false).mode(0o600);
    open.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    open.open(lock).map_err(file("open", lock))
}
