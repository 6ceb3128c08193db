//! `ExemplarColumns`: single measurements that were sent beside points, with the traces in which they were made.

use super::lists::Lists;
use super::runs::{MetricRun, Runs};
use crate::shared::{Attribute, MetricKind, SeriesId, SpanId, Timestamp, TraceId};

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exemplar {
    /// The epoch if the sender did not say.
    pub time: Timestamp,
    /// An exact integer is kept as in [`super::NumberRow`].
    pub value: f64,
    pub integer_rest: i16,
    pub integer: bool,
    pub trace: Option<TraceId>,
    pub span: Option<SpanId>,
}

/// The points of one request that have exemplars, by series and time, each with its exemplars in the order in which they
/// were sent.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ExemplarColumns {
    runs: Runs,
    series: Vec<SeriesId>,
    times: Vec<i64>,
    exemplars: Vec<Exemplar>,
    /// Where the exemplars of each point end.
    ends: Vec<usize>,
    /// A list per exemplar: what the point's own attributes do not say.
    attributes: Lists<Attribute>,
    attribute_text_bytes: usize,
}

impl ExemplarColumns {
    /// What a point takes in memory beside its exemplars.
    pub const ROW_BYTES: usize = 8 + 8 + size_of::<usize>();
    /// What an exemplar takes beside its attributes.
    pub const EXEMPLAR_BYTES: usize = size_of::<Exemplar>() + size_of::<usize>();

    pub fn begin_run(&mut self, metric: &str, kind: MetricKind) {
        self.runs.begin(metric, kind);
    }

    /// Adds a point to the run begun last; its exemplars follow.
    pub fn begin_point(&mut self, series: SeriesId, time: Timestamp) {
        if self.runs.extend(time.nanos()) {
            self.series.push(series);
            self.times.push(time.nanos());
            self.ends.push(self.exemplars.len());
        }
    }

    /// Adds an exemplar to the point begun last.
    pub fn push(&mut self, exemplar: Exemplar, attributes: Vec<Attribute>) {
        if let Some(end) = self.ends.last_mut() {
            self.exemplars.push(exemplar);
            *end = self.exemplars.len();
            self.attribute_text_bytes += attributes.iter().map(Attribute::text_bytes).sum::<usize>();
            self.attributes.push(attributes);
        }
    }

    pub(super) fn finish(&mut self) {
        self.runs.finish();
    }

    pub(super) fn bytes(&self) -> usize {
        self.times.capacity() * Self::ROW_BYTES
            + self.exemplars.capacity() * size_of::<Exemplar>()
            + self.attributes.bytes()
            + self.attribute_text_bytes
            + self.runs.bytes()
    }

    /// Points that have exemplars.
    pub const fn len(&self) -> usize {
        self.times.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    pub fn runs(&self) -> impl Iterator<Item = MetricRun<'_>> {
        self.runs.iter()
    }

    pub fn series(&self) -> &[SeriesId] {
        &self.series
    }

    /// Of the points.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// Of all points, one after the other.
    pub fn exemplars(&self) -> &[Exemplar] {
        &self.exemplars
    }

    /// Where each point's exemplars end within [`Self::exemplars`].
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// A list per exemplar.
    pub const fn attributes(&self) -> &Lists<Attribute> {
        &self.attributes
    }
}
