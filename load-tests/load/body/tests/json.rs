//! Bodies in JSON say the same as those in protobuf, with the names of the specification.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, metric};
use prost::Message;
use serde_json::{Value, json};

use super::{START, body, moment};

const ITEMS: usize = 48;

/// The same request in both encodings, after others were sent from the same bodies.
fn in_both(signal: &str) -> (Vec<u8>, Value) {
    let line = format!("--signal {signal} --items-per-body {ITEMS} --metrics 6 --seed 5");
    let (mut plain, mut json) = (body(&line), body(&format!("{line} --encoding json")));
    for number in 0..3 {
        plain.fill(number, moment(number));
        json.fill(number, moment(number));
    }
    let bytes = json.fill(3, moment(8_000_000)).to_vec();
    let text = String::from_utf8(bytes).unwrap();
    assert!(!text.contains('<'), "{text}");
    (plain.fill(3, moment(8_000_000)).to_vec(), serde_json::from_str(&text).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fields(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn points_are_the_same_in_both_encodings() {
    let (plain, json) = in_both("metrics");
    let plain = ExportMetricsServiceRequest::decode(&plain[..]).unwrap();
    let metrics = &plain.resource_metrics[0].scope_metrics[0].metrics;
    let in_json = json["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    assert_eq!(in_json.len(), metrics.len());
    for (metric, json) in metrics.iter().zip(in_json) {
        let (points, json_points) = match metric.data.as_ref().unwrap() {
            metric::Data::Gauge(gauge) => (&gauge.data_points, &json["gauge"]["dataPoints"]),
            metric::Data::Sum(sum) => {
                assert_eq!(json["sum"]["aggregationTemporality"], sum.aggregation_temporality);
                assert_eq!(json["sum"]["isMonotonic"], true);
                (&sum.data_points, &json["sum"]["dataPoints"])
            }
            other => panic!("{other:?}"),
        };
        assert_eq!((&json["name"], &json["unit"]), (&json!(metric.name), &json!(metric.unit)));
        assert_eq!(json_points.as_array().unwrap().len(), points.len());
        points.iter().zip(json_points.as_array().unwrap()).for_each(|(one, json)| assert_same(one, json));
    }
}

fn assert_same(point: &NumberDataPoint, json: &Value) {
    let start = point.start_time_unix_nano;
    let expected = if start == 0 { Value::Null } else { json!(start.to_string()) };
    assert_eq!(json["startTimeUnixNano"], expected);
    assert_eq!(json["timeUnixNano"], point.time_unix_nano.to_string());
    match point.value.unwrap() {
        Number::AsInt(number) => assert_eq!(json["asInt"], number.to_string()),
        // serde_json may be off by the last bit.
        Number::AsDouble(number) => assert!((json["asDouble"].as_f64().unwrap() - number).abs() < 1e-12),
    }
    let pod = super::text_of(&point.attributes, "k8s.pod.name");
    assert_eq!(json["attributes"][3], json!({"key": "k8s.pod.name", "value": {"stringValue": pod}}));
    assert_eq!(json["attributes"].as_array().unwrap().len(), point.attributes.len());
}

#[test]
fn records_are_the_same_in_both_encodings() {
    let (plain, json) = in_both("logs");
    let plain = ExportLogsServiceRequest::decode(&plain[..]).unwrap();
    let resource = plain.resource_logs[0].resource.as_ref().unwrap();
    let service = super::text_of(&resource.attributes, "service.name");
    assert_eq!(json["resourceLogs"][0]["resource"]["attributes"][0]["value"]["stringValue"], service);
    let records = &plain.resource_logs[0].scope_logs[0].log_records;
    let in_json = json["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().unwrap();
    assert_eq!(in_json.len(), ITEMS);
    for (record, json) in records.iter().zip(in_json) {
        assert_eq!(
            fields(json),
            [
                "attributes",
                "body",
                "flags",
                "observedTimeUnixNano",
                "severityNumber",
                "severityText",
                "spanId",
                "timeUnixNano",
                "traceId"
            ]
        );
        assert_eq!(json["timeUnixNano"], record.time_unix_nano.to_string());
        assert_eq!(json["observedTimeUnixNano"], (record.observed_time_unix_nano).to_string());
        assert_eq!(json["severityNumber"], record.severity_number);
        assert_eq!(
            (&json["traceId"], &json["spanId"]),
            (&json!(hex(&record.trace_id)), &json!(hex(&record.span_id)))
        );
        let id = super::text_of(&record.attributes, "load.id");
        assert_eq!(json["attributes"][0]["value"]["stringValue"], id);
        assert_eq!(json["attributes"][3]["key"], "code.line.number");
        assert!(json["attributes"][3]["value"]["intValue"].as_str().unwrap().parse::<u32>().is_ok());
        let body = record.body.clone().unwrap().value.unwrap();
        let text = json["body"]["stringValue"].as_str().unwrap();
        assert_eq!(
            body,
            opentelemetry_proto::tonic::common::v1::any_value::Value::StringValue(text.to_owned())
        );
    }
}

#[test]
fn spans_are_the_same_in_both_encodings() {
    let (plain, json) = in_both("traces");
    let plain = ExportTraceServiceRequest::decode(&plain[..]).unwrap();
    let spans = &plain.resource_spans[0].scope_spans[0].spans;
    let in_json = json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    assert_eq!(in_json.len(), ITEMS);
    for (span, json) in spans.iter().zip(in_json) {
        let ids = [hex(&span.trace_id), hex(&span.span_id), hex(&span.parent_span_id)];
        assert_eq!(
            ["traceId", "spanId", "parentSpanId"].map(|name| json[name].clone()),
            ids.map(Value::from)
        );
        let times = [span.start_time_unix_nano, span.end_time_unix_nano].map(|time| time.to_string());
        assert_eq!(
            ["startTimeUnixNano", "endTimeUnixNano"].map(|name| json[name].clone()),
            times.map(Value::from)
        );
        assert_eq!((&json["name"], &json["kind"]), (&json!(span.name), &json!(span.kind)));
        let status = span.status.as_ref().unwrap();
        assert_eq!(json["status"], json!({"code": status.code, "message": status.message}));
        assert_eq!(json["attributes"].as_array().unwrap().len(), 13);
        let events = json["events"].as_array().unwrap();
        let times: Vec<_> = events.iter().map(|event| event["timeUnixNano"].clone()).collect();
        let expected: Vec<_> =
            span.events.iter().map(|event| json!(event.time_unix_nano.to_string())).collect();
        assert_eq!(times, expected);
        assert!(span.start_time_unix_nano > START - 1_000_000_000);
    }
}
