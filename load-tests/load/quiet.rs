//! Waits until a process has nothing left to do in the background, as its use of CPU time tells.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::process::Process;

/// Quiet is to use less than this share of a core ...
const QUIET_SHARE: f64 = 0.03;
/// ... for so long. The kernel counts CPU time in hundredths of a second, so a shorter time would count too coarsely.
const QUIET_FOR: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How the wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Settling {
    pub seconds: f64,
    /// Whether the process became quiet within the time that it was given; not known of a fixed wait.
    pub quiet: Option<bool>,
}

/// Waits until the process is quiet, at most for `longest`.
pub async fn until_quiet(process: Process, longest: Duration) -> Result<Settling> {
    let started = Instant::now();
    let mut watch = Watch::default();
    loop {
        let waited = started.elapsed();
        let quiet = watch.is_quiet(waited, process.cpu_seconds()?);
        if quiet || waited >= longest {
            return Ok(Settling { seconds: waited.as_secs_f64(), quiet: Some(quiet) });
        }
        tokio::time::sleep(LOOK_EVERY.min(longest.saturating_sub(waited))).await;
    }
}

/// The readings of the last [`QUIET_FOR`], the oldest of them at least so old once there are enough.
#[derive(Debug, Default)]
struct Watch {
    readings: VecDeque<(Duration, f64)>,
}

impl Watch {
    /// Takes what the process has used up to now, and says whether it has been quiet for long enough.
    fn is_quiet(&mut self, now: Duration, cpu_seconds: f64) -> bool {
        self.readings.push_back((now, cpu_seconds));
        while self.readings.get(1).is_some_and(|(at, _)| now.saturating_sub(*at) >= QUIET_FOR) {
            self.readings.pop_front();
        }
        self.readings.front().is_some_and(|(at, used)| {
            let watched = now.saturating_sub(*at);
            watched >= QUIET_FOR && cpu_seconds - used < QUIET_SHARE * watched.as_secs_f64()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second at which a process is quiet, if it has used so much CPU time at each second.
    fn quiet_at(used: &[f64]) -> Option<u64> {
        let mut watch = Watch::default();
        (0..)
            .zip(used)
            .find_map(|(second, used)| watch.is_quiet(Duration::from_secs(second), *used).then_some(second))
    }

    #[test]
    fn quiet_is_known_only_after_three_seconds() {
        assert_eq!(quiet_at(&[5.0, 5.0, 5.0]), None);
        assert_eq!(quiet_at(&[5.0, 5.0, 5.0, 5.0]), Some(3));
    }

    #[test]
    fn work_begins_the_wait_anew() {
        assert_eq!(quiet_at(&[5.0, 6.0, 7.0, 7.01, 7.02, 7.03]), Some(5));
        assert_eq!(quiet_at(&[0.0, 0.0, 0.5, 0.5, 0.5, 0.5]), Some(5));
    }

    #[test]
    fn a_steady_use_above_the_share_is_never_quiet() {
        let used: Vec<f64> = (0..100).map(|second| f64::from(second) * 0.04).collect();
        assert_eq!(quiet_at(&used), None);
    }

    #[tokio::test]
    async fn whoever_is_not_quiet_in_time_is_said_to_be_so() {
        let this = Process::new(std::process::id());
        let settling = until_quiet(this, Duration::ZERO).await.unwrap();
        assert_eq!(settling.quiet, Some(false));
    }
}
