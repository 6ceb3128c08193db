//! Several hostile bodies at the same time, again and again.

use telemetryflow::shared::Signal;

use crate::support::otlp::gzip;
use crate::support::server::PROTOBUF;
use crate::watched::{BUDGET_BYTES, JSON, Watched, good};
use crate::wire::{Shape, empty, field, text};

/// Signal, content type, further headers, body.
type Sent = (Signal, (&'static str, &'static str), &'static [(&'static str, &'static str)], Vec<u8>);

/// *Guarantees*: what is refused for want of memory is told to come back; the sum stays within the budget; in the end all of
/// it is free again.
#[test]
fn eight_hostile_bodies_at_once_share_the_budget() {
    let watched = Watched::start();
    let value = vec![b'v'; 60_000];
    let resource: Vec<u8> =
        (0..60).flat_map(|at| field(1, &text(format!("k{at}").as_bytes(), &value))).collect();
    let item = |signal: Signal| signal.item(b"");
    let shared = |signal: Signal| signal.request(&resource, &vec![item(signal); 6]);
    let tiny = |signal: Signal| signal.request(b"", &vec![item(signal); 100_000]);
    let json = format!(r#"{{"a":[{}{{}}]}}"#, "{},".repeat(300_000)).into_bytes();
    let packed = gzip(&tiny(Signal::Logs));
    let senders: [Sent; 8] = [
        (Signal::Logs, PROTOBUF, &[], shared(Signal::Logs)),
        (Signal::Logs, PROTOBUF, &[], tiny(Signal::Logs)),
        (Signal::Traces, PROTOBUF, &[], shared(Signal::Traces)),
        (Signal::Traces, PROTOBUF, &[], tiny(Signal::Traces)),
        (Signal::Metrics, PROTOBUF, &[], tiny(Signal::Metrics)),
        (Signal::Metrics, PROTOBUF, &[], field(1, &field(2, &empty(2, 1_000_000)))),
        (Signal::Logs, JSON, &[], json),
        (Signal::Logs, PROTOBUF, &[("content-encoding", "gzip")], packed),
    ];
    std::thread::scope(|scope| {
        for (signal, content, headers, body) in &senders {
            let watched = &watched;
            scope.spawn(move || {
                for _ in 0..3 {
                    let answer = watched.http(*signal, *content, headers, body);
                    assert!([200, 413, 503].contains(&answer.status), "{}: {}", answer.status, answer.text());
                    if answer.status == 503 {
                        assert!(answer.header("retry-after").is_some(), "{answer:?}");
                    }
                }
            });
        }
    });
    watched.assert_within_bounds("eight bodies at once");
    for signal in Signal::ALL {
        assert_eq!(watched.http(signal, PROTOBUF, &[], &good(signal)).status, 200);
    }
    // All of it is free again: one request may have nearly everything.
    let whole = vec![b'v'; usize::try_from(BUDGET_BYTES / 2 - 1_024).expect("megabytes")];
    let body = Signal::Logs.request(b"", &[Signal::Logs.item(&field(6, &text(b"k", &whole)))]);
    assert_eq!(watched.http(Signal::Logs, PROTOBUF, &[], &body).status, 200);
}
