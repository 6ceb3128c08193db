//! Bodies of millions of parts, each of which costs the sender two bytes.

use telemetryflow::shared::Signal;

use crate::watched::{Answered, Watched, Way};
use crate::wire::{
    EXPONENTIAL_HISTOGRAM, HISTOGRAM, SUMMARY, Shape, empty, field, fixed64, key_value, metric_of,
};
use Answered::{Taken, TooLarge};

const PARTS: usize = 1_000_000;

/// One item of a signal with so many empty messages in one of its fields.
fn within(signal: Signal, number: u32) -> Vec<u8> {
    signal.request(b"", &[signal.item(&empty(number, PARTS))])
}

#[test]
fn millions_of_empty_parts_cost_no_memory_or_the_request() {
    let watched = Watched::start();
    for signal in Signal::ALL {
        let attributes = signal.attributes();
        let value = |list: u32| key_value(b"k", &field(list, &empty(1, PARTS)));
        let wide = |list: u32| signal.request(b"", &[signal.item(&field(attributes, &value(list)))]);
        let scope =
            field(1, &field(2, &[field(1, &empty(3, PARTS)), signal.scope(&[signal.item(b"")])].concat()));
        // An empty log record is one: its time is that of receipt.
        let items = if signal == Signal::Logs { TooLarge } else { Taken };
        for (body, expected, what) in [
            (empty(1, PARTS), Taken, "resources"),
            (field(1, &empty(2, PARTS)), Taken, "scopes"),
            (field(1, &field(2, &empty(2, PARTS))), items, "items"),
            (within(signal, attributes), Taken, "attributes"),
            (signal.request(&empty(1, PARTS), &[signal.item(b"")]), Taken, "attributes of the resource"),
            (scope, Taken, "attributes of the scope"),
            (wide(5), Taken, "values in an array"),
            (wide(6), Taken, "values in a map"),
        ] {
            watched.assert_answered(Way::Http, signal, &body, expected, what);
        }
    }
    let span = |number| within(Signal::Traces, number);
    let twice = |number| Signal::Traces.request(b"", &[Signal::Traces.item(&empty(number, 2 * PARTS))]);
    let log_body = |list: u32| {
        let body = field(5, &field(list, &empty(1, PARTS)));
        Signal::Logs.request(b"", &[Signal::Logs.item(&body)])
    };
    let in_event = field(11, &empty(3, PARTS));
    for (signal, body, expected, what) in [
        (Signal::Traces, twice(11), TooLarge, "events"),
        (Signal::Traces, twice(13), TooLarge, "links"),
        (Signal::Traces, span(15), Taken, "pieces of a status"),
        (
            Signal::Traces,
            Signal::Traces.request(b"", &[Signal::Traces.item(&in_event)]),
            Taken,
            "attributes of an event",
        ),
        (Signal::Logs, log_body(5), Taken, "values in a body"),
        (Signal::Logs, log_body(6), Taken, "members of a body"),
        (Signal::Logs, within(Signal::Logs, 5), Taken, "pieces of a body"),
    ] {
        watched.assert_answered(Way::Grpc, signal, &body, expected, what);
    }
}

#[test]
fn millions_of_numbers_and_exemplars_cost_no_memory_or_the_request() {
    let watched = Watched::start();
    let time = |number| fixed64(number, crate::support::otlp::ten_minutes_ago());
    let point = |added: &[u8]| [&time(3)[..], added].concat();
    let zeros = vec![0; 2 * PARTS];
    let bounds: Vec<u8> = (0..2_000_000_u32).flat_map(|at| f64::from(at).to_le_bytes()).collect();
    let unpacked: Vec<u8> = fixed64(6, 0).repeat(2 * PARTS);
    let exemplar = [time(2), fixed64(3, 1)].concat();
    for (kind, added, expected, what) in [
        (5, [fixed64(6, 1), empty(5, PARTS)].concat(), Taken, "exemplars"),
        (5, [fixed64(6, 1), field(5, &exemplar).repeat(200_000)].concat(), Taken, "good exemplars"),
        (HISTOGRAM, [field(6, &vec![0; 16 * PARTS]), field(7, &bounds[8..])].concat(), TooLarge, "buckets"),
        (HISTOGRAM, unpacked, Taken, "unpacked buckets"),
        (
            EXPONENTIAL_HISTOGRAM,
            field(8, &[&[0x08, 2][..], &field(2, &zeros)].concat()),
            Taken,
            "exponential buckets",
        ),
        (EXPONENTIAL_HISTOGRAM, field(8, &[0x10, 0].repeat(PARTS)), Taken, "unpacked exponential buckets"),
        (
            EXPONENTIAL_HISTOGRAM,
            // Offsets at both ends of 32 bits, in zigzag.
            [
                field(8, &[&[0x08, 0xfe, 0xff, 0xff, 0xff, 0x0f][..], &field(2, &[1])].concat()),
                vec![0x21, 1, 0, 0, 0, 0, 0, 0, 0],
            ]
            .concat(),
            Taken,
            "a huge offset",
        ),
        (SUMMARY, empty(6, 2 * PARTS), TooLarge, "quantiles"),
    ] {
        let body = metric_of(kind, &point(&added));
        watched.assert_answered(Way::Http, Signal::Metrics, &body, expected, what);
        watched.assert_answered(Way::Grpc, Signal::Metrics, &body, expected, what);
    }
    let metadata = field(
        1,
        &field(
            2,
            &field(
                2,
                &[field(1, b"m"), empty(12, PARTS), field(5, &field(1, &Signal::Metrics.item(b"")))].concat(),
            ),
        ),
    );
    watched.assert_answered(Way::Http, Signal::Metrics, &metadata, Taken, "metadata");
}
