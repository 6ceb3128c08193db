//! Scenario: attributes as the table "Attributes" of `docs/otlp.md` has them stand wherever OTLP has attributes, and are sent
//! in all three encodings.
//! Guarantees: each row is answered alike and stored as the table says, on every signal.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

#[path = "otlp_attributes/carriers.rs"]
mod carriers;

use carriers::{COLUMNS, everywhere};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use prost::Message;
use serde_json::{Value, json};
use support::every_way::{Export, Exporter, Said, Way};
use support::otlp::{attribute, text};
use support::server::folder;
use support::{Server, tables};
use tempfile::TempDir;

/// A batch is stored as soon as it is there: these tests send one request after the other.
const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";

/// What is said of the attributes where they stand on metrics, on log records and on spans.
fn said_everywhere(exporter: &mut Exporter, attributes: &[KeyValue]) -> [Said; 3] {
    let (metrics, logs, traces) = everywhere(attributes);
    // What is to be said of a series is said when it is new, so each way has one of its own.
    let [metrics, second, third] = Way::ALL.map(|way| exporter.send(way, &named(&metrics, way), &[]));
    assert_eq!((&metrics, &metrics), (&second, &third), "the same request, the same answer");
    [metrics, exporter.send_every_way(&logs), exporter.send_every_way(&traces)]
}

/// The request with a metric of another name.
fn named(metrics: &ExportMetricsServiceRequest, way: Way) -> ExportMetricsServiceRequest {
    let mut request = metrics.clone();
    request.resource_metrics[0].scope_metrics[0].metrics[0].name = format!("{way:?}");
    request
}

/// The distinct maps of each column that holds attributes.
fn stored(folder: &TempDir) -> Vec<(&'static str, Vec<Value>)> {
    let selects = COLUMNS.map(|(name, select)| format!("SELECT DISTINCT '{name}', map FROM ({select})"));
    let rows = tables::rows(folder, &selects.join(" UNION ALL "));
    let of = |name: &str| rows.iter().filter(|row| row[0] == name).map(|row| row[1].clone()).collect();
    COLUMNS.iter().map(|(name, _)| (*name, of(name))).collect()
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

#[test]
fn values_of_every_type_become_text_wherever_attributes_stand() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 1);
    let list = ArrayValue {
        values: vec![
            any(Any::StringValue("a\"b".into())),
            any(Any::DoubleValue(f64::NAN)),
            AnyValue { value: None },
        ],
    };
    let map =
        KeyValueList { values: vec![text("k", "v"), attribute("n", Some(Any::ArrayValue(list.clone())))] };
    let cases = [
        ("array", Some(Any::ArrayValue(list)), "[\"a\\\"b\",\"NaN\",null]"),
        ("bool", Some(Any::BoolValue(true)), "true"),
        ("bytes", Some(Any::BytesValue(vec![0, 255, 7])), "AP8H"),
        ("double", Some(Any::DoubleValue(0.1)), "0.1"),
        ("empty", None, ""),
        ("infinity", Some(Any::DoubleValue(f64::NEG_INFINITY)), "-Infinity"),
        ("int", Some(Any::IntValue(42)), "42"),
        ("least", Some(Any::IntValue(i64::MIN)), "-9223372036854775808"),
        ("map", Some(Any::KvlistValue(map)), "{\"k\":\"v\",\"n\":[\"a\\\"b\",\"NaN\",null]}"),
        ("nan", Some(Any::DoubleValue(f64::NAN)), "NaN"),
        ("string", Some(Any::StringValue("tab\t \u{1F600}\0".into())), "tab\t \u{1F600}\0"),
    ];
    let attributes: Vec<KeyValue> =
        cases.iter().map(|(key, value, _)| attribute(key, value.clone())).collect();
    assert_eq!(
        said_everywhere(&mut exporter, &attributes),
        [const { Said { rejected: 0, message: String::new() } }; 3]
    );
    assert!(server.stop().status.success());
    let expected: Value = cases
        .iter()
        .map(|(key, _, text)| (key.to_string(), json!(text)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    for (column, maps) in stored(&folder) {
        assert_eq!(maps, std::slice::from_ref(&expected), "{column}");
    }
}

#[test]
fn of_the_same_key_the_last_one_counts_and_one_without_a_key_is_dropped_with_a_warning() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 2);
    let attributes = [text("same", "first"), text("", "nameless"), text("other", "x"), text("same", "last")];
    for said in said_everywhere(&mut exporter, &attributes) {
        assert_eq!(said.rejected, 0, "{said:?}");
        assert!(said.message.contains("of attributes with the same key the last was kept"), "{said:?}");
        assert!(said.message.contains("attributes with an empty key were dropped"), "{said:?}");
    }
    assert!(server.stop().status.success());
    for (column, maps) in stored(&folder) {
        assert_eq!(maps, [json!({ "same": "last", "other": "x" })], "{column}");
    }
}

/// A message of which each `QQQQ` becomes four bytes that are no text.
fn spoilt(message: &impl Message) -> Vec<u8> {
    let mut bytes = message.encode_to_vec();
    while let Some(at) = bytes.windows(4).position(|four| four == b"QQQQ") {
        bytes[at..at + 4].copy_from_slice(b"\xffa\xc0b");
    }
    bytes
}

#[test]
fn bytes_that_are_no_text_are_replaced_with_a_warning_and_cost_nothing_else() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 3);
    let (metrics, logs, traces) = everywhere(&[text("key.QQQQ", "value.QQQQ")]);
    for said in [
        exporter.send_http::<ExportMetricsServiceRequest>(&spoilt(&named(&metrics, Way::HttpProtobuf)), &[]),
        exporter.send_grpc::<ExportMetricsServiceRequest>(&spoilt(&named(&metrics, Way::Grpc)), &[]),
        exporter.send_both_ways::<ExportLogsServiceRequest>(&spoilt(&logs)),
        exporter.send_both_ways::<ExportTraceServiceRequest>(&spoilt(&traces)),
    ] {
        assert!(
            said.rejected == 0 && said.message.contains("bytes that are not UTF-8 were replaced"),
            "{said:?}"
        );
    }
    assert!(server.stop().status.success());
    for (column, maps) in stored(&folder) {
        assert_eq!(maps, [json!({ "key.\u{fffd}a\u{fffd}b": "value.\u{fffd}a\u{fffd}b" })], "{column}");
    }
}

/// *Scenario*: the operator allows three attributes of 16 bytes with values of 64.
#[test]
fn what_is_beyond_the_limits_is_cut_or_dropped_and_counted() {
    let folder = folder();
    let limits = "attributes_max = 3\nattribute_key_bytes_max = \"16B\"\nattribute_value_bytes_max = \"64B\"";
    let server = Server::start(&folder, &format!("{AT_ONCE}\n{limits}"));
    let mut exporter = Exporter::open(&server, 4);
    let long = text(&format!("a{}", "k".repeat(20)), &"v".repeat(100));
    for said in said_everywhere(
        &mut exporter,
        &[long, text("b", "x"), text("c", "x"), text("d", "x"), text("e", "x")],
    ) {
        assert_eq!(said.rejected, 0, "{said:?}");
        assert!(said.message.contains("over-long attribute keys or values were cut"), "{said:?}");
        assert!(said.message.contains("were dropped"), "{said:?}");
    }
    assert!(server.stop().status.success());
    let key = format!("a{}", "k".repeat(15));
    for (column, maps) in stored(&folder) {
        assert_eq!(maps, [json!({ key.clone(): "v".repeat(64), "b": "x", "c": "x" })], "{column}");
    }
    for select in [
        "SELECT DISTINCT resource_dropped_attributes, scope_dropped_attributes FROM telemetryflow.metric_series",
        "SELECT DISTINCT ResourceDroppedAttributesCount, ScopeDroppedAttributesCount FROM telemetryflow.otel_logs",
        "SELECT DISTINCT ResourceDroppedAttributesCount, ScopeDroppedAttributesCount FROM telemetryflow.otel_traces",
        "SELECT DISTINCT DroppedAttributesCount, 2 FROM telemetryflow.otel_logs",
        "SELECT DISTINCT DroppedAttributesCount, Events.DroppedAttributesCount[1] FROM telemetryflow.otel_traces",
        "SELECT DISTINCT Links.DroppedAttributesCount[1], 2 FROM telemetryflow.otel_traces",
    ] {
        assert_eq!(tables::rows(&folder, select), [json!([2, 2])], "{select}");
    }
}

#[test]
fn values_nested_64_deep_are_kept_and_deeper_ones_cost_their_own_item() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 5);
    let nested = |depth: usize| {
        (0..depth).fold(Any::IntValue(1), |inner, _| Any::ArrayValue(ArrayValue { values: vec![any(inner)] }))
    };
    let reason = "attribute values are nested more than 64 deep";
    let deep = [attribute("deep", Some(nested(64)))];
    assert_eq!(
        said_everywhere(&mut exporter, &deep),
        [const { Said { rejected: 0, message: String::new() } }; 3]
    );
    let (metrics, logs, traces) = everywhere(&[attribute("deep", Some(nested(65)))]);
    let said = [
        exporter.send_both_ways::<ExportMetricsServiceRequest>(&metrics.encode_to_vec()),
        exporter.send_both_ways::<ExportLogsServiceRequest>(&logs.encode_to_vec()),
        exporter.send_both_ways::<ExportTraceServiceRequest>(&traces.encode_to_vec()),
        exporter.send_json::<ExportLogsServiceRequest>(
            &logs.json(&mut support::otlp_json::Writer(fastrand::Rng::with_seed(5))),
            &[],
        ),
    ];
    for said in said {
        assert!(said.rejected == 1 && said.message.contains(reason), "{said:?}");
    }
    assert!(server.stop().status.success());
    for (column, maps) in stored(&folder) {
        assert_eq!(maps, [json!({ "deep": format!("{}1{}", "[".repeat(64), "]".repeat(64)) })], "{column}");
    }
}
