//! Scenario: spans as the table "Traces" of `docs/otlp.md` has them are sent in all three encodings.
//! Guarantees: each row is answered alike and stored as the table says; a span that was sent three times is one span.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde_json::json;
use support::every_way::Exporter;
use support::otlp::{MINUTE, moment, now, text};
use support::server::folder;
use support::{Server, tables};

/// A batch is stored as soon as it is there: these tests send one request after the other.
const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";

fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let resource = Resource { attributes: vec![text("service.name", "shop")], ..Resource::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(resource),
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    }
}

fn span(name: &str) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: name.into(),
        start_time_unix_nano: moment(),
        end_time_unix_nano: moment() + 5,
        ..Span::default()
    }
}

#[test]
fn a_span_with_bad_ids_or_times_is_rejected_alone() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 1);
    let (trace, id) =
        ("the trace id is not 16 bytes, or all zero", "the span id is not 8 bytes, or all zero");
    let old = now() - 8 * 24 * 60 * MINUTE;
    for (row, bad, reason) in [
        ("zero trace id", Span { trace_id: vec![0; 16], ..span("bad") }, trace),
        ("empty trace id", Span { trace_id: Vec::new(), ..span("bad") }, trace),
        ("short trace id", Span { trace_id: vec![1; 15], ..span("bad") }, trace),
        ("long trace id", Span { trace_id: vec![1; 32], ..span("bad") }, trace),
        ("zero span id", Span { span_id: vec![0; 8], ..span("bad") }, id),
        ("empty span id", Span { span_id: Vec::new(), ..span("bad") }, id),
        ("wrong length of span id", Span { span_id: vec![1; 16], ..span("bad") }, id),
        ("start 0", Span { start_time_unix_nano: 0, ..span("bad") }, "the span has no start time"),
        (
            "old",
            Span { start_time_unix_nano: old, ..span("bad") },
            "older than [ingest] accept_past or the signal's retention allows",
        ),
    ] {
        let said = exporter.send_every_way(&traces(vec![span("before"), bad, span("after")]));
        assert_eq!(said.rejected, 1, "{row}");
        assert_eq!(said.message, format!("1 spans rejected: {reason} (spans: 'bad')"), "{row}");
    }
    let said = exporter.send_every_way(&traces(vec![Span { trace_id: Vec::new(), ..span("bad") }; 7]));
    assert_eq!(said.rejected, 7, "all bad: rejected = all");
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT SpanName, count() FROM telemetryflow.otel_traces FINAL GROUP BY 1 ORDER BY 1",
    );
    assert_eq!(found, [json!(["after", 1]), json!(["before", 1])]);
}

#[test]
fn an_end_before_the_start_is_no_duration_and_a_warning_and_bad_parents_are_none() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 2);
    for (row, remarkable, warning) in [
        ("end 0", Span { end_time_unix_nano: 0, ..span("end") }, "an end before the span's start"),
        (
            "end < start",
            Span { end_time_unix_nano: moment() - 1, ..span("end") },
            "an end before the span's start",
        ),
        ("parent", Span { parent_span_id: vec![3; 7], ..span("parent") }, "a parent span id"),
        (
            "event",
            Span { events: vec![Event { time_unix_nano: u64::MAX, ..Event::default() }], ..span("event") },
            "an event time after 2100",
        ),
    ] {
        let said = exporter.send_every_way(&traces(vec![remarkable]));
        assert!(said.rejected == 0 && said.message.contains(warning), "{row}: {said:?}");
    }
    exporter.taken_every_way(&traces(vec![Span { end_time_unix_nano: moment(), ..span("instant") }]));
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT SpanName, Duration, ParentSpanId, toString(toUnixTimestamp64Nano(Timestamp)) FROM telemetryflow.otel_traces FINAL ORDER BY 1",
    );
    let start = moment().to_string();
    let expected = [("end", 0), ("event", 5), ("instant", 0), ("parent", 5)];
    assert_eq!(found.len(), 4);
    for (found, (name, duration)) in found.iter().zip(expected) {
        assert_eq!(*found, json!([name, duration, "", start]));
    }
}

#[test]
fn kinds_statuses_counts_states_flags_and_links_come_back_as_they_were_sent() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 3);
    let link = |trace_id: Vec<u8>, span_id: Vec<u8>| Link {
        trace_id,
        span_id,
        trace_state: "link=1".into(),
        attributes: vec![text("of", "link")],
        dropped_attributes_count: 6,
        flags: 0x301,
    };
    let event = Event {
        time_unix_nano: 77,
        name: "event".into(),
        attributes: vec![text("of", "event")],
        dropped_attributes_count: 5,
    };
    let whole = Span {
        trace_state: "vendor=x,other=y".into(),
        parent_span_id: vec![3; 8],
        flags: 0x101,
        kind: 77,
        attributes: vec![text("of", "span")],
        dropped_attributes_count: 1,
        events: vec![event],
        dropped_events_count: 2,
        // Links with bad ids are kept as they are.
        links: vec![
            link(vec![4; 16], vec![5; 8]),
            link(vec![0; 16], Vec::new()),
            link(vec![6; 3], vec![7; 9]),
        ],
        dropped_links_count: 3,
        status: Some(Status { code: -9, message: "because".into() }),
        ..span("whole")
    };
    exporter.taken_every_way(&traces(vec![whole]));
    assert!(server.stop().status.success());
    let found = tables::rows(
        &folder,
        "SELECT TraceState, ParentSpanId, Flags, SpanKindNumber, SpanAttributes, DroppedAttributesCount, Events.Name, \
         arrayMap(t -> toUnixTimestamp64Nano(t), Events.Timestamp)::Array(UInt32), Events.Attributes, Events.DroppedAttributesCount, \
         DroppedEventsCount, Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes, Links.Flags, \
         Links.DroppedAttributesCount, DroppedLinksCount, StatusNumber, StatusMessage FROM telemetryflow.otel_traces FINAL",
    );
    let expected = json!([
        "vendor=x,other=y",
        "03".repeat(8),
        0x101,
        77,
        { "of": "span" },
        1,
        ["event"],
        [77],
        [{ "of": "event" }],
        [5],
        2,
        ["04".repeat(16), "00".repeat(16), "060606"],
        ["05".repeat(8), "", "07".repeat(9)],
        ["link=1", "link=1", "link=1"],
        [{ "of": "link" }, { "of": "link" }, { "of": "link" }],
        [0x301, 0x301, 0x301],
        [6, 6, 6],
        3,
        -9,
        "because"
    ]);
    assert_eq!(found, [expected]);
}

#[test]
fn a_span_that_is_sent_again_is_one_span_of_its_trace() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 4);
    let request = traces(vec![span("one"), span("one"), Span { span_id: vec![9; 8], ..span("two") }]);
    for _ in 0..3 {
        exporter.taken_every_way(&request);
    }
    assert!(server.stop().status.success());
    let found =
        tables::rows(&folder, "SELECT SpanName, SpanId FROM telemetryflow.otel_traces FINAL ORDER BY 1");
    assert_eq!(found, [json!(["one", "02".repeat(8)]), json!(["two", "09".repeat(8)])]);
    let found = tables::rows(&folder, "SELECT DISTINCT TraceId FROM telemetryflow.trace_index");
    assert_eq!(found, [json!(["01".repeat(16)])]);
}
