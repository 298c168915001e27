//! Finds the programs of a PostgreSQL server: the named folder, PATH, then the usual folders, newest version first.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::error::Error;

/// Oldest major version whose SQL the migrations use.
const LEAST_MAJOR: u32 = 14;

/// Folders that hold one folder per version, with the programs in `bin` beneath.
const PER_VERSION: [(&str, &str); 4] = [
    ("/usr/lib/postgresql", "bin"),
    ("/usr", "bin"),
    ("/opt/homebrew/opt", "bin"),
    ("/usr/local/opt", "bin"),
];

/// Folders that hold the programs themselves.
const PLAIN: [&str; 2] = ["/usr/libexec/postgresql", "/usr/local/pgsql/bin"];

/// One installed server: the folder of its programs and its major version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub folder: PathBuf,
    pub major: u32,
}

/// Chooses the server to run: the version that made the cluster when there is one, else the newest.
///
/// A folder named by the operator is the only candidate.
pub(super) fn choose(named: Option<&Path>, made_by: Option<&str>, cluster: &Path) -> Result<Binaries, Error> {
    let found = match named {
        Some(folder) => {
            vec![probe(folder).ok_or_else(|| Error::BadBinaries { folder: folder.to_path_buf() })?]
        }
        None => installed(env::var_os("PATH").unwrap_or_default().as_os_str(), &PER_VERSION, &PLAIN),
    };
    pick(found, made_by, cluster)
}

fn pick(found: Vec<Binaries>, made_by: Option<&str>, cluster: &Path) -> Result<Binaries, Error> {
    let Some(first) = found.first().cloned() else {
        return Err(Error::NoBinaries { looked: "PATH and the distribution's folders".to_owned() });
    };
    let Some(made_by) = made_by else {
        // PATH wins over the folders, unless what it names is too old to be of use.
        let usable = found.iter().find(|binaries| binaries.major >= LEAST_MAJOR).cloned();
        return usable.ok_or(Error::TooOld { found: first.major, least: LEAST_MAJOR });
    };
    let wanted = made_by.trim();
    let matching = found.iter().find(|binaries| binaries.major.to_string() == wanted).cloned();
    matching.ok_or_else(|| {
        let mut majors: Vec<u32> = found.iter().map(|binaries| binaries.major).collect();
        majors.sort_unstable();
        majors.dedup();
        let majors: Vec<String> = majors.iter().map(u32::to_string).collect();
        Error::VersionMismatch {
            cluster: cluster.to_path_buf(),
            made_by: wanted.to_owned(),
            found: majors.join(", "),
        }
    })
}

/// Every server on this machine: those of PATH in its order, then the folders, newest first.
fn installed(path: &std::ffi::OsStr, per_version: &[(&str, &str)], plain: &[&str]) -> Vec<Binaries> {
    let mut found: Vec<Binaries> = env::split_paths(path).filter_map(|folder| probe(&folder)).collect();
    let mut elsewhere: Vec<Binaries> = per_version
        .iter()
        .flat_map(|(base, bin)| versions_below(Path::new(base), bin))
        .chain(plain.iter().map(PathBuf::from))
        .filter_map(|folder| probe(&folder))
        .collect();
    elsewhere.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
    found.extend(elsewhere);
    found
}

/// `<base>/15/bin`, `<base>/pgsql-16/bin`, `<base>/postgresql@17/bin`.
fn versions_below(base: &Path, bin: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(base) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let version =
                name.strip_prefix("pgsql-").or_else(|| name.strip_prefix("postgresql@")).unwrap_or(&name);
            !version.is_empty() && version.chars().all(|c| c.is_ascii_digit() || c == '.')
        })
        .map(|entry| entry.path().join(bin))
        .collect()
}

/// A folder counts when both programs are in it and `postgres --version` answers.
fn probe(folder: &Path) -> Option<Binaries> {
    if !folder.join("initdb").is_file() {
        return None;
    }
    // A link in PATH leads to the folder that also holds what initdb calls.
    let postgres = folder.join("postgres").canonicalize().ok()?;
    let output = Command::new(&postgres).arg("--version").env_clear().output().ok()?;
    let major = major_of(&String::from_utf8_lossy(&output.stdout))?;
    let folder = match postgres.parent() {
        Some(parent) if parent.join("initdb").is_file() => parent.to_path_buf(),
        _ => folder.to_path_buf(),
    };
    Some(Binaries { folder, major })
}

/// `postgres (PostgreSQL) 15.18 (Debian …)` → 15; also `18beta1`.
fn major_of(version: &str) -> Option<u32> {
    let number = version.split(')').nth(1)?.trim_start();
    let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binaries(major: u32) -> Binaries {
        Binaries { folder: PathBuf::from(format!("/opt/{major}")), major }
    }

    #[test]
    fn the_major_version_is_read_from_what_postgres_says() {
        assert_eq!(major_of("postgres (PostgreSQL) 15.18 (Debian 15.18-0)\n"), Some(15));
        assert_eq!(major_of("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major_of("something else"), None);
    }

    #[test]
    fn the_version_that_made_the_cluster_is_chosen() {
        let found = vec![binaries(17), binaries(15)];
        let cluster = Path::new("/c");
        assert_eq!(pick(found.clone(), Some("15\n"), cluster).unwrap().major, 15);
        assert_eq!(pick(found.clone(), None, cluster).unwrap().major, 17);
        let refused = pick(found, Some("14"), cluster).unwrap_err().to_string();
        assert!(refused.contains("made by PostgreSQL 14") && refused.contains("15, 17"), "{refused}");
    }

    #[test]
    fn an_old_server_is_refused_for_a_new_cluster() {
        let refused = pick(vec![binaries(11)], None, Path::new("/c")).unwrap_err().to_string();
        assert_eq!(refused, "PostgreSQL 11 is too old: version 14 or newer is needed");
    }

    #[test]
    fn no_server_gives_one_sentence_how_to_get_it() {
        let none = installed("/nonexistent".as_ref(), &[("/nonexistent", "bin")], &[]);
        let refused = pick(none, None, Path::new("/c")).unwrap_err().to_string();
        assert!(refused.contains("apt-get install postgresql"), "{refused}");
        assert!(refused.contains("DATABASE_URL"), "{refused}");
    }
}
