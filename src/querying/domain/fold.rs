//! `Fold`: turns the points of series into the buckets of groups.

use std::time::Duration;

use crate::shared::{Interval, TimeRange};

use super::points::{Meaning, Point};
use super::{Bucket, GroupSeries};

/// [`look_back`] of short intervals.
pub const NEAR: Duration = Duration::from_secs(15 * 60);

/// How far a cumulative series' point may lie before the next one for their difference to count. It depends on the
/// interval alone, so that the same bucket is the same in every range: cached, rolled up, or computed now.
pub fn look_back(interval: Interval) -> Duration {
    const HOUR: Duration = Duration::from_secs(3_600);
    if interval.duration() < HOUR { NEAR } else { HOUR }
}

/// The answer would have more buckets than are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyBuckets;

/// Buckets of groups over a range. Series may come in any order, their points in order of time.
#[derive(Debug)]
pub struct Fold {
    width: i64,
    start: i64,
    end: i64,
    look_back: i64,
    first: i64,
    steps: usize,
    groups: Vec<Vec<Bucket>>,
    buckets_left: usize,
}

impl Fold {
    /// At most `buckets_max` buckets over all groups.
    pub fn new(range: TimeRange, interval: Interval, groups: usize, buckets_max: usize) -> Self {
        let width = interval.nanos();
        Self {
            width,
            start: range.start().nanos(),
            end: range.end().nanos(),
            look_back: i64::try_from(look_back(interval).as_nanos()).unwrap_or(i64::MAX),
            first: range.start().nanos().div_euclid(width),
            steps: usize::try_from(range.buckets(interval)).unwrap_or(usize::MAX),
            groups: vec![Vec::new(); groups],
            buckets_left: buckets_max,
        }
    }

    /// No range and no groups.
    pub const fn nothing() -> Self {
        Self {
            width: 1,
            start: 0,
            end: 0,
            look_back: 0,
            first: 0,
            steps: 0,
            groups: Vec::new(),
            buckets_left: 0,
        }
    }

    /// Counts points of this part of the range alone, from here on.
    #[must_use]
    pub fn within(mut self, part: TimeRange) -> Self {
        (self.start, self.end) = (part.start().nanos(), part.end().nanos());
        self
    }

    /// Takes in points of one series, in order of time. Those before the range are only what others are compared with.
    /// `before` is the series' point before them; afterwards it is the last of them.
    pub fn add<P: Point>(
        &mut self,
        group: usize,
        meaning: Meaning,
        before: &mut Option<P>,
        points: impl IntoIterator<Item = P>,
    ) -> Result<(), TooManyBuckets> {
        let Some(mut place) = self.place_of(group, meaning)? else { return Ok(()) };
        // Not a loop: the iterator then goes through its batches one by one, and asks no point in which it is.
        points.into_iter().for_each(|point| {
            place.take(&point, before.as_ref());
            *before = Some(point);
        });
        Ok(())
    }

    /// As [`Self::add`], of points that stay where they are.
    pub fn add_kept<P: Point>(
        &mut self,
        group: usize,
        meaning: Meaning,
        before: Option<&P>,
        points: &[P],
    ) -> Result<(), TooManyBuckets> {
        let Some(mut place) = self.place_of(group, meaning)? else { return Ok(()) };
        let mut before = before;
        for point in points {
            place.take(point, before);
            before = Some(point);
        }
        Ok(())
    }

    fn place_of(
        &mut self,
        group: usize,
        meaning: Meaning,
    ) -> Result<Option<PlaceInTime<'_>>, TooManyBuckets> {
        let (first, width, start, end) = (self.first, self.width, self.start, self.end);
        let look_back = self.look_back;
        let buckets = self.buckets_of(group)?;
        Ok(buckets.map(|buckets| PlaceInTime {
            buckets,
            meaning,
            first,
            width,
            start,
            end,
            look_back,
            at: 0,
            ends: i64::MIN,
        }))
    }

    /// A group's buckets, one per step; absent if there is no such group.
    fn buckets_of(&mut self, group: usize) -> Result<Option<&mut Vec<Bucket>>, TooManyBuckets> {
        let Some(buckets) = self.groups.get_mut(group) else { return Ok(None) };
        if buckets.is_empty() {
            self.buckets_left = self.buckets_left.checked_sub(self.steps).ok_or(TooManyBuckets)?;
            *buckets = (self.first..).take(self.steps).map(Bucket::empty).collect();
        }
        Ok(Some(buckets))
    }

    /// Buckets with points, per group; groups without any are left out.
    pub fn finish(self, labels: &[Vec<Box<str>>]) -> Vec<GroupSeries> {
        let groups = self.groups.into_iter().zip(labels);
        let series = groups.map(|(buckets, labels)| GroupSeries {
            labels: labels.clone(),
            buckets: buckets.into_iter().filter(|bucket| bucket.points > 0).collect(),
        });
        series.filter(|group| !group.buckets.is_empty()).collect()
    }
}

/// The bucket of a group that the points of a series are in by now: a division is due only when it ends.
struct PlaceInTime<'a> {
    buckets: &'a mut Vec<Bucket>,
    meaning: Meaning,
    first: i64,
    width: i64,
    start: i64,
    end: i64,
    look_back: i64,
    at: usize,
    ends: i64,
}

impl PlaceInTime<'_> {
    #[inline]
    fn take<P: Point>(&mut self, point: &P, before: Option<&P>) {
        let time = point.time();
        if !(self.start..self.end).contains(&time) {
            return;
        }
        if time >= self.ends || time < self.ends.saturating_sub(self.width) {
            let index = time.div_euclid(self.width);
            self.at = usize::try_from(index - self.first).unwrap_or(usize::MAX);
            self.ends = index.saturating_add(1).saturating_mul(self.width);
        }
        if let Some(bucket) = self.buckets.get_mut(self.at) {
            let near = before.filter(|before| time - before.time() <= self.look_back);
            point.add_to(bucket, self.meaning, near, self.look_back);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::querying::domain::NumberPoint;
    use crate::shared::Timestamp;

    use super::*;

    const MINUTE: i64 = 60_000_000_000;

    fn fold(start: i64, end: i64, groups: usize) -> Fold {
        let range = TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end)).unwrap();
        Fold::new(range, Interval::parse("1m").unwrap(), groups, 1_000)
    }

    fn counter(time: i64, value: f64) -> NumberPoint {
        NumberPoint { time, start: 1, value, rest: 0 }
    }

    fn totals(fold: Fold) -> Vec<(i64, f64)> {
        let groups = fold.finish(&[vec!["a".into()], vec!["b".into()]]);
        groups.iter().flat_map(|group| group.buckets.iter().map(|b| (b.index, b.total))).collect()
    }

    #[test]
    fn points_before_the_range_are_compared_with_but_not_counted() {
        let mut fold = fold(100 * MINUTE, 102 * MINUTE, 1);
        let points = [counter(99 * MINUTE, 5.0), counter(100 * MINUTE, 7.0), counter(101 * MINUTE, 8.0)];
        fold.add(0, Meaning::Cumulative, &mut None, points).unwrap();
        assert_eq!(totals(fold), [(100, 2.0), (101, 1.0)]);
    }

    #[test]
    fn a_point_before_that_is_too_old_does_not_count() {
        let mut fold = fold(100 * MINUTE, 102 * MINUTE, 1);
        let points = [counter(84 * MINUTE, 5.0), counter(100 * MINUTE, 7.0), counter(101 * MINUTE, 8.0)];
        fold.add(0, Meaning::Cumulative, &mut None, points).unwrap();
        let groups = fold.finish(&[Vec::new()]);
        let valued: Vec<u64> = groups[0].buckets.iter().map(|bucket| bucket.valued).collect();
        assert_eq!(valued, [0, 1]);
    }

    #[test]
    fn series_of_a_group_add_up_wherever_they_are_cut() {
        let points: Vec<NumberPoint> =
            (0..20_u32).map(|i| counter(i64::from(i) * MINUTE / 4, f64::from(i))).collect();
        let whole = {
            let mut fold = fold(0, 5 * MINUTE, 1);
            fold.add(0, Meaning::Cumulative, &mut None, points.clone()).unwrap();
            fold.add(0, Meaning::Own, &mut None, points.clone()).unwrap();
            totals(fold)
        };
        for cut in 0..points.len() {
            let mut fold = fold(0, 5 * MINUTE, 1);
            let mut before = None;
            for part in [&points[..cut], &points[cut..]] {
                fold.add(0, Meaning::Cumulative, &mut before, part.to_vec()).unwrap();
            }
            fold.add(0, Meaning::Own, &mut None, points.clone()).unwrap();
            assert_eq!(totals(fold), whole);
        }
    }

    #[test]
    fn more_buckets_than_allowed_are_refused() {
        let mut fold = Fold::new(
            TimeRange::new(Timestamp::EPOCH, Timestamp::from_nanos(600 * MINUTE)).unwrap(),
            Interval::parse("1m").unwrap(),
            2,
            1_000,
        );
        assert_eq!(fold.add(0, Meaning::Own, &mut None, [counter(1, 1.0)]), Ok(()));
        assert_eq!(fold.add(1, Meaning::Own, &mut None, [counter(1, 1.0)]), Err(TooManyBuckets));
    }

    #[test]
    fn how_far_back_is_looked_depends_on_the_interval_alone() {
        let minutes = |text| look_back(Interval::parse(text).unwrap()).as_secs() / 60;
        assert_eq!([minutes("1s"), minutes("59m"), minutes("1h"), minutes("1d")], [15, 15, 60, 60]);
    }
}
