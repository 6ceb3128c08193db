//! A metric over time: the question, the buckets that answer every aggregation of it, and the answer itself.

use crate::shared::{Interval, LabelFilter, TenantId, TimeRange, Timestamp};

use super::{Aggregation, Number};

/// Most labels to group by.
pub const GROUP_LABELS_MAX: usize = 8;
/// Longest label name, in bytes.
pub const LABEL_BYTES_MAX: usize = 256;

/// The labels by whose values series are put together. None: all series become one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct GroupBy(Vec<Box<str>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum GroupByError {
    #[error("at most {GROUP_LABELS_MAX} labels to group by")]
    TooMany,
    #[error("a label to group by has 1 to {LABEL_BYTES_MAX} bytes")]
    Label,
    #[error("a label to group by is named twice")]
    Twice,
}

impl GroupBy {
    pub fn new(labels: Vec<Box<str>>) -> Result<Self, GroupByError> {
        if labels.len() > GROUP_LABELS_MAX {
            return Err(GroupByError::TooMany);
        }
        if labels.iter().any(|label| label.is_empty() || label.len() > LABEL_BYTES_MAX) {
            return Err(GroupByError::Label);
        }
        let mut sorted: Vec<&str> = labels.iter().map(|label| &**label).collect();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(GroupByError::Twice);
        }
        Ok(Self(labels))
    }

    pub fn labels(&self) -> &[Box<str>] {
        &self.0
    }
}

/// What the store is asked. It names no aggregation, since the same buckets serve them all.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BucketQuery {
    pub tenant: TenantId,
    pub metric: Box<str>,
    pub range: TimeRange,
    pub interval: Interval,
    pub filter: LabelFilter,
    pub group_by: GroupBy,
}

/// What a metric is, by its newest series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetricDescription {
    pub kind: Box<str>,
    pub temporality: Box<str>,
    pub monotonic: bool,
    pub unit: Box<str>,
    pub description: Box<str>,
    /// Whether any series of it, now or before, was a cumulative counter.
    pub has_counters: bool,
    /// Whether any series of it, now or before, had numbers for points. Without, all its points are distributions.
    pub has_numbers: bool,
    /// The metric was sent with several kinds, temporalities or units.
    pub ambiguous: bool,
}

impl MetricDescription {
    /// Whether its values add up over time.
    pub fn accumulates(&self) -> bool {
        self.has_counters || &*self.temporality == "delta"
    }
}

/// The points of a group within one step of time. Of a cumulative counter, values are increments, except `last`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Start of the bucket, in intervals since the epoch.
    pub index: i64,
    pub points: u64,
    /// Points that have a value (the first of a counter has none).
    pub valued: u64,
    pub total: f64,
    pub low: f64,
    pub high: f64,
    /// The newest point's own value: as a double, and what that misses of an integer beyond 2^53.
    pub last: f64,
    pub last_rest: i16,
}

/// The buckets of one group, in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSeries {
    /// Values of the labels of [`GroupBy`], in its order.
    pub labels: Vec<Box<str>>,
    pub buckets: Vec<Bucket>,
}

/// What the store answered.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricBuckets {
    pub description: MetricDescription,
    pub groups: Vec<GroupSeries>,
    pub rows_read: u64,
}

impl MetricBuckets {
    /// What the answer holds in memory, for the cache.
    pub fn bytes(&self) -> usize {
        let group = |group: &GroupSeries| {
            size_of::<GroupSeries>()
                + group.buckets.len() * size_of::<Bucket>()
                + group.labels.iter().map(|label| label.len() + 16).sum::<usize>()
        };
        size_of::<Self>() + self.groups.iter().map(group).sum::<usize>()
    }
}

/// Whether the first and the last bucket hold less than their whole width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    pub first: bool,
    pub last: bool,
}

/// One group's values, one per bucket of the range.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    pub labels: Vec<Box<str>>,
    pub values: Vec<Option<Number>>,
}

impl BucketQuery {
    /// Starts of all buckets that the range touches.
    pub fn times(&self) -> Vec<Timestamp> {
        self.range.starts(self.interval)
    }

    /// A bucket is partial if the range or the present cuts it.
    pub fn partial(&self, now: Timestamp) -> Partial {
        let aligned = self.range.aligned_to(self.interval);
        Partial {
            first: aligned.start() < self.range.start(),
            last: aligned.end() > self.range.end() || aligned.end() > now,
        }
    }

    /// The values of one aggregation, for the `limit` groups with the highest ones (NaN lowest). Groups are ranked before
    /// their gaps are filled in, so that those which are left out cost nothing.
    pub fn top(&self, buckets: &MetricBuckets, aggregation: Aggregation, limit: usize) -> Vec<Points> {
        let width = self.interval.duration();
        let highest = |group: &GroupSeries| {
            let values = group.buckets.iter().filter_map(|bucket| aggregation.of(bucket, width));
            let values = values.map(Number::as_double).filter(|value| !value.is_nan());
            values.fold(f64::NEG_INFINITY, f64::max)
        };
        let mut ranked: Vec<(f64, &GroupSeries)> =
            buckets.groups.iter().map(|group| (highest(group), group)).collect();
        ranked.sort_by(|(a, left), (b, right)| b.total_cmp(a).then_with(|| left.labels.cmp(&right.labels)));
        ranked.truncate(limit);
        ranked.into_iter().map(|(_, group)| self.points(group, aggregation)).collect()
    }

    fn points(&self, group: &GroupSeries, aggregation: Aggregation) -> Points {
        let width = self.interval.nanos();
        let first = self.interval.floor(self.range.start()).nanos().div_euclid(width);
        let count = usize::try_from(self.range.buckets(self.interval)).unwrap_or_default();
        let mut values = vec![None; count];
        for bucket in &group.buckets {
            let at = usize::try_from(bucket.index - first).ok();
            if let Some(value) = at.and_then(|at| values.get_mut(at)) {
                *value = aggregation.of(bucket, self.interval.duration());
            }
        }
        Points { labels: group.labels.clone(), values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn query(start: i64, end: i64) -> BucketQuery {
        let at = |seconds| Timestamp::from_nanos(seconds * SECOND);
        BucketQuery {
            tenant: TenantId::unnamed(),
            metric: "m".into(),
            range: TimeRange::new(at(start), at(end)).unwrap(),
            interval: Interval::parse("1m").unwrap(),
            filter: LabelFilter::default(),
            group_by: GroupBy::default(),
        }
    }

    fn bucket(index: i64, last: f64) -> Bucket {
        Bucket { index, points: 1, valued: 1, total: last, low: last, high: last, last, last_rest: 0 }
    }

    #[test]
    fn values_stand_at_their_buckets_and_gaps_are_absent() {
        let group = GroupSeries { labels: Vec::new(), buckets: vec![bucket(1, 5.0), bucket(3, 7.0)] };
        let buckets =
            MetricBuckets { description: MetricDescription::default(), groups: vec![group], rows_read: 0 };
        let points = query(60, 240).top(&buckets, Aggregation::Last, 1);
        assert_eq!(points[0].values, vec![Some(Number::Double(5.0)), None, Some(Number::Double(7.0))]);
    }

    #[test]
    fn buckets_that_the_range_or_the_present_cuts_are_partial() {
        let later = Timestamp::from_nanos(1_000 * SECOND);
        assert_eq!(query(60, 240).partial(later), Partial { first: false, last: false });
        assert_eq!(query(61, 239).partial(later), Partial { first: true, last: true });
        assert_eq!(
            query(60, 240).partial(Timestamp::from_nanos(239 * SECOND)),
            Partial { first: false, last: true }
        );
    }

    #[test]
    fn the_highest_groups_come_first_and_ties_are_in_order() {
        let group =
            |label: &str, value| GroupSeries { labels: vec![label.into()], buckets: vec![bucket(1, value)] };
        let groups = vec![group("c", 1.0), group("b", f64::NAN), group("d", 2.0), group("a", 1.0)];
        let buckets = MetricBuckets { description: MetricDescription::default(), groups, rows_read: 0 };
        let sorted = query(60, 120).top(&buckets, Aggregation::Max, 3);
        let labels: Vec<&str> = sorted.iter().map(|points| &*points.labels[0]).collect();
        assert_eq!(labels, ["d", "a", "c"]);
    }

    #[test]
    fn groups_have_few_distinct_labels() {
        let labels = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
        assert!(GroupBy::new(labels(&["a", "b"])).is_ok());
        assert_eq!(GroupBy::new(labels(&["a", "a"])), Err(GroupByError::Twice));
        assert_eq!(GroupBy::new(labels(&[""])), Err(GroupByError::Label));
        assert_eq!(GroupBy::new(labels(&["a"; 9])), Err(GroupByError::TooMany));
    }
}
