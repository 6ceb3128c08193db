//! Scenario: HTTP as clients really speak it, on the path for OTLP metrics.
//! Guarantees: every status, header and body is what OTLP asks for; `google.rpc.Status` comes in the encoding of the
//! request; a connection serves thousands of requests, also after one that was refused.

#![allow(clippy::expect_used, reason = "a test ends where something is missing")]

mod support;

use std::io::Write;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use prost::Message;
use support::http::request;
use support::otlp::{assert_taken, body, gauge, gzip, int, status, ten_minutes_ago};
use support::server::{PROTOBUF, folder};
use support::{Connection, Server};

/// A batch is stored as soon as it is there: these tests send one request after the other.
const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";
const PATH: &str = "/v1/metrics";

fn good() -> Vec<u8> {
    body(vec![gauge("http.good", vec![int(ten_minutes_ago(), 1)])])
}

#[test]
fn an_empty_request_is_answered_200_with_zero_bytes_at_every_level() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let scope =
        ResourceMetrics { scope_metrics: vec![ScopeMetrics::default()], ..ResourceMetrics::default() };
    for resource_metrics in [Vec::new(), vec![ResourceMetrics::default()], vec![scope]] {
        let empty = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
        let answer = server.post_metrics(&empty, &[]);
        assert_taken(&answer);
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"));
        assert_eq!(answer.header("content-length"), Some("0"));
    }
    assert_taken(&server.post_metrics(&gzip(b""), &[("content-encoding", "gzip")]));
}

#[test]
fn content_types_and_encodings_are_read_whatever_their_spelling_and_others_are_refused() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let send = |headers: &[(&str, &str)], body: &[u8]| {
        Connection::open(server.otlp).ask(&request("POST", PATH, headers, body))
    };
    for content_type in ["application/x-protobuf", "Application/X-PROTOBUF", "application/x-protobuf; v=1"] {
        let answer = send(&[("content-type", content_type)], &good());
        assert_taken(&answer);
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"), "{content_type}");
    }
    for content_type in ["text/plain", "application/protobuf", "", "application/x-protobufs", "text/json"] {
        let answer = send(&[("content-type", content_type)], &good());
        assert_eq!((answer.status, status(&answer).code), (415, 3), "{content_type}");
        assert!(status(&answer).message.contains("application/x-protobuf"), "{content_type}");
    }
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        let answer = send(&[("content-type", content_type)], b"{}");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.text(), "{}");
    }
    assert_eq!(send(&[], &good()).status, 415, "no content type");

    let packed = gzip(&good());
    let members = [gzip(b""), gzip(&good()), gzip(b"")].concat();
    let zstd = zstd::bulk::compress(&good(), 3).expect("zstd");
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    deflate.write_all(&good()).expect("deflate");
    let deflate = deflate.finish().expect("deflate");
    for (encoding, body) in [
        ("gzip", &packed),
        ("GZIP", &packed),
        ("x-gzip", &packed),
        ("gzip", &members),
        ("zstd", &zstd),
        ("Deflate", &deflate),
        ("identity", &good()),
    ] {
        assert_taken(&send(&[PROTOBUF, ("content-encoding", encoding)], body));
    }
    for encoding in ["br", "gzip, gzip", "compress", "snappy"] {
        let answer = send(&[PROTOBUF, ("content-encoding", encoding)], &packed);
        assert_eq!(answer.status, 415, "{encoding}");
        assert!(status(&answer).message.contains("gzip, zstd, deflate"), "{encoding}");
        assert_eq!(answer.header("content-type"), Some("application/x-protobuf"), "{encoding}");
    }
    let twice = send(&[PROTOBUF, ("content-encoding", "gzip"), ("content-encoding", "gzip")], &packed);
    assert_eq!(twice.status, 415);
}

#[test]
fn other_methods_and_unknown_paths_are_refused_with_a_status_in_the_encoding_of_the_request() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let send = |method: &str, path: &str, content_type: &str| {
        let headers = [("content-type", content_type)];
        Connection::open(server.otlp).ask(&request(method, path, &headers, b""))
    };
    for content_type in ["application/x-protobuf", "application/json"] {
        for method in ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"] {
            let answer = send(method, PATH, content_type);
            assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
            assert_eq!(answer.header("content-type"), Some(content_type), "{method}");
            assert_eq!(status(&answer).code, 12, "{method}");
        }
        for path in ["/", "/v1/metrics/", "/v1/log", "/v1development/profiles", "/v1/metric"] {
            let answer = send("POST", path, content_type);
            assert_eq!((answer.status, status(&answer).code), (404, 5), "{path}");
            for served in ["/v1/metrics", "/v1/logs", "/v1/traces"] {
                assert!(status(&answer).message.contains(served), "{path}");
            }
            assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
        }
    }
}

#[test]
fn a_refusal_is_a_short_status_that_repeats_nothing_of_the_body() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let secret = [b"\xff\xff".as_slice(), &b"hunter2 ".repeat(1_000)].concat();
    let answer = server.post_metrics(&secret, &[]);
    assert_eq!((answer.status, answer.header("content-type")), (400, Some("application/x-protobuf")));
    let status = status(&answer);
    assert_eq!(status.code, 3);
    assert!(!status.message.is_empty() && status.message.len() < 256, "{}", status.message);
    assert!(!status.message.contains("hunter2"), "{}", status.message);
}

#[test]
fn chunked_bodies_and_expectations_are_served() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let body = good();
    let mut connection = Connection::open(server.otlp);
    let head = "POST /v1/metrics HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n";
    let mut chunked = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
    for chunk in body.chunks(7) {
        chunked.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        chunked.extend(chunk);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    assert_taken(&connection.ask(&chunked));

    let expecting = format!("{head}expect: 100-continue\r\ncontent-length: {}\r\n\r\n", body.len());
    assert_eq!(connection.ask(expecting.as_bytes()).status, 100);
    assert_taken(&connection.ask(&body));
    // A client need not wait for the invitation.
    connection.send(&[expecting.as_bytes(), &body].concat());
    let mut answers = std::iter::from_fn(|| connection.answer()).filter(|answer| answer.status != 100);
    assert_taken(&answers.next().expect("an answer"));
}

#[test]
fn a_thousand_requests_share_a_connection_also_after_one_that_was_refused() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut connection = Connection::open(server.otlp);
    let good = request("POST", PATH, &[PROTOBUF], &good());
    let empty = request("POST", PATH, &[PROTOBUF], b"");
    let bad = request("POST", PATH, &[PROTOBUF], b"\x0a\xff");
    for number in 0..1_000 {
        if number % 100 == 50 {
            assert_eq!(connection.ask(&bad).status, 400, "request {number}");
        }
        assert_taken(&connection.ask(if number % 10 == 0 { &good } else { &empty }));
    }
    let accepted = server.measured("telemetryflow_http_connections_accepted_total", &["otlp_http"]);
    assert_eq!(accepted, 1);
    assert_eq!(server.measured("telemetryflow_ingest_items_stored_total", &[]), 100);
}
