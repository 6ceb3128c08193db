//! The past, as one context reads it and another evaluates it: series of a metric, log records and spans.

use std::sync::Arc;
use std::time::Duration;

use super::distribution::Distribution;
use super::{LabelFilter, SeriesIdentity, TimeRange, Timestamp};

/// A series with its points of a range, in order of time.
#[derive(Debug, Clone)]
pub struct PastSeries {
    pub series: SeriesIdentity,
    pub points: Vec<PastPoint>,
}

/// A point as the store has it.
#[derive(Debug, Clone)]
pub struct PastPoint {
    pub time: Timestamp,
    /// The epoch if the sender did not say.
    pub start: Timestamp,
    pub value: PastValue,
}

#[derive(Debug, Clone)]
pub enum PastValue {
    Number(f64),
    /// With the lowest and the highest observation, if they were sent.
    Observed {
        observed: Distribution,
        min: Option<f64>,
        max: Option<f64>,
    },
}

/// Which records are asked for, and which of their labels.
///
/// Labels have the names that alert rules know: `severity`, `body`, `event.name` and `scope.name` of log records, `name`, `kind`,
/// `status` and `scope.name` of spans. Any other is an attribute of the record, else of its resource.
#[derive(Debug, Clone)]
pub struct RecordQuery {
    pub source: RecordSource,
    pub filter: LabelFilter,
    pub labels: Vec<Box<str>>,
    /// Of spans the time of their ends.
    pub range: TimeRange,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordSource {
    Logs,
    Spans,
}

/// A log record or a span.
#[derive(Debug, Clone)]
pub struct PastRecord {
    /// Of a span its end.
    pub time: Timestamp,
    /// Labels by their names, as rules know them. Those that it does not have, or that nobody asked for, are left out.
    pub labels: RecordLabels,
    /// Of a span; absent for a log record.
    pub duration: Option<Duration>,
}

/// Records that are alike in them may share them.
pub type RecordLabels = Arc<[(Box<str>, Box<str>)]>;
