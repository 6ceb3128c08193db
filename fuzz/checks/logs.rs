//! Log records: the same ones as prost finds, in columns of one length that make a block.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;
use telemetryflow::shared::{BodyType, LogColumns, TenantId};
use telemetryflow::telemetry::stages::{DecodedLogs, LogsIntake, Meter, WalkError, log_blocks, walk_logs};

use super::walked::{
    LIMITS, NOW, assert_attributes, assert_maps, assert_origins, assert_text, assert_texts, in_time,
    is_a_group, now, take_in_twice, window,
};

/// Longest body as text: so short that small requests meet it.
const BODY_BYTES_MAX: usize = 256;
/// Longest severity text and event name.
const NAME_BYTES_MAX: usize = 1_024;

pub fn check(body: &[u8]) {
    let held = |decoded: &DecodedLogs| decoded.columns.bytes();
    let seen = |decoded: &DecodedLogs| format!("{:?} {:?}", decoded.findings, decoded.columns.bodies);
    let decoded = take_in_twice(|meter| take_in(body, meter), held, seen);
    let request = ExportLogsServiceRequest::decode(body);
    match decoded {
        Ok(decoded) => {
            assert_columns(&decoded.columns);
            assert!(decoded.findings.message().len() < 8_192);
            if let Ok(request) = request {
                assert_same(&request, &decoded);
            }
            let block = log_blocks::logs(&[decoded.columns.clone(), decoded.columns.clone()]);
            assert_eq!(block.expect("columns make a block").num_rows(), 2 * decoded.columns.len());
        }
        Err(error) => assert!(request.is_err() || is_a_group(error), "prost reads it: {error}"),
    }
}

fn take_in(body: &[u8], meter: &mut Meter<'_>) -> Result<DecodedLogs, WalkError> {
    let mut intake = LogsIntake::new(TenantId::unnamed(), now(), window(), LIMITS, BODY_BYTES_MAX, meter);
    walk_logs(body, &mut intake)?;
    Ok(intake.finish())
}

fn assert_columns(columns: &LogColumns) {
    let rows = columns.len();
    assert_texts(&columns.bodies, rows);
    assert!(columns.bodies.iter().all(|body| body.len() <= BODY_BYTES_MAX));
    assert_maps(&columns.attributes, rows);
    assert_origins(&columns.origins, columns.row_origins().iter().copied());
    let lengths = [
        columns.observed().len(),
        columns.trace_ids().len(),
        columns.span_ids().len(),
        columns.flags().len(),
        columns.severities().len(),
        columns.body_types().len(),
        columns.dropped_attributes().len(),
        columns.row_origins().len(),
        columns.severity_texts.codes().len(),
        columns.event_names.codes().len(),
    ];
    assert_eq!(lengths, [rows; 10]);
}

/// Prost reads less deep than attributes may be nested, so that only the time can cost a record.
fn assert_same(request: &ExportLogsServiceRequest, decoded: &DecodedLogs) {
    let scopes = request.resource_logs.iter().flat_map(|resource| &resource.scope_logs);
    let records: Vec<&LogRecord> = scopes.flat_map(|scope| &scope.log_records).collect();
    let kept: Vec<(i64, &LogRecord)> =
        records.iter().filter_map(|record| Some((time_of(record)?, *record))).collect();
    let columns = &decoded.columns;
    assert_eq!(columns.len(), kept.len());
    assert_eq!(decoded.findings.rejected_items(), (records.len() - kept.len()) as u64);
    for (row, (time, record)) in kept.into_iter().enumerate() {
        assert_eq!(columns.times()[row], time);
        assert_eq!(columns.observed()[row], in_time(record.observed_time_unix_nano).unwrap_or(0));
        assert_eq!(columns.severities()[row], record.severity_number);
        assert_eq!(columns.flags()[row], record.flags);
        assert_eq!(columns.trace_ids()[row][..], id(&record.trace_id, 16));
        assert_eq!(columns.span_ids()[row][..], id(&record.span_id, 8));
        let (attributes, dropped) = (&record.attributes, record.dropped_attributes_count);
        assert_attributes(&columns.attributes, row, columns.dropped_attributes()[row], attributes, dropped);
        assert_text(columns.severity_texts.get(row), &record.severity_text, NAME_BYTES_MAX);
        assert_text(columns.event_names.get(row), &record.event_name, NAME_BYTES_MAX);
        assert_body(columns, row, record.body.as_ref());
    }
}

fn time_of(record: &LogRecord) -> Option<i64> {
    let sent = [record.time_unix_nano, record.observed_time_unix_nano];
    in_time(sent.into_iter().find(|time| *time != 0).unwrap_or(NOW))
}

/// All zero where it is not valid.
fn id(bytes: &[u8], length: usize) -> Vec<u8> {
    if bytes.len() == length { bytes.to_vec() } else { vec![0; length] }
}

fn assert_body(columns: &LogColumns, row: usize, body: Option<&AnyValue>) {
    let body_type = columns.body_types()[row];
    match body.and_then(|body| body.value.as_ref()) {
        None => assert_eq!((body_type, columns.bodies.get(row)), (BodyType::Empty, Some(""))),
        Some(Value::StringValue(text)) => {
            assert_eq!(body_type, BodyType::String);
            assert_text(columns.bodies.get(row), text, BODY_BYTES_MAX);
        }
        Some(Value::BoolValue(_)) => assert_eq!(body_type, BodyType::Bool),
        Some(Value::IntValue(number)) => {
            assert_eq!(body_type, BodyType::Int);
            assert_eq!(columns.bodies.get(row), Some(&*number.to_string()));
        }
        Some(Value::DoubleValue(number)) => {
            assert_eq!(body_type, BodyType::Double);
            let read: f64 = columns.bodies.get(row).expect("a row has a body").parse().expect("a number");
            assert!(read.to_bits() == number.to_bits() || read.is_nan() && number.is_nan());
        }
        Some(Value::ArrayValue(_)) => assert_eq!(body_type, BodyType::Array),
        Some(Value::KvlistValue(_)) => assert_eq!(body_type, BodyType::Map),
        Some(Value::BytesValue(_)) => assert_eq!(body_type, BodyType::Bytes),
        // A member of profiles, which hides none of the others.
        Some(Value::StringValueStrindex(_)) => {}
    }
}
