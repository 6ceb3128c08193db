//! Scenario: a caller puts into every parameter of a query what would do harm if any of it became SQL.
//! Guarantees: it is taken as data or refused as the caller's mistake, never with a 5xx; the tables are as they were.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use support::otlp::{assert_taken, body, gauge, int, labelled, ten_minutes_ago};
use support::server::folder;
use support::{Server, encoded};

/// Texts that would do harm wherever text becomes SQL, a template, a path or a number.
const HOSTILE: [&str; 16] = [
    "'",
    "\"",
    "\\",
    "\\'",
    "`",
    "' OR 1=1 --",
    "'; DROP TABLE telemetryflow.metric_samples; --",
    "x); DROP DATABASE telemetryflow; SELECT (1",
    "{x:Identifier}",
    "{metric:String}",
    "{{filter}}",
    "/* */ UNION ALL SELECT * FROM system.users",
    "\u{0}",
    "\n\t\u{202e}\u{feff}",
    "99999999999999999999999",
    "-1",
];

#[test]
fn hostile_texts_in_every_parameter_of_a_query_are_data_and_the_tables_stay() {
    let folder = folder();
    let server = Server::start(&folder, "");
    let point = labelled(int(ten_minutes_ago(), 42), &[("host", "a")]);
    assert_taken(&server.post_metrics(&body(vec![gauge("good", vec![point])]), &[]));
    let good = "metricName=good&start=now-1h&aggregation=last&groupBy=host&cache=bypass";
    let expected = server.get(&format!("/api/v2/metrics?{good}")).json()["series"].clone();
    assert_eq!(expected[0]["labels"]["host"], "a");

    for text in HOSTILE {
        let hostile = encoded(text);
        let quoted = encoded(&format!("\"{}\"", text.replace('"', "\\\"")));
        for query in [
            format!("metricName={hostile}"),
            format!("metricName=good&serviceName={hostile}"),
            format!("metricName=good&serviceName=a&serviceName={hostile}"),
            format!("metricName=good&groupBy={hostile}"),
            format!("metricName=good&groupBy=host,{hostile}"),
            format!("metricName=good&filter={hostile}"),
            format!("metricName=good&filter={quoted}%3D{quoted}"),
            format!("metricName=good&filter=host%3D{quoted}"),
            format!("metricName=good&filter=host!%3D{quoted}"),
            format!("metricName=good&filter=host%3D~{quoted}"),
            format!("metricName=good&filter=host!~{quoted}"),
            format!("metricName=good&filter=host%20in%20({quoted},{quoted})"),
            format!("metricName=good&filter={quoted}%20exists"),
            format!("metricName=good&attr[{hostile}]=x"),
            format!("metricName=good&attr[host]={hostile}"),
            format!("metricName=good&interval={hostile}"),
            format!("metricName=good&aggregation={hostile}"),
            format!("metricName=good&startTime={hostile}"),
            format!("metricName=good&endTime={hostile}"),
            format!("metricName=good&limit={hostile}"),
            format!("metricName=good&cache={hostile}"),
            format!("metricName=good&{hostile}=1"),
            format!("search={hostile}"),
            format!("serviceName={hostile}"),
            format!("cursor={hostile}"),
            format!("limit={hostile}"),
        ] {
            let answer = server.get(&format!("/api/v2/metrics?{query}"));
            assert!([200, 400, 404].contains(&answer.status), "{text:?} in {query}: {}", answer.text());
            let json = answer.json();
            let asks_for_equals = ["filter=host%3D", "attr[host]=", "serviceName="];
            if answer.status == 200 && asks_for_equals.iter().any(|part| query.contains(part)) {
                let found = if json["series"].is_array() { &json["series"] } else { &json["metrics"] };
                assert_eq!(*found, serde_json::json!([]), "{text:?} in {query}");
            }
        }
    }
    for text in HOSTILE {
        let hostile = encoded(text);
        let quoted = encoded(&format!("\"{}\"", text.replace('"', "\\\"")));
        for query in [
            format!("metadata?metricName={hostile}"),
            format!("labels?metricName={hostile}"),
            format!("labels?search={hostile}"),
            format!("labels?filter={quoted}%3D{quoted}"),
            format!("labels?cursor={hostile}"),
            format!("labels/values?label={hostile}"),
            format!("labels/values?label=host&search={hostile}"),
            format!("labels/values?label=host&attr[{hostile}]={hostile}"),
            format!("labels/values?label=host&cursor=1-{hostile}"),
            format!("series?metricName={hostile}"),
            format!("series?metricName=good&filter=host%3D~{quoted}"),
            format!("series?metricName=good&cursor={hostile}"),
            format!("cardinality?metricName={hostile}"),
            format!("cardinality?serviceName={hostile}"),
            format!("cardinality?limit={hostile}"),
            format!("exemplars?metricName={hostile}"),
            format!("exemplars?metricName=good&attr[{hostile}]={hostile}"),
            format!("exemplars?metricName=good&cursor={hostile}-{hostile}"),
        ] {
            let answer = server.get(&format!("/api/v2/metrics/{query}"));
            assert!([200, 400, 404].contains(&answer.status), "{text:?} in {query}: {}", answer.text());
        }
    }
    let again = server.get(&format!("/api/v2/metrics?{good}")).json()["series"].clone();
    assert_eq!(again, expected);
    assert_eq!(server.get("/readyz").status, 200);
}
