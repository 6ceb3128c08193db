//! `PointColumns`: what a point has whatever its kind is. The columns of the kinds build on it.

use super::runs::{MetricRun, Runs};
use crate::shared::{MetricKind, SeriesId, Timestamp, WatchId};

/// The part of an accepted point that all kinds have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointRow {
    pub series: SeriesId,
    pub watch: WatchId,
    pub time: Timestamp,
    /// The epoch if the sender did not say.
    pub start: Timestamp,
    pub flags: u32,
}

/// How many values a point stands for, and what is known of them. What is absent was not sent: it is not 0.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Population {
    pub count: u64,
    pub sum: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
}

/// All columns have the same length, which is that of the runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PointColumns {
    runs: Runs,
    series: Vec<SeriesId>,
    watches: Vec<WatchId>,
    times: Vec<i64>,
    starts: Vec<i64>,
    flags: Vec<u32>,
}

impl PointColumns {
    /// What a row takes in memory.
    pub const ROW_BYTES: usize = 8 + 4 + 8 + 8 + 4;

    pub(super) fn begin_run(&mut self, metric: &str, kind: MetricKind) {
        self.runs.begin(metric, kind);
    }

    /// Adds a row to the run begun last, and tells whether there is one.
    pub(super) fn push(&mut self, row: PointRow) -> bool {
        let has_run = self.runs.extend(row.time.nanos());
        if has_run {
            self.series.push(row.series);
            self.watches.push(row.watch);
            self.times.push(row.time.nanos());
            self.starts.push(row.start.nanos());
            self.flags.push(row.flags);
        }
        has_run
    }

    pub(super) fn finish(&mut self) {
        self.runs.finish();
    }

    pub const fn len(&self) -> usize {
        self.times.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.times.capacity() * Self::ROW_BYTES + self.runs.bytes()
    }

    pub fn runs(&self) -> impl Iterator<Item = MetricRun<'_>> {
        self.runs.iter()
    }

    pub fn row(&self, at: usize) -> Option<PointRow> {
        Some(PointRow {
            series: *self.series.get(at)?,
            watch: *self.watches.get(at)?,
            time: Timestamp::from_nanos(*self.times.get(at)?),
            start: Timestamp::from_nanos(*self.starts.get(at)?),
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

    pub fn flags(&self) -> &[u32] {
        &self.flags
    }
}
