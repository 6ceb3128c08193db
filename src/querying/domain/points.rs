//! Stored points, and what each adds to its bucket.
//!
//! A cumulative series is read through its increments, before series are added up, since a sum of raw counters jumps
//! whenever one of them restarts (opentelemetry data model, "Resets and Gaps"). The increment of a point is what it has more
//! than the point before it, if that is at most a look-back older. The series began anew where its start moved past the
//! point before or its value fell: then the whole value is the increment, unless the start is the point itself, which says
//! that the true start is unknown. Without a point before, a series that began within the look-back counts from zero, and
//! any other says nothing yet.

use super::{Bucket, Distribution};

/// How the values of a series are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// Each point stands for itself: gauges, and what is counted between two points.
    Own,
    /// Each point holds all since the start of its series.
    Cumulative,
}

/// A point of a series. Times are nanoseconds since the epoch.
pub trait Point: Clone {
    fn time(&self) -> i64;

    /// Adds it to the bucket that holds its time. `before` is the point before it, if that is near enough to count.
    fn add_to(&self, bucket: &mut Bucket, meaning: Meaning, before: Option<&Self>, look_back: i64);
}

/// A number of a gauge or a sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberPoint {
    pub time: i64,
    /// 0 if the sender did not say.
    pub start: i64,
    pub value: f64,
    /// What the double misses of an integer beyond 2^53.
    pub rest: i16,
}

/// A histogram or a summary.
#[derive(Debug, Clone, PartialEq)]
pub struct DistributionPoint {
    pub time: i64,
    /// 0 if the sender did not say.
    pub start: i64,
    /// Lowest and highest observation; NaN if the sender did not say.
    pub low: f64,
    pub high: f64,
    pub observed: Distribution,
}

/// All points of a number series within a bucket of a rollup, which lies within one bucket of the query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RolledPoint {
    /// Start of the rollup's bucket.
    pub time: i64,
    pub points: u64,
    pub valued: u64,
    pub total: f64,
    pub low: f64,
    pub high: f64,
    pub last: f64,
    pub last_rest: i16,
    pub last_time: i64,
}

impl Point for RolledPoint {
    fn time(&self) -> i64 {
        self.time
    }

    /// Increments are in it already.
    fn add_to(&self, bucket: &mut Bucket, _: Meaning, _: Option<&Self>, _: i64) {
        bucket.merge(&Bucket {
            index: bucket.index,
            points: self.points,
            valued: self.valued,
            total: self.total,
            low: self.low,
            high: self.high,
            last: self.last,
            last_rest: self.last_rest,
            last_time: self.last_time,
            distribution: None,
        });
    }
}

/// Where a cumulative series stands at a point.
enum Course {
    /// It says nothing of what was added.
    Unknown,
    /// It began at an unknown time before this very point: nothing was added that is known.
    Begun,
    /// All of it was added since the point before.
    Anew,
    /// It goes on, unless its values fell.
    GoesOn,
}

fn course(time: i64, start: i64, before: Option<(i64, i64)>, look_back: i64) -> Course {
    match before {
        None if start > 0 && start >= time.saturating_sub(look_back) && start < time => Course::Anew,
        None => Course::Unknown,
        Some((before_time, before_start)) if start >= before_time && start > before_start => {
            began_anew(time, start)
        }
        Some(_) => Course::GoesOn,
    }
}

const fn began_anew(time: i64, start: i64) -> Course {
    if start == time { Course::Begun } else { Course::Anew }
}

impl NumberPoint {
    fn increment(&self, before: Option<&Self>, look_back: i64) -> Option<f64> {
        let known = before.map(|point| (point.time, point.start));
        let mut course = course(self.time, self.start, known, look_back);
        if let (Course::GoesOn, Some(before)) = (&course, before) {
            if self.value < before.value {
                course = began_anew(self.time, self.start);
            } else {
                return Some(self.value - before.value);
            }
        }
        match course {
            Course::Unknown | Course::GoesOn => None,
            Course::Begun => Some(0.0),
            Course::Anew => Some(self.value),
        }
    }
}

impl Point for NumberPoint {
    fn time(&self) -> i64 {
        self.time
    }

    fn add_to(&self, bucket: &mut Bucket, meaning: Meaning, before: Option<&Self>, look_back: i64) {
        bucket.points += 1;
        bucket.see_last(self.time, self.value, self.rest);
        let part = match meaning {
            Meaning::Own => Some(self.value),
            Meaning::Cumulative => self.increment(before, look_back),
        };
        if let Some(part) = part {
            bucket.add(part, part, part);
        }
    }
}

impl DistributionPoint {
    /// What was observed since the point before, and whether that is all that this point holds.
    fn increment(&self, before: Option<&Self>, look_back: i64) -> Option<(Distribution, bool)> {
        let known = before.map(|point| (point.time, point.start));
        let mut course = course(self.time, self.start, known, look_back);
        if let (Course::GoesOn, Some(before)) = (&course, before) {
            match self.observed.since(&before.observed) {
                Some(observed) => return Some((observed, false)),
                None => course = began_anew(self.time, self.start),
            }
        }
        matches!(course, Course::Anew).then(|| (self.observed.clone(), true))
    }

    /// Lowest and highest are as they were sent where all of the point counts, else as far as the buckets tell.
    fn add_part(&self, bucket: &mut Bucket, part: &Distribution, whole: bool) {
        if part.count == 0 {
            bucket.valued += 1;
            bucket.add_distribution(part);
            return;
        }
        let known =
            |sent: f64, q| if whole && !sent.is_nan() { sent } else { part.quantile(q).unwrap_or(f64::NAN) };
        bucket.add(part.sum.unwrap_or(f64::NAN), known(self.low, 0.0), known(self.high, 1.0));
        bucket.add_distribution(part);
    }
}

impl Point for DistributionPoint {
    fn time(&self) -> i64 {
        self.time
    }

    fn add_to(&self, bucket: &mut Bucket, meaning: Meaning, before: Option<&Self>, look_back: i64) {
        bucket.points += 1;
        bucket.last_time = bucket.last_time.max(self.time);
        match meaning {
            Meaning::Own => self.add_part(bucket, &self.observed, true),
            Meaning::Cumulative => {
                if let Some((part, whole)) = self.increment(before, look_back) {
                    self.add_part(bucket, &part, whole);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK_BACK: i64 = 100;

    fn point(time: i64, start: i64, value: f64) -> NumberPoint {
        NumberPoint { time, start, value, rest: 0 }
    }

    fn increment(before: Option<NumberPoint>, point: NumberPoint) -> Option<f64> {
        let mut bucket = Bucket::empty(0);
        point.add_to(&mut bucket, Meaning::Cumulative, before.as_ref(), LOOK_BACK);
        (bucket.valued > 0).then_some(bucket.total)
    }

    #[test]
    fn a_counter_that_goes_on_adds_what_it_has_more() {
        assert_eq!(increment(Some(point(10, 5, 3.0)), point(20, 5, 7.0)), Some(4.0));
        assert_eq!(increment(Some(point(10, 0, 3.0)), point(20, 0, 3.0)), Some(0.0));
    }

    #[test]
    fn a_counter_that_began_anew_adds_all_that_it_has() {
        assert_eq!(increment(Some(point(10, 5, 3.0)), point(20, 15, 7.0)), Some(7.0), "its start moved");
        assert_eq!(increment(Some(point(10, 5, 3.0)), point(20, 5, 2.0)), Some(2.0), "it fell");
        assert_eq!(increment(Some(point(10, 5, 3.0)), point(20, 20, 2.0)), Some(0.0), "true start unknown");
    }

    #[test]
    fn without_a_point_before_only_a_counter_that_just_began_says_what_was_added() {
        assert_eq!(increment(None, point(1_000, 950, 7.0)), Some(7.0));
        for silent in [0, 899, 1_000] {
            assert_eq!(increment(None, point(1_000, silent, 7.0)), None, "start {silent}");
        }
    }

    #[test]
    fn a_level_is_what_it_is() {
        let mut bucket = Bucket::empty(0);
        point(1, 0, -2.0).add_to(&mut bucket, Meaning::Own, Some(&point(0, 0, 5.0)), LOOK_BACK);
        assert_eq!((bucket.total, bucket.last, bucket.points, bucket.valued), (-2.0, -2.0, 1, 1));
    }
}
