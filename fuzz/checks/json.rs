//! OTLP/JSON: whatever the body, there is an answer, what is written is the protobuf request of the signal, and little memory
//! changes nothing but that there may be too little of it.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use telemetryflow::platform::http::ByteBudget;
use telemetryflow::shared::Signal;
use telemetryflow::telemetry::stages::{JsonError, JsonReader, Meter};

/// Enough for a few values, and too little for many.
const TIGHT_BYTES: usize = 16 * 1_024;

pub fn check(body: &[u8]) {
    let mut reader = JsonReader::default();
    for signal in Signal::ALL {
        let written = reader.transcode(signal, body, &mut Meter::unlimited());
        assert_tight(signal, body, written);
        let Ok(written) = written else { continue };
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

/// Another reader, which has read nothing before, comes to the same.
fn assert_tight(signal: Signal, body: &[u8], free: Result<&[u8], JsonError>) {
    let budget = ByteBudget::new(TIGHT_BYTES);
    let mut share = budget.try_reserve(0).expect("nothing is always there");
    let mut reader = JsonReader::default();
    let tight = reader.transcode(signal, body, &mut Meter::new(&mut share));
    assert!(tight == free || matches!(tight, Err(JsonError::Meter(_))), "{tight:?} instead of {free:?}");
    assert!(budget.used() <= budget.bytes_max());
}
