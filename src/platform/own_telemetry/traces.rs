//! `OwnTraces`: spans of the server itself, made of `tracing`'s, sampled as the sender of a request decided.

use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};

use super::{ExportOptions, TIMEOUT};

/// For what is still to be sent when the server stops.
const STOP_TIME_MAX: Duration = Duration::from_secs(2);

/// Why spans cannot be sent.
#[derive(Debug, thiserror::Error)]
#[error("the exporter of the own traces cannot be set up")]
pub struct OwnTracesError(#[from] ExporterBuildError);

/// Sends spans in batches from a thread of its own; what is too much for its queue is dropped.
#[derive(Debug)]
pub struct OwnTraces(SdkTracerProvider);

impl OwnTraces {
    /// Made before there is an async runtime.
    pub fn start(options: &ExportOptions) -> Result<Self, OwnTracesError> {
        let headers = options.headers().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let exporter = SpanExporter::builder()
            .with_http()
            .with_endpoint(options.url("/v1/traces"))
            .with_timeout(TIMEOUT)
            .with_headers(headers)
            .build()?;
        let attributes = options.resource().map(|(key, value)| KeyValue::new(key, value));
        let ratio = f64::from(u32::try_from(options.traces_per_thousand).unwrap_or(u32::MAX)) / 1_000.0;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
            .with_resource(Resource::builder_empty().with_attributes(attributes).build())
            .build();
        Ok(Self(provider))
    }

    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer(env!("CARGO_PKG_NAME"))
    }

    /// Sends what is left. Blocks.
    pub fn stop(self) {
        if let Err(error) = self.0.shutdown_with_timeout(STOP_TIME_MAX) {
            tracing::debug!(%error, "the last spans were not sent");
        }
    }
}
