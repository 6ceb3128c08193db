//! `MetricDescription`: what a metric is, and so what can be computed of it.

/// What a metric is, by its newest series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MetricDescription {
    pub kind: Box<str>,
    pub temporality: Box<str>,
    pub monotonic: bool,
    pub unit: Box<str>,
    pub description: Box<str>,
    /// Whether any series of it, now or before, was a cumulative counter.
    pub has_counters: bool,
    /// Whether its points are numbers, else they are distributions.
    pub has_numbers: bool,
    /// The metric was sent with several kinds, temporalities or units.
    pub ambiguous: bool,
}

impl MetricDescription {
    /// Whether its values add up over time.
    pub fn accumulates(&self) -> bool {
        self.has_counters || &*self.temporality == "delta"
    }

    /// What it holds in memory.
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.kind.len()
            + self.temporality.len()
            + self.unit.len()
            + self.description.len()
    }
}
