//! What can be asked about the series of metrics, beside their values.

use crate::shared::{LabelFilter, SeriesId, TenantId, TimeRange, Timestamp};

/// Whole days in UTC, both ends included. What a series is stands in the store once a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Days {
    first: u16,
    last: u16,
}

impl Days {
    /// The days that the range touches.
    pub fn of(range: TimeRange) -> Self {
        let last = Timestamp::from_nanos(range.end().nanos() - 1);
        Self { first: day(range.start()), last: day(last) }
    }

    /// Since the epoch.
    pub const fn first(self) -> u16 {
        self.first
    }

    pub const fn last(self) -> u16 {
        self.last
    }

    /// From the first instant of the first day to the last of the last.
    pub fn range(self) -> Option<TimeRange> {
        let start = i64::from(self.first) * crate::shared::time::NANOS_PER_DAY;
        let end = (i64::from(self.last) + 1) * crate::shared::time::NANOS_PER_DAY;
        TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end))
    }
}

/// What lies outside of the store's days is not stored either.
fn day(at: Timestamp) -> u16 {
    u16::try_from(at.day().max(0)).unwrap_or(u16::MAX)
}

/// Series that lived on some days.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SeriesSelection {
    pub tenant: TenantId,
    /// Absent: of all metrics.
    pub metric: Option<Box<str>>,
    pub days: Days,
    pub filter: LabelFilter,
}

/// A place in a list of texts that is ordered by their beginnings, and by a hash where these are alike. So a cursor is short
/// however long the text is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TextPlace {
    pub beginning: Box<str>,
    pub tie: u64,
}

/// A page of the names of labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LabelsQuery {
    pub of: SeriesSelection,
    /// Part of the name, in any case; empty for all.
    pub search: Box<str>,
    pub after: Option<TextPlace>,
    pub limit: usize,
}

/// A page of the values of one label.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LabelValuesQuery {
    pub of: SeriesSelection,
    pub label: Box<str>,
    /// Part of the value, in any case; empty for all.
    pub search: Box<str>,
    pub after: Option<TextPlace>,
    pub limit: usize,
}

/// Which metrics have the most series; of one metric, which services and labels make them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CardinalityQuery {
    pub of: SeriesSelection,
    /// Most entries of each list.
    pub limit: usize,
}

/// All that a metric was sent as.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MetadataQuery {
    pub tenant: TenantId,
    pub metric: Box<str>,
}

/// A page of the series of a metric that have points in a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeriesQuery {
    pub tenant: TenantId,
    pub metric: Box<str>,
    pub range: TimeRange,
    pub filter: LabelFilter,
    /// Series are listed by id.
    pub after: Option<SeriesId>,
    pub limit: usize,
}

/// The last exemplar of a page: the newest come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExemplarPlace {
    pub time: Timestamp,
    pub tie: u64,
}

/// A page of the exemplars of a metric's points in a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExemplarsQuery {
    pub tenant: TenantId,
    pub metric: Box<str>,
    pub range: TimeRange,
    pub filter: LabelFilter,
    pub after: Option<ExemplarPlace>,
    pub limit: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::time::NANOS_PER_DAY;

    #[test]
    fn a_range_touches_the_days_of_its_first_and_its_last_instant() {
        let days = |start, end| {
            let range = TimeRange::new(Timestamp::from_nanos(start), Timestamp::from_nanos(end));
            range.map(Days::of).map(|days| (days.first(), days.last()))
        };
        assert_eq!(days(0, 1), Some((0, 0)));
        assert_eq!(days(NANOS_PER_DAY - 1, NANOS_PER_DAY), Some((0, 0)));
        assert_eq!(days(NANOS_PER_DAY, NANOS_PER_DAY + 1), Some((1, 1)));
        assert_eq!(days(5 * NANOS_PER_DAY + 7, 7 * NANOS_PER_DAY + 1), Some((5, 7)));
        assert_eq!(days(-3_600, 1), Some((0, 0)), "the hour before the epoch");
        assert_eq!(days(0, i64::MAX), Some((0, u16::MAX)));
    }
}
