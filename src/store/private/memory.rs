//! How much memory the server may keep pages in. Read from the system's files once they are there, a page costs a fifth of one read anew.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// What every machine can spare, and what is taken of one that does not say how much it has.
const LEAST: u64 = 64;
/// The pages of a million certificates and their indexes that lists read.
const MOST: u64 = 1_024;
/// The server gets one part of so many; it asks for it bit by bit, as pages are read.
const PART: u64 = 8;

/// The value of `shared_buffers`.
pub(super) fn shared_buffers() -> String {
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let groups = read(Path::new("/proc/self/cgroup"));
    let limits = limit_files(&groups).iter().filter_map(|file| read(file).trim().parse::<u64>().ok()).min();
    format!("{}MB", megabytes(&read(Path::new("/proc/meminfo")), limits))
}

/// Where this process's control group and those above it keep their limits; a container sees its own as the root.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let above = Path::new(own)
        .ancestors()
        .filter(|path| path.components().all(|part| matches!(part, Component::Normal(_))));
    let root = Path::new("/sys/fs/cgroup");
    let mut files: Vec<PathBuf> = above.map(|path| root.join(path).join("memory.max")).collect();
    files.push(root.join("memory/memory.limit_in_bytes"));
    files
}

/// `limit` in bytes, if there is one.
fn megabytes(meminfo: &str, limit: Option<u64>) -> u64 {
    let kilobytes =
        |line: &str| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok();
    let machine = meminfo.lines().find_map(kilobytes).map(|kilobytes| kilobytes / 1_024);
    let limit = limit.map(|bytes| bytes / 1_024 / 1_024);
    machine.into_iter().chain(limit).min().map_or(LEAST, |all| (all / PART).clamp(LEAST, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_memory_there_is() {
        let machine =
            |gigabytes: u64| format!("MemTotal:  {} kB\nMemFree: 1 kB\n", gigabytes * 1_024 * 1_024);
        assert_eq!(megabytes(&machine(4), None), 512);
        assert_eq!(megabytes(&machine(64), None), 1_024);
        assert_eq!(megabytes(&machine(64), Some(2 << 30)), 256);
        assert_eq!(megabytes(&machine(0), None), 64);
        assert_eq!(megabytes("", None), 64);
    }

    #[test]
    fn the_limits_of_all_groups_above_count() {
        let files = limit_files("1:name=systemd:/x\n0::/system.slice/notafter.service\n");
        let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
        let expected = [
            "/sys/fs/cgroup/system.slice/notafter.service/memory.max",
            "/sys/fs/cgroup/system.slice/memory.max",
            "/sys/fs/cgroup/memory.max",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        ];
        assert_eq!(shown, expected);
        assert_eq!(limit_files("0::/../../x\n").len(), 2);
    }
}
