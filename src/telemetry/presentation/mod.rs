//! Where requests come in: OTLP over gRPC and over HTTP.

pub mod grpc;
pub mod http;
pub mod otlp;
