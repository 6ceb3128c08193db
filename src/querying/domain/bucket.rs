//! `Bucket`: what the points of a group say of one step of time, so that every aggregation can be computed from it.

use std::sync::Arc;

use super::Distribution;

/// The points of a group within one step of time. Of a cumulative series, values are increments, except `last`.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// Start of the bucket, in intervals since the epoch.
    pub index: i64,
    pub points: u64,
    /// Points that have a value (the first of a counter has none).
    pub valued: u64,
    /// Sum of the values.
    pub total: f64,
    /// Lowest and highest value; NaN if there is none.
    pub low: f64,
    pub high: f64,
    /// The newest point's own value: as a double, and what that misses of an integer beyond 2^53.
    pub last: f64,
    pub last_rest: i16,
    /// When that was, in nanoseconds since the epoch.
    pub last_time: i64,
    /// All observations, of metrics whose points are distributions. Shared: answers hold the same buckets as the cache.
    pub distribution: Option<Arc<Distribution>>,
}

impl Bucket {
    pub const fn empty(index: i64) -> Self {
        Self {
            index,
            points: 0,
            valued: 0,
            total: 0.0,
            low: f64::NAN,
            high: f64::NAN,
            last: f64::NAN,
            last_rest: 0,
            last_time: i64::MIN,
            distribution: None,
        }
    }

    /// Takes in a value, or the sum of several.
    pub fn add(&mut self, total: f64, low: f64, high: f64) {
        self.valued += 1;
        self.total += total;
        self.low = self.low.min(low);
        self.high = self.high.max(high);
    }

    /// Of points of the same time the highest value counts, whatever the order in which they come.
    pub fn see_last(&mut self, time: i64, value: f64, rest: i16) {
        let newer = time > self.last_time;
        let higher = time == self.last_time && (value, rest) > (self.last, self.last_rest);
        if newer || higher || (time == self.last_time && self.last.is_nan()) {
            (self.last_time, self.last, self.last_rest) = (time, value, rest);
        }
    }

    pub fn add_distribution(&mut self, part: &Distribution) {
        match &mut self.distribution {
            Some(own) => Arc::make_mut(own).add(part),
            None => self.distribution = Some(Arc::new(part.clone())),
        }
    }

    /// Takes in what another bucket of the same step says: of other points.
    pub fn merge(&mut self, other: &Self) {
        self.points += other.points;
        self.valued += other.valued;
        self.total += other.total;
        self.low = self.low.min(other.low);
        self.high = self.high.max(other.high);
        self.see_last(other.last_time, other.last, other.last_rest);
        match (&self.distribution, &other.distribution) {
            (None, _) => self.distribution.clone_from(&other.distribution),
            (Some(_), Some(part)) => self.add_distribution(part),
            (Some(_), None) => {}
        }
    }

    /// What it holds in memory.
    pub fn bytes(&self) -> usize {
        let distribution = self.distribution.as_ref();
        size_of::<Self>() + distribution.map_or(0, |own| size_of::<Distribution>() + own.shape.bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_bucket_together_say_what_all_points_say() {
        let values = [(1, 3.0), (2, -1.0), (3, 7.0), (3, 9.0)];
        let of = |values: &[(i64, f64)]| {
            let mut bucket = Bucket::empty(4);
            for (time, value) in values {
                bucket.points += 1;
                bucket.add(*value, *value, *value);
                bucket.see_last(*time, *value, 0);
            }
            bucket
        };
        for cut in 0..=values.len() {
            let (mut first, second) = (of(&values[..cut]), of(&values[cut..]));
            first.merge(&second);
            assert_eq!((first.points, first.valued, first.total), (4, 4, 18.0));
            assert_eq!((first.low, first.high, first.last), (-1.0, 9.0, 9.0));
        }
    }
}
