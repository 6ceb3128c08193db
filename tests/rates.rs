//! Scenario: tenants share a server that limits how fast each may send; one sends more than that, in each encoding, others do not.
//! Guarantees: who sends too much is told so and when to come back, and nothing of it is stored; it can use its connection
//! again; other tenants never hear of it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something is missing"
)]

mod support;

use std::time::Duration;

use axum::http::Method;
use prost::Message;
use support::every_way::{Export, JSON, Way};
use support::grpc::{EXPORT_METRICS, GRPC, GrpcConnection, framed};
use support::http::request;
use support::otlp::{export, gauge, int, moment, status};
use support::otlp_json::Writer;
use support::server::{PROTOBUF, folder};
use support::{Connection, Server};
use telemetryflow::tenancy::{KeyId, NewKey};
use tokio::runtime::Runtime;
use tonic::Code;

const STORED: &str = "telemetryflow_ingest_items_stored_total";
const REFUSED: &str = "telemetryflow_ingest_requests_refused_total";

/// A request for which a tenant has used up its rate for much longer than a test takes.
const POINTS: u64 = 20_000;

/// Nothing but the limit, the tenants and a quick batch.
struct Shared {
    server: Server,
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

fn tenant_of(way: Way) -> &'static str {
    match way {
        Way::HttpProtobuf => "protobuf",
        Way::HttpJson => "json",
        Way::Grpc => "grpc",
    }
}

fn key(tenant: &str) -> NewKey {
    let mut random = [0; NewKey::RANDOM_BYTES];
    random[..tenant.len()].copy_from_slice(tenant.as_bytes());
    NewKey::new(KeyId::parse(tenant).expect("an id"), &random)
}

fn bearer(tenant: &str) -> String {
    format!("Bearer {}", key(tenant).token())
}

impl Shared {
    fn start(limit: &str) -> Self {
        let tenants = ["protobuf", "json", "grpc", "quiet", "operator"];
        let keys: Vec<String> = tenants
            .iter()
            .map(|tenant| {
                let role = if *tenant == "operator" { "admin" } else { "ingest" };
                let hash = key(tenant).hash();
                format!("[keys.{tenant}]\nhash = \"{hash}\"\ntenant = \"{tenant}\"\nrole = \"{role}\"")
            })
            .collect();
        let extra = format!("[ingest]\nbatch_age_max = \"1ms\"\n[limits]\n{limit}\n{}", keys.join("\n"));
        let folder = folder();
        let server = Server::start(&folder, &extra);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { server, runtime: runtime.expect("a runtime"), _folder: folder }
    }

    /// Sends some points, twice on one connection; for each of the two the pause that is asked for, or `None` if it was taken.
    fn send_twice(&self, way: Way, tenant: &str, points: [u64; 2]) -> [Option<Duration>; 2] {
        let exports = points
            .map(|count| export(vec![gauge("rate", (0..count).map(|at| int(moment() + at, 1)).collect())]));
        let bearer = bearer(tenant);
        let authorization = ("authorization", bearer.as_str());
        if way == Way::Grpc {
            return self.runtime.block_on(async {
                let client = GrpcConnection::open(self.server.grpc).await;
                let mut waits = Vec::new();
                for export in exports {
                    let body = framed(0, &export.encode_to_vec());
                    let answer = client.ask(Method::POST, EXPORT_METRICS, &[GRPC, authorization], body).await;
                    let expected = [Code::Ok, Code::ResourceExhausted];
                    assert!(expected.contains(&answer.code()), "{answer:?}");
                    assert_eq!(answer.code() == Code::Ok, answer.retry_delay().is_none(), "{answer:?}");
                    waits.push(answer.retry_delay());
                }
                waits.try_into().expect("two")
            });
        }
        let mut connection = Connection::open(self.server.otlp);
        exports.map(|export| {
            let (content_type, body) = match way {
                Way::HttpJson => (JSON, export.json(&mut Writer(fastrand::Rng::with_seed(1))).into_bytes()),
                _ => (PROTOBUF, export.encode_to_vec()),
            };
            let answer =
                connection.ask(&request("POST", "/v1/metrics", &[content_type, authorization], &body));
            let wait = answer.header("retry-after").map(|wait| wait.parse().expect("seconds"));
            if answer.status == 200 {
                assert_eq!(wait, None);
                return None;
            }
            assert_eq!((answer.status, answer.header("content-type")), (429, Some(content_type.1)));
            let status = status(&answer);
            assert!(status.code == 8 && status.message.contains("per second"), "{status:?}");
            wait.map(Duration::from_secs)
        })
    }

    /// Reads a counter as the operator.
    fn measured(&self, name: &str, label: &str) -> u64 {
        let bearer = bearer("operator");
        let headers = [("connection", "close"), ("authorization", bearer.as_str())];
        let page = Connection::open(self.server.api).ask(&request("GET", "/metrics", &headers, b"")).text();
        let samples = page.lines().filter(|line| line.starts_with(name) && line.contains(label));
        samples.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// Each way: a request far over the burst passes, since nothing was used, and the next has to wait; another tenant does not.
    fn assert_limited_each_way(&self, reason: &str) {
        for way in Way::ALL {
            let tenant = tenant_of(way);
            let [first, second] = self.send_twice(way, tenant, [POINTS, 1]);
            assert_eq!(first, None, "{way:?}: nothing was used yet");
            let wait = second.unwrap_or_else(|| panic!("{way:?}: it was taken"));
            assert!(wait > Duration::from_secs(60), "{way:?}: {wait:?}");
            assert_eq!(self.send_twice(way, "quiet", [1, 1]), [None, None], "{way:?}");
            let label = format!("tenant=\"{tenant}\"");
            assert_eq!(self.measured(STORED, &label), POINTS, "{way:?}");
        }
        assert_eq!(self.measured(REFUSED, &format!("reason=\"{reason}\"")), 3);
        assert_eq!(self.measured(STORED, "tenant=\"quiet\""), 6);
    }
}

#[test]
fn a_tenant_over_its_rate_of_items_waits_and_others_do_not() {
    // A burst is 20 items; 20,000 are paid off after half an hour.
    Shared::start("items_per_second = 10").assert_limited_each_way("rate_items");
}

#[test]
fn a_tenant_over_its_rate_of_bytes_waits_and_others_do_not() {
    // A burst is 8 KiB, which all small requests together do not have; 20,000 points have about 400 kB and are paid off after
    // more than a minute.
    Shared::start("bytes_per_second = \"4KiB\"").assert_limited_each_way("rate_bytes");
}

#[test]
fn a_tenant_over_its_rate_of_requests_waits_and_others_do_not() {
    let shared = Shared::start("requests_per_second = 1");
    for way in Way::ALL {
        let told_to_wait = (0..500).find_map(|_| {
            let waits = shared.send_twice(way, tenant_of(way), [1, 1]);
            waits.into_iter().flatten().next()
        });
        let wait = told_to_wait.unwrap_or_else(|| panic!("{way:?}: a thousand requests were taken"));
        assert!(wait <= Duration::from_secs(1), "{way:?}: {wait:?}");
    }
    assert_eq!(shared.send_twice(Way::HttpProtobuf, "quiet", [1, 1]), [None, None]);
    assert!(shared.measured(REFUSED, "reason=\"rate_requests\"") >= 3);
}
