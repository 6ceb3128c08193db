//! Bodies of traces: whole traces whose spans can be told apart and lie within their parents.

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use prost::Message;

use super::{START, assert_filled, body, moment, service_of, text_of};

fn decode(bytes: &[u8]) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(bytes).unwrap()
}

fn spans(request: &ExportTraceServiceRequest) -> &[Span] {
    &request.resource_spans[0].scope_spans[0].spans
}

#[test]
fn a_body_has_the_size_and_shape_that_was_asked_for() {
    let mut body = body("--signal traces");
    let bytes = body.fill(0, moment(0)).len();
    assert!((535..=560).contains(&(bytes / 1_000)), "{bytes} bytes of a thousand spans");
    assert_filled(body.fill(0, moment(0)));
    let request = decode(body.fill(0, moment(0)));
    assert_eq!(request.resource_spans[0].resource.as_ref().unwrap().attributes.len(), 11);
    assert_eq!(spans(&request).len(), 1_000);
    assert!(spans(&request).iter().all(|span| span.attributes.len() == 13));
    let kinds: BTreeSet<_> = spans(&request).iter().map(|span| span.kind).collect();
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    let failed = |span: &&Span| span.status.as_ref().unwrap().code() == StatusCode::Error;
    assert_eq!(spans(&request).iter().filter(failed).count(), 32);
    assert_eq!(spans(&request).iter().filter(|span| !span.events.is_empty()).count(), 63);
}

#[test]
fn every_span_of_a_run_has_an_id_of_its_own() {
    let mut body = body("--signal traces --items-per-body 50 --services 2");
    let (mut ids, mut traces, mut paths) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for number in 0..6 {
        let request = decode(body.fill(number, moment(number)));
        ids.extend(spans(&request).iter().map(|span| span.span_id.clone()));
        traces.extend(spans(&request).iter().map(|span| span.trace_id.clone()));
        let roots = spans(&request).iter().filter(|span| span.parent_span_id.is_empty());
        paths.extend(roots.map(|span| text_of(&span.attributes, "url.path")));
        let service = service_of(request.resource_spans[0].resource.as_ref());
        assert_eq!(service, format!("service-{:04}", number % 2));
    }
    assert!(ids.iter().all(|id| id.len() == 8 && id.iter().any(|byte| *byte != 0)));
    assert!(traces.iter().all(|id| id.len() == 16 && id.iter().any(|byte| *byte != 0)));
    assert_eq!((ids.len(), traces.len(), paths.len()), (300, 6 * 7, 6 * 7));
}

#[test]
fn parents_are_in_the_same_trace_and_last_longer() {
    let mut body = body("--signal traces --items-per-body 100");
    for number in [0, 7] {
        let now = START + 5_000_000_000 + number;
        let request = decode(body.fill(number, moment(5_000_000_000 + number)));
        let by_id: BTreeMap<_, _> = spans(&request).iter().map(|span| (&span.span_id, span)).collect();
        assert_eq!(spans(&request).iter().filter(|span| span.parent_span_id.is_empty()).count(), 13);
        for span in spans(&request) {
            assert!(span.start_time_unix_nano < span.end_time_unix_nano);
            assert!((now - 1_000_000_000..=now).contains(&span.end_time_unix_nano));
            let within = span.start_time_unix_nano..=span.end_time_unix_nano;
            assert!(span.events.iter().all(|event| within.contains(&event.time_unix_nano)));
            if !span.parent_span_id.is_empty() {
                let parent = by_id[&span.parent_span_id];
                assert_eq!(parent.trace_id, span.trace_id);
                assert!(parent.start_time_unix_nano <= span.start_time_unix_nano);
                assert!(parent.end_time_unix_nano >= span.end_time_unix_nano);
            }
        }
    }
}

#[test]
fn log_records_of_the_same_seed_name_these_spans() {
    let line = "--items-per-body 30 --seed 3";
    let traces = decode(body(&format!("{line} --signal traces")).fill(2, moment(0)));
    let logs = body(&format!("{line} --signal logs")).fill(2, moment(0)).to_vec();
    let logs = ExportLogsServiceRequest::decode(&logs[..]).unwrap();
    let records = logs.resource_logs[0].scope_logs[0].log_records.iter();
    for (record, span) in records.zip(spans(&traces)).skip(1).step_by(2) {
        assert_eq!((&record.trace_id, &record.span_id), (&span.trace_id, &span.span_id));
    }
}

#[test]
fn the_seed_decides_the_ids() {
    let ids = |line: &str| {
        let request = decode(body(&format!("--signal traces --items-per-body 9 {line}")).fill(4, moment(0)));
        spans(&request).iter().map(|span| (span.trace_id.clone(), span.span_id.clone())).collect::<Vec<_>>()
    };
    assert_eq!(ids("--seed 7"), ids("--seed 7"));
    let (one, other) = (ids("--seed 7"), ids("--seed 8"));
    assert!(one.iter().zip(&other).all(|(one, other)| one.0 != other.0 && one.1 != other.1));
}
