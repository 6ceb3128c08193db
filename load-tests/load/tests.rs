//! The generator against small servers of its own: it counts what they answer, and times from the schedule.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric;
use prost::Message;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::client::Failure;
use crate::drive::{Outcome, drive};
use crate::idle_server;
use crate::report::Report;

type Answer = fn(&Request<Incoming>, &Bytes, u64) -> (StatusCode, Vec<u8>);

/// Answers until it is dropped.
struct TestServer {
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl TestServer {
    async fn start(delay_of_first: Duration, answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let seen = Arc::clone(&seen);
                let service =
                    service_fn(move |request| reply(request, Arc::clone(&seen), delay_of_first, answer));
                let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                connections.spawn(async move {
                    let _ = connection.await;
                });
            }
        });
        Self { address, _tasks: tasks }
    }

    async fn load(&self, line: &str) -> Outcome {
        let line =
            format!("load --items-per-body 20 --metrics 4 --series 40 --target {} {line}", self.address);
        let arguments = Arguments::try_parse_from(line.split_whitespace()).unwrap().check().unwrap();
        drive(&arguments).await.unwrap()
    }
}

async fn reply(
    mut request: Request<Incoming>,
    seen: Arc<AtomicU64>,
    delay_of_first: Duration,
    answer: Answer,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let number = seen.fetch_add(1, Ordering::SeqCst);
    if number == 0 {
        tokio::time::sleep(delay_of_first).await;
    }
    let body = request.body_mut().collect().await.unwrap().to_bytes();
    let (status, bytes) = answer(&request, &body, number);
    let mut response = Response::new(Full::new(Bytes::from(bytes)));
    *response.status_mut() = status;
    Ok(response)
}

fn checked(request: &Request<Incoming>, body: &Bytes, _: u64) -> (StatusCode, Vec<u8>) {
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap());
    let path = request.uri().path();
    let readable = match (header("content-type"), header("content-encoding")) {
        (Some("application/x-protobuf"), None) => items_of(path, body) == Some(20),
        (Some("application/x-protobuf"), Some("gzip")) => body.starts_with(&[0x1F, 0x8B]),
        (Some("application/x-protobuf"), Some("zstd")) => body.starts_with(&[0x28, 0xB5, 0x2F, 0xFD]),
        (Some("application/json"), None) => body.starts_with(b"{\"resource"),
        _ => false,
    };
    let answer = if header("content-type") == Some("application/json") { "{}" } else { "" };
    (if readable { StatusCode::OK } else { StatusCode::BAD_REQUEST }, answer.into())
}

fn items_of(path: &str, body: &[u8]) -> Option<usize> {
    match path {
        "/v1/metrics" => {
            let request = ExportMetricsServiceRequest::decode(body).ok()?;
            let metrics = &request.resource_metrics.first()?.scope_metrics.first()?.metrics;
            Some(metrics.iter().map(|metric| points_of(metric.data.as_ref())).sum())
        }
        "/v1/logs" => {
            let request = ExportLogsServiceRequest::decode(body).ok()?;
            Some(request.resource_logs.first()?.scope_logs.first()?.log_records.len())
        }
        "/v1/traces" => {
            let request = ExportTraceServiceRequest::decode(body).ok()?;
            Some(request.resource_spans.first()?.scope_spans.first()?.spans.len())
        }
        _ => None,
    }
}

fn points_of(data: Option<&metric::Data>) -> usize {
    match data {
        Some(metric::Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(metric::Data::Sum(sum)) => sum.data_points.len(),
        _ => 0,
    }
}

fn partly(_: &Request<Incoming>, _: &Bytes, number: u64) -> (StatusCode, Vec<u8>) {
    match number {
        0 => {
            let partial =
                ExportMetricsPartialSuccess { rejected_data_points: 7, error_message: "why".to_owned() };
            let response = ExportMetricsServiceResponse { partial_success: Some(partial) };
            (StatusCode::OK, response.encode_to_vec())
        }
        1 => (StatusCode::SERVICE_UNAVAILABLE, Vec::new()),
        2 => (StatusCode::OK, vec![0xFF; 3]),
        _ => (StatusCode::OK, Vec::new()),
    }
}

#[tokio::test]
async fn a_closed_loop_sends_as_many_requests_as_were_asked_for() {
    let server = TestServer::start(Duration::ZERO, checked).await;
    for signal in ["metrics", "logs", "traces"] {
        for packing in ["", "--compression gzip", "--compression zstd", "--encoding json"] {
            let line = format!("--connections 3 --requests 50 --signal {signal} {packing}");
            let outcome = server.load(&line).await;
            assert_eq!((outcome.tally.requests, outcome.tally.items_accepted), (50, 1_000), "{line}");
            assert!(Report::new(&outcome, None).is_clean());
        }
    }
}

#[tokio::test]
async fn the_idle_server_takes_every_body() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(idle_server::accept(listener));
    let server = TestServer { address, _tasks: tasks };
    for signal in ["metrics", "logs", "traces"] {
        let outcome = server.load(&format!("--connections 3 --requests 50 --signal {signal}")).await;
        assert_eq!((outcome.tally.requests, outcome.tally.items_accepted), (50, 1_000), "{signal}");
        assert!(Report::new(&outcome, None).is_clean());
    }
}

#[tokio::test]
async fn rejections_and_failures_are_counted_apart() {
    let server = TestServer::start(Duration::ZERO, partly).await;
    let outcome = server.load("--connections 1 --requests 5").await;
    let tally = &outcome.tally;
    assert_eq!((tally.items_sent, tally.items_accepted, tally.items_rejected), (100, 53, 7));
    let expected = [(Failure::UnreadableAnswer, 1), (Failure::Status(503), 1)];
    assert_eq!(tally.failures.clone().into_iter().collect::<Vec<_>>(), expected);
    assert!(!Report::new(&outcome, None).is_clean());
}

/// Scenario: one connection, a request due every 10 ms, and the first one is answered after 200 ms.
/// Guarantees: the requests that had to wait behind it show that in their latency.
#[tokio::test]
async fn an_open_loop_counts_the_wait_behind_a_stall() {
    let server = TestServer::start(Duration::from_millis(200), checked).await;
    let outcome = server.load("--connections 1 --requests 11 --rate 2000").await;
    assert_eq!((outcome.tally.requests, outcome.unsent), (11, 0));
    assert!(outcome.tally.latency(0.5) >= Duration::from_millis(100), "{:?}", outcome.tally.latency(0.5));
}

#[tokio::test]
async fn what_was_due_and_never_sent_is_told() {
    let server = TestServer::start(Duration::from_millis(2_200), checked).await;
    let outcome = server.load("--connections 1 --seconds 1 --rate 2000").await;
    assert_eq!((outcome.tally.requests, outcome.unsent), (1, 99));
}

#[tokio::test]
async fn rejections_are_read_from_json_too() {
    let server = TestServer::start(Duration::ZERO, |_, _, number| {
        let answers = [
            r#"{"partialSuccess":{"rejectedLogRecords":"7","errorMessage":"why"}}"#,
            r#"{"partialSuccess":{"errorMessage":"mind this"}}"#,
            r#"{"partialSuccess":{"rejectedLogRecords":"many"}}"#,
        ];
        (StatusCode::OK, answers[usize::try_from(number).unwrap()].into())
    });
    let outcome = server.await.load("--signal logs --encoding json --connections 1 --requests 3").await;
    assert_eq!((outcome.tally.items_accepted, outcome.tally.items_rejected), (33, 7));
    assert_eq!(outcome.tally.failures.into_iter().collect::<Vec<_>>(), [(Failure::UnreadableAnswer, 1)]);
}

#[tokio::test]
async fn nobody_listening_is_a_failure_and_not_a_hang() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let server = TestServer { address, _tasks: JoinSet::new() };
    let outcome = server.load("--connections 1 --requests 2").await;
    assert_eq!(outcome.tally.failures.into_iter().collect::<Vec<_>>(), [(Failure::Connect, 2)]);
}
