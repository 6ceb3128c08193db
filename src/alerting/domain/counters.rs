//! Cumulative series as increases: what was added since the last point of the same series.
//!
//! A counter that is smaller than it was, or began anew, was reset: all that it counts is new. A point that comes long after
//! the one before says nothing of when its increase was (`docs/alerting.md`, "Counters").

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use crate::shared::distribution::Distribution;
use crate::shared::{SeriesId, Timestamp};

/// Most cumulative series that are remembered. A number takes some 70 bytes, a histogram its buckets, too.
pub const COUNTER_SERIES_MAX: usize = 200_000;
/// How much older the point before may be, as for queries; or the longest window, if that is longer.
pub const LOOK_BACK: Duration = Duration::from_secs(900);

/// What a series can count.
pub trait Cumulative: Clone {
    /// What was added since `earlier`; absent if it fell.
    fn since(&self, earlier: &Self) -> Option<Self>;
}

impl Cumulative for f64 {
    fn since(&self, earlier: &Self) -> Option<Self> {
        (self >= earlier).then_some(self - earlier)
    }
}

impl Cumulative for Distribution {
    fn since(&self, earlier: &Self) -> Option<Self> {
        Self::since(self, earlier)
    }
}

/// The last point of each watched cumulative series.
#[derive(Debug)]
pub struct Counters<V> {
    last: HashMap<CounterKey, LastPoint<V>>,
    series_max: usize,
    look_back: Duration,
}

/// The tenant is in it because ids are hashes that a sender may make collide with those of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CounterKey {
    pub tenant: TenantNumber,
    pub series: SeriesId,
}

/// Stands in for a tenant within one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TenantNumber(pub usize);

#[derive(Debug, Clone)]
struct LastPoint<V> {
    value: V,
    start: Timestamp,
    time: Timestamp,
    seen_at: Timestamp,
}

/// A point of a cumulative series.
#[derive(Debug, Clone)]
pub struct CounterPoint<V> {
    pub time: Timestamp,
    /// The epoch if the sender did not say.
    pub start: Timestamp,
    pub value: V,
}

/// What a counter's point adds.
#[derive(Debug, Clone, PartialEq)]
pub enum Increase<V> {
    /// Since the last point of the series.
    SinceLast(V),
    /// The first point that we see of a series, all of which was added after `start`.
    SinceStart { added: V, start: Timestamp },
    /// The first point of a series whose start is not known, or the first for a long time: nothing to compare it with.
    Unknown,
    /// Not newer than the last point of its series.
    OutOfOrder,
    /// Too many series to remember this one.
    NoRoom,
}

impl<V: Cumulative> Counters<V> {
    pub fn new(series_max: usize, look_back: Duration) -> Self {
        Self { last: HashMap::new(), series_max, look_back }
    }

    /// Empty ones with the same limits.
    pub fn anew(&self) -> Self {
        Self::new(self.series_max, self.look_back)
    }

    /// The longest window may have changed.
    pub const fn look_back_for(&mut self, look_back: Duration) {
        self.look_back = look_back;
    }

    pub fn increase(&mut self, key: CounterKey, point: CounterPoint<V>, now: Timestamp) -> Increase<V> {
        let CounterPoint { time, start, value } = point;
        let point = LastPoint { value: value.clone(), start, time, seen_at: now };
        if let Some(last) = self.last.get_mut(&key) {
            if time <= last.time {
                return Increase::OutOfOrder;
            }
            let was = std::mem::replace(last, point);
            if time.since(was.time) > self.look_back {
                return Increase::Unknown;
            }
            let began_anew = start != was.start && start != Timestamp::EPOCH;
            let added = if began_anew { None } else { value.since(&was.value) };
            return Increase::SinceLast(added.unwrap_or(value));
        }
        if self.last.len() >= self.series_max {
            return Increase::NoRoom;
        }
        self.last.insert(key, point);
        if start == Timestamp::EPOCH || start >= time {
            return Increase::Unknown;
        }
        Increase::SinceStart { added: value, start }
    }

    /// Forgets series that have been silent for longer than anybody looks back.
    pub fn forget_silent(&mut self, now: Timestamp) {
        self.last.retain(|_, last| now.since(last.seen_at) <= self.look_back);
    }

    /// Takes over what another one knows of series that this one does not know.
    pub fn learn(&mut self, other: Self) {
        for (key, last) in other.last {
            if self.last.len() < self.series_max {
                self.last.entry(key).or_insert(last);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.last.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::second;

    fn key(series: u64) -> CounterKey {
        CounterKey { tenant: TenantNumber(0), series: SeriesId(series) }
    }

    fn point(start: i64, time: i64, value: f64) -> CounterPoint<f64> {
        CounterPoint { time: second(time), start: second(start), value }
    }

    fn increases(points: &[(u64, i64, i64, f64)]) -> Vec<Increase<f64>> {
        let mut counters = Counters::new(2, LOOK_BACK);
        let increase = |(series, start, time, value): &(u64, i64, i64, f64)| {
            counters.increase(key(*series), point(*start, *time, *value), second(0))
        };
        points.iter().map(increase).collect()
    }

    use Increase::{NoRoom, OutOfOrder, SinceLast, SinceStart, Unknown};

    #[test]
    fn an_increase_is_the_difference_to_the_last_point() {
        let found = increases(&[(1, 0, 10, 100.0), (1, 0, 20, 130.0), (1, 0, 30, 130.0)]);
        assert_eq!(found, [Unknown, SinceLast(30.0), SinceLast(0.0)]);
    }

    #[test]
    fn a_reset_counts_from_zero() {
        let smaller = increases(&[(1, 5, 10, 100.0), (1, 5, 20, 7.0)]);
        assert_eq!(smaller[1], SinceLast(7.0));
        let restarted = increases(&[(1, 5, 10, 100.0), (1, 15, 20, 120.0)]);
        assert_eq!(restarted[1], SinceLast(120.0));
    }

    #[test]
    fn a_first_point_counts_only_from_a_known_start() {
        let start = second(5);
        assert_eq!(increases(&[(1, 5, 10, 8.0)]), [SinceStart { added: 8.0, start }]);
        assert_eq!(increases(&[(1, 10, 10, 8.0)]), [Unknown]);
    }

    #[test]
    fn points_out_of_order_do_not_look_like_a_reset() {
        let found = increases(&[(1, 0, 20, 100.0), (1, 0, 10, 50.0), (1, 0, 30, 110.0)]);
        assert_eq!(found, [Unknown, OutOfOrder, SinceLast(10.0)]);
    }

    #[test]
    fn an_increase_over_a_long_gap_has_no_place_in_a_window() {
        assert_eq!(increases(&[(1, 0, 10, 1.0), (1, 0, 911, 500.0)]), [Unknown, Unknown]);
        assert_eq!(increases(&[(1, 0, 10, 1.0), (1, 0, 910, 500.0)])[1], SinceLast(499.0));
    }

    #[test]
    fn memory_is_bounded_and_silent_series_make_room() {
        let mut counters = Counters::new(1, Duration::from_secs(60));
        counters.increase(key(1), point(0, 1, 1.0), second(0));
        assert_eq!(counters.increase(key(2), point(0, 1, 1.0), second(50)), NoRoom);
        counters.forget_silent(second(61));
        assert_eq!(counters.len(), 0);
        assert_eq!(counters.increase(key(2), point(0, 1, 1.0), second(61)), Unknown);
    }
}
