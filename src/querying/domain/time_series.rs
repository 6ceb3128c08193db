//! A metric over time: the question, the buckets that answer every aggregation of it, and the answer itself.

use crate::shared::{Interval, LabelFilter, TenantId, TimeRange, Timestamp};

use super::{Group, MetricDescription, look_back};

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

/// The answer to it.
#[derive(Debug, Clone)]
pub struct MetricBuckets {
    pub description: MetricDescription,
    pub groups: Vec<Group>,
    /// Rows that the store read for it or, where it does not tell, gave for it.
    pub rows_read: u64,
    /// Steps of time that did not need the store, out of all that were asked for.
    pub buckets_cached: u64,
    pub buckets_asked: u64,
}

impl MetricBuckets {
    pub const fn nothing(description: MetricDescription) -> Self {
        Self { description, groups: Vec::new(), rows_read: 0, buckets_cached: 0, buckets_asked: 0 }
    }
}

/// Whether the first and the last bucket hold less than their whole width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partial {
    pub first: bool,
    pub last: bool,
}

impl BucketQuery {
    /// The same question over another range.
    #[must_use]
    pub fn over(&self, range: TimeRange) -> Self {
        Self { range, ..self.clone() }
    }

    /// Where points lie that the answer depends on: cumulative series are compared with points before the range.
    pub fn range_with_look_back(&self) -> TimeRange {
        let start = self.range.start().minus(look_back(self.interval)).max(Timestamp::EPOCH);
        TimeRange::new(start, self.range.end()).unwrap_or(self.range)
    }

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
    fn groups_have_few_distinct_labels() {
        let labels = |names: &[&str]| names.iter().map(|name| Box::from(*name)).collect();
        assert!(GroupBy::new(labels(&["a", "b"])).is_ok());
        assert_eq!(GroupBy::new(labels(&["a", "a"])), Err(GroupByError::Twice));
        assert_eq!(GroupBy::new(labels(&[""])), Err(GroupByError::Label));
        assert_eq!(GroupBy::new(labels(&["a"; 9])), Err(GroupByError::TooMany));
    }
}
