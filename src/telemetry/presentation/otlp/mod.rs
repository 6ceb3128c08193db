//! OTLP: reads the requests of OpenTelemetry clients and writes the answers that the protocol asks for.

pub mod answer;
pub mod any_value;
pub mod attributes;
pub mod content;
pub mod decode;
pub mod json;
pub mod meter;
pub mod metrics;
pub mod receive;
pub mod walk_error;
pub mod wire;
