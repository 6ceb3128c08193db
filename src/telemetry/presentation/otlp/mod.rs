//! OTLP: reads the requests of OpenTelemetry clients and writes the answers that the protocol asks for.

pub mod answer;
pub mod any_value;
pub mod attributes;
pub mod content;
pub mod decode;
pub mod fields;
pub mod form;
pub mod item_texts;
mod job;
pub mod json;
pub mod logs;
pub mod meter;
pub mod metrics;
#[cfg(test)]
mod oracle;
pub mod origin;
pub mod receive;
pub mod replay;
pub mod traces;
pub mod walk_error;
pub mod wire;
