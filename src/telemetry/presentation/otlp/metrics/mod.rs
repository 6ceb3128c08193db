//! OTLP metrics: wire bytes become validated columns and findings, without a message tree in between.

mod distributions;
mod exemplars;
pub mod identity;
pub mod intake;
pub mod keys;
pub mod number_list;
pub mod over_limit;
pub mod points;
pub mod walker;

pub use intake::{DecodedMetrics, MetricsIntake};
pub use over_limit::OverLimit;
pub use points::{ExponentialHistogramPoint, HistogramPoint, NumberPoint, SummaryPoint};
pub use walker::{Around, MetricHeader, MetricsVisitor, walk};

#[cfg(test)]
mod tests;
