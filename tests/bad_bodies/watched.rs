//! A server whose memory is watched, and one hostile body on its way to it.

use std::fs;

use axum::http::Method;
use telemetryflow::shared::Signal;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::Code;

use crate::support::grpc::{GRPC, GrpcConnection, framed};
use crate::support::http::request;
use crate::support::otlp::status;
use crate::support::server::{PROTOBUF, folder};
use crate::support::{Answer, Connection, Server};
use crate::wire::Shape;

const MIB: u64 = 1 << 20;
/// `[ingest] budget_bytes`: small, so that what it does not cover shows.
pub const BUDGET_BYTES: u64 = 64 * MIB;
/// What the process may hold beside the budget and what it holds at rest. For each of its two decode threads: the state of a
/// zstd decoder (below 9 MiB) and the buffers kept for the next request (below 2 x 4 MiB). Then what the allocator has not
/// given back yet.
const BESIDE_BYTES: u64 = 2 * (9 + 8) * MIB + 30 * MIB;

pub const JSON: (&str, &str) = ("content-type", "application/json");

/// How a body is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Http,
    Json,
    Grpc,
}

/// What a body is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// 200, whatever was rejected.
    Taken,
    Malformed,
    TooLarge,
}

pub struct Watched {
    pub server: Server,
    at_rest: u64,
    runtime: Runtime,
    _folder: TempDir,
}

impl Watched {
    pub fn start() -> Self {
        let folder = folder();
        let config = format!(
            "kind = \"null\"\n[ingest]\nbatch_age_max = \"1ms\"\ndecode_threads = 2\nbudget_bytes = {BUDGET_BYTES}\n\
             body_bytes_max = \"32MiB\""
        );
        // The allocator gives back at once what is freed, so that what is measured is what is held.
        let server = Server::start_with(&folder, &config, &[("MIMALLOC_PURGE_DELAY", "0")]);
        let runtime = Runtime::new().expect("a runtime");
        let mut watched = Self { server, at_rest: 0, runtime, _folder: folder };
        for signal in Signal::ALL {
            watched.http(signal, PROTOBUF, &[], &good(signal));
        }
        watched.at_rest = watched.server.peak_memory();
        watched
    }

    /// One request on a connection of its own.
    pub fn http(
        &self,
        signal: Signal,
        content: (&str, &str),
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let headers = [&[content][..], headers].concat();
        Connection::open(self.server.otlp).ask(&request("POST", path(signal), &headers, body))
    }

    /// Sends a plain body, and then a good one on the same connection.
    #[track_caller]
    pub fn assert_answered(&self, way: Way, signal: Signal, body: &[u8], expected: Answered, what: &str) {
        self.forget_peak();
        self.assert_sent(way, signal, body, expected, what);
        self.assert_within_bounds(&format!("{what}: {} over {way:?}, {} bytes", signal.name(), body.len()));
    }

    /// The same without a look at the memory.
    #[track_caller]
    pub fn assert_sent(&self, way: Way, signal: Signal, body: &[u8], expected: Answered, what: &str) {
        let what = &format!("{what}: {} over {way:?}, {} bytes", signal.name(), body.len());
        match way {
            Way::Http => self.assert_http(PROTOBUF, signal, &[], body, expected, what),
            Way::Json => self.assert_http(JSON, signal, &[], body, expected, what),
            Way::Grpc => self.assert_grpc(signal, &[], &framed(0, body), expected, what),
        }
    }

    #[track_caller]
    pub fn assert_http(
        &self,
        content: (&str, &str),
        signal: Signal,
        headers: &[(&str, &str)],
        body: &[u8],
        expected: Answered,
        what: &str,
    ) {
        let mut connection = Connection::open(self.server.otlp);
        let headers = [&[content][..], headers].concat();
        let answer = connection.ask(&request("POST", path(signal), &headers, body));
        let code = match expected {
            Answered::Taken => 200,
            Answered::Malformed => 400,
            Answered::TooLarge => 413,
        };
        assert_eq!(answer.status, code, "{what}: {}", answer.text());
        if answer.status != 200 {
            let message = status(&answer).message;
            assert!(!message.is_empty() && message.len() < 256, "{what}: {message}");
        }
        if answer.header("connection") == Some("close") {
            connection = Connection::open(self.server.otlp);
        }
        let next = connection.ask(&request("POST", path(signal), &[PROTOBUF], &good(signal)));
        assert_eq!(next.status, 200, "after {what}: {}", next.text());
    }

    #[track_caller]
    pub fn assert_grpc(
        &self,
        signal: Signal,
        headers: &[(&str, &str)],
        body: &[u8],
        expected: Answered,
        what: &str,
    ) {
        let (answer, next) = self.runtime.block_on(async {
            let connection = GrpcConnection::open(self.server.grpc).await;
            let ask = async |headers: &[(&str, &str)], body: Vec<u8>| {
                let headers = [&[GRPC][..], headers].concat();
                connection.ask(Method::POST, method(signal), &headers, body).await
            };
            let answer = ask(headers, body.to_vec()).await;
            (answer, ask(&[], framed(0, &good(signal))).await)
        });
        let code = match expected {
            Answered::Taken => Code::Ok,
            Answered::Malformed => Code::InvalidArgument,
            Answered::TooLarge => Code::ResourceExhausted,
        };
        let status = answer.status();
        assert_eq!((status.code(), answer.retry_delay()), (code, None), "{what}: {status}");
        assert!(status.message().len() < 1_024, "{what}: {status}");
        assert_eq!(next.code(), Code::Ok, "after {what}");
    }

    /// What is measured from now on forgets what was before (proc(5), `clear_refs`).
    pub fn forget_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.server.id()), "5").expect("a new measurement");
    }

    /// The process is alive, and held no more than it may.
    #[track_caller]
    pub fn assert_within_bounds(&self, what: &str) {
        assert_eq!(self.server.get("/readyz").status, 200, "after {what}");
        let (peak, bound) = (self.server.peak_memory(), self.at_rest + BUDGET_BYTES + BESIDE_BYTES);
        assert!(peak <= bound, "{} of {} MiB after {what}", peak / MIB, bound / MIB);
    }
}

pub fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "/v1/metrics",
        Signal::Logs => "/v1/logs",
        Signal::Traces => "/v1/traces",
    }
}

pub fn method(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    }
}

pub fn good(signal: Signal) -> Vec<u8> {
    signal.request(b"", &[signal.item(b"")])
}
