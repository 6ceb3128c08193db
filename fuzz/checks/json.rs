//! OTLP/JSON: whatever the body, there is an answer, and what is written is the protobuf request of the signal.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use telemetryflow::shared::Signal;
use telemetryflow::telemetry::stages::{JsonReader, Meter};

pub fn check(body: &[u8]) {
    let mut reader = JsonReader::default();
    for signal in Signal::ALL {
        let Ok(written) = reader.transcode(signal, body, &mut Meter::unlimited()) else { continue };
        let decoded = match signal {
            Signal::Metrics => ExportMetricsServiceRequest::decode(written).map(drop),
            Signal::Logs => ExportLogsServiceRequest::decode(written).map(drop),
            Signal::Traces => ExportTraceServiceRequest::decode(written).map(drop),
        };
        if let Err(error) = decoded {
            // Prost reads a hundred messages deep, the rules for attributes see more.
            assert!(error.to_string().contains("recursion limit"), "{signal:?}: {error}");
        }
    }
}
