//! Rule by rule (otlp.md, "JSON"): a piece of JSON and what prost sees after it.

use opentelemetry_proto::tonic::common::v1::{ArrayValue, KeyValue, KeyValueList};
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;

use super::*;

fn text(text: &str) -> Any {
    Any::StringValue(text.to_owned())
}

fn any(value: Any) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn wrong_type<T>(field: &'static str) -> Result<T, JsonError> {
    Err(JsonError::WrongType { field })
}

#[test]
fn an_empty_request_is_valid_and_anything_but_an_object_is_not() {
    for body in ["{}", " {} ", r#"{"resourceMetrics":[]}"#, r#"{"resourceMetrics":null}"#, r#"{"x":1}"#] {
        assert_eq!(metrics(body), Ok(ExportMetricsServiceRequest::default()), "{body}");
    }
    for body in ["null", "[]", "[{}]", "1", "1.5", "true", r#""""#, r#""{}""#] {
        assert_eq!(metrics(body), Err(JsonError::NotAnObject), "{body}");
    }
    for body in [
        "",
        " ",
        "{",
        "}",
        "{}}",
        "{}{}",
        "{} x",
        "{},",
        "\u{feff}{}",
        "{}\0",
        "{'a':1}",
        "{a:1}",
        "{\"a\":}",
    ] {
        assert_eq!(metrics(body), Err(JsonError::Syntax), "{body}");
    }
    let body = r#"{"resourceMetrics":[{},{"scopeMetrics":[{}]},{"scopeMetrics":[{"metrics":[{}]}]}]}"#;
    assert_eq!(metrics(body).unwrap().resource_metrics.len(), 3);
}

#[test]
fn each_signal_has_its_own_request() {
    let body = r#"{"resourceMetrics":[{}],"resourceLogs":[{},{}],"resourceSpans":[{},{},{}]}"#;
    assert_eq!(metrics(body).unwrap().resource_metrics.len(), 1);
    assert_eq!(logs(body).unwrap().resource_logs.len(), 2);
    assert_eq!(traces(body).unwrap().resource_spans.len(), 3);
}

#[test]
fn snake_case_and_unknown_members_are_ignored_at_every_level() {
    let noise = r#""resource_metrics":[{}],"x":{"resourceMetrics":[[]]},"time_unix_nano":"1","":0,"Name":"N","as_int":1"#;
    let body = format!(
        r#"{{{noise},"resourceMetrics":[{{{noise},"resource":{{{noise}}},"scopeMetrics":[{{{noise},"scope":{{{noise}}},
           "metrics":[{{{noise},"name":"m","gauge":{{{noise},"dataPoints":[{{{noise},"asInt":"7"}}]}}}}]}}]}}]}}"#
    );
    let clean = r#"{"resourceMetrics":[{"resource":{},"scopeMetrics":[{"scope":{},"metrics":[{"name":"m",
                   "gauge":{"dataPoints":[{"asInt":"7"}]}}]}]}]}"#;
    assert_eq!(metrics(&body), metrics(clean));
    assert_eq!(metrics(clean).unwrap().resource_metrics[0].scope_metrics[0].metrics[0].name, "m");
    for profiles_only in
        [r#"{"stringValue":"a","stringValueStrindex":3}"#, r#"{"stringValueStrindex":"x","stringValue":"a"}"#]
    {
        assert_eq!(value(profiles_only), Ok(Some(text("a"))));
    }
}

#[test]
fn escapes_are_resolved_in_names_and_texts() {
    assert_eq!(
        record("\"event\\u004eame\":\"\\u00e9\\ud83d\\ude00\\n\\/\\\"\\u0000\"").unwrap().event_name,
        "é😀\n/\"\0"
    );
    assert_eq!(record(r#""eventName":"é😀""#).unwrap().event_name, "é😀");
    for wrong in [
        r#""\ud800""#,
        r#""\udc00""#,
        r#""\ud800x""#,
        r#""\ud800\u0041""#,
        r#""\x""#,
        r#""\u12""#,
        "\"\n\"",
        "\"\t\"",
    ] {
        assert_eq!(record(&format!(r#""eventName":{wrong}"#)), Err(JsonError::Syntax), "{wrong}");
        assert_eq!(record(&format!(r#""unknown":{wrong}"#)), Err(JsonError::Syntax), "{wrong}");
    }
    for wrong in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xe2\x82"] {
        assert_eq!(read(Signal::Logs, &[b"{\"a\":\"", wrong, b"\"}"].concat()), Err(JsonError::Syntax));
        assert_eq!(read(Signal::Logs, &[b"{\"", wrong, b"\":0}"].concat()), Err(JsonError::Syntax));
    }
}

#[test]
fn ids_are_hexadecimal_and_never_become_another_id() {
    let trace = |id: &str| span(&format!(r#""traceId":"{id}""#)).unwrap().trace_id;
    assert_eq!(
        trace("5B8EFFF798038103D269B633813FC60c"),
        0x5B8E_FFF7_9803_8103_D269_B633_813F_C60C_u128.to_be_bytes()
    );
    assert_eq!(trace(""), [0_u8; 0]);
    assert_eq!(trace("EEE19B7EC3C1B174"), 0xEEE1_9B7E_C3C1_B174_u64.to_be_bytes());
    for wrong in [
        "W47/95gDgQPSabYzgT/GDA==", // 16 bytes in base64
        "7uGbfsPBsXQ=",             // 8 bytes in base64
        "5B8EFFF798038103D269B633813FC60",
        "5B8EFFF798038103D269B633813FC60cc",
        "5B8EFFF798038103D269B633813FC60g",
        "g",
        "0x8EFFF798038103D269B633813FC60c",
        "5b8efff7-9803-8103-d269-b633813fc60c",
        " ",
    ] {
        assert!(![0, 8, 16].contains(&trace(wrong).len()), "{wrong}");
    }
    let ids = r#""spanId":"eee19b7ec3c1b174","parentSpanId":"EEE19B7EC3C1B173","links":[{"traceId":"01","spanId":"zz"}]"#;
    let span_ids = span(ids).unwrap();
    assert_eq!(span_ids.span_id, 0xEEE1_9B7E_C3C1_B174_u64.to_be_bytes());
    assert_eq!(span_ids.parent_span_id, 0xEEE1_9B7E_C3C1_B173_u64.to_be_bytes());
    assert_eq!((&*span_ids.links[0].trace_id, span_ids.links[0].span_id.len()), (&[1][..], 1));
    let exemplar = &point(r#""exemplars":[{"traceId":"0a0B","spanId":"Ff"}]"#).unwrap().exemplars[0];
    assert_eq!((&*exemplar.trace_id, &*exemplar.span_id), (&[10, 11][..], &[255][..]));
    assert_eq!(span(r#""traceId":5"#), wrong_type("traceId"));
    assert_eq!(span(r#""traceId":null"#).unwrap().trace_id, [0_u8; 0]);
}

#[test]
fn enums_are_numbers_or_known_names() {
    let kind = |kind: &str| span(&format!(r#""kind":{kind}"#)).map(|span| span.kind);
    let cases = [
        ("2", 2),
        (r#""SPAN_KIND_SERVER""#, 2),
        (r#""3""#, 3),
        ("4.0", 4),
        ("77", 77),
        ("-1", -1),
        ("null", 0),
        (r#""-7""#, -7),
    ];
    for (written, expected) in cases {
        assert_eq!(kind(written), Ok(expected), "{written}");
    }
    for name in [r#""SERVER""#, r#""span_kind_server""#, r#""""#, r#"" 2""#, r#""STATUS_CODE_OK""#] {
        assert_eq!(kind(name), Err(JsonError::UnknownName { field: "kind" }), "{name}");
    }
    for number in ["1.5", "2147483648", "-2147483649", r#""1x""#] {
        assert_eq!(kind(number), Err(JsonError::NotANumber { field: "kind" }), "{number}");
    }
    for other in ["true", "{}", "[2]"] {
        assert_eq!(kind(other), wrong_type("kind"), "{other}");
    }
    let status = span(r#""status":{"code":"STATUS_CODE_ERROR","message":"m"}"#).unwrap().status.unwrap();
    assert_eq!((status.code, &*status.message), (2, "m"));
    assert_eq!(record(r#""severityNumber":"SEVERITY_NUMBER_INFO""#).unwrap().severity_number, 9);
    let sum =
        metric(r#""sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_CUMULATIVE"}"#).unwrap().data;
    assert!(matches!(sum, Some(Data::Sum(sum)) if sum.aggregation_temporality == 2));
}

#[test]
fn null_is_as_if_the_member_was_not_written() {
    let all_null =
        r#""attributes":null,"timeUnixNano":null,"asDouble":null,"asInt":null,"exemplars":null,"flags":null"#;
    assert_eq!(point(all_null), Ok(NumberDataPoint::default()));
    assert_eq!(span(r#""status":null,"traceId":null,"name":null"#), Ok(Span::default()));
    assert_eq!(record(r#""body":null"#), Ok(LogRecord::default()));
    assert_eq!(value(r#"{"stringValue":null}"#), Ok(None));
    // It hides nothing that was said before.
    assert_eq!(point(r#""asInt":5,"asDouble":null"#).unwrap().value, Some(Number::AsInt(5)));
    assert_eq!(point(r#""asInt":5,"asInt":null"#).unwrap().value, Some(Number::AsInt(5)));
}

#[test]
fn null_within_arrays() {
    let array = value(r#"{"arrayValue":{"values":[null,{"intValue":1},null]}}"#).unwrap();
    let empty = AnyValue { value: None };
    let values = vec![empty.clone(), any(Any::IntValue(1)), empty];
    assert_eq!(array, Some(Any::ArrayValue(ArrayValue { values })));
    let map = value(r#"{"kvlistValue":{"values":[null,{"key":"a","value":null},null]}}"#).unwrap();
    let values = vec![KeyValue { key: "a".to_owned(), ..KeyValue::default() }];
    assert_eq!(map, Some(Any::KvlistValue(KeyValueList { values })));
    assert_eq!(point(r#""attributes":[null],"exemplars":[null,{},null]"#).unwrap().exemplars.len(), 1);

    let histogram = |members: &str| metric(&format!(r#""histogram":{{"dataPoints":[{{{members}}}]}}"#));
    match histogram(r#""explicitBounds":[1,null,3]"#).unwrap().data {
        Some(Data::Histogram(histogram)) => {
            let bounds = &histogram.data_points[0].explicit_bounds;
            assert!(matches!(bounds[..], [1.0, middle, 3.0] if middle.is_nan()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(histogram(r#""bucketCounts":[1,null]"#), wrong_type("bucketCounts"));
    let body = r#"{"resourceLogs":[{"resource":{"entityRefs":[{"idKeys":["a",null]}]}}]}"#;
    assert_eq!(logs(body), wrong_type("idKeys"));
}

#[test]
fn bytes_are_base64_of_either_alphabet_padded_or_not() {
    let bytes = |text: &str| value(&format!(r#"{{"bytesValue":"{text}"}}"#));
    for text in ["+/+/7w==", "-_-_7w==", "+/+/7w", "-_-_7w"] {
        assert_eq!(bytes(text), Ok(Some(Any::BytesValue(vec![0xfb, 0xff, 0xbf, 0xef]))), "{text}");
    }
    assert_eq!(bytes(""), Ok(Some(Any::BytesValue(Vec::new()))));
    for wrong in ["+_+_7w==", "a", "ab=c", "abc=d", "=", "a b c d", "ab==ab==", "é"] {
        assert_eq!(bytes(wrong), Err(JsonError::NotBase64 { field: "bytesValue" }), "{wrong}");
    }
    assert_eq!(value(r#"{"bytesValue":[1]}"#), wrong_type("bytesValue"));
}

#[test]
fn empty_and_default_members_of_a_oneof_are_there() {
    let no_values = Some(Any::ArrayValue(ArrayValue::default()));
    let cases = [
        ("{}", None),
        (r#"{"value":{}}"#, None),
        (r#"{"arrayValue":{}}"#, no_values.clone()),
        (r#"{"arrayValue":{"values":[]}}"#, no_values.clone()),
        (r#"{"arrayValue":{"values":null}}"#, no_values),
        (r#"{"kvlistValue":{}}"#, Some(Any::KvlistValue(KeyValueList::default()))),
        (r#"{"stringValue":""}"#, Some(text(""))),
        (r#"{"boolValue":false}"#, Some(Any::BoolValue(false))),
        (r#"{"boolValue":true}"#, Some(Any::BoolValue(true))),
        (r#"{"intValue":"0"}"#, Some(Any::IntValue(0))),
        (r#"{"intValue":-1}"#, Some(Any::IntValue(-1))),
        (r#"{"doubleValue":0}"#, Some(Any::DoubleValue(0.0))),
    ];
    for (written, expected) in cases {
        assert_eq!(value(written), Ok(expected), "{written}");
    }
    assert_eq!(record(r#""body":{}"#).unwrap().body, Some(AnyValue { value: None }));
    assert_eq!(point(r#""asInt":"0""#).unwrap().value, Some(Number::AsInt(0)));
    assert_eq!(point(r#""asDouble":0"#).unwrap().value, Some(Number::AsDouble(0.0)));
    let attributes = r#""attributes":[{"key":"a","value":{}},{"key":"b"},{}]"#;
    let values: Vec<_> = point(attributes).unwrap().attributes.into_iter().map(|a| a.value).collect();
    assert_eq!(values, [Some(AnyValue { value: None }), None, None]);
    match metric(r#""histogram":{"dataPoints":[{"sum":0,"min":0.0,"max":"0"},{}]}"#).unwrap().data {
        Some(Data::Histogram(histogram)) => {
            let seen: Vec<_> = histogram.data_points.iter().map(|p| (p.sum, p.min, p.max)).collect();
            assert_eq!(seen, [(Some(0.0), Some(0.0), Some(0.0)), (None, None, None)]);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(metric(r#""summary":{}"#).unwrap().data, Some(Data::Summary(Default::default())));
}

#[test]
fn of_members_that_exclude_each_other_the_last_one_counts() {
    assert_eq!(point(r#""asInt":5,"asDouble":1.5"#).unwrap().value, Some(Number::AsDouble(1.5)));
    assert_eq!(point(r#""asDouble":1.5,"asInt":5"#).unwrap().value, Some(Number::AsInt(5)));
    assert_eq!(value(r#"{"stringValue":"a","intValue":1,"stringValue":"b"}"#), Ok(Some(text("b"))));
    assert_eq!(record(r#""eventName":"a","severityText":"s","eventName":"b""#).unwrap().event_name, "b");
    // Neither joined nor merged.
    let spans = span(
        r#""events":[{"name":"a"},{}],"status":{"code":1},"events":[{"name":"b"}],"status":{"message":"m"}"#,
    );
    let spans = spans.unwrap();
    assert_eq!(spans.events.iter().map(|event| &*event.name).collect::<Vec<_>>(), ["b"]);
    assert_eq!(spans.status.map(|status| (status.code, status.message)), Some((0, "m".to_owned())));
    assert_eq!(span(r#""events":[{}],"events":[]"#), Ok(Span::default()));
    assert!(matches!(metric(r#""gauge":{"dataPoints":[{}]},"sum":{},"gauge":{}"#).unwrap().data,
        Some(Data::Gauge(gauge)) if gauge.data_points.is_empty()));
}

#[test]
fn each_field_takes_its_own_type_only() {
    assert_eq!(record(r#""eventName":1"#), wrong_type("eventName"));
    assert_eq!(record(r#""body":"text""#), wrong_type("body"));
    assert_eq!(record(r#""attributes":{}"#), wrong_type("attributes"));
    assert_eq!(record(r#""attributes":[1]"#), wrong_type("attributes"));
    assert_eq!(record(r#""attributes":[[]]"#), wrong_type("attributes"));
    assert_eq!(span(r#""status":[]"#), wrong_type("status"));
    assert_eq!(span(r#""name":["a"]"#), wrong_type("name"));
    assert_eq!(span(r#""name":true"#), wrong_type("name"));
    for other in ["1", "0", r#""true""#, r#""""#, "{}"] {
        assert_eq!(value(&format!(r#"{{"boolValue":{other}}}"#)), wrong_type("boolValue"), "{other}");
    }
    for other in ["true", "{}", "[]", "[1]"] {
        assert_eq!(value(&format!(r#"{{"intValue":{other}}}"#)), wrong_type("intValue"), "{other}");
        assert_eq!(value(&format!(r#"{{"doubleValue":{other}}}"#)), wrong_type("doubleValue"), "{other}");
    }
    assert_eq!(metrics(r#"{"resourceMetrics":{}}"#), wrong_type("resourceMetrics"));
    // What does not count is not looked at.
    assert_eq!(record(r#""eventName":1,"eventName":"a""#).unwrap().event_name, "a");
}

#[test]
fn errors_are_short_and_say_nothing_of_what_was_sent() {
    let secret = "hunter2-".repeat(100);
    for member in ["severityNumber", "body", "flags", "timeUnixNano", "attributes"] {
        let error = record(&format!(r#""{member}":"{secret}""#)).unwrap_err().to_string();
        assert!(error.len() < 100 && error.contains(member) && !error.contains("hunter"), "{error}");
    }
}
