//! What the server's process has used: CPU time and memory, as the kernel counts them under `/proc`.

use std::fs;

use anyhow::{Context, Result};

/// The kernel tells times in these units on every architecture that Linux supports today (USER_HZ).
const TICKS_PER_SECOND: u32 = 100;

/// A process that is watched.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    pid: u32,
}

/// Resident memory, in KiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    pub peak_kib: u64,
    pub now_kib: u64,
}

impl Process {
    pub fn new(pid: u32) -> Self {
        Self { pid }
    }

    /// User and system time together, of all threads, since the process began.
    pub fn cpu_seconds(self) -> Result<f64> {
        cpu_seconds(&self.read("stat")?).context("/proc/PID/stat has another form than expected")
    }

    pub fn memory(self) -> Result<Memory> {
        memory(&self.read("status")?).context("/proc/PID/status has another form than expected")
    }

    fn read(self, name: &str) -> Result<String> {
        fs::read_to_string(format!("/proc/{}/{name}", self.pid))
            .with_context(|| format!("process {} cannot be watched", self.pid))
    }
}

/// The process's name is in parentheses and may hold anything, so fields are counted from the last one.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut from_user_time = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || from_user_time.next()?.parse::<u32>().ok();
    Some((f64::from(ticks()?) + f64::from(ticks()?)) / f64::from(TICKS_PER_SECOND))
}

fn memory(status: &str) -> Option<Memory> {
    let value = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    Some(Memory { peak_kib: value("VmHWM:")?, now_kib: value("VmRSS:")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_past_any_name() {
        let stat = "77 (a) b (c) S 1 77 77 0 -1 4194304 1 2 3 4 250 150 0 0 20 0 9 0 1 2 3";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(cpu_seconds("77 (x) S 1"), None);
    }

    #[test]
    fn memory_is_read_in_kib() {
        let status = "Name:\tx\nVmPeak:\t 900 kB\nVmHWM:\t   300 kB\nVmRSS:\t   200 kB\n";
        assert_eq!(memory(status), Some(Memory { peak_kib: 300, now_kib: 200 }));
        assert_eq!(memory("Name:\tx\n"), None);
    }

    #[test]
    fn a_live_process_can_be_watched() {
        let this = Process::new(std::process::id());
        assert!(this.cpu_seconds().is_ok());
        assert!(this.memory().unwrap().peak_kib > 0);
    }
}
