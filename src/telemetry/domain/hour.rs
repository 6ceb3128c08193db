//! `Hour`: a whole hour of UTC, by which points are rolled up.

use std::time::Duration;

use crate::shared::time::NANOS_PER_HOUR;
use crate::shared::{TimeRange, Timestamp};

/// Counted since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hour(i64);

impl Hour {
    pub const LENGTH: Duration = Duration::from_secs(3_600);

    /// The hour that the moment is in.
    pub const fn of(moment: Timestamp) -> Self {
        Self(moment.nanos().div_euclid(NANOS_PER_HOUR))
    }

    pub const fn start(self) -> Timestamp {
        Timestamp::from_nanos(self.0.saturating_mul(NANOS_PER_HOUR))
    }

    /// The first moment after it.
    pub const fn end(self) -> Timestamp {
        self.plus(1).start()
    }

    pub const fn next(self) -> Self {
        self.plus(1)
    }

    #[must_use]
    pub const fn plus(self, hours: i64) -> Self {
        Self(self.0.saturating_add(hours))
    }

    /// All of it. Absent only at the end of what a [`Timestamp`] counts.
    pub fn range(self) -> Option<TimeRange> {
        TimeRange::new(self.start(), self.end())
    }

    /// The hours of a day, by its number since the epoch.
    pub fn of_day(day: i64) -> impl Iterator<Item = Self> {
        let first = day.saturating_mul(24);
        (first..first.saturating_add(24)).map(Self)
    }

    /// From this hour up to another one, without it.
    pub fn until(self, end: Self) -> impl Iterator<Item = Self> {
        (self.0..end.0).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_is_in_one_hour() {
        let hour = |nanos| Hour::of(Timestamp::from_nanos(nanos));
        assert_eq!(hour(0), hour(NANOS_PER_HOUR - 1));
        assert_eq!(hour(NANOS_PER_HOUR), hour(0).next());
        assert_eq!(hour(-1).next(), hour(0));
        let hour = hour(5 * NANOS_PER_HOUR + 7);
        assert_eq!((hour.start().nanos(), hour.end().nanos()), (5 * NANOS_PER_HOUR, 6 * NANOS_PER_HOUR));
        assert_eq!(hour.range().map(|range| range.contains(hour.end())), Some(false));
    }

    #[test]
    fn a_day_has_its_hours() {
        let hours: Vec<Hour> = Hour::of_day(3).collect();
        assert_eq!(hours.len(), 24);
        assert!(hours.iter().all(|hour| hour.start().day() == 3));
        assert_eq!(hours[0].until(hours[23].next()).collect::<Vec<_>>(), hours);
    }
}
