//! Random requests, seen by the walker and by prost, which decodes the same bytes the slow way.

use opentelemetry_proto::tonic::logs::v1::{LogRecord as Record, ResourceLogs, ScopeLogs};
use proptest::prelude::*;

use super::*;
use crate::shared::BodyType;
use crate::telemetry::presentation::otlp::oracle::{
    Kept, LIMITS, SeenOrigin, any_attributes, any_count, any_id, any_resource, any_scope, any_time,
    any_value, in_time, kept, kept_by_us, kind_of, text_of,
};

/// One log record as both sides see it.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    origin: SeenOrigin,
    time: i64,
    observed: i64,
    severity: i32,
    severity_text: String,
    body: String,
    body_type: BodyType,
    attributes: Kept,
    flags: u32,
    trace_id: Vec<u8>,
    span_id: Vec<u8>,
    event_name: String,
}

fn seen_by_us(decoded: &DecodedLogs) -> Vec<Seen> {
    let columns = &decoded.columns;
    let seen = |at: usize| Seen {
        origin: SeenOrigin::by_us(&columns.origins, columns.row_origins()[at]),
        time: columns.times()[at],
        observed: columns.observed()[at],
        severity: columns.severities()[at],
        severity_text: columns.severity_texts.get(at).unwrap().into(),
        body: columns.bodies.get(at).unwrap().into(),
        body_type: columns.body_types()[at],
        attributes: kept_by_us(&columns.attributes, at, columns.dropped_attributes()[at]),
        flags: columns.flags()[at],
        trace_id: columns.trace_ids()[at].to_vec(),
        span_id: columns.span_ids()[at].to_vec(),
        event_name: columns.event_names.get(at).unwrap().into(),
    };
    (0..columns.len()).map(seen).collect()
}

/// The same rules, written over prost's message tree.
fn seen_by_prost(request: &ExportLogsServiceRequest) -> (Vec<Seen>, u64) {
    let (mut seen, mut rejected) = (Vec::new(), 0);
    for outer in &request.resource_logs {
        for inner in &outer.scope_logs {
            let origin = SeenOrigin::by_prost(
                outer.resource.as_ref(),
                &outer.schema_url,
                inner.scope.as_ref(),
                &inner.schema_url,
            );
            for record in &inner.log_records {
                match record_by_prost(&origin, record) {
                    Some(record) => seen.push(record),
                    None => rejected += 1,
                }
            }
        }
    }
    (seen, rejected)
}

fn record_by_prost(origin: &SeenOrigin, record: &Record) -> Option<Seen> {
    let (time, observed) = (record.time_unix_nano, record.observed_time_unix_nano);
    let time = if time != 0 { time } else { observed };
    let body = record.body.as_ref();
    let id = |id: &[u8], length: usize| if id.len() == length { id.to_vec() } else { vec![0; length] };
    Some(Seen {
        origin: origin.clone(),
        time: in_time(if time != 0 { time } else { NOW })?,
        observed: in_time(observed).unwrap_or(0),
        severity: record.severity_number,
        severity_text: record.severity_text.clone(),
        body: text_of(body),
        body_type: BodyType::from_field_number(kind_of(body)),
        attributes: kept(&record.attributes, record.dropped_attributes_count),
        flags: record.flags,
        trace_id: id(&record.trace_id, 16),
        span_id: id(&record.span_id, 8),
        event_name: record.event_name.clone(),
    })
}

prop_compose! {
    fn any_record()(
        (time, observed) in (any_time(), any_time()),
        severity in prop_oneof![4 => 0..25, 1 => any::<i32>()],
        (severity_text, event_name) in ("[A-D]{0,1}", "[a-b]{0,1}"),
        body in any_value(),
        attributes in any_attributes(),
        (dropped, flags) in (any_count(), any::<u32>()),
        (trace_id, span_id) in (any_id(16), any_id(8)),
    ) -> Record {
        Record {
            time_unix_nano: time, observed_time_unix_nano: observed, severity_number: severity, severity_text, body,
            attributes, dropped_attributes_count: dropped, flags, trace_id, span_id, event_name,
        }
    }
}

prop_compose! {
    fn any_scope_logs()(
        scope in proptest::option::of(any_scope()),
        log_records in proptest::collection::vec(any_record(), 0..6),
        schema_url in "[u-v]{0,2}",
    ) -> ScopeLogs {
        ScopeLogs { scope, log_records, schema_url }
    }
}

fn any_request() -> impl Strategy<Value = ExportLogsServiceRequest> {
    let scopes = proptest::collection::vec(any_scope_logs(), 0..3);
    let resource = (proptest::option::of(any_resource()), scopes, "[u-v]{0,2}");
    let resource = resource.prop_map(|(resource, scope_logs, schema_url)| ResourceLogs {
        resource,
        scope_logs,
        schema_url,
    });
    proptest::collection::vec(resource, 0..3)
        .prop_map(|resource_logs| ExportLogsServiceRequest { resource_logs })
}

fn take_in_few(bytes: &[u8]) -> Result<DecodedLogs, WalkError> {
    take_in(bytes, LIMITS, &mut Meter::unlimited())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Guarantees: the same records with the same attributes as prost finds, and the same number of rejections.
    #[test]
    fn the_walker_sees_what_prost_sees(request in any_request()) {
        let decoded = take_in_few(&request.encode_to_vec()).unwrap();
        let (seen, rejected) = seen_by_prost(&request);
        prop_assert_eq!(seen_by_us(&decoded), seen);
        prop_assert_eq!(decoded.findings.rejected_items(), rejected);
    }

    /// Guarantees: whatever is done to a request, the walker does not panic, and its columns stay of equal length.
    #[test]
    fn damaged_bytes_never_panic(
        request in any_request(), cut in any::<prop::sample::Index>(), flip in any::<(prop::sample::Index, u8)>(),
    ) {
        let mut bytes = request.encode_to_vec();
        if !bytes.is_empty() {
            let at = flip.0.index(bytes.len());
            bytes[at] ^= flip.1;
            let _ = take_in_few(&bytes).map(|decoded| seen_by_us(&decoded));
            bytes.truncate(cut.index(bytes.len()));
            let _ = take_in_few(&bytes).map(|decoded| seen_by_us(&decoded));
        }
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = take_in_few(&bytes);
    }
}
