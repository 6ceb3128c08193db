//! JSON that no SDK would write.

use telemetryflow::shared::Signal;

use crate::watched::{Answered, Watched, Way};
use Answered::{Malformed, Taken, TooLarge};

/// Names of the members around the items of a signal, and an item's own in front of what is added.
const fn names(signal: Signal) -> [&'static str; 3] {
    match signal {
        Signal::Metrics => ["resourceMetrics", "scopeMetrics", "metrics"],
        Signal::Logs => ["resourceLogs", "scopeLogs", "logRecords"],
        Signal::Traces => ["resourceSpans", "scopeSpans", "spans"],
    }
}

/// A request with one resource that has this attribute value, and no items.
fn with_value(signal: Signal, value: &str) -> Vec<u8> {
    let [resources, ..] = names(signal);
    format!(r#"{{"{resources}":[{{"resource":{{"attributes":[{{"key":"k","value":{value}}}]}}}}]}}"#).into()
}

/// A request with these items.
fn with_items(signal: Signal, items: &str) -> Vec<u8> {
    let [resources, scopes, own] = names(signal);
    format!(r#"{{"{resources}":[{{"{scopes}":[{{"{own}":[{items}]}}]}}]}}"#).into()
}

fn nested(depth: usize, open: &str, close: &str) -> String {
    format!("{}{{}}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn nesting_and_endless_lists_cost_no_stack_and_no_memory_beyond_the_budget() {
    let watched = Watched::start();
    const MIB: usize = 1 << 20;
    for signal in Signal::ALL {
        let array = |depth| nested(depth, r#"{"arrayValue":{"values":["#, "]}}");
        let map = |depth| nested(depth, r#"{"kvlistValue":{"values":[{"key":"a","value":"#, "}]}}");
        let number = "1".repeat(MIB);
        let [resources, ..] = names(signal);
        for (body, expected, what) in [
            ("[".repeat(MIB / 2).into(), Malformed, "brackets"),
            (r#"{"a":"#.repeat(MIB / 4).into(), Malformed, "members"),
            ("{},".repeat(MIB / 4).into(), Malformed, "objects behind another"),
            (with_items(signal, &format!("{}{{}}", "{},".repeat(2 * MIB))), TooLarge, "empty items"),
            (with_value(signal, &array(1_000)), Taken, "arrays, 1,000 deep"),
            (with_value(signal, &array(20_000)), Malformed, "arrays, 20,000 deep"),
            (with_value(signal, &map(20_000)), Malformed, "maps, 20,000 deep"),
            (with_value(signal, &map(100_000)), TooLarge, "maps, 100,000 deep"),
            (with_value(signal, &format!(r#"{{"intValue":{number}}}"#)), Malformed, "a gigantic number"),
            (
                with_value(signal, &format!(r#"{{"intValue":"{number}"}}"#)),
                Malformed,
                "a gigantic quoted number",
            ),
            (
                with_value(signal, &format!(r#"{{"doubleValue":1e{number}}}"#)),
                Malformed,
                "a gigantic exponent",
            ),
            (
                with_value(signal, &format!(r#"{{"stringValue":"{}"}}"#, r"\u00e9".repeat(MIB))),
                Taken,
                "escapes",
            ),
            (
                with_value(signal, &format!(r#"{{"stringValue":"{}"#, "x".repeat(MIB))),
                Malformed,
                "half a text",
            ),
            (format!(r#"{{{}"z":0}}"#, r#""a":0,"#.repeat(MIB)).into(), TooLarge, "unknown members"),
            (
                format!(r#"{{{}"z":0}}"#, format!(r#""{resources}":[],"#).repeat(100_000)).into(),
                Taken,
                "duplicate members",
            ),
            (with_value(signal, r#"{"stringValue":"\ud800"}"#), Malformed, "half a surrogate pair"),
            (b"\xff\xfe{}".to_vec(), Malformed, "not UTF-8"),
            (b"null".to_vec(), Malformed, "null"),
            (vec![b' '; 8 * MIB], Malformed, "blanks"),
            (vec![b'"'; MIB / 2], Malformed, "quotation marks"),
        ] {
            watched.assert_answered(Way::Json, signal, &body, expected, what);
        }
    }
    let bounds = format!(
        r#"{{"name":"h","histogram":{{"dataPoints":[{{"explicitBounds":[{}0]}}]}}}}"#,
        "0,".repeat(250_000)
    );
    watched.assert_answered(
        Way::Json,
        Signal::Metrics,
        &with_items(Signal::Metrics, &bounds),
        Taken,
        "bounds",
    );
    let body = format!(r#"{{"body":{}}}"#, nested(50_000, r#"{"arrayValue":{"values":["#, "]}}"));
    watched.assert_answered(
        Way::Json,
        Signal::Logs,
        &with_items(Signal::Logs, &body),
        Malformed,
        "a log body",
    );
}
