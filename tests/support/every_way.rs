//! The three encodings of OTLP side by side: one request is sent as protobuf and as JSON over HTTP, and over gRPC.

use std::fmt::Debug;
use std::net::SocketAddr;

use axum::http::Method;
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;
use telemetryflow::shared::Signal;
use tokio::runtime::Runtime;
use tonic::Code;

use super::grpc::{GRPC, GrpcConnection, framed};
use super::http::{Answer, request};
use super::otlp_json::Writer;
use super::server::PROTOBUF;
use super::{Connection, Server};

pub const JSON: (&str, &str) = ("content-type", "application/json");

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    HttpProtobuf,
    HttpJson,
    Grpc,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::HttpProtobuf, Self::HttpJson, Self::Grpc];
}

/// What a good answer says beside "taken": how many items were rejected, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    pub rejected: i64,
    pub message: String,
}

/// An export request of one of the signals.
pub trait Export: Message + Default + Debug {
    /// Of OTLP/HTTP.
    const PATH: &str;
    /// Package and service of OTLP/gRPC.
    const SERVICE: &str;
    /// The member that holds the count of what was rejected in an answer in JSON.
    const REJECTED: &str;

    fn json(&self, writer: &mut Writer) -> String;
    /// Reads an answer in protobuf.
    fn said(answer: &[u8]) -> Said;
}

macro_rules! export {
    ($request:ty, $response:ty, $path:literal, $package:literal, $json:ident, $rejected:ident, $member:literal) => {
        impl Export for $request {
            const PATH: &str = $path;
            const SERVICE: &str = concat!("opentelemetry.proto.collector.", $package);
            const REJECTED: &str = $member;

            fn json(&self, writer: &mut Writer) -> String {
                writer.$json(self)
            }

            fn said(answer: &[u8]) -> Said {
                let response = <$response>::decode(answer).expect("an export response");
                let partial = response.partial_success.unwrap_or_default();
                Said { rejected: partial.$rejected, message: partial.error_message }
            }
        }
    };
}

export!(
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    "/v1/metrics",
    "metrics.v1.MetricsService",
    metrics,
    rejected_data_points,
    "rejectedDataPoints"
);
export!(
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    "/v1/logs",
    "logs.v1.LogsService",
    logs,
    rejected_log_records,
    "rejectedLogRecords"
);
export!(
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    "/v1/traces",
    "trace.v1.TraceService",
    traces,
    rejected_spans,
    "rejectedSpans"
);

/// Package and service over gRPC.
pub const fn service(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => ExportMetricsServiceRequest::SERVICE,
        Signal::Logs => ExportLogsServiceRequest::SERVICE,
        Signal::Traces => ExportTraceServiceRequest::SERVICE,
    }
}

/// Sends to a server, each request on a connection of its own: who is silent for long is asked to leave.
#[allow(missing_debug_implementations, reason = "a runtime shows nothing")]
pub struct Exporter {
    runtime: Runtime,
    grpc: SocketAddr,
    http: SocketAddr,
    writer: Writer,
}

impl Exporter {
    /// JSON can be spelled in many ways; the seed chooses.
    pub fn open(server: &Server, seed: u64) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let writer = Writer(fastrand::Rng::with_seed(seed));
        Self { runtime, grpc: server.grpc, http: server.otlp, writer }
    }

    /// The request has to be taken.
    #[track_caller]
    pub fn send<E: Export>(&mut self, way: Way, export: &E, headers: &[(&str, &str)]) -> Said {
        match way {
            Way::HttpProtobuf => self.send_http::<E>(&export.encode_to_vec(), headers),
            Way::HttpJson => {
                let json = export.json(&mut self.writer);
                self.send_json::<E>(&json, headers)
            }
            Way::Grpc => self.send_grpc::<E>(&export.encode_to_vec(), headers),
        }
    }

    /// Protobuf as it stands, over HTTP; the request has to be taken.
    #[track_caller]
    pub fn send_http<E: Export>(&mut self, message: &[u8], headers: &[(&str, &str)]) -> Said {
        let answer = self.post::<E>(&[&[PROTOBUF][..], headers].concat(), message);
        let said = E::said(&answer.body);
        assert_eq!(said == Said::default(), answer.body.is_empty(), "{said:?}");
        said
    }

    /// Protobuf as it stands, over gRPC; the request has to be taken.
    #[track_caller]
    pub fn send_grpc<E: Export>(&mut self, message: &[u8], headers: &[(&str, &str)]) -> Said {
        let path = format!("/{}/Export", E::SERVICE);
        let headers = [&[GRPC][..], headers].concat();
        let answer = self.runtime.block_on(async {
            let connection = GrpcConnection::open(self.grpc).await;
            connection.ask(Method::POST, &path, &headers, framed(0, message)).await
        });
        assert_eq!(answer.code(), Code::Ok, "{answer:?}");
        E::said(answer.body.get(5..).expect("a frame"))
    }

    /// JSON as it stands; the request has to be taken.
    #[track_caller]
    pub fn send_json<E: Export>(&mut self, json: &str, headers: &[(&str, &str)]) -> Said {
        let headers = [&[JSON][..], headers].concat();
        let answer = self.post::<E>(&headers, json.as_bytes());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let partial = answer.json()["partialSuccess"].clone();
        if partial.is_null() {
            assert_eq!(answer.text(), "{}");
        }
        let rejected =
            partial[E::REJECTED].as_str().map_or(0, |count| count.parse().expect("a count as text"));
        Said { rejected, message: partial["errorMessage"].as_str().unwrap_or_default().to_owned() }
    }

    #[track_caller]
    fn post<E: Export>(&mut self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let answer = Connection::open(self.http).ask(&request("POST", E::PATH, headers, body));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer
    }

    /// Sends the request in each of the three ways; the answers have to be the same.
    #[track_caller]
    pub fn send_every_way<E: Export>(&mut self, export: &E) -> Said {
        let [first, second, third] = Way::ALL.map(|way| self.send(way, export, &[]));
        assert_eq!((&first, &first), (&second, &third), "the same request, the same answer");
        first
    }

    /// A message that prost would not write, in the two ways that bring protobuf.
    #[track_caller]
    pub fn send_both_ways<E: Export>(&mut self, message: &[u8]) -> Said {
        let (http, grpc) = (self.send_http::<E>(message, &[]), self.send_grpc::<E>(message, &[]));
        assert_eq!(http, grpc, "the same request, the same answer");
        http
    }

    /// As [`Self::send_every_way`], with nothing to be said.
    #[track_caller]
    pub fn taken_every_way<E: Export>(&mut self, export: &E) {
        assert_eq!(self.send_every_way(export), Said::default());
    }
}
