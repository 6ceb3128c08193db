//! `Runs`: which rows of some columns belong to which metric.

use crate::shared::{MetricKind, Timestamp};

/// The rows of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricRun<'a> {
    pub metric: &'a str,
    pub kind: MetricKind,
    pub rows: std::ops::Range<usize>,
    /// Earliest and latest time of the rows.
    pub first_time: Timestamp,
    pub last_time: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct RunSpan {
    name_end: usize,
    kind: MetricKind,
    row_end: usize,
    first_time: i64,
    last_time: i64,
}

/// Runs are contiguous, do not overlap and cover all rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Runs {
    names: String,
    spans: Vec<RunSpan>,
}

impl Runs {
    /// Begins the rows of a metric. A run that stays empty leaves no trace.
    pub fn begin(&mut self, metric: &str, kind: MetricKind) {
        self.finish();
        self.names.push_str(metric);
        self.spans.push(RunSpan {
            name_end: self.names.len(),
            kind,
            row_end: self.rows(),
            first_time: i64::MAX,
            last_time: i64::MIN,
        });
    }

    /// Adds a row to the run begun last, and tells whether there is one.
    #[inline]
    pub fn extend(&mut self, time: i64) -> bool {
        let Some(run) = self.spans.last_mut() else { return false };
        run.row_end += 1;
        run.first_time = run.first_time.min(time);
        run.last_time = run.last_time.max(time);
        true
    }

    /// Drops the last run if it is empty.
    pub fn finish(&mut self) {
        let before = self.spans.len().checked_sub(2).and_then(|at| self.spans.get(at));
        let (rows, name_end) = before.map_or((0, 0), |run| (run.row_end, run.name_end));
        if self.spans.last().is_some_and(|run| run.row_end == rows) {
            self.spans.pop();
            self.names.truncate(name_end);
        }
    }

    fn rows(&self) -> usize {
        self.spans.last().map_or(0, |run| run.row_end)
    }

    pub fn bytes(&self) -> usize {
        self.names.capacity() + self.spans.capacity() * size_of::<RunSpan>()
    }

    pub fn iter(&self) -> impl Iterator<Item = MetricRun<'_>> {
        let (mut name_start, mut row_start) = (0, 0);
        self.spans.iter().map(move |span| {
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
}
