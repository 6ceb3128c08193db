//! `AcceptanceWindow`: how far from now a point's time may lie.

use std::time::Duration;

use crate::shared::Timestamp;

use super::Rejection;

/// The moments that points may bear, both ends included. It moves with the time of receipt, so that a replay can use the
/// time that was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptanceWindow {
    earliest: Timestamp,
    latest: Timestamp,
}

impl AcceptanceWindow {
    /// `past` and `future` are distances from the time of receipt; `None` means without limit.
    pub fn around(received_at: Timestamp, past: Option<Duration>, future: Option<Duration>) -> Self {
        Self {
            earliest: past.map_or(Timestamp::EPOCH, |past| received_at.minus(past)),
            latest: future.map_or(Timestamp::from_nanos(i64::MAX), |future| received_at.plus(future)),
        }
    }

    pub const fn between(earliest: Timestamp, latest: Timestamp) -> Self {
        Self { earliest, latest }
    }

    /// Both belong to it.
    pub const fn ends(self) -> (Timestamp, Timestamp) {
        (self.earliest, self.latest)
    }

    pub fn check(self, time: Timestamp) -> Result<(), Rejection> {
        if time < self.earliest {
            Err(Rejection::TimeTooOld)
        } else if time > self.latest {
            Err(Rejection::TimeInFuture)
        } else {
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_belong_to_the_window() {
        let now = Timestamp::from_nanos(1_000_000_000_000);
        let window =
            AcceptanceWindow::around(now, Some(Duration::from_secs(10)), Some(Duration::from_secs(1)));
        assert_eq!(window.check(now.minus(Duration::from_secs(10))), Ok(()));
        assert_eq!(window.check(now.plus(Duration::from_secs(1))), Ok(()));
        assert_eq!(window.check(now.minus(Duration::from_nanos(10_000_000_001))), Err(Rejection::TimeTooOld));
        assert_eq!(window.check(now.plus(Duration::from_nanos(1_000_000_001))), Err(Rejection::TimeInFuture));
    }

    #[test]
    fn without_limits_every_moment_is_in() {
        let window = AcceptanceWindow::around(Timestamp::from_nanos(5), None, None);
        assert_eq!(window.check(Timestamp::from_nanos(1)), Ok(()));
        assert_eq!(window.check(Timestamp::from_nanos(i64::MAX)), Ok(()));
    }
}
