//! CPU time and memory of processes, from `/proc`.

use std::fs;
use std::ops::Sub;

/// A process by its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Process {
    pid: u32,
}

/// CPU time, user and system together, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Cpu(pub f64);

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self((self.0 - earlier.0).max(0.0))
    }
}

impl Cpu {
    /// Microseconds for each of `units`.
    #[must_use]
    pub fn per(self, units: u64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let units = units.max(1) as f64;
        self.0 / units
    }
}

impl Process {
    /// The process of this id.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// This process.
    #[must_use]
    pub fn me() -> Self {
        Self::of(std::process::id())
    }

    /// Its id.
    #[must_use]
    pub fn pid(self) -> u32 {
        self.pid
    }

    /// CPU time of all its threads so far; those that ended are counted in clock ticks only.
    #[must_use]
    pub fn cpu(self) -> Cpu {
        // The scheduler's own sum knows nanoseconds but only threads that live; the process's knows all, in ticks.
        Cpu(self.threads_us().max(self.stat(11) + self.stat(12)))
    }

    /// CPU time of it and everything it started: processes that live, and what ended ones left in its account.
    #[must_use]
    pub fn tree_cpu(self) -> Cpu {
        let children = self.children().into_iter().map(|child| child.tree_cpu().0).sum::<f64>();
        Cpu(self.cpu().0 + self.ended_children_cpu().0 + children)
    }

    /// CPU time of processes that it started, that ended, and whose end it has seen; in clock ticks.
    #[must_use]
    pub fn ended_children_cpu(self) -> Cpu {
        Cpu(self.stat(13) + self.stat(14))
    }

    /// Memory that is resident now, in MiB.
    #[must_use]
    pub fn rss_mib(self) -> f64 {
        self.status("VmRSS:")
    }

    /// The most that ever was resident, in MiB.
    #[must_use]
    pub fn peak_mib(self) -> f64 {
        self.status("VmHWM:")
    }

    /// Memory that is resident now of it and everything it started, in MiB; what they share is counted once.
    #[must_use]
    pub fn tree_rss_mib(self) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        let children = self.children().into_iter().map(Self::tree_rss_mib).sum::<f64>();
        kib.unwrap_or(0.0) / 1024.0 + children
    }

    fn children(self) -> Vec<Self> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let lists = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
        let pids: Vec<u32> = lists
            .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        pids.into_iter().map(Self::of).collect()
    }

    fn threads_us(self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok());
        texts
            .filter_map(|text| text.split_whitespace().next()?.parse::<f64>().ok())
            .map(|nanoseconds| nanoseconds / 1_000.0)
            .sum()
    }

    /// A field of `/proc/<pid>/stat` that counts clock ticks (of which a second has 100 on Linux), in microseconds;
    /// fields are numbered from the state, which is 0.
    fn stat(self, field: usize) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        // The name in parentheses may hold anything; what follows the last one does not.
        let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
        rest.split_whitespace().nth(field).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0)
            * 10_000.0
    }

    fn status(self, name: &str) -> f64 {
        let text = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(0.0) / 1024.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_costs_cpu_and_memory() {
        let before = Process::me().cpu();
        let mut sum = 0_u64;
        while (Process::me().cpu() - before).0 < 20_000.0 {
            sum = std::hint::black_box((0..100_000_u64).fold(sum, u64::wrapping_add));
        }
        assert!(Process::me().tree_cpu() >= before);
        assert!(Process::me().rss_mib() > 0.5 && Process::me().peak_mib() >= Process::me().rss_mib());
        assert!(Process::me().tree_rss_mib() > 0.5);
    }

    #[test]
    fn a_process_that_is_gone_costs_nothing() {
        assert_eq!(Process::of(u32::MAX).tree_cpu(), Cpu(0.0));
    }
}
