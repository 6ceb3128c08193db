//! Requests of which some items are rejected, and which are sent again.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use telemetryflow::shared::Signal;

use crate::exactly_once::ledger::Ledger;
use crate::support::Server;
use crate::support::every_way::{Export, Exporter, Said, Way};
use crate::support::faulty::Faulty;
use crate::support::otlp::{MINUTE, export, gauge, int, moment, point};

/// At first an item may be an hour old. Later it may be older: who is told of a second reading hears something else.
const STRICT: &str = "[ingest]\ndurability = \"journal\"\nresent_window = \"10m\"\naccept_past = \"1h\"";
const LENIENT: &str = "[ingest]\ndurability = \"journal\"\nresent_window = \"10m\"\naccept_past = \"7d\"";

/// A time that no other item has.
fn time(item: u64) -> u64 {
    moment() + item
}

fn two_hours_earlier(item: u64) -> u64 {
    time(item) - 120 * MINUTE
}

/// Three points are too old and two have no value.
fn metrics(seed: u64) -> ExportMetricsServiceRequest {
    let old = (0..3).map(|item| int(two_hours_earlier(seed + item), 1)).collect();
    let empty = (0..2).map(|item| point(time(seed + item), None)).collect();
    let good = vec![int(time(seed), 1)];
    export(vec![gauge("old", old), gauge("empty", empty), gauge("good", good)])
}

fn records(times: impl Iterator<Item = u64>) -> ExportLogsServiceRequest {
    let record = |time| LogRecord { time_unix_nano: time, ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: times.map(record).collect(), ..ScopeLogs::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }] }
}

/// Two of four are too old.
fn some_logs(seed: u64) -> ExportLogsServiceRequest {
    records([time(seed), two_hours_earlier(seed), two_hours_earlier(seed + 1), time(seed + 1)].into_iter())
}

/// All are too old.
fn old_logs(seed: u64) -> ExportLogsServiceRequest {
    records((0..5).map(|item| two_hours_earlier(seed + item)))
}

/// One is too old, one has no trace.
fn spans(seed: u64) -> ExportTraceServiceRequest {
    let span = |trace_id: u128, start_time_unix_nano| Span {
        trace_id: trace_id.to_be_bytes().to_vec(),
        span_id: (seed + 1).to_be_bytes().to_vec(),
        name: "work".to_owned(),
        start_time_unix_nano,
        end_time_unix_nano: start_time_unix_nano + 1,
        ..Span::default()
    };
    let spans = vec![span(1, two_hours_earlier(seed)), span(0, time(seed)), span(2, time(seed))];
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }],
    }
}

/// What the server says of each request, sent in each way. Each time the same bytes.
fn said(server: &Server) -> Vec<Said> {
    fn say<E: Export>(server: &Server, way: Way, export: &E) -> Said {
        Exporter::open(server, 7).send(way, export, &[])
    }
    // Different items for each way, so that each is told for itself.
    let by_way = Way::ALL.into_iter().zip([100, 200, 300]).map(|(way, seed)| {
        [
            say(server, way, &metrics(seed)),
            say(server, way, &some_logs(seed)),
            say(server, way, &old_logs(seed)),
            say(server, way, &spans(seed)),
        ]
    });
    by_way.flatten().collect()
}

/// Counts and reasons, without the names of those that were rejected.
fn without_examples(said: &Said) -> Said {
    let mut message = String::new();
    for (index, piece) in said.message.split(" (").enumerate() {
        let kept = if index == 0 { piece } else { piece.split_once(')').expect("an end").1 };
        message.push_str(kept);
    }
    Said { message, rejected: said.rejected }
}

/// Each request of the signals was received once.
fn assert_received_once(faulty: &Faulty) {
    let ways = Way::ALL.len() as u64;
    let expected = [(Signal::Metrics, 1, 5), (Signal::Logs, 2, 7), (Signal::Traces, 1, 2)];
    for (signal, stored, rejected) in expected {
        let (stored, rejected) = (stored * ways, rejected * ways);
        let expected =
            Ledger { received: stored + rejected, stored, rejected, dead_lettered: 0, in_flight: 0 };
        faulty.until(&format!("{expected:?} of {}", signal.name()), || {
            Ledger::of(&faulty.server, signal) == expected
        });
    }
}

#[test]
fn a_request_that_is_sent_again_is_told_the_same_rejections_also_by_another_process() {
    let faulty = Faulty::start("up", STRICT);
    let first = said(&faulty.server);
    let rejected: Vec<i64> = first.iter().map(|said| said.rejected).collect();
    assert_eq!(rejected, [5, 2, 5, 2].repeat(Way::ALL.len()));
    assert_eq!(said(&faulty.server), first);
    assert_received_once(&faulty);

    let counts: Vec<Said> = first.iter().map(without_examples).collect();
    let of_others = |server: &Server| said(server).iter().map(without_examples).collect::<Vec<_>>();
    let faulty = faulty.restart_killed("up", LENIENT);
    assert_eq!(of_others(&faulty.server), counts);
    assert_received_once(&faulty);
    let faulty = faulty.restart_stopped("up", LENIENT);
    assert_eq!(of_others(&faulty.server), counts);
    assert_received_once(&faulty);
    faulty.stop();
}
