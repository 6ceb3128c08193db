//! OTLP traces: wire bytes become validated columns and findings, without a message tree in between.

pub mod intake;
pub mod walker;

pub use intake::{DecodedTraces, TracesIntake};
pub use walker::{SpanEvent, SpanLink, SpanRecord, TracesVisitor, walk};

#[cfg(test)]
mod tests;
