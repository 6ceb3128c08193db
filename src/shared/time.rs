//! Points, ranges and steps of time. All are counted in nanoseconds since the Unix epoch, as OTLP does.

use std::time::Duration;

use super::duration_text;

pub const NANOS_PER_SECOND: i64 = 1_000_000_000;
pub const NANOS_PER_HOUR: i64 = 3_600 * NANOS_PER_SECOND;
pub const NANOS_PER_DAY: i64 = 24 * NANOS_PER_HOUR;

/// A moment: nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const EPOCH: Self = Self(0);

    /// The end of time: 2100-01-01. The store's `DateTime`, by which it ages rows, ends in 2106.
    pub const LATEST: Self = Self(4_102_444_800 * NANOS_PER_SECOND);

    /// Absent (`None`) for moments after [`Self::LATEST`].
    pub fn from_unix_nanos(nanos: u64) -> Option<Self> {
        i64::try_from(nanos).ok().map(Self).filter(|moment| *moment <= Self::LATEST)
    }

    /// For numbers that are known to be in range: differences of timestamps, rows that we stored.
    pub const fn from_nanos(nanos: i64) -> Self {
        Self(nanos)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// Days since the epoch; the store partitions by it.
    pub const fn day(self) -> i64 {
        self.0.div_euclid(NANOS_PER_DAY)
    }

    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(nanos_of(duration)))
    }

    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(nanos_of(duration)))
    }

    /// How long after `earlier` this is; zero if it is not after.
    pub fn since(self, earlier: Self) -> Duration {
        u64::try_from(self.0.saturating_sub(earlier.0)).map_or(Duration::ZERO, Duration::from_nanos)
    }
}

fn nanos_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Tells the time. The only implementation that asks the operating system is `platform::clock`; tests set their own.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// A half-open range of time, `start <= t < end`. Never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeRange {
    start: Timestamp,
    end: Timestamp,
}

impl TimeRange {
    /// Absent if `end` is not after `start`.
    pub fn new(start: Timestamp, end: Timestamp) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    pub fn start(self) -> Timestamp {
        self.start
    }

    pub fn end(self) -> Timestamp {
        self.end
    }

    pub fn contains(self, moment: Timestamp) -> bool {
        self.start <= moment && moment < self.end
    }

    /// The smallest range that begins and ends on a bucket of `interval` and holds this one.
    #[must_use]
    pub fn aligned_to(self, interval: Interval) -> Self {
        let last = Timestamp(self.end.0 - 1);
        Self {
            start: interval.floor(self.start),
            end: Timestamp(interval.floor(last).0.saturating_add(interval.nanos())),
        }
    }

    /// Starts of all buckets of `interval` that the range touches.
    pub fn starts(self, interval: Interval) -> Vec<Timestamp> {
        let aligned = self.aligned_to(interval);
        let mut at = aligned.start;
        let mut starts = Vec::new();
        while at < aligned.end {
            starts.push(at);
            at = Timestamp(at.0.saturating_add(interval.nanos()));
        }
        starts
    }

    /// How many buckets of `interval` the range touches.
    pub fn buckets(self, interval: Interval) -> u64 {
        let aligned = self.aligned_to(interval);
        ((aligned.end.0 - aligned.start.0) / interval.nanos()).unsigned_abs()
    }
}

/// The width of a bucket: at least a millisecond, at most a year. Buckets are aligned to the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Interval(i64);

/// Why a duration cannot be an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntervalError {
    #[error(transparent)]
    Text(#[from] duration_text::DurationTextError),
    #[error("an interval is at least 1ms and at most 366d")]
    Bounds,
}

impl Interval {
    pub const MAX: Duration = Duration::from_secs(366 * 86_400);

    /// Widths that people can read.
    const LADDER: [Self; 20] = [
        Self::seconds(1),
        Self::seconds(5),
        Self::seconds(10),
        Self::seconds(15),
        Self::seconds(30),
        Self::seconds(60),
        Self::seconds(120),
        Self::seconds(300),
        Self::seconds(600),
        Self::seconds(900),
        Self::seconds(1_800),
        Self::seconds(3_600),
        Self::seconds(7_200),
        Self::seconds(14_400),
        Self::seconds(21_600),
        Self::seconds(43_200),
        Self::seconds(86_400),
        Self::seconds(7 * 86_400),
        Self::seconds(30 * 86_400),
        Self::seconds(366 * 86_400),
    ];

    const fn seconds(seconds: i64) -> Self {
        Self(seconds * NANOS_PER_SECOND)
    }

    /// The narrowest that people can read and that is at least so wide; a year if none is.
    pub fn readable(least: Duration) -> Self {
        let wide_enough = Self::LADDER.into_iter().find(|width| width.duration() >= least);
        wide_enough.unwrap_or(Self::seconds(366 * 86_400))
    }

    pub fn new(width: Duration) -> Result<Self, IntervalError> {
        if width < Duration::from_millis(1) || width > Self::MAX {
            return Err(IntervalError::Bounds);
        }
        Ok(Self(nanos_of(width)))
    }

    pub fn parse(text: &str) -> Result<Self, IntervalError> {
        Self::new(duration_text::parse(text)?)
    }

    pub const fn nanos(self) -> i64 {
        self.0
    }

    pub fn duration(self) -> Duration {
        Duration::from_nanos(self.0.unsigned_abs())
    }

    /// The start of the bucket that holds `time`.
    pub fn floor(self, time: Timestamp) -> Timestamp {
        Timestamp(time.0.div_euclid(self.0).saturating_mul(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(nanos: i64) -> Timestamp {
        Timestamp::from_nanos(nanos)
    }

    #[test]
    fn a_range_is_never_empty() {
        assert!(TimeRange::new(at(5), at(5)).is_none());
        assert!(TimeRange::new(at(6), at(5)).is_none());
        assert!(TimeRange::new(at(5), at(6)).is_some());
    }

    #[test]
    fn buckets_are_aligned_to_the_epoch_and_labelled_by_their_start() {
        let minute = Interval::parse("1m").unwrap();
        let s = NANOS_PER_SECOND;
        assert_eq!(minute.floor(at(61 * s)), at(60 * s));
        let range = TimeRange::new(at(59 * s), at(121 * s)).unwrap();
        assert_eq!(range.buckets(minute), 3);
        let aligned = range.aligned_to(minute);
        assert_eq!((aligned.start(), aligned.end()), (at(0), at(180 * s)));
        let exact = TimeRange::new(at(60 * s), at(120 * s)).unwrap();
        assert_eq!(exact.aligned_to(minute), exact);
    }

    #[test]
    fn moments_beyond_the_store_are_absent() {
        assert!(Timestamp::from_unix_nanos(u64::MAX).is_none());
        assert!(Timestamp::from_unix_nanos(4_102_444_800_000_000_001).is_none());
        assert_eq!(Timestamp::from_unix_nanos(7), Some(at(7)));
    }

    #[test]
    fn an_interval_has_bounds() {
        assert_eq!(Interval::parse("0s"), Err(IntervalError::Bounds));
        assert_eq!(Interval::parse("400d"), Err(IntervalError::Bounds));
        assert!(Interval::parse("1ms").is_ok());
    }
}
