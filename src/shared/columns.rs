//! Accepted number points as columns: what the write path carries, the store receives and events share.

use super::{MetricKind, SeriesId, TenantId, Timestamp, WatchId};

/// Bit 0 of a point's flags: the series ends here, the point has no value (OTLP `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`).
pub const FLAG_NO_RECORDED_VALUE: u32 = 1;

/// Number points of one request of one tenant, column by column, with one *run* per metric of the request.
///
/// All columns have the same length. Rows of a run are contiguous, runs do not overlap and cover all rows.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberColumns {
    tenant: TenantId,
    names: String,
    runs: Vec<RunSpan>,
    series: Vec<SeriesId>,
    watches: Vec<WatchId>,
    times: Vec<i64>,
    starts: Vec<i64>,
    values: Vec<f64>,
    integer_rests: Vec<i16>,
    integers: Vec<bool>,
    flags: Vec<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct RunSpan {
    name_end: usize,
    kind: MetricKind,
    row_end: usize,
    first_time: i64,
    last_time: i64,
}

/// The rows of one metric within [`NumberColumns`].
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRun<'a> {
    pub metric: &'a str,
    pub kind: MetricKind,
    pub rows: std::ops::Range<usize>,
    /// Earliest and latest time of the rows.
    pub first_time: Timestamp,
    pub last_time: Timestamp,
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

/// Most rows for which room is made ahead: more is made as they come.
const RESERVED_ROWS_MAX: usize = 1_024;

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
    pub fn new(tenant: TenantId) -> Self {
        Self {
            tenant,
            names: String::new(),
            runs: Vec::new(),
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
        self.drop_empty_run();
        self.names.push_str(metric);
        self.runs.push(RunSpan {
            name_end: self.names.len(),
            kind,
            row_end: self.len(),
            first_time: i64::MAX,
            last_time: i64::MIN,
        });
    }

    /// Makes room for rows that are likely to come. They may all be rejected, so the room is bounded.
    pub fn reserve(&mut self, rows: usize) {
        let rows = rows.min(RESERVED_ROWS_MAX);
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
        let Some(run) = self.runs.last_mut() else { return };
        let time = row.time.nanos();
        run.row_end += 1;
        run.first_time = run.first_time.min(time);
        run.last_time = run.last_time.max(time);
        self.series.push(row.series);
        self.watches.push(row.watch);
        self.times.push(time);
        self.starts.push(row.start.nanos());
        self.values.push(row.value);
        self.integer_rests.push(row.integer_rest);
        self.integers.push(row.integer);
        self.flags.push(row.flags);
    }

    fn drop_empty_run(&mut self) {
        let rows_before = self
            .runs
            .len()
            .checked_sub(2)
            .and_then(|at| self.runs.get(at))
            .map_or((0, 0), |r| (r.row_end, r.name_end));
        if self.runs.last().is_some_and(|run| run.row_end == rows_before.0) {
            self.runs.pop();
            self.names.truncate(rows_before.1);
        }
    }

    /// Closes the last run. Call it when no more rows come.
    pub fn finish(&mut self) {
        self.drop_empty_run();
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
        const ROW: usize = 8 + 4 + 8 + 8 + 8 + 2 + 1 + 4;
        self.times.capacity() * ROW + self.names.capacity() + self.runs.capacity() * size_of::<RunSpan>()
    }

    pub fn runs(&self) -> impl Iterator<Item = MetricRun<'_>> {
        let (mut name_start, mut row_start) = (0, 0);
        self.runs.iter().map(move |span| {
            let run = MetricRun {
                metric: self.names.get(name_start..span.name_end).unwrap_or_default(),
                kind: span.kind,
                rows: row_start..span.row_end,
                first_time: Timestamp::from_nanos(span.first_time),
                last_time: Timestamp::from_nanos(span.last_time),
            };
            name_start = span.name_end;
            row_start = span.row_end;
            run
        })
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
