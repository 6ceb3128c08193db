//! Accepted metric points as columns, by kind: what the write path carries, the store receives and events share.

pub mod exemplars;
pub mod exponential_histograms;
pub mod histograms;
pub mod lists;
pub mod numbers;
pub mod points;
pub mod runs;
pub mod summaries;

pub use exemplars::{Exemplar, ExemplarColumns};
pub use exponential_histograms::{ExponentialHistogramColumns, ExponentialShape};
pub use histograms::HistogramColumns;
pub use lists::Lists;
pub use numbers::{NumberColumns, NumberRow};
pub use points::{PointColumns, PointRow, Population};
pub use runs::MetricRun;
pub use summaries::{SummaryColumns, ValueAtQuantile};

use super::{MetricKind, TenantId};

/// Bit 0 of a point's flags: the series ends here, the point has no value (OTLP `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`).
pub const FLAG_NO_RECORDED_VALUE: u32 = 1;

/// Most rows for which room is made ahead: more is made as they come.
pub const ROWS_RESERVED_MAX: usize = 1_024;

/// Metric points of one request of one tenant. Within each kind, rows are in the order in which they were sent.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricColumns {
    pub numbers: NumberColumns,
    pub histograms: HistogramColumns,
    pub exponential_histograms: ExponentialHistogramColumns,
    pub summaries: SummaryColumns,
    /// Of points in any of the others.
    pub exemplars: ExemplarColumns,
}

impl MetricColumns {
    pub fn new(tenant: TenantId) -> Self {
        Self {
            numbers: NumberColumns::new(tenant),
            histograms: HistogramColumns::default(),
            exponential_histograms: ExponentialHistogramColumns::default(),
            summaries: SummaryColumns::default(),
            exemplars: ExemplarColumns::default(),
        }
    }

    pub fn tenant(&self) -> &TenantId {
        self.numbers.tenant()
    }

    /// Points of all kinds. Exemplars are no points.
    pub fn len(&self) -> usize {
        self.numbers.len()
            + self.histograms.points().len()
            + self.exponential_histograms.points().len()
            + self.summaries.points().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the columns hold in memory, for the byte budget.
    pub fn bytes(&self) -> usize {
        self.numbers.bytes()
            + self.histograms.bytes()
            + self.exponential_histograms.bytes()
            + self.summaries.bytes()
            + self.exemplars.bytes()
    }

    /// The metrics of all points. Rows are those of the columns of the metric's kind.
    pub fn runs(&self) -> impl Iterator<Item = MetricRun<'_>> {
        self.numbers
            .runs()
            .chain(self.histograms.points().runs())
            .chain(self.exponential_histograms.points().runs())
            .chain(self.summaries.points().runs())
    }

    /// Begins the rows of a metric, among those of its kind.
    pub fn begin_run(&mut self, metric: &str, kind: MetricKind) {
        match kind {
            MetricKind::Gauge | MetricKind::Sum { .. } => self.numbers.begin_run(metric, kind),
            MetricKind::Histogram { .. } => self.histograms.begin_run(metric, kind),
            MetricKind::ExponentialHistogram { .. } => self.exponential_histograms.begin_run(metric, kind),
            MetricKind::Summary => self.summaries.begin_run(metric, kind),
        }
    }

    /// Closes the last runs. Call it when no more rows come.
    pub fn finish(&mut self) {
        self.numbers.finish();
        self.histograms.finish();
        self.exponential_histograms.finish();
        self.summaries.finish();
        self.exemplars.finish();
    }
}

/// Number points without anything else.
impl From<NumberColumns> for MetricColumns {
    fn from(numbers: NumberColumns) -> Self {
        Self { numbers, ..Self::new(TenantId::unnamed()) }
    }
}
