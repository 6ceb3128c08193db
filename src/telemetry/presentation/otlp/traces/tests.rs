//! The walker and the rules for spans: against prost on random requests, and case by case.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;

use super::*;
use crate::shared::{TenantId, Timestamp};
use crate::telemetry::domain::AcceptanceWindow;
use crate::telemetry::presentation::otlp::attributes::AttributeLimits;
use crate::telemetry::presentation::otlp::meter::Meter;
use crate::telemetry::presentation::otlp::oracle::NOW;
use crate::telemetry::presentation::otlp::walk_error::WalkError;

mod against_prost;
mod cases;

fn take_in(bytes: &[u8], limits: AttributeLimits, meter: &mut Meter<'_>) -> Result<DecodedTraces, WalkError> {
    let window = AcceptanceWindow::around(Timestamp::EPOCH, None, None);
    let mut intake = TracesIntake::new(TenantId::unnamed(), window, limits, meter);
    walk(bytes, &mut intake)?;
    Ok(intake.finish())
}

fn decode(request: &ExportTraceServiceRequest) -> DecodedTraces {
    take_in(&request.encode_to_vec(), AttributeLimits::default(), &mut Meter::unlimited()).unwrap()
}
