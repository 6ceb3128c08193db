//! The journal fills up while the store is away, and two tenants want room in it.

use std::time::Duration;

use axum::http::Method;
use serde_json::Value;
use telemetryflow::shared::Signal;
use telemetryflow::tenancy::{KeyId, NewKey};
use tonic::Code;

use crate::exactly_once::{Numbers, Request, Sent, compare};
use crate::support::every_way::service;
use crate::support::faulty::Faulty;
use crate::support::grpc::{GRPC, GrpcConnection, framed};
use crate::support::http::request;
use crate::support::server::PROTOBUF;
use crate::support::{Answer, Connection, Server};

/// The smallest journal that the configuration allows. It has 16 segments, one of which is for marks.
const CONFIGURATION: &str = "[journal]\nbytes_max = \"16MiB\"\n[ingest]\nbody_bytes_max = \"64KiB\"\n\
    durability = \"journal\"\nresent_window = \"10m\"\nbatch_age_max = \"20ms\"";
/// More requests than the journal holds.
const REQUESTS_MAX: usize = 2_000;
/// From here on tenants are held to their shares, in percent.
const SHARE_MARK: u64 = 80;

/// What a tenant sent and had acknowledged.
struct Tenant {
    name: &'static str,
    sent: Vec<Sent>,
}

fn key(tenant: &str) -> NewKey {
    let mut random = [0; NewKey::RANDOM_BYTES];
    random[..tenant.len()].copy_from_slice(tenant.as_bytes());
    NewKey::new(KeyId::parse(tenant).expect("an id"), &random)
}

fn section(tenant: &str) -> String {
    let hash = key(tenant).hash();
    format!("[keys.{tenant}]\nhash = \"{hash}\"\ntenant = \"{tenant}\"\nrole = \"admin\"")
}

/// Some 45 kB that cannot be packed.
fn large(numbers: &Numbers) -> Request {
    let text: String = std::iter::repeat_with(fastrand::alphanumeric).take(45_000).collect();
    Request::plain(Signal::Logs, numbers, 1, &text)
}

impl Tenant {
    fn new(name: &'static str) -> Self {
        Self { name, sent: Vec::new() }
    }

    fn post(&mut self, server: &Server, body: &Request) -> Answer {
        let bearer = format!("Bearer {}", key(self.name).token());
        let headers = [PROTOBUF, ("authorization", &*bearer)];
        let answer = Connection::open(server.otlp).ask(&request("POST", "/v1/logs", &headers, &body.body));
        if answer.status == 200 {
            assert_eq!(answer.body, b"");
            self.sent.push(body.sent(1));
        }
        answer
    }

    /// Over gRPC: its code, and after how long it may be sent again.
    fn call(&self, server: &Server, body: &Request) -> (Code, Option<Duration>) {
        let bearer = format!("Bearer {}", key(self.name).token());
        let headers = [GRPC, ("authorization", &*bearer)];
        let path = format!("/{}/Export", service(body.signal));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async {
            let connection = GrpcConnection::open(server.grpc).await;
            let answer = connection.ask(Method::POST, &path, &headers, framed(0, &body.body)).await;
            (answer.code(), answer.retry_delay())
        })
    }

    /// Until one is not taken; returns that one and its answer.
    fn post_until_refused(
        &mut self,
        server: &Server,
        mut make: impl FnMut() -> Request,
    ) -> (Request, Answer) {
        for _ in 0..REQUESTS_MAX {
            let body = make();
            let answer = self.post(server, &body);
            if answer.status != 200 {
                return (body, answer);
            }
        }
        panic!("{REQUESTS_MAX} requests of {} are taken", self.name)
    }

    fn stats(&self, server: &Server) -> Value {
        let bearer = format!("Bearer {}", key(self.name).token());
        let headers = [("connection", "close"), ("authorization", &*bearer)];
        Connection::open(server.api).ask(&request("GET", "/api/v2/ingest/stats", &headers, b"")).json()
    }

    /// Everything of it is stored in the end, as its own ledger says.
    fn until_stored(&self, faulty: &Faulty) {
        let items: u64 = self.sent.iter().map(|sent| sent.items.end - sent.items.start).sum();
        faulty
            .until("everything is stored", || self.stats(&faulty.server)["signals"]["logs"]["inFlight"] == 0);
        let logs = self.stats(&faulty.server)["signals"]["logs"].clone();
        for (count, expected) in [("received", items), ("stored", items), ("deadLettered", 0), ("lost", 0)] {
            assert_eq!(logs[count], expected, "{count} of {}: {logs}", self.name);
        }
    }
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    let wait = answer.header("retry-after").and_then(|wait| wait.parse::<u64>().ok());
    assert!(wait.is_some_and(|wait| wait > 0), "{answer:?}");
}

/// Sent one after the other: who was refused does not know that others were not.
#[test]
fn who_fills_the_journal_waits_first_then_everybody_and_all_is_well_when_the_store_is_back() {
    let faulty = Faulty::start("down", &format!("{CONFIGURATION}\n{}\n{}", section("a"), section("b")));
    let (server, numbers) = (&faulty.server, Numbers::default());
    let [mut a, mut b] = ["a", "b"].map(Tenant::new);
    assert_eq!(b.post(server, &large(&numbers)).status, 200, "b has something in the journal");

    let (of_a, refusal) = a.post_until_refused(server, || large(&numbers));
    assert_refused(&refusal, 429);
    let journal = a.stats(server)["journal"].clone();
    let (bytes, bytes_max) = (journal["bytes"].as_u64(), journal["bytesMax"].as_u64());
    let mark = bytes_max.expect("a bound") / 100 * SHARE_MARK;
    assert!(bytes.is_some_and(|bytes| bytes >= mark), "{journal}");
    assert_eq!(server.get("/readyz").status, 200);
    for _ in 0..3 {
        assert_eq!(b.post(server, &large(&numbers)).status, 200, "b has less than its share");
        assert_refused(&a.post(server, &of_a), 429);
    }
    let (code, wait) = a.call(server, &of_a);
    assert!(code == Code::ResourceExhausted && wait.is_some(), "{code:?}, {wait:?}");

    let (of_b, refusal) = b.post_until_refused(server, || large(&numbers));
    assert_refused(&refusal, 503);
    // Now the last corner.
    let small = || Request::plain(Signal::Logs, &numbers, 1, "small");
    let (small_of_b, refusal) = b.post_until_refused(server, small);
    assert_refused(&refusal, 503);
    assert_refused(&a.post(server, &of_a), 503);
    for (tenant, body) in [(&a, &of_a), (&b, &small_of_b)] {
        let (code, wait) = tenant.call(server, body);
        assert!(code == Code::Unavailable && wait.is_some(), "{code:?}, {wait:?}");
    }
    let ready = server.get("/readyz");
    assert_eq!((ready.status, &ready.json()["status"]), (503, &"journal full".into()), "{}", ready.text());

    faulty.order("up");
    faulty.until("the server is ready", || server.get("/readyz").status == 200);
    // A tenant is over its share for as long as the store has not caught up.
    faulty.until("a may send again", || a.post(server, &of_a).status == 200);
    for body in [&of_b, &small_of_b] {
        faulty.until("b may send again", || b.post(server, body).status == 200);
    }
    for tenant in [&a, &b] {
        tenant.until_stored(&faulty);
    }
    let sent = [a.sent, b.sent].concat();
    assert!(sent.len() > 200, "{} requests filled the journal", sent.len());
    compare(&faulty.stop(), &sent).assert_exactly_once();
}
