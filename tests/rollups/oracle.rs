//! What rollups have to be: the rules of docs/rollups.md in plain Rust.

use std::collections::BTreeMap;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A gauge.
    Level,
    /// A cumulative, monotonic sum.
    Counter,
    /// A delta sum.
    Delta,
}

/// Times are nanoseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub at: i64,
    pub start: i64,
    pub value: f64,
    pub integer_rest: i16,
    pub gap: bool,
}

/// A row, doubles by their bits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub bucket: i64,
    pub points: u64,
    pub valued: u64,
    total: u64,
    low: u64,
    high: u64,
    last: u64,
    last_rest: i16,
    last_at: i64,
}

impl Row {
    pub fn total(&self) -> f64 {
        f64::from_bits(self.total)
    }

    /// As the statement of the scene writes it.
    pub fn text(&self) -> String {
        let Self { bucket, points, valued, total, low, high, last, last_rest, last_at } = self;
        format!("{bucket} {points} {valued} {total} {low} {high} {last} {last_rest} {last_at}")
    }
}

/// The rows of one series. Points come in the order in which they were stored.
pub fn rolled_up(kind: Kind, stored: &[Point], step: i64, look_back: i64) -> Vec<Row> {
    let by_time: BTreeMap<i64, Point> = stored.iter().map(|point| (point.at, *point)).collect();
    let points: Vec<Point> = by_time.into_values().filter(|point| !point.gap).collect();
    let mut buckets: BTreeMap<i64, Vec<(Point, Option<f64>)>> = BTreeMap::new();
    for (number, point) in points.iter().enumerate() {
        let previous = number.checked_sub(1).map(|before| points[before]);
        let part = match kind {
            Kind::Level | Kind::Delta => Some(point.value),
            Kind::Counter => increase(*point, previous, look_back),
        };
        buckets.entry(point.at / step * step).or_default().push((*point, part));
    }
    buckets.into_iter().map(|(bucket, points)| row(bucket, &points)).collect()
}

fn increase(point: Point, previous: Option<Point>, look_back: i64) -> Option<f64> {
    match previous.filter(|previous| point.at - previous.at <= look_back) {
        Some(previous) => {
            let restarted = point.start >= previous.at && point.start > previous.start;
            let unknown = point.start == point.at;
            Some(match point.value < previous.value || restarted {
                true if unknown => 0.0,
                true => point.value,
                false => point.value - previous.value,
            })
        }
        None => {
            let within = point.start > 0 && point.start >= point.at - look_back && point.start < point.at;
            within.then_some(point.value)
        }
    }
}

fn row(bucket: i64, points: &[(Point, Option<f64>)]) -> Row {
    let parts: Vec<f64> = points.iter().filter_map(|(_, part)| *part).collect();
    let (last, _) = points.last().expect("a bucket has a point");
    let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN).to_bits();
    Row {
        bucket,
        points: points.len() as u64,
        valued: parts.len() as u64,
        // From a positive zero on, as the store does it: whole numbers have no other sum in another order.
        total: parts.iter().fold(0.0, |total, part| total + part).to_bits(),
        low: or_nan(parts.iter().copied().reduce(f64::min)),
        high: or_nan(parts.iter().copied().reduce(f64::max)),
        last: last.value.to_bits(),
        last_rest: last.integer_rest,
        last_at: last.at,
    }
}
