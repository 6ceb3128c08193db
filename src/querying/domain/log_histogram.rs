//! How many log records there were over time, by class of severity.

use crate::shared::{Interval, TenantId, TimeRange, Timestamp};

use super::log_search::{LogFilter, Severity};

/// Classes of severity: what is none of OTLP's, and those that OTLP names.
pub const CLASSES: usize = Severity::CLASSES.len() + 1;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHistogramQuery {
    pub tenant: TenantId,
    pub range: TimeRange,
    pub interval: Interval,
    pub filter: LogFilter,
}

impl LogHistogramQuery {
    /// Starts of all buckets that the range touches.
    pub fn times(&self) -> Vec<Timestamp> {
        self.range.starts(self.interval)
    }

    /// Puts counts at their buckets; all others are zero.
    pub fn histogram(&self, counts: &[LogCount], rows_read: u64) -> LogHistogram {
        let times = self.times();
        let first = times.first().map_or(0, |time| time.nanos().div_euclid(self.interval.nanos()));
        let mut classes = std::array::from_fn(|_| vec![0; times.len()]);
        for count in counts {
            let at = usize::try_from(count.bucket - first).ok();
            let class: Option<&mut Vec<u64>> = classes.get_mut(count.class);
            if let Some(place) = class.zip(at).and_then(|(class, at)| class.get_mut(at)) {
                *place += count.records;
            }
        }
        LogHistogram { times, classes, rows_read }
    }
}

/// Records of one class in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogCount {
    /// Start of the bucket, in intervals since the epoch.
    pub bucket: i64,
    /// 0 for those that say no severity, then as [`Severity::CLASSES`].
    pub class: usize,
    pub records: u64,
}

/// Counts by class and bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogHistogram {
    pub times: Vec<Timestamp>,
    pub classes: [Vec<u64>; CLASSES],
    pub rows_read: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stand_at_their_buckets_and_all_others_are_zero() {
        let at = |second: i64| Timestamp::from_nanos(second * 1_000_000_000);
        let query = LogHistogramQuery {
            tenant: TenantId::unnamed(),
            range: TimeRange::new(at(61), at(200)).unwrap(),
            interval: Interval::parse("1m").unwrap(),
            filter: LogFilter::default(),
        };
        let count = |bucket, class, records| LogCount { bucket, class, records };
        let histogram = query.histogram(&[count(1, 0, 5), count(3, 5, 7), count(9, 1, 1), count(1, 9, 1)], 3);
        assert_eq!(histogram.times, [at(60), at(120), at(180)]);
        assert_eq!((&*histogram.classes[0], &*histogram.classes[5]), (&[5, 0, 0][..], &[0, 0, 7][..]));
        assert_eq!(histogram.classes.iter().flatten().sum::<u64>(), 12);
    }
}
