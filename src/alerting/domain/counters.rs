//! Cumulative counters as increases: what was added since the last point of the same series.

use std::collections::HashMap;
use std::time::Duration;

use crate::shared::{NumberRow, SeriesId, Timestamp, WatchId};

/// Most counter series that are remembered. One takes some 50 bytes.
pub const COUNTER_SERIES_MAX: usize = 200_000;

/// The last point of each watched counter series.
///
/// The key holds the watch because a watch belongs to one tenant and a series id need not.
#[derive(Debug)]
pub struct Counters {
    last: HashMap<(WatchId, SeriesId), LastPoint>,
    series_max: usize,
}

#[derive(Debug, Clone, Copy)]
struct LastPoint {
    value: f64,
    start: Timestamp,
    time: Timestamp,
    seen_at: Timestamp,
}

/// What a counter's point adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Increase {
    /// Since the last point of the series.
    SinceLast(f64),
    /// The first point that we see of a series, all of which was added after `start`.
    SinceStart { added: f64, start: Timestamp },
    /// The first point of a series whose start is not known: nothing to compare it with.
    Unknown,
    /// Not newer than the last point of its series.
    OutOfOrder,
    /// Too many series to remember this one.
    NoRoom,
}

impl Counters {
    pub fn new(series_max: usize) -> Self {
        Self { last: HashMap::new(), series_max }
    }

    /// Takes a point of a cumulative monotonic sum.
    pub fn increase(&mut self, row: &NumberRow, now: Timestamp) -> Increase {
        let key = (row.watch, row.series);
        let point = LastPoint { value: row.value, start: row.start, time: row.time, seen_at: now };
        if let Some(last) = self.last.get_mut(&key) {
            if row.time <= last.time {
                return Increase::OutOfOrder;
            }
            let was = std::mem::replace(last, point);
            return Increase::SinceLast(point.added_since(&was));
        }
        if self.last.len() >= self.series_max {
            return Increase::NoRoom;
        }
        self.last.insert(key, point);
        if row.start == Timestamp::EPOCH || row.start >= row.time {
            return Increase::Unknown;
        }
        Increase::SinceStart { added: row.value, start: row.start }
    }

    /// Forgets series that have been silent for longer than `silence`.
    pub fn forget_silent(&mut self, silence: Duration, now: Timestamp) {
        self.last.retain(|_, last| now.since(last.seen_at) <= silence);
    }

    pub fn len(&self) -> usize {
        self.last.len()
    }
}

impl LastPoint {
    /// A counter that is smaller than it was, or began anew, was reset: all that it counts is new.
    fn added_since(&self, last: &Self) -> f64 {
        let began_anew = self.start != last.start && self.start != Timestamp::EPOCH;
        if began_anew || self.value < last.value { self.value } else { self.value - last.value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::fixtures::second;

    fn row(series: u64, start: i64, time: i64, value: f64) -> NumberRow {
        NumberRow {
            series: SeriesId(series),
            watch: WatchId(1),
            time: second(time),
            start: second(start),
            value,
            integer_rest: 0,
            integer: false,
            flags: 0,
        }
    }

    fn increases(rows: &[NumberRow]) -> Vec<Increase> {
        let mut counters = Counters::new(2);
        rows.iter().map(|row| counters.increase(row, second(0))).collect()
    }

    use Increase::{NoRoom, OutOfOrder, SinceLast, SinceStart, Unknown};

    #[test]
    fn an_increase_is_the_difference_to_the_last_point() {
        let found = increases(&[row(1, 0, 10, 100.0), row(1, 0, 20, 130.0), row(1, 0, 30, 130.0)]);
        assert_eq!(found, [Unknown, SinceLast(30.0), SinceLast(0.0)]);
    }

    #[test]
    fn a_reset_counts_from_zero() {
        let smaller = increases(&[row(1, 5, 10, 100.0), row(1, 5, 20, 7.0)]);
        assert_eq!(smaller[1], SinceLast(7.0));
        let restarted = increases(&[row(1, 5, 10, 100.0), row(1, 15, 20, 120.0)]);
        assert_eq!(restarted[1], SinceLast(120.0));
    }

    #[test]
    fn a_first_point_counts_only_from_a_known_start() {
        let start = second(5);
        assert_eq!(increases(&[row(1, 5, 10, 8.0)]), [SinceStart { added: 8.0, start }]);
        assert_eq!(increases(&[row(1, 10, 10, 8.0)]), [Unknown]);
    }

    #[test]
    fn points_out_of_order_do_not_look_like_a_reset() {
        let found = increases(&[row(1, 0, 20, 100.0), row(1, 0, 10, 50.0), row(1, 0, 30, 110.0)]);
        assert_eq!(found, [Unknown, OutOfOrder, SinceLast(10.0)]);
    }

    #[test]
    fn memory_is_bounded_and_silent_series_make_room() {
        let mut counters = Counters::new(1);
        counters.increase(&row(1, 0, 1, 1.0), second(0));
        assert_eq!(counters.increase(&row(2, 0, 1, 1.0), second(50)), NoRoom);
        counters.forget_silent(Duration::from_secs(60), second(61));
        assert_eq!(counters.len(), 0);
        assert_eq!(counters.increase(&row(2, 0, 1, 1.0), second(61)), Unknown);
    }
}
