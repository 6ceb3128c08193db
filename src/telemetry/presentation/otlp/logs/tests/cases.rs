//! Unusual but legal bytes, limits, and rejections that cost nobody else.

use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value as Any,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord as Record, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;

use super::*;
use crate::platform::http::ByteBudget;
use crate::telemetry::domain::{Rejection, Warning};
use crate::telemetry::presentation::otlp::meter::MeterError;
use crate::telemetry::presentation::otlp::oracle::{key_value, text};
use crate::telemetry::presentation::otlp::wire::WireError;

fn request(resource: Resource, log_records: Vec<Record>) -> ExportLogsServiceRequest {
    let scope = InstrumentationScope { name: "lib".into(), ..InstrumentationScope::default() };
    let scope_logs = vec![ScopeLogs { scope: Some(scope), log_records, ..ScopeLogs::default() }];
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { resource: Some(resource), scope_logs, ..ResourceLogs::default() }],
    }
}

fn logs(log_records: Vec<Record>) -> ExportLogsServiceRequest {
    request(Resource::default(), log_records)
}

fn record(attributes: Vec<KeyValue>) -> Record {
    Record { time_unix_nano: NOW, attributes, ..Record::default() }
}

fn body(value: Any) -> Record {
    Record { body: Some(AnyValue { value: Some(value) }), ..record(Vec::new()) }
}

fn nested(levels: usize) -> AnyValue {
    (0..levels).fold(AnyValue { value: None }, |inner, _| AnyValue {
        value: Some(Any::ArrayValue(opentelemetry_proto::tonic::common::v1::ArrayValue {
            values: vec![inner],
        })),
    })
}

fn warnings(decoded: &DecodedLogs) -> Vec<(Warning, u64)> {
    decoded.findings.warnings().collect()
}

/// A field of length-delimited bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut field);
    field.extend(bytes);
    field
}

#[test]
fn attributes_too_deep_cost_their_record_only() {
    let deep = |levels| key_value("k", Some(nested(levels)));
    let decoded = decode(&logs(vec![
        record(vec![text("a", "1"), deep(64)]),
        record(vec![text("a", "2"), deep(65)]),
        Record { body: Some(nested(65)), ..record(vec![text("a", "3")]) },
        record(vec![text("a", "4")]),
    ]));
    let kept: Vec<_> = (0..2).map(|at| decoded.columns.attributes.row(at).next()).collect();
    assert_eq!(kept, [Some(("a", "1")), Some(("a", "4"))]);
    assert!(decoded.findings.rejections().eq([(Rejection::AttributesTooDeep, 2)]));
    assert_eq!(
        decoded.findings.message(),
        "2 log records rejected: attribute values are nested more than 64 deep (scopes: 'lib')"
    );
}

#[test]
fn a_resource_too_deep_costs_all_its_records_and_those_of_others_nothing() {
    let deep = Resource { attributes: vec![key_value("k", Some(nested(65)))], ..Resource::default() };
    let mut both = request(deep, vec![record(Vec::new()); 3]);
    both.resource_logs.extend(logs(vec![record(Vec::new())]).resource_logs);
    let decoded = decode(&both);
    assert_eq!((decoded.columns.len(), decoded.findings.rejected_items()), (1, 3));
    assert_eq!((decoded.columns.origins.len(), decoded.columns.origins.resources.len()), (1, 1));
}

#[test]
fn caps_cut_and_say_so() {
    let many = (0..130).map(|n| text(&format!("k{n}"), "v")).collect();
    let long =
        vec![text(&"k".repeat(300), &"v".repeat(70_000)), text("", "x"), text("d", "1"), text("d", "2")];
    let named = (0..200).map(|n| text(&format!("k{n}"), "v")).chain([text("service.name", "shop")]);
    let resource = Resource { attributes: named.collect(), ..Resource::default() };
    let decoded = decode(&request(
        resource,
        vec![record(many), record(long), body(Any::StringValue("ü".repeat(600_000)))],
    ));
    let columns = &decoded.columns;
    assert_eq!((columns.attributes.row(0).count(), columns.dropped_attributes()), (128, &[2, 1, 0][..]));
    let sizes: Vec<_> = columns.attributes.row(1).map(|(key, value)| (key.len(), value.len())).collect();
    assert_eq!(sizes, [(256, 65_536), (1, 1)]);
    assert_eq!(columns.bodies.get(2).map(str::len), Some(BODY_BYTES_MAX));
    assert_eq!(columns.origins.resources.services.get(0), Some("shop"));
    assert_eq!(columns.origins.resources.dropped_attributes, [72]);
    assert_eq!(
        warnings(&decoded),
        [
            (Warning::BodyCut, 1),
            (Warning::AttributeKeyEmpty, 1),
            (Warning::AttributeKeyTwice, 1),
            (Warning::AttributeCut, 2),
            (Warning::AttributesTooMany, 74),
        ]
    );
}

#[test]
fn bytes_that_are_not_utf8_are_replaced_everywhere() {
    let mut wire = Vec::new();
    for number in [3, 12] {
        wire.extend(field(number, b"\xff"));
    }
    wire.extend(field(5, &field(1, b"a\xffb")));
    wire.extend(field(6, &[field(1, b"k\xff"), field(2, &field(1, b"v\xff"))].concat()));
    let bytes = field(1, &field(2, &field(2, &wire)));
    let decoded = take_in(&bytes, AttributeLimits::default(), &mut Meter::unlimited()).unwrap();
    let columns = &decoded.columns;
    assert_eq!(columns.bodies.get(0), Some("a\u{fffd}b"));
    assert_eq!(columns.attributes.row(0).next(), Some(("k\u{fffd}", "v\u{fffd}")));
    assert_eq!(
        (columns.severity_texts.get(0), columns.event_names.get(0)),
        (Some("\u{fffd}"), Some("\u{fffd}"))
    );
    assert_eq!(warnings(&decoded), [(Warning::TextNotUtf8, 5)]);
}

#[test]
fn messages_in_pieces_are_merged_and_of_several_values_the_last_counts() {
    let resource = |service: &str| {
        let attributes = vec![text("service.name", service)];
        field(1, &Resource { attributes, ..Resource::default() }.encode_to_vec())
    };
    let record = [field(5, &field(1, b"first")), field(6, &field(1, b"k")), field(5, &[0x18, 7])].concat();
    // The resource comes after what it holds, and in two pieces.
    let outer = [field(2, &field(2, &record)), resource("first"), resource("second")].concat();
    let decoded = take_in(&field(1, &outer), AttributeLimits::default(), &mut Meter::unlimited()).unwrap();
    let columns = &decoded.columns;
    assert_eq!(columns.origins.resources.services.get(0), Some("second"));
    assert_eq!((columns.bodies.get(0), columns.body_types()[0].name()), (Some("7"), "int"));
    assert_eq!(columns.attributes.row(0).next(), Some(("k", "")));
}

#[test]
fn known_fields_of_another_wire_type_end_the_request() {
    for number in [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12_u8] {
        let wrong = if matches!(number, 2 | 7) { field(number, b"x") } else { vec![number << 3, 1] };
        let bytes = field(1, &field(2, &field(2, &wrong)));
        let refused = take_in(&bytes, AttributeLimits::default(), &mut Meter::unlimited());
        assert_eq!(refused.unwrap_err(), WalkError::Wire(WireError::WrongType), "field {number}");
    }
}

/// Scenario: two bytes each make a record, and memory for a row is forty times as much.
/// Guarantees: the request is refused before it holds more than the budget.
#[test]
fn millions_of_empty_records_stay_within_the_budget() {
    let bytes = field(1, &field(2, &[0x12, 0x00].repeat(3_000_000)));
    let budget = ByteBudget::new(16 << 20);
    let mut share = budget.try_reserve(0).unwrap();
    let refused = take_in(&bytes, AttributeLimits::default(), &mut Meter::new(&mut share));
    assert_eq!(refused.unwrap_err(), WalkError::Meter(MeterError::TooMuch));
    assert!(budget.used() <= 16 << 20);
}

/// Guarantees: what the meter was charged covers what the columns hold.
#[test]
fn the_charge_covers_the_columns() {
    let keys = (0..100).map(|n| text(&format!("key {n}"), "value")).collect();
    let many =
        (0..2_000).map(|n| Record { event_name: format!("event {n}"), ..record(vec![text("k", "v")]) });
    let bodies = vec![body(Any::StringValue("x".repeat(1_000))); 1_000];
    let empty = vec![Record::default(); 10_000];
    for records in [many.collect(), bodies, empty, vec![record(keys)], vec![]] {
        let mut meter = Meter::unlimited();
        let bytes = logs(records).encode_to_vec();
        let decoded = take_in(&bytes, AttributeLimits::default(), &mut meter).unwrap();
        let rows = decoded.columns.len();
        // The first rows of a vector take room for four.
        assert!(decoded.columns.bytes() <= meter.used() + 8_192, "{rows}: {}", decoded.columns.bytes());
    }
}

/// Scenario: one resource with much text, and many records that each name it in a block.
/// Guarantees: its text is charged for the columns and for the block, and not once per record.
#[test]
fn what_many_records_share_is_charged_once() {
    let resource = Resource { attributes: vec![text("k", &"v".repeat(10_000))], ..Resource::default() };
    let bytes = request(resource, vec![record(Vec::new()); 1_000]).encode_to_vec();
    let mut meter = Meter::unlimited();
    let decoded = take_in(&bytes, AttributeLimits::default(), &mut meter).unwrap();
    assert!(meter.used() >= decoded.columns.block_bytes() + 10_000, "{}", meter.used());
    assert!(decoded.columns.block_bytes() < 400_000, "{}", decoded.columns.block_bytes());
}
