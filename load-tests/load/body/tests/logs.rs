//! Bodies of logs: records that can be told apart, in order of time, half of them in traces.

use std::collections::BTreeSet;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use prost::Message;

use super::{START, assert_filled, body, moment, service_of, text_of};
use crate::body::records::{OBSERVED_AFTER_NANOS, STEP_NANOS};
use crate::log_records::ID_KEY;

fn decode(bytes: &[u8]) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest::decode(bytes).unwrap()
}

fn records(request: &ExportLogsServiceRequest) -> &[LogRecord] {
    &request.resource_logs[0].scope_logs[0].log_records
}

fn message(record: &LogRecord) -> &str {
    match record.body.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text,
        other => panic!("{other:?} is not a string"),
    }
}

#[test]
fn a_body_has_the_size_and_shape_that_was_asked_for() {
    let mut body = body("--signal logs");
    let bytes = body.fill(0, moment(0)).len();
    assert!((380..=405).contains(&(bytes / 1_000)), "{bytes} bytes of a thousand records");
    assert_filled(body.fill(0, moment(0)));
    let request = decode(body.fill(0, moment(0)));
    assert_eq!(request.resource_logs[0].resource.as_ref().unwrap().attributes.len(), 11);
    assert_eq!(records(&request).len(), 1_000);
    assert!(records(&request).iter().all(|record| record.attributes.len() == 6));
    let length: usize = records(&request).iter().map(|record| message(record).len()).sum();
    assert!((140..=160).contains(&(length / 1_000)), "{length} bytes of a thousand messages");
    let severities: BTreeSet<_> = records(&request).iter().map(|record| &record.severity_text).collect();
    assert_eq!(severities.into_iter().collect::<Vec<_>>(), ["DEBUG", "ERROR", "INFO", "WARN"]);
}

#[test]
fn every_record_of_a_run_has_an_id_and_a_message_of_its_own() {
    let mut body = body("--signal logs --items-per-body 50 --services 2");
    let (mut ids, mut messages) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..6 {
        let request = decode(body.fill(number, moment(number)));
        ids.extend(records(&request).iter().map(|record| text_of(&record.attributes, ID_KEY)));
        messages.extend(records(&request).iter().map(|record| message(record).to_owned()));
        let service = service_of(request.resource_logs[0].resource.as_ref());
        assert_eq!(service, format!("service-{:04}", number % 2));
    }
    assert_eq!((ids.len(), messages.len()), (300, 300));
    assert_eq!(ids.last().unwrap(), "000000000000012b");
}

#[test]
fn times_run_up_to_the_moment() {
    let mut body = body("--signal logs --items-per-body 5");
    for later in [5_000_000_000, 7_000_000_001] {
        let request = decode(body.fill(3, moment(later)));
        for (back, record) in (0..5).zip(records(&request).iter().rev()) {
            assert_eq!(record.observed_time_unix_nano, START + later - back * STEP_NANOS);
            assert_eq!(record.time_unix_nano, record.observed_time_unix_nano - OBSERVED_AFTER_NANOS);
        }
    }
}

#[test]
fn every_other_record_belongs_to_a_span() {
    let mut body = body("--signal logs --items-per-body 16");
    let request = decode(body.fill(1, moment(0)));
    let lengths = |record: &LogRecord| (record.trace_id.len(), record.span_id.len(), record.flags);
    for pair in records(&request).chunks(2) {
        assert_eq!((lengths(&pair[0]), lengths(&pair[1])), ((0, 0, 0), (16, 8, 1)));
    }
    let traces: BTreeSet<_> = records(&request).iter().map(|record| &record.trace_id).collect();
    let spans: BTreeSet<_> = records(&request).iter().map(|record| &record.span_id).collect();
    assert_eq!((traces.len(), spans.len()), (1 + 2, 1 + 8));
}
