//! Unusual but legal bytes, limits, and rejections that cost nobody else.

use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, any_value::Value as Any};
use opentelemetry_proto::tonic::trace::v1::{
    ResourceSpans, ScopeSpans, Span, Status,
    span::{Event, Link},
};

use super::*;
use crate::platform::http::ByteBudget;
use crate::telemetry::domain::{Rejection, Warning};
use crate::telemetry::presentation::otlp::meter::MeterError;
use crate::telemetry::presentation::otlp::oracle::{key_value, text};

fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    }
}

fn span(name: &str) -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: name.into(),
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW + 1,
        ..Span::default()
    }
}

fn too_deep() -> Option<AnyValue> {
    let inner = AnyValue { value: None };
    Some((0..65).fold(inner, |inner, _| AnyValue {
        value: Some(Any::ArrayValue(ArrayValue { values: vec![inner] })),
    }))
}

/// A field of length-delimited bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    prost::encoding::encode_varint(bytes.len() as u64, &mut field);
    field.extend(bytes);
    field
}

#[test]
fn bad_spans_are_named_with_their_reason_and_cost_nobody_else() {
    let decoded = decode(&traces(vec![
        span("good"),
        Span { trace_id: vec![0; 16], ..span("zero") },
        Span { span_id: vec![2; 7], ..span("short") },
        Span { start_time_unix_nano: 0, ..span("timeless") },
        span("good too"),
    ]));
    let names: Vec<_> = (0..2).map(|at| decoded.columns.names.get(at).unwrap()).collect();
    assert_eq!(names, ["good", "good too"]);
    assert_eq!(
        decoded.findings.message(),
        "1 spans rejected: the span has no start time (spans: 'timeless'); \
         1 spans rejected: the trace id is not 16 bytes, or all zero (spans: 'zero'); \
         1 spans rejected: the span id is not 8 bytes, or all zero (spans: 'short')"
    );
}

#[test]
fn what_is_too_deep_within_events_or_links_leaves_nothing_of_its_span() {
    let event = |value| Event { attributes: vec![key_value("k", value)], ..Event::default() };
    let link = |value| Link { attributes: vec![key_value("k", value)], ..Link::default() };
    let whole = Span { events: vec![event(None)], links: vec![link(None)], ..span("whole") };
    let decoded = decode(&traces(vec![
        whole.clone(),
        Span { attributes: vec![text("a", "1"), key_value("k", too_deep())], ..whole.clone() },
        Span { events: vec![event(None), event(too_deep())], ..whole.clone() },
        Span { links: vec![link(None), link(too_deep())], trace_state: "k=v".into(), ..whole.clone() },
        whole,
    ]));
    let columns = &decoded.columns;
    assert_eq!((columns.event_ends(), columns.link_ends()), (&[1, 2][..], &[1, 2][..]));
    assert_eq!((columns.trace_states.text(), columns.attributes.codes().len()), (&b""[..], 0));
    assert_eq!((columns.events.attributes.len(), columns.links.attributes.len()), (2, 2));
    assert!(decoded.findings.rejections().eq([(Rejection::AttributesTooDeep, 3)]));
}

#[test]
fn a_status_in_pieces_is_merged() {
    let piece = |message: &str, code| field(15, &Status { message: message.into(), code }.encode_to_vec());
    let body = [span("s").encode_to_vec(), piece("why", 1), piece("", 2)].concat();
    let bytes = field(1, &field(2, &field(2, &body)));
    let decoded = take_in(&bytes, AttributeLimits::default(), &mut Meter::unlimited()).unwrap();
    let columns = &decoded.columns;
    assert_eq!((columns.rows()[0].status, columns.status_messages.get(0)), (2, Some("why")));
}

#[test]
fn attributes_events_and_links_may_stand_in_any_order() {
    let attribute = |key: &str| field(9, &text(key, "v").encode_to_vec());
    let event = |name: &str| field(11, &Event { name: name.into(), ..Event::default() }.encode_to_vec());
    let mixed =
        [attribute("a"), event("x"), attribute("b"), span("s").encode_to_vec(), event("y"), attribute("c")];
    let bytes = field(1, &field(2, &field(2, &mixed.concat())));
    let decoded = take_in(&bytes, AttributeLimits::default(), &mut Meter::unlimited()).unwrap();
    let keys: Vec<_> = decoded.columns.attributes.row(0).map(|(key, _)| key).collect();
    assert_eq!((keys, decoded.columns.event_ends()), (vec!["a", "b", "c"], &[2][..]));
}

#[test]
fn times_that_cannot_be_are_remarked() {
    let event = Event { time_unix_nano: u64::MAX, ..Event::default() };
    let decoded = decode(&traces(vec![Span {
        events: vec![event],
        end_time_unix_nano: NOW - 1,
        parent_span_id: vec![9; 9],
        ..span("s")
    }]));
    assert_eq!((decoded.columns.len(), &decoded.columns.events.times[..]), (1, &[0][..]));
    let warnings: Vec<_> = decoded.findings.warnings().collect();
    assert_eq!(
        warnings,
        [(Warning::EndBeforeStart, 1), (Warning::ParentIdInvalid, 1), (Warning::EventTimeInvalid, 1)]
    );
}

/// Scenario: two bytes each make an event or a link, and memory for a row is twelve times as much.
/// Guarantees: the request is refused before it holds more than the budget.
#[test]
fn millions_of_empty_events_and_links_stay_within_the_budget() {
    for tag in [0x5a, 0x6a] {
        let body = [span("s").encode_to_vec(), [tag, 0x00].repeat(3_000_000)].concat();
        let bytes = field(1, &field(2, &field(2, &body)));
        let budget = ByteBudget::new(16 << 20);
        let mut share = budget.try_reserve(0).unwrap();
        let refused = take_in(&bytes, AttributeLimits::default(), &mut Meter::new(&mut share));
        assert_eq!(refused.unwrap_err(), WalkError::Meter(MeterError::TooMuch));
        assert!(budget.used() <= 16 << 20);
    }
}

/// Guarantees: what the meter was charged covers what the columns hold.
#[test]
fn the_charge_covers_the_columns() {
    let named = (0..2_000).map(|n| span(&format!("span {n}"))).collect();
    let busy = Span {
        events: vec![Event { attributes: vec![text("k", "v")], ..Event::default() }; 500],
        links: vec![Link { trace_id: vec![1; 16], trace_state: "a=b".into(), ..Link::default() }; 500],
        ..span("busy")
    };
    for spans in [named, vec![busy; 3], vec![span("same"); 5_000]] {
        let mut meter = Meter::unlimited();
        let bytes = traces(spans).encode_to_vec();
        let decoded = take_in(&bytes, AttributeLimits::default(), &mut meter).unwrap();
        let held = decoded.columns.bytes();
        // The first rows of a vector take room for four.
        assert!(held <= meter.used() + 8_192, "{}: {held} {}", decoded.columns.len(), meter.used());
    }
}
