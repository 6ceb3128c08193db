//! OTLP logs: wire bytes become validated columns and findings, without a message tree in between.

pub mod intake;
pub mod walker;

pub use intake::{BODY_BYTES_MAX, DecodedLogs, LogsIntake};
pub use walker::{LogRecord, LogsVisitor, walk};

#[cfg(test)]
mod tests;
