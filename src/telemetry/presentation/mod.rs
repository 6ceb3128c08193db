//! Where requests come in: OTLP over HTTP.

pub mod http;
pub mod otlp;
