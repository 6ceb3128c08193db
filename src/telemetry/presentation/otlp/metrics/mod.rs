//! OTLP metrics: wire bytes become validated columns and findings, without a message tree in between.

pub mod identity;
pub mod intake;
pub mod keys;
pub mod walker;

pub use intake::{DecodedMetrics, MetricsIntake};
pub use walker::{Around, MetricHeader, MetricsVisitor, NumberPoint, walk};

#[cfg(test)]
mod tests;
