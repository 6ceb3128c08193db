//! `NumberColumns`: the accepted points of gauges and sums.

use super::runs::{MetricRun, Runs};
use super::{FLAG_NO_RECORDED_VALUE, ROWS_RESERVED_MAX};
use crate::shared::{MetricKind, SeriesId, TenantId, Timestamp, WatchId};

/// Number points of one request of one tenant, column by column, with one *run* per metric of the request.
///
/// All columns have the same length. Rows of a run are contiguous, runs do not overlap and cover all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberColumns {
    tenant: TenantId,
    runs: Runs,
    series: Vec<SeriesId>,
    watches: Vec<WatchId>,
    times: Vec<i64>,
    starts: Vec<i64>,
    values: Vec<f64>,
    integer_rests: Vec<i16>,
    integers: Vec<bool>,
    flags: Vec<u32>,
}

/// One accepted point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NumberRow {
    pub series: SeriesId,
    pub watch: WatchId,
    pub time: Timestamp,
    /// The epoch if the sender did not say.
    pub start: Timestamp,
    pub value: f64,
    /// The exact integer is `value as i128 + integer_rest` where the point was an integer; beyond 2^53 the rest may not be zero.
    pub integer_rest: i16,
    pub integer: bool,
    pub flags: u32,
}

impl NumberRow {
    /// Splits an integer into the nearest double and what is missing to it (at most 512 either way).
    pub fn split_integer(exact: i64) -> (f64, i16) {
        #[expect(clippy::cast_precision_loss, reason = "what is lost comes back as the rest")]
        let value = exact as f64;
        if exact.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS {
            return (value, 0);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a double of an i64 is an integer within i128")]
        let rest = i128::from(exact) - value as i128;
        (value, i16::try_from(rest).unwrap_or_default())
    }

    pub fn has_value(&self) -> bool {
        self.flags & FLAG_NO_RECORDED_VALUE == 0
    }
}

impl NumberColumns {
    /// What a row takes in memory.
    pub const ROW_BYTES: usize = 8 + 4 + 8 + 8 + 8 + 2 + 1 + 4;

    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            runs: Runs::default(),
            series: Vec::new(),
            watches: Vec::new(),
            times: Vec::new(),
            starts: Vec::new(),
            values: Vec::new(),
            integer_rests: Vec::new(),
            integers: Vec::new(),
            flags: Vec::new(),
        }
    }

    /// Begins the rows of a metric. A run that stays empty leaves no trace.
    pub fn begin_run(&mut self, metric: &str, kind: MetricKind) {
        self.runs.begin(metric, kind);
    }

    /// Makes room for rows that are likely to come. They may all be rejected, so the room is bounded.
    pub fn reserve(&mut self, rows: usize) {
        let rows = rows.min(ROWS_RESERVED_MAX);
        self.series.reserve(rows);
        self.watches.reserve(rows);
        self.times.reserve(rows);
        self.starts.reserve(rows);
        self.values.reserve(rows);
        self.integer_rests.reserve(rows);
        self.integers.reserve(rows);
        self.flags.reserve(rows);
    }

    /// Adds a row to the run begun last. Without a run there is nothing to add to, and the row is not taken.
    pub fn push(&mut self, row: NumberRow) {
        let time = row.time.nanos();
        if !self.runs.extend(time) {
            return;
        }
        self.series.push(row.series);
        self.watches.push(row.watch);
        self.times.push(time);
        self.starts.push(row.start.nanos());
        self.values.push(row.value);
        self.integer_rests.push(row.integer_rest);
        self.integers.push(row.integer);
        self.flags.push(row.flags);
    }

    /// Closes the last run. Call it when no more rows come.
    pub fn finish(&mut self) {
        self.runs.finish();
    }

    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    pub fn len(&self) -> usize {
        self.times.len()
    }

    pub fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// What the columns hold in memory, for the byte budget.
    pub fn bytes(&self) -> usize {
        self.times.capacity() * Self::ROW_BYTES + self.runs.bytes()
    }

    pub fn runs(&self) -> impl Iterator<Item = MetricRun<'_>> {
        self.runs.iter()
    }

    pub fn row(&self, at: usize) -> Option<NumberRow> {
        Some(NumberRow {
            series: *self.series.get(at)?,
            watch: *self.watches.get(at)?,
            time: Timestamp::from_nanos(*self.times.get(at)?),
            start: Timestamp::from_nanos(*self.starts.get(at)?),
            value: *self.values.get(at)?,
            integer_rest: *self.integer_rests.get(at)?,
            integer: *self.integers.get(at)?,
            flags: *self.flags.get(at)?,
        })
    }

    pub fn series(&self) -> &[SeriesId] {
        &self.series
    }

    pub fn watches(&self) -> &[WatchId] {
        &self.watches
    }

    pub fn times(&self) -> &[i64] {
        &self.times
    }

    pub fn starts(&self) -> &[i64] {
        &self.starts
    }

    pub fn values(&self) -> &[f64] {
        &self.values
    }

    pub fn integer_rests(&self) -> &[i16] {
        &self.integer_rests
    }

    pub fn integers(&self) -> &[bool] {
        &self.integers
    }

    pub fn flags(&self) -> &[u32] {
        &self.flags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(time: i64) -> NumberRow {
        NumberRow {
            series: SeriesId(1),
            watch: WatchId::NONE,
            time: Timestamp::from_nanos(time),
            start: Timestamp::EPOCH,
            value: 1.0,
            integer_rest: 0,
            integer: false,
            flags: 0,
        }
    }

    #[test]
    fn runs_cover_all_rows_and_empty_ones_vanish() {
        let mut columns = NumberColumns::new(TenantId::unnamed());
        columns.begin_run("empty.first", MetricKind::Gauge);
        columns.begin_run("a", MetricKind::Gauge);
        columns.push(row(5));
        columns.push(row(3));
        columns.begin_run("empty", MetricKind::Gauge);
        columns.begin_run("b", MetricKind::Gauge);
        columns.push(row(9));
        columns.begin_run("empty.last", MetricKind::Gauge);
        columns.finish();

        let runs: Vec<_> = columns
            .runs()
            .map(|r| (r.metric.to_owned(), r.rows, r.first_time.nanos(), r.last_time.nanos()))
            .collect();
        assert_eq!(runs, vec![("a".to_owned(), 0..2, 3, 5), ("b".to_owned(), 2..3, 9, 9)]);
        assert_eq!(columns.len(), 3);
    }

    #[test]
    fn integers_come_back_exactly() {
        for exact in [
            0,
            1,
            -1,
            1 << 53,
            (1 << 53) + 1,
            -(1 << 53) - 1,
            i64::MAX,
            i64::MIN,
            i64::MAX - 511,
            9_007_199_254_740_993,
        ] {
            let (value, rest) = NumberRow::split_integer(exact);
            #[expect(clippy::cast_possible_truncation, reason = "the value is an integer")]
            let back = value as i128 + i128::from(rest);
            assert_eq!(back, i128::from(exact));
        }
    }
}
