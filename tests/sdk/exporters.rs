//! The exporters of the official SDK for Rust: every signal over HTTP and gRPC, plain and packed.

use std::net::SocketAddr;

use opentelemetry_otlp::{
    Compression, LogExporter, MetricExporter, Protocol, SpanExporter, WithExportConfig, WithHttpConfig,
    WithTonicConfig,
};
use opentelemetry_sdk::metrics::Temporality;

/// How a client is configured to send.
#[derive(Debug, Clone, Copy)]
pub enum Transport {
    Http,
    Grpc,
}

#[derive(Debug, Clone, Copy)]
pub struct Wire {
    pub transport: Transport,
    pub compression: Option<Compression>,
}

/// Where it sends to.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    pub http: SocketAddr,
    pub grpc: SocketAddr,
}

pub const WIRES: [Wire; 4] = [
    Wire { transport: Transport::Http, compression: None },
    Wire { transport: Transport::Http, compression: Some(Compression::Gzip) },
    Wire { transport: Transport::Grpc, compression: None },
    Wire { transport: Transport::Grpc, compression: Some(Compression::Gzip) },
];

/// The builders of the signals have the same methods and no trait in common that names them all.
macro_rules! exporter {
    ($builder:expr, $wire:expr, $to:expr, $path:literal) => {
        match $wire.transport {
            Transport::Http => {
                let builder = $builder
                    .with_http()
                    .with_endpoint(format!("http://{}/v1/{}", $to.http, $path))
                    .with_protocol(Protocol::HttpBinary);
                match $wire.compression {
                    Some(compression) => builder.with_compression(compression).build(),
                    None => builder.build(),
                }
            }
            Transport::Grpc => {
                let builder = $builder.with_tonic().with_endpoint(format!("http://{}", $to.grpc));
                match $wire.compression {
                    Some(compression) => builder.with_compression(compression).build(),
                    None => builder.build(),
                }
            }
        }
        .expect("an exporter")
    };
}

/// The gRPC ones work on whatever runtime they were made in.
impl Wire {
    pub fn metrics(self, to: Target, temporality: Temporality) -> MetricExporter {
        exporter!(MetricExporter::builder().with_temporality(temporality), self, to, "metrics")
    }

    pub fn spans(self, to: Target) -> SpanExporter {
        exporter!(SpanExporter::builder(), self, to, "traces")
    }

    pub fn logs(self, to: Target) -> LogExporter {
        exporter!(LogExporter::builder(), self, to, "logs")
    }
}
