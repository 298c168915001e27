//! The operating system's user that PostgreSQL runs as: ourselves, or a service user when we are root.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{getegid, geteuid};

use super::error::{Error, file};

/// The user PostgreSQL runs as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    /// Whether we are root and hand the work to this user.
    pub switched: bool,
}

impl Account {
    /// Chooses the user for a cluster that lives, or will live, in `cluster`.
    ///
    /// As root: the owner of an existing cluster, else of the data directory, else `postgres`.
    pub fn choose(data_dir: &Path, cluster: &Path) -> Result<Account, Error> {
        let owner = owner_of(&cluster.join("data"))?;
        let me = geteuid().as_raw();
        if me != 0 {
            return match owner {
                Some(uid) if uid != me => {
                    Err(Error::ForeignCluster { cluster: cluster.to_path_buf(), owner: uid })
                }
                _ => Account::own(),
            };
        }
        if let Some(uid) = owner.filter(|uid| *uid != 0) {
            return by_uid(uid).ok_or(Error::NamelessUser { uid });
        }
        if let Some(account) = owner_of(data_dir)?.filter(|uid| *uid != 0).and_then(by_uid) {
            return Ok(account);
        }
        by_name("postgres").ok_or(Error::NoServiceUser)
    }

    fn own() -> Result<Account, Error> {
        let uid = geteuid().as_raw();
        let name = by_uid(uid).map(|account| account.name).or_else(own_name);
        Ok(Account {
            name: name.ok_or(Error::NamelessUser { uid })?,
            uid,
            gid: getegid().as_raw(),
            switched: false,
        })
    }

    /// Makes a command run as this user.
    pub fn apply(&self, command: &mut Command) {
        if self.switched {
            command.uid(self.uid).gid(self.gid);
        }
    }

    /// Whether this user may pass through every folder of `path`, which is absolute.
    pub fn reaches(&self, path: &Path) -> bool {
        path.ancestors().all(|folder| match fs::metadata(folder) {
            Ok(metadata) => self.may_pass(metadata.uid(), metadata.gid(), metadata.mode()),
            Err(_) => false,
        })
    }

    fn may_pass(&self, owner: u32, group: u32, mode: u32) -> bool {
        let bit = match (owner == self.uid, group == self.gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        self.uid == 0 || mode & bit != 0
    }
}

/// The owner of a path, or `None` where nothing is.
fn owner_of(path: &Path) -> Result<Option<u32>, Error> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata.uid())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(file("read", path)(error)),
    }
}

fn by_uid(uid: u32) -> Option<Account> {
    passwd_line(|account| account.uid == uid)
}

fn by_name(name: &str) -> Option<Account> {
    passwd_line(|account| account.name == name)
}

fn passwd_line(wanted: impl Fn(&Account) -> bool) -> Option<Account> {
    let passwd = fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().filter_map(parse_passwd).find(wanted)
}

/// `name:x:uid:gid:…`
fn parse_passwd(line: &str) -> Option<Account> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty() && !name.starts_with('#'))?;
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Account { name: name.to_owned(), uid, gid, switched: true })
}

/// Our own name where users come from a directory service and not from /etc/passwd.
fn own_name() -> Option<String> {
    let output = Command::new("id").arg("-un").output().ok()?;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !name.is_empty() && name.parse::<u32>().is_err()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_user_list_is_read() {
        let account = parse_passwd("postgres:x:101:104:PostgreSQL:/var/lib/postgresql:/bin/bash").unwrap();
        assert_eq!((account.name.as_str(), account.uid, account.gid), ("postgres", 101, 104));
        assert!(parse_passwd("# a remark").is_none());
        assert!(parse_passwd("").is_none());
    }

    #[test]
    fn a_folder_is_passed_by_its_owner_its_group_or_others() {
        let account = parse_passwd("p:x:5:6:::").unwrap();
        assert!(account.may_pass(5, 0, 0o700));
        assert!(account.may_pass(0, 6, 0o710));
        assert!(account.may_pass(0, 0, 0o711));
        assert!(!account.may_pass(0, 0, 0o710));
        assert!(!account.may_pass(5, 6, 0o011), "the owner's bit counts for the owner");
    }
}
