//! Messages that are unreadable, nested without end, or hold what no SDK would write.

use telemetryflow::shared::Signal;

use crate::watched::{Answered, Watched, Way};
use crate::wire::{Shape, field, fixed64, key_value, nested_array, nested_map, text};
use Answered::{Malformed, Taken};

const WAYS: [Way; 2] = [Way::Http, Way::Grpc];

#[test]
fn bytes_that_are_no_protobuf_are_refused_at_every_level() {
    let watched = Watched::start();
    let eleven = [&[0x08][..], &[0x80; 10], &[1]].concat();
    let two_to_63 = [&[0x0a][..], &[0x80; 9], &[0x01]].concat();
    for signal in Signal::ALL {
        for (bytes, what) in [
            (&b"GET / HTTP/1.1"[..], "text"),
            (&[0xff; 1_000], "ones"),
            (&[0x00; 1_000], "field number 0"),
            (&[0x0b, 0x0c], "a group"),
            (&eleven, "a varint of eleven bytes"),
            (&two_to_63, "a length of 2^63"),
            (&[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f], "a length of 4 GiB"),
        ] {
            let levels = [
                bytes.to_vec(),
                field(1, bytes),
                field(1, &field(2, bytes)),
                signal.request(b"", &[bytes.to_vec()]),
                signal.request(b"", &[signal.item(bytes)]),
                signal.request(b"", &[signal.item(&field(signal.attributes(), bytes))]),
                signal.request(bytes, &[signal.item(b"")]),
            ];
            for (level, body) in levels.iter().enumerate() {
                let what = format!("{what} on level {level}");
                watched.assert_sent(WAYS[level % 2], signal, body, Malformed, &what);
            }
        }
    }
    watched.assert_within_bounds("bytes that are no protobuf");
}

/// *Guarantees*: nesting costs its own item, or nothing where nobody looks; and never a stack.
#[test]
fn nesting_a_hundred_thousand_deep_costs_its_item_only() {
    let watched = Watched::start();
    for signal in Signal::ALL {
        for depth in [20_000, 100_000] {
            for value in [nested_array(depth), nested_map(depth)] {
                let deep = key_value(b"deep", &value);
                let item = signal.item(&field(signal.attributes(), &deep));
                let what = format!("{depth} deep");
                let in_item = signal.request(b"", &[signal.item(b""), item]);
                let in_resource = signal.request(&field(1, &deep), &[signal.item(b"")]);
                for (way, body) in [(Way::Http, &in_item), (Way::Grpc, &in_resource)] {
                    watched.assert_answered(way, signal, body, Taken, &what);
                }
            }
        }
    }
    for value in [nested_array(100_000), nested_map(100_000)] {
        let body = Signal::Logs.request(b"", &[Signal::Logs.item(&field(5, &value))]);
        watched.assert_answered(Way::Http, Signal::Logs, &body, Taken, "a log body");
        let deep = field(12, &key_value(b"deep", &value));
        let point = field(5, &field(1, &Signal::Metrics.item(b"")));
        let body = field(1, &field(2, &field(2, &[field(1, b"m"), deep, point].concat())));
        watched.assert_answered(Way::Grpc, Signal::Metrics, &body, Taken, "metadata");
        for list in [11, 13] {
            let within = if list == 11 { 3 } else { 4 };
            let event = field(list, &field(within, &key_value(b"deep", &value)));
            let body = Signal::Traces.request(b"", &[Signal::Traces.item(&event)]);
            watched.assert_answered(Way::Http, Signal::Traces, &body, Taken, "an event or a link");
        }
    }
}

#[test]
fn hostile_texts_keys_and_times_are_taken_or_cost_their_item() {
    let watched = Watched::start();
    let mega = vec![b'm'; 4 << 20];
    let rubbish = vec![0xff; 4 << 20];
    for signal in Signal::ALL {
        let with = |key: &[u8], value: &[u8]| field(signal.attributes(), &text(key, value));
        let many: Vec<u8> = (0..2_000).flat_map(|at| with(format!("{at}").as_bytes(), b"v")).collect();
        for (added, what) in [
            (with(&mega, b"v"), "a key of megabytes"),
            (with(b"k", &mega), "a value of megabytes"),
            (with(&rubbish, &rubbish), "megabytes that are not UTF-8"),
            (with(b"\xff\xc0\x00\xfe", b"\xed\xa0\x80"), "a surrogate"),
            (with(b"nul\0", b"\0\0"), "NUL"),
            (with(b"\x1b[2J\x1b]0;x\x07", b"\x1b[31m"), "escapes of a terminal"),
            (with("\u{202e}\u{200f}".as_bytes(), "\u{2066}".as_bytes()), "marks of direction"),
            (many, "two thousand attributes"),
            (with(b"same", b"v").repeat(100_000), "one key, again and again"),
            (with(b"", b"v").repeat(100_000), "no key, again and again"),
        ] {
            let body = signal.request(b"", &[signal.item(&added), signal.item(b"")]);
            watched.assert_answered(Way::Http, signal, &body, Taken, what);
            let resource = field(1, &text(b"service.name", &mega));
            watched.assert_sent(
                Way::Grpc,
                signal,
                &signal.request(&resource, &[signal.item(&added)]),
                Taken,
                what,
            );
        }
        // Of points, records and spans, the second field of a time counts.
        let number = if signal == Signal::Traces {
            7
        } else if signal == Signal::Logs {
            1
        } else {
            3
        };
        for time in [
            0,
            1,
            u64::MAX,
            i64::MAX.unsigned_abs(),
            1 << 63,
            31_536_000_000_000_000,
            16_725_225_600_000_000_000,
        ] {
            let body = signal.request(b"", &[signal.item(&fixed64(number, time)), signal.item(b"")]);
            watched.assert_sent(Way::Http, signal, &body, Taken, &format!("time {time}"));
        }
    }
    let names = [
        Signal::Logs.item(&[field(3, &mega), field(12, &rubbish), field(5, &field(1, &rubbish))].concat()),
        Signal::Traces.item(&[field(5, &mega), field(3, &rubbish), field(15, &field(2, &mega))].concat()),
        Signal::Traces.item(&field(13, &[field(1, &mega), field(2, &mega), field(3, &mega)].concat())),
    ];
    for (signal, item) in [Signal::Logs, Signal::Traces, Signal::Traces].into_iter().zip(names) {
        watched.assert_answered(
            Way::Grpc,
            signal,
            &signal.request(b"", &[item]),
            Taken,
            "names of megabytes",
        );
    }
    let point = field(5, &field(1, &Signal::Metrics.item(b"")));
    let metric = [field(1, &mega), field(2, &mega), field(3, &mega), point].concat();
    let body = field(1, &field(2, &field(2, &metric)));
    watched.assert_answered(Way::Grpc, Signal::Metrics, &body, Taken, "names of megabytes");
}

/// *Scenario*: a message comes in thousands of pieces, which protobuf merges.
#[test]
fn pieces_of_a_message_are_put_together_within_the_budget() {
    let watched = Watched::start();
    let value = vec![b'v'; 60_000];
    for signal in Signal::ALL {
        let pieces: Vec<u8> =
            (0..400).flat_map(|at| field(1, &field(1, &text(format!("{at}").as_bytes(), &value)))).collect();
        let body = field(1, &[pieces, field(2, &signal.scope(&[signal.item(b"")]))].concat());
        watched.assert_answered(Way::Http, signal, &body, Answered::TooLarge, "a resource in pieces");
        watched.assert_answered(Way::Grpc, signal, &body, Answered::TooLarge, "a resource in pieces");
    }
    let body = Signal::Logs.request(b"", &[Signal::Logs.item(&field(5, &field(1, &value)).repeat(400))]);
    watched.assert_answered(Way::Http, Signal::Logs, &body, Answered::TooLarge, "a log body in pieces");
}
