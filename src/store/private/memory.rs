//! How much memory the server may keep pages in. Read from the system's files once they are there, a page costs a fifth of one read anew.

use std::fs;

/// What every machine can spare, and what is taken of one that does not say how much it has.
const LEAST: u64 = 64;
/// The pages of a million certificates and their indexes that lists read.
const MOST: u64 = 1_024;
/// The server gets one part of so many; it asks for it bit by bit, as pages are read.
const PART: u64 = 8;

/// The value of `shared_buffers`.
pub(super) fn shared_buffers() -> String {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    format!("{}MB", megabytes(&read("/proc/meminfo"), &read("/sys/fs/cgroup/memory.max")))
}

/// `limit` is that of the container, if there is one.
fn megabytes(meminfo: &str, limit: &str) -> u64 {
    let kilobytes =
        |line: &str| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok();
    let machine = meminfo.lines().find_map(kilobytes).map(|kilobytes| kilobytes / 1_024);
    let container = limit.trim().parse::<u64>().ok().map(|bytes| bytes / 1_024 / 1_024);
    machine.into_iter().chain(container).min().map_or(LEAST, |all| (all / PART).clamp(LEAST, MOST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_the_memory_there_is() {
        let machine =
            |gigabytes: u64| format!("MemTotal:  {} kB\nMemFree: 1 kB\n", gigabytes * 1_024 * 1_024);
        assert_eq!(megabytes(&machine(4), "max\n"), 512);
        assert_eq!(megabytes(&machine(64), ""), 1_024);
        assert_eq!(megabytes(&machine(64), "2147483648\n"), 256);
        assert_eq!(megabytes(&machine(0), ""), 64);
        assert_eq!(megabytes("", "no number"), 64);
    }
}
