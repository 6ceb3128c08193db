//! Scenario: gRPC clients, well-behaved and not, send metrics to a running server and ask for its health and its services.
//! Guarantees: what is accepted is read back; every refusal has the code that OTLP asks for, with RetryInfo exactly where the
//! same request may succeed later; no refusal costs the connection; health follows the server to its end.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task ends with its test")]

mod support;

use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use support::grpc::{EXPORT_METRICS, GRPC, GrpcConnection, Stalled, framed};
use support::otlp::{body, export, gauge, gzip, int, now, ten_minutes_ago};
use support::server::{folder, program};
use support::{Server, eventually};
use tonic::Code;
use tonic::codec::CompressionEncoding;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// A batch is stored as soon as it is there: these tests send one request after the other.
const AT_ONCE: &str = "[ingest]\nbatch_age_max = \"1ms\"";
const STORED: &str = "telemetryflow_ingest_items_stored_total";
const SERVICE: &str = "opentelemetry.proto.collector.metrics.v1.MetricsService";

fn good() -> Vec<u8> {
    body(vec![gauge("grpc.good", vec![int(ten_minutes_ago(), 1)])])
}

fn points(count: u64) -> ExportMetricsServiceRequest {
    let start = ten_minutes_ago();
    export(vec![gauge("grpc.points", (0..count).map(|at| int(start + at, 7)).collect())])
}

async fn channel(server: &Server) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{}", server.grpc)).expect("an address");
    endpoint.connect().await.expect("a connection")
}

#[tokio::test(flavor = "multi_thread")]
async fn generated_clients_export_plain_and_packed_and_points_are_read_back() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let plain = MetricsServiceClient::new(channel(&server).await);
    let packed = plain.clone().send_compressed(CompressionEncoding::Gzip);
    for (mut client, stored) in [(plain, 1_000), (packed, 2_000)] {
        let answer = client.export(points(1_000)).await.expect("the request is taken");
        assert_eq!(answer.metadata().get("x-telemetryflow-durability").expect("durability"), "store");
        assert_eq!(answer.into_inner(), ExportMetricsServiceResponse::default());
        assert_eq!(server.measured(STORED, &[]), stored);
    }
    let zstd = zstd::bulk::compress(&points(1_000).encode_to_vec(), 3).expect("zstd");
    let answer =
        GrpcConnection::open(server.grpc).await.export(&[("grpc-encoding", "zstd")], framed(1, &zstd)).await;
    assert_eq!((answer.code(), answer.body), (Code::Ok, framed(0, b"")));
    assert_eq!(server.measured(STORED, &[]), 3_000);
    let query = format!(
        "/api/v2/metrics?metricName=grpc.points&aggregation=last&interval=1h&start={}&end={}",
        ten_minutes_ago() - 3_600_000_000_000,
        now()
    );
    let values = server.get(&query).json()["series"][0]["values"].as_array().expect("values").clone();
    assert!(values.iter().any(|value| value == 7.0), "{values:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_and_traces_have_services_of_their_own() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let record = LogRecord { time_unix_nano: ten_minutes_ago(), ..LogRecord::default() };
    let scope_logs = vec![ScopeLogs { log_records: vec![record.clone(), record], ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    let mut logs = LogsServiceClient::new(channel(&server).await);
    let answer = logs.export(ExportLogsServiceRequest { resource_logs }).await.expect("the logs are taken");
    assert_eq!(answer.into_inner().partial_success, None);
    assert_eq!(server.measured(STORED, &["logs"]), 2);

    let (start_time_unix_nano, end_time_unix_nano) = (ten_minutes_ago(), ten_minutes_ago() + 1);
    let good = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        start_time_unix_nano,
        end_time_unix_nano,
        ..Span::default()
    };
    let nameless = Span { trace_id: Vec::new(), ..good.clone() };
    let scope_spans = vec![ScopeSpans { spans: vec![good, nameless], ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let mut traces = TraceServiceClient::new(channel(&server).await);
    let answer =
        traces.export(ExportTraceServiceRequest { resource_spans }).await.expect("the spans are taken");
    assert_eq!(answer.into_inner().partial_success.expect("one is rejected").rejected_spans, 1);
    assert_eq!(server.measured(STORED, &["traces"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_rejected_is_counted_in_a_good_answer() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut client = MetricsServiceClient::new(channel(&server).await);
    let request = export(vec![gauge("grpc.bad", vec![int(0, 1), int(ten_minutes_ago(), 1)])]);
    let partial = client.export(request).await.expect("the request is taken").into_inner().partial_success;
    let partial = partial.expect("a partial success");
    assert_eq!(partial.rejected_data_points, 1);
    assert!(partial.error_message.contains("grpc.bad"), "{}", partial.error_message);
}

/// The code that is to be answered, and headers and body of the request.
type Fault<'a> = (Code, &'a [(&'a str, &'a str)], Vec<u8>);

/// *Scenario*: all that can be wrong with a request, one after the other on one connection, with a good request after each.
/// *Guarantees*: each has its code, a short message and no RetryInfo; the good one is always taken.
#[tokio::test(flavor = "multi_thread")]
async fn every_lasting_fault_has_its_code_and_leaves_the_connection_usable() {
    let folder = folder();
    let server = Server::start(&folder, &format!("{AT_ONCE}\nbody_bytes_max = \"2MiB\""));
    let client = GrpcConnection::open(server.grpc).await;
    let good = framed(0, &good());
    let bomb = gzip(&vec![0; 1_900_000]);
    let too_long = framed(1, &gzip(&vec![0; 3 << 20]));
    let huge_window = [0x28, 0xB5, 0x2F, 0xFD, 0, 0xA8, 9, 0, 0, b'x'];
    let (gzip_header, zstd_header) = (("grpc-encoding", "gzip"), ("grpc-encoding", "zstd"));
    let faults: [Fault<'_>; 17] = [
        (Code::ResourceExhausted, &[], framed(0, &vec![0; 3 << 20])),
        (Code::ResourceExhausted, &[], framed(0, &vec![0; 40 << 20])),
        (Code::ResourceExhausted, &[gzip_header], too_long),
        (Code::ResourceExhausted, &[gzip_header], framed(1, &bomb)),
        (Code::InvalidArgument, &[], Vec::new()),
        (Code::InvalidArgument, &[], vec![0, 0, 0]),
        (Code::InvalidArgument, &[], good[..good.len() - 1].to_vec()),
        (Code::InvalidArgument, &[], [&good[..], b"\0"].concat()),
        (Code::InvalidArgument, &[], [&good[..], &good].concat()),
        (Code::InvalidArgument, &[], framed(2, b"")),
        (Code::InvalidArgument, &[], framed(0, b"\xff\xff garbage")),
        (Code::InvalidArgument, &[gzip_header], framed(1, b"no gzip")),
        (Code::InvalidArgument, &[zstd_header], framed(1, &huge_window)),
        (Code::Internal, &[], framed(1, &gzip(&good))),
        (Code::Internal, &[("grpc-encoding", "identity")], framed(1, &gzip(&good))),
        (Code::Unimplemented, &[("grpc-encoding", "snappy")], framed(1, b"")),
        (Code::Unimplemented, &[("grpc-encoding", "gzip,gzip")], framed(1, b"")),
    ];
    for (index, (code, headers, request)) in faults.into_iter().enumerate() {
        let answer = client.export(headers, request).await;
        let status = answer.status();
        assert_eq!((answer.http.as_u16(), status.code()), (200, code), "{index}: {status}");
        assert_eq!((answer.retry_delay(), answer.trailers.len()), (None, 0), "{index}: {status}");
        assert!((1..1_024).contains(&answer.headers["grpc-message"].len()), "{index}: {status}");
        if code == Code::Unimplemented {
            assert_eq!(answer.headers["grpc-accept-encoding"], "identity,gzip,zstd", "{index}");
        }
        let answer = client.export(&[gzip_header], good.clone()).await;
        assert_eq!(answer.code(), Code::Ok, "after {index}");
    }
    assert_eq!(server.measured("telemetryflow_http_connections_accepted_total", &["otlp_grpc"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_methods_are_unimplemented_and_what_is_no_grpc_is_told_so_in_http() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let client = GrpcConnection::open(server.grpc).await;
    const PROFILES: &str = "/opentelemetry.proto.collector.profiles.v1development.ProfilesService/Export";
    let (other_method, slash) = (format!("/{SERVICE}/Import"), format!("/{SERVICE}/Export/"));
    for path in ["/", "/x/Export", PROFILES, &other_method, &slash, "/v1/metrics"] {
        let answer = client.ask(Method::POST, path, &[GRPC], framed(0, b"")).await;
        assert_eq!((answer.http.as_u16(), answer.code()), (200, Code::Unimplemented), "{path}");
    }
    for content_type in ["application/json", "application/grpc-web", "application/x-protobuf", ""] {
        let headers = [("content-type", content_type)];
        let answer = client.ask(Method::POST, EXPORT_METRICS, &headers, framed(0, &good())).await;
        assert_eq!(answer.http.as_u16(), 415, "{content_type}");
    }
    let answer = client.ask(Method::GET, EXPORT_METRICS, &[GRPC], Body::empty()).await;
    assert_eq!(answer.http.as_u16(), 405);
    for content_type in ["application/grpc+proto", "Application/GRPC; a=b"] {
        let headers = [("content-type", content_type)];
        let answer = client.ask(Method::POST, EXPORT_METRICS, &headers, framed(0, &good())).await;
        assert_eq!(answer.code(), Code::Ok, "{content_type}");
    }
}

/// *Scenario*: one client has announced a body that takes all memory set aside for bodies, and does not send it.
/// *Guarantees*: others are asked to come back, and are served when it has left.
#[tokio::test(flavor = "multi_thread")]
async fn a_passing_fault_asks_the_client_to_come_back() {
    let folder = folder();
    let server =
        Server::start(&folder, &format!("{AT_ONCE}\nbudget_bytes = \"1MiB\"\nbody_bytes_max = \"1MiB\""));
    let greedy = GrpcConnection::open(server.grpc).await;
    let client = GrpcConnection::open(server.grpc).await;
    let length = (1 << 20).to_string();
    let held = tokio::spawn(async move {
        let headers = [GRPC, ("content-length", length.as_str())];
        let body = Body::new(Stalled(Some(Bytes::from_static(&[0]))));
        greedy.try_ask(Method::POST, EXPORT_METRICS, &headers, body).await
    });
    let all = || (server.measured("telemetryflow_ingest_memory_bytes", &[]) == 1 << 20).then_some(());
    tokio::task::block_in_place(|| eventually("all memory is held", Duration::from_secs(30), all));
    let answer = client.export(&[], framed(0, &good())).await;
    assert_eq!((answer.code(), answer.retry_delay()), (Code::Unavailable, Some(Duration::from_secs(1))));
    // Its stream is reset when its future is dropped.
    held.abort();
    let again = async { while client.export(&[], framed(0, &good())).await.code() != Code::Ok {} };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("the memory is free again");
}

/// What the bearer of a new key of this role sends, and the section that makes the key valid.
fn key(role: &str) -> (String, String) {
    let arguments = ["create-key", "--id", role, "--tenant", "shop", "--role", role];
    let output = program().args(arguments).output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("text");
    let (token, rest) = text.split_once('\n').expect("a line with the key");
    let (_, section) = rest.split_once("[keys.").expect("a section");
    (format!("Bearer {token}"), format!("[keys.{section}"))
}

/// *Scenario*: clients with the right key, with none, with one for reading, and one that guesses.
/// *Guarantees*: each has its code; who guesses is slowed down, and told when to come back.
#[tokio::test(flavor = "multi_thread")]
async fn credentials_decide_and_guessing_is_slowed_down() {
    let ((sender, sender_section), (reader, reader_section)) = (key("ingest"), key("read"));
    let folder = folder();
    let server = Server::start(&folder, &format!("{AT_ONCE}\n{sender_section}\n{reader_section}"));
    let client = GrpcConnection::open(server.grpc).await;
    let send = async |headers: &[(&str, &str)]| client.export(headers, framed(0, &good())).await;
    assert_eq!(send(&[("authorization", &sender)]).await.code(), Code::Ok);
    assert_eq!(send(&[]).await.code(), Code::Unauthenticated);
    assert_eq!(send(&[("authorization", &reader)]).await.code(), Code::PermissionDenied);
    let mut guesses = 0;
    let slowed = loop {
        let answer = send(&[("authorization", "Bearer ingest.guess")]).await;
        if answer.code() != Code::Unauthenticated {
            break answer;
        }
        guesses += 1;
        assert!(guesses < 1_000, "nobody minds");
    };
    assert_eq!(slowed.code(), Code::ResourceExhausted);
    assert!(slowed.retry_delay().is_some_and(|delay| delay > Duration::ZERO), "{slowed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_requests_at_once_share_a_connection() {
    let folder = folder();
    let server = Server::start(&folder, "[ingest]\nbatch_age_max = \"200ms\"");
    let client = GrpcConnection::open(server.grpc).await;
    let mut requests = tokio::task::JoinSet::new();
    for at in 0..100 {
        let client = client.clone();
        let message = body(vec![gauge("grpc.many", vec![int(ten_minutes_ago() + at, 1)])]);
        requests.spawn(async move { client.export(&[], framed(0, &message)).await.code() });
    }
    assert!(requests.join_all().await.iter().all(|code| *code == Code::Ok));
    assert_eq!(server.measured(STORED, &[]), 100);
    assert_eq!(server.measured("telemetryflow_http_connections_accepted_total", &["otlp_grpc"]), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_by_service_and_followed_to_the_end() {
    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let mut client = HealthClient::new(channel(&server).await);
    let request = |service: &str| HealthCheckRequest { service: service.to_owned() };
    for service in ["", SERVICE] {
        let answer = client.check(request(service)).await.expect("a status").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let unknown = client.check(request("nothing")).await.expect_err("there is no such service");
    assert_eq!(unknown.code(), Code::NotFound);

    let mut watched = client.watch(request("")).await.expect("a watch").into_inner();
    let first = watched.message().await.expect("a status").expect("a status");
    assert_eq!(first.status(), ServingStatus::Serving);
    let stopped = tokio::task::spawn_blocking(move || server.stop());
    let last = watched.message().await.expect("a status").expect("a status");
    assert_eq!(last.status(), ServingStatus::NotServing);
    assert_eq!(watched.message().await.expect("the end"), None);
    let stopped = stopped.await.expect("it stops");
    assert!(stopped.status.success(), "{}", stopped.stderr);
    assert!(stopped.took < Duration::from_secs(20), "a watch holds up the stop: {:?}", stopped.took);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_in_flight_and_ends_the_connection() {
    let folder = folder();
    let server = Server::start(&folder, "[ingest]\nbatch_age_max = \"1s\"");
    let client = GrpcConnection::open(server.grpc).await;
    let in_flight = tokio::spawn({
        let client = client.clone();
        async move { client.export(&[], framed(0, &good())).await.code() }
    });
    let points = || (server.measured("telemetryflow_ingest_memory_bytes", &[]) > 0).then_some(());
    tokio::task::block_in_place(|| eventually("the request is in flight", Duration::from_secs(30), points));
    server.terminate();
    assert_eq!(in_flight.await.expect("an answer"), Code::Ok);
    let stopped = tokio::task::spawn_blocking(move || server.stop()).await.expect("it stops");
    assert!(stopped.status.success(), "{}", stopped.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_and_describes_the_services() {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

    let folder = folder();
    let server = Server::start(&folder, AT_ONCE);
    let ask = async |request: MessageRequest| -> Option<MessageResponse> {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(request) };
        let bytes = framed(0, &request.encode_to_vec());
        let connection = GrpcConnection::open(server.grpc).await;
        let mut answers = Vec::new();
        for version in ["v1", "v1alpha"] {
            let path = format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo");
            let answer = connection.ask(Method::POST, &path, &[GRPC], bytes.clone()).await;
            assert_eq!(answer.code(), Code::Ok, "{version}");
            answers.push(ServerReflectionResponse::decode(&answer.body[5..]).expect("an answer"));
        }
        answers.pop()?.message_response
    };
    let Some(MessageResponse::ListServicesResponse(list)) =
        ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list")
    };
    let names: Vec<_> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in [SERVICE, "grpc.health.v1.Health"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let symbol = MessageRequest::FileContainingSymbol(SERVICE.to_owned());
    let Some(MessageResponse::FileDescriptorResponse(files)) = ask(symbol).await else {
        panic!("no descriptor")
    };
    assert!(String::from_utf8_lossy(&files.file_descriptor_proto[0]).contains("metrics_service.proto"));
    // A generated client agrees.
    let mut client = ServerReflectionClient::new(channel(&server).await);
    let one = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::FileByFilename(
            "opentelemetry/proto/metrics/v1/metrics.proto".to_owned(),
        )),
    };
    let request = tonic::codegen::tokio_stream::iter([one]);
    let mut answers = client.server_reflection_info(request).await.expect("answers").into_inner();
    let answer = answers.message().await.expect("an answer").expect("an answer");
    assert!(matches!(answer.message_response, Some(MessageResponse::FileDescriptorResponse(_))));
}
