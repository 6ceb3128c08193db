//! Scenario: requests that are too large, too many, or come from a page of another origin, with small limits configured.
//! Guarantees: each client can read why it is refused, whatever it still has to send and in whichever encoding; answers stay
//! small and their counts exact; only the origins that are configured are allowed.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::io::Write;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use serde_json::json;
use support::every_way::{Exporter, JSON, Way};
use support::http::request;
use support::otlp::{CUMULATIVE, assert_taken, body, export, gauge, gzip, int, moment, point, status, sum};
use support::server::{PROTOBUF, folder};
use support::{Answer, Connection, Server, eventually};

/// A batch is stored as soon as it is there: these tests send one request after the other.
const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";
const PATHS: [&str; 3] = ["/v1/metrics", "/v1/logs", "/v1/traces"];
const MIB: usize = 1 << 20;

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("deflate");
    encoder.finish().expect("deflate")
}

/// 413, and a Status in the encoding of the request.
#[track_caller]
fn assert_too_large(answer: &Answer, content_type: &str, row: &str) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (413, Some(content_type)),
        "{row}: {}",
        answer.text()
    );
    let status = status(answer);
    assert!(status.code == 8 && (1..256).contains(&status.message.len()), "{row}: {status:?}");
    assert_eq!(answer.header("retry-after"), None, "{row}: it is not to be sent again");
}

/// *Scenario*: the client writes everything before it reads, as most do.
#[test]
fn a_body_over_the_limit_is_answered_413_however_it_comes() {
    let folder = folder();
    let server = Server::start(&folder, &format!("{AT_ONCE}\nbody_bytes_max = \"2MiB\""));
    // Hardly compressible, so that it is the limit that is met, and not the ratio.
    let mut random = fastrand::Rng::with_seed(1);
    let large: Vec<u8> = std::iter::repeat_with(|| random.u8(b'a'..=b'z')).take(3 * MIB).collect();
    let blanks = vec![b' '; 20 * MIB];
    let zstd = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).expect("zstd");
    let packed = [
        ("packed, and over the limit as it comes", "gzip", gzip(&large)),
        ("packed, and over the limit as it comes", "zstd", zstd(&large)),
        ("packed, and over the limit as it comes", "deflate", deflate(&large)),
        ("over the limit after decompression", "gzip", gzip(&blanks)),
        ("over the limit after decompression", "zstd", zstd(&blanks)),
        ("over the limit after decompression", "deflate", deflate(&blanks)),
        ("ratio above 200", "gzip", gzip(&blanks[..2 * MIB - 1])),
        ("ratio above 200", "zstd", zstd(&blanks[..2 * MIB - 1])),
    ];
    for (path, (name, content_type)) in PATHS.into_iter().flat_map(|path| [(path, PROTOBUF), (path, JSON)]) {
        let send = |headers: &[(&str, &str)], body: &[u8]| {
            let headers = [&[(name, content_type)][..], headers].concat();
            Connection::open(server.otlp).ask(&request("POST", path, &headers, body))
        };
        let row = |what: &str| format!("{path} {content_type}: {what}");
        assert_too_large(&send(&[], &large), content_type, &row("stated length"));
        assert_too_large(&chunked(&server, path, content_type, &large), content_type, &row("chunked"));
        for (what, encoding, body) in &packed {
            let answer = send(&[("content-encoding", encoding)], body);
            assert_too_large(&answer, content_type, &row(&format!("{what}, {encoding}")));
        }
    }
    assert_taken(&server.post_metrics(&body(vec![gauge("after", vec![int(moment(), 1)])]), &[]));
}

fn chunked(server: &Server, path: &str, content_type: &str, body: &[u8]) -> Answer {
    let mut connection = Connection::open(server.otlp);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    connection.send(head.as_bytes());
    for chunk in body.chunks(MIB / 4) {
        connection.send(&[format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    }
    connection.send(b"0\r\n\r\n");
    connection.answer().expect("the 413")
}

/// *Scenario*: as many bad metrics as find room, each with a name as long as can be and a reason of its own.
#[test]
fn an_answer_stays_short_and_its_counts_exact_however_much_is_wrong() {
    const METRICS: u32 = 200;
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut exporter = Exporter::open(&server, 1);
    let metrics = (0..METRICS).map(|number| {
        let name = "\u{1F4A5}".repeat(200) + &number.to_string();
        let at = moment();
        match number % 4 {
            0 => gauge(&name, vec![int(0, 1); 20]),
            1 => gauge(&name, vec![point(at, None); 20]),
            2 => sum(&name, CUMULATIVE, true, vec![int(at, -1); 20]),
            _ => sum(&name, 0, true, vec![int(at, 1); 20]),
        }
    });
    let request: ExportMetricsServiceRequest = export(metrics.collect());
    let said = exporter.send_every_way(&request);
    assert_eq!(said.rejected, i64::from(METRICS) * 20, "all bad but readable: rejected = all");
    assert!(said.message.len() <= 4_096, "{} bytes", said.message.len());
    for reason in ["has no time", "has no value", "cannot be negative", "neither delta nor cumulative"] {
        assert!(
            said.message.contains("1000 points rejected") && said.message.contains(reason),
            "{}",
            said.message
        );
    }
    let said = exporter.send(Way::HttpProtobuf, &export(vec![gauge("after", vec![int(moment(), 1)])]), &[]);
    assert_eq!((said.rejected, said.message.as_str()), (0, ""));
}

/// *Scenario*: one client has announced a body that takes all memory set aside for bodies, and does not send it.
#[test]
fn without_memory_for_the_body_the_client_is_asked_to_come_back() {
    let folder = folder();
    let limits = "budget_bytes = \"1MiB\"\nbody_bytes_max = \"1MiB\"";
    let server = Server::start(&folder, &format!("{AT_ONCE}\n{limits}"));
    let mut greedy = Connection::open(server.otlp);
    greedy.send(format!("POST /v1/logs HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {MIB}\r\n\r\n").as_bytes());
    let held = || (server.measured("telemetryflow_ingest_memory_bytes", &[]) == 1 << 20).then_some(());
    eventually("all memory is held", Duration::from_secs(30), held);
    for (header, body) in
        [(PROTOBUF, body(vec![gauge("busy", vec![int(moment(), 1)])])), (JSON, b"{ }".to_vec())]
    {
        let answer = Connection::open(server.otlp).ask(&request("POST", "/v1/metrics", &[header], &body));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (503, Some(header.1)),
            "{}",
            answer.text()
        );
        assert_eq!((answer.header("retry-after"), status(&answer).code), (Some("1"), 14), "{}", header.1);
    }
    drop(greedy);
    let free = || (server.measured("telemetryflow_ingest_memory_bytes", &[]) == 0).then_some(());
    eventually("the memory is free again", Duration::from_secs(30), free);
    assert_taken(&server.post_metrics(&body(vec![gauge("after", vec![int(moment(), 1)])]), &[]));
}

/// What a browser asks before it lets a page post.
fn preflight(server: &Server, path: &str, origin: &str) -> Answer {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "content-type,content-encoding,authorization"),
    ];
    Connection::open(server.otlp).ask(&request("OPTIONS", path, &headers, b""))
}

#[test]
fn pages_of_configured_origins_may_send_and_those_of_others_may_not() {
    const OURS: &str = "https://app.example.com";
    let others =
        ["https://evil.example.com", "http://app.example.com", "https://app.example.com.evil.com", "null"];
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);

    let folder = folder();
    let server = Server::start(&folder, &format!("{AT_ONCE}\ncors_origins = [\"{OURS}\"]"));
    for path in PATHS {
        let answer = preflight(&server, path, OURS);
        assert_eq!((answer.status, allowed(&answer).as_deref()), (200, Some(OURS)), "{path}");
        assert_eq!(answer.header("access-control-allow-methods"), Some("POST"), "{path}");
        let headers = answer.header("access-control-allow-headers").unwrap_or_default();
        for header in ["content-type", "content-encoding", "authorization"] {
            assert!(headers.contains(header), "{path}: {headers}");
        }
        for origin in others {
            assert_eq!(allowed(&preflight(&server, path, origin)), None, "{path}: {origin}");
        }
    }
    for (origin, expected) in [(OURS, Some(OURS)), (others[0], None)] {
        let post = request("POST", "/v1/logs", &[JSON, ("origin", origin)], b"{}");
        let answer = Connection::open(server.otlp).ask(&post);
        assert_eq!(
            (answer.status, answer.json(), allowed(&answer).as_deref()),
            (200, json!({}), expected),
            "{origin}"
        );
        let wrong = request("POST", "/v1/logs", &[JSON, ("origin", origin)], b"{");
        let answer = Connection::open(server.otlp).ask(&wrong);
        assert_eq!(
            (answer.status, allowed(&answer).as_deref()),
            (400, expected),
            "a refusal can be read: {origin}"
        );
    }
}

#[test]
fn without_configured_origins_no_preflight_is_answered() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    for path in PATHS {
        let answer = preflight(&server, path, "https://app.example.com");
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), None, "{path}");
    }
}
