//! What no client sends: deep nesting, endless repetition, mangled bytes. Always an answer, within the memory that was asked for.

use proptest::prelude::*;

use super::*;
use crate::platform::http::ByteBudget;
use crate::telemetry::domain::{Findings, Rejection};
use crate::telemetry::presentation::otlp::attributes::{AttributeReader, AttributesError, DEPTH_MAX};
use crate::telemetry::presentation::otlp::meter::MeterError;
use crate::telemetry::presentation::otlp::wire::Reader;

/// A value within so many others.
fn nested(depth: usize, [open, close]: [&str; 2]) -> String {
    format!("{}{}{}", open.repeat(depth), r#"{"intValue":"1"}"#, close.repeat(depth))
}

const ARRAYS: [&str; 2] = [r#"{"arrayValue":{"values":["#, "]}}"];
const MAPS: [&str; 2] = [r#"{"kvlistValue":{"values":[{"key":"k","value":"#, "}]}}"];

/// How deep prost sees values within a value.
fn depth(value: Option<&AnyValue>) -> usize {
    match value.and_then(|any| any.value.as_ref()) {
        Some(Any::ArrayValue(array)) => 1 + depth(array.values.first()),
        Some(Any::KvlistValue(map)) => 1 + depth(map.values.first().and_then(|entry| entry.value.as_ref())),
        _ => 0,
    }
}

#[test]
fn values_keep_their_nesting() {
    for sent in [0, 1, 10, 20] {
        for brackets in [ARRAYS, MAPS] {
            let body = format!(r#""body":{}"#, nested(sent, brackets));
            assert_eq!(depth(record(&body).unwrap().body.as_ref()), sent);
        }
    }
}

#[test]
fn the_rules_for_attributes_refuse_what_is_too_deep_and_only_that() {
    for (sent, refused) in [(DEPTH_MAX, false), (DEPTH_MAX + 1, true), (DEPTH_MAX + 7, true), (900, true)] {
        for brackets in [ARRAYS, MAPS] {
            let attribute = format!(r#"{{"key":"a","value":{}}}"#, nested(sent, brackets));
            let body = format!(r#"{{"resourceLogs":[{{"resource":{{"attributes":[{attribute}]}}}}]}}"#);
            let bytes = read(Signal::Logs, body.as_bytes()).unwrap();
            // The request, its one resource's logs, the resource, its one attribute.
            let attribute = [1, 1, 1].iter().fold(&*bytes, |message, number| {
                let (found, value) = Reader::new(message).next_field().unwrap().unwrap();
                assert_eq!(found, *number);
                value.bytes().unwrap()
            });
            let answer = AttributeReader::default().read(attribute, &mut Findings::new(Signal::Logs));
            let expected = AttributesError::Rejected(Rejection::AttributesTooDeep);
            assert_eq!(answer.err(), refused.then_some(expected), "{sent}");
        }
    }
}

#[test]
fn nesting_that_nobody_means_is_refused_and_no_stack_overflows() {
    let deep = 100_000;
    let balanced = |open: &str, close: &str| format!("{}0{}", open.repeat(deep), close.repeat(deep));
    let bodies = [
        balanced("[", "]"),
        balanced(r#"{"a":"#, "}"),
        balanced(r#"{"resourceLogs":[{"scopeLogs":["#, "]}]}"),
        format!(r#"{{"x":{}}}"#, balanced("[", "]")),
        format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}}}]}}]}}]}}"#,
            nested(deep, ARRAYS)
        ),
        format!(
            r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}}}]}}]}}]}}"#,
            nested(deep, MAPS)
        ),
        "[".repeat(8 << 20),
        r#"{"a":"#.repeat(1 << 20),
    ];
    for body in bodies {
        assert_eq!(read(Signal::Logs, body.as_bytes()), Err(JsonError::TooDeep));
    }
}

#[test]
fn repetition_without_end_is_answered() {
    let cases = [
        ("]".repeat(8 << 20), Err(JsonError::Syntax)),
        ("\"".repeat(8 << 20), Err(JsonError::Syntax)),
        ("\\".repeat(8 << 20), Err(JsonError::Syntax)),
        ("1 ".repeat(4 << 20), Err(JsonError::Syntax)),
        (" ".repeat(8 << 20), Err(JsonError::Syntax)),
        (format!("{{{}\"a\":1}}", "\"a\":1,".repeat(1 << 20)), Ok(0)),
        (format!(r#"{{"resourceLogs":[{}{{}}]}}"#, "{},".repeat(1 << 20)), Ok(2 * ((1 << 20) + 1))),
        (format!(r#"{{{}"resourceLogs":[]}}"#, r#""resourceLogs":[{}],"#.repeat(1 << 18)), Ok(0)),
    ];
    for (body, expected) in cases {
        let start = body.get(..20).unwrap().to_owned();
        assert_eq!(read(Signal::Logs, body.as_bytes()).map(|bytes| bytes.len()), expected, "{start}");
    }
}

#[test]
fn numbers_without_end_are_answered() {
    let digits = "9".repeat(1 << 20);
    for number in [format!("1e{digits}"), format!("-1e{digits}"), digits.clone()] {
        assert_eq!(point(&format!(r#""asDouble":{number}"#)), Err(JsonError::Syntax));
        assert_eq!(
            point(&format!(r#""asDouble":"{number}""#)),
            Err(JsonError::NotANumber { field: "asDouble" })
        );
    }
    let small = point(&format!(r#""asDouble":1e-{digits},"timeUnixNano":0e{digits}"#)).unwrap();
    assert_eq!(small.time_unix_nano, 0);
    let whole = point(&format!(r#""timeUnixNano":"1.{}e0""#, "0".repeat(1 << 20))).unwrap();
    assert_eq!(whole.time_unix_nano, 1);
    // Each is looked up in the text: that goes once through it, not once for each.
    let points = r#"{"timeUnixNano":1.0},"#.repeat(100_000);
    let many = metric(&format!(r#""gauge":{{"dataPoints":[{points}{{}}]}}"#)).unwrap();
    assert!(matches!(many.data, Some(Data::Gauge(gauge)) if gauge.data_points[99_999].time_unix_nano == 1));
}

/// Bytes that are taken from the meter for each byte of a body.
fn cost(body: &str) -> usize {
    let mut meter = Meter::unlimited();
    JsonReader::default().transcode(Signal::Logs, body.as_bytes(), &mut meter).unwrap();
    meter.used() / body.len()
}

#[test]
fn memory_is_asked_for_by_what_the_body_holds() {
    let records = |record: &str| {
        let records = format!("{record},").repeat(20_000);
        format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{records}{{}}]}}]}}]}}"#)
    };
    let usual = r#"{"timeUnixNano":"1544712660300000000","severityNumber":9,"severityText":"INFO","traceId":"5b8efff798038103d269b633813fc60c",
        "body":{"stringValue":"GET /api/v2/users answered 200 in 12 ms"},"attributes":[{"key":"http.route","value":{"stringValue":"/api/v2/users"}}]}"#;
    assert_eq!(cost(&records(usual)), 10);
    assert_eq!(cost(&records("{}")), 44);
    assert_eq!(
        cost(&records(r#"{"body":{"stringValue":"LONG"}}"#.replace("LONG", &"x".repeat(2_000)).as_str())),
        4
    );
}

#[test]
fn without_memory_the_request_is_refused_before_it_is_parsed() {
    let body = format!(r#"{{"resourceLogs":[{}{{}}]}}"#, "{},".repeat(10_000));
    let mut unlimited = Meter::unlimited();
    JsonReader::default().transcode(Signal::Logs, body.as_bytes(), &mut unlimited).unwrap();
    let needed = unlimited.used();
    let refused = Some(JsonError::Meter(MeterError::TooMuch));
    for (budget, expected) in [(needed, None), (needed - 1, refused), (100_000, refused)] {
        let budget = ByteBudget::new(budget);
        let mut share = budget.try_reserve(0).unwrap();
        let mut reader = JsonReader::default();
        let answer = reader.transcode(Signal::Logs, body.as_bytes(), &mut Meter::new(&mut share));
        assert_eq!(answer.err(), expected);
    }
}

#[test]
fn a_reader_is_used_again_whatever_came_before() {
    let mut reader = JsonReader::default();
    let good = br#"{"resourceLogs":[{"schemaUrl":"s"}]}"#;
    let expected = read(Signal::Logs, good).unwrap();
    let large = format!(r#"{{"resourceLogs":[{}{{}}]}}"#, r#"{"schemaUrl":"a long text"},"#.repeat(10_000));
    for other in [
        "{",
        "[]",
        r#"{"resourceLogs":[{"schemaUrl":"x","resource":{"attributes":[{"key":1}]}}]}"#,
        &large,
        "{}",
    ] {
        for bytes_max in [0, usize::MAX] {
            let _ = reader.transcode(Signal::Logs, other.as_bytes(), &mut Meter::unlimited());
            reader.shrink(bytes_max);
            assert_eq!(reader.transcode(Signal::Logs, good, &mut Meter::unlimited()), Ok(&*expected));
        }
    }
}

const SEEDS: [&str; 3] = [
    r#"{"resourceMetrics":[{"resource":{"attributes":[{"key":"a","value":{"stringValue":"\u00e9x"}}]},"scopeMetrics":[{"metrics":[{"name":"m","sum":{"dataPoints":[{"asInt":"12","timeUnixNano":1.5e3,"asDouble":-2.5}],"aggregationTemporality":2,"isMonotonic":true}}]}]}]}"#,
    r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AAE="}}]}},"severityNumber":"SEVERITY_NUMBER_INFO","traceId":"5b8e"}]}]}]}"#,
    r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"s","kind":2,"events":[{"name":null}],"status":{"code":1}}]}]}]}"#,
];

/// Whatever it says, it is the verdict of a parser that shares nothing with ours, and what is written can be read.
fn check(body: &[u8]) {
    let mut depth = 0_usize;
    let deep = body.iter().any(|byte| {
        depth += usize::from(matches!(byte, b'[' | b'{'));
        depth > 120
    });
    let valid = serde_json::from_slice::<serde_json::Value>(body).is_ok();
    for signal in Signal::ALL {
        match read(signal, body) {
            Ok(bytes) => {
                assert!(valid || deep, "{:?}", String::from_utf8_lossy(body));
                let ok = match signal {
                    Signal::Metrics => ExportMetricsServiceRequest::decode(&*bytes).is_ok(),
                    Signal::Logs => ExportLogsServiceRequest::decode(&*bytes).is_ok(),
                    Signal::Traces => ExportTraceServiceRequest::decode(&*bytes).is_ok(),
                };
                assert!(ok || deep, "{:?}", String::from_utf8_lossy(body));
            }
            Err(JsonError::Syntax) => assert!(!valid, "{:?}", String::from_utf8_lossy(body)),
            Err(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_have_the_verdict_of_another_parser(body in proptest::collection::vec(
        prop_oneof![4 => prop::sample::select(br#"{}[]:,"\ u10.e-truefalsn"#.to_vec()), 1 => any::<u8>()],
        0..80,
    )) {
        check(&body);
        check(&[b"{\"a\":", &*body, b"}"].concat());
    }

    #[test]
    fn mangled_requests_have_the_verdict_of_another_parser(
        seed in 0..SEEDS.len(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0..4_u8, any::<u8>(), any::<prop::sample::Index>()), 1..4),
    ) {
        let mut body = SEEDS[seed].as_bytes().to_vec();
        for (at, change, byte, other) in changes {
            let (at, other) = (at.index(body.len()), other.index(body.len()));
            match change {
                0 => body[at] = byte,
                1 => body[at] = br#"{}[]:,"\ 0-.eN"#[usize::from(byte) % 14],
                2 => { body.remove(at); }
                _ => body.swap(at, other),
            }
        }
        check(&body);
    }
}
