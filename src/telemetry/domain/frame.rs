//! `PointFrame`: when a point of any kind was taken, and what its flags say.

use crate::shared::Timestamp;
use crate::shared::columns::FLAG_NO_RECORDED_VALUE;

use super::{AcceptanceWindow, Findings, Rejection, Warning};

/// What a sender said: unchecked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PointFrame {
    /// Nanoseconds since the epoch; zero means absent.
    pub time: u64,
    /// Nanoseconds since the epoch; zero means unknown.
    pub start: u64,
    pub flags: u32,
}

/// The time lies within the window, and the start not after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdmittedFrame {
    pub time: Timestamp,
    /// The epoch if unknown.
    pub start: Timestamp,
    pub flags: u32,
}

impl PointFrame {
    pub(super) fn check_time(self, window: AcceptanceWindow) -> Result<Timestamp, Rejection> {
        if self.time == 0 {
            return Err(Rejection::TimeMissing);
        }
        let time = Timestamp::from_unix_nanos(self.time).ok_or(Rejection::TimeInFuture)?;
        window.check(time)?;
        Ok(time)
    }

    /// For a point with nothing wrong: only then is its start worth a remark. `time` comes from [`Self::check_time`].
    pub(super) fn admitted(self, time: Timestamp, findings: &mut Findings) -> AdmittedFrame {
        AdmittedFrame { time, start: self.start_before(time, findings), flags: self.flags }
    }

    fn start_before(self, time: Timestamp, findings: &mut Findings) -> Timestamp {
        match Timestamp::from_unix_nanos(self.start) {
            Some(start) if start <= time => start,
            _ => {
                findings.warn(Warning::StartAfterTime);
                Timestamp::EPOCH
            }
        }
    }

    /// Whether the point only says that its series ends (`NO_RECORDED_VALUE`).
    pub const fn ends_series(self) -> bool {
        self.flags & FLAG_NO_RECORDED_VALUE != 0
    }
}

impl AdmittedFrame {
    /// As for [`PointFrame`].
    pub const fn ends_series(self) -> bool {
        self.flags & FLAG_NO_RECORDED_VALUE != 0
    }
}
