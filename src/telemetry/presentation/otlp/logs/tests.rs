//! The walker and the rules for log records: against prost on random requests, and case by case.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
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

fn take_in(bytes: &[u8], limits: AttributeLimits, meter: &mut Meter<'_>) -> Result<DecodedLogs, WalkError> {
    let received_at = Timestamp::from_unix_nanos(NOW).unwrap();
    let window = AcceptanceWindow::around(Timestamp::EPOCH, None, None);
    let mut intake = LogsIntake::new(TenantId::unnamed(), received_at, window, limits, BODY_BYTES_MAX, meter);
    walk(bytes, &mut intake)?;
    Ok(intake.finish())
}

fn decode(request: &ExportLogsServiceRequest) -> DecodedLogs {
    take_in(&request.encode_to_vec(), AttributeLimits::default(), &mut Meter::unlimited()).unwrap()
}
