//! Two servers over one store, one PostgreSQL and one webhook.

use std::net::TcpListener;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyKind;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::engine::Engine;
use crate::support::http::request;
use crate::support::otlp::{assert_taken, body, gauge, int, labelled, now, sum, text};
use crate::support::postgres::{PASSWORD, PostgresServer};
use crate::support::server::{PROTOBUF, folder};
use crate::support::webhook::Webhook;
use crate::support::{Answer, Connection, Server, eventually};

pub const IN_TIME: Duration = Duration::from_secs(60);
const SECRET: &str = "secret-of-the-nodes-in-tests";
const OWNER: &str = "telemetryflow_alerting_nodes_owner";
/// OTLP's AGGREGATION_TEMPORALITY_CUMULATIVE.
const CUMULATIVE: i32 = 2;

pub struct Scene {
    // In the order in which they end.
    nodes: [Option<Server>; 2],
    folders: [TempDir; 2],
    ports: [u16; 2],
    pub postgres: PostgresServer,
    pub engine: Engine,
    tables: TempDir,
    webhook: Webhook,
    /// Further configuration of the nodes.
    extra: String,
}

impl Scene {
    /// One of the nodes evaluates the rules, and the other knows it.
    pub fn begin() -> Self {
        Self::begin_with("[ingest]\nbatch_age_max = \"1ms\"\n[rollups]\nmode = \"off\"\n")
    }

    pub fn begin_with(extra: &str) -> Self {
        let tables = folder();
        let mut scene = Self {
            nodes: [None, None],
            folders: [folder(), folder()],
            ports: [free_port(), free_port()],
            postgres: PostgresServer::start(),
            engine: Engine::start(tables.path(), 0),
            tables,
            webhook: Webhook::start(&[]),
            extra: extra.to_owned(),
        };
        for node in [0, 1] {
            scene.start(node);
        }
        scene.settled();
        scene
    }

    /// Until it is known who evaluates the rules.
    pub fn start(&mut self, node: usize) {
        let (store, webhook, port) = (self.engine.as_store(), self.webhook.address, self.ports[node]);
        let state = self.postgres.address();
        let extra = format!(
            "{store}[state]\nurl = {state:?}\npassword = {PASSWORD:?}\n\
             [nodes]\naddress = \"http://127.0.0.1:{port}\"\nsecret = {SECRET:?}\n\
             [alerting]\nown_rules = false\n\
             [outgoing]\nallow = [\"127.0.0.0/8\"]\n\
             [channels.ops]\nkind = \"slack\"\nurl = \"http://{webhook}/services/T/B/X\"\n{}",
            self.extra
        );
        let listen = format!("127.0.0.1:{port}");
        let environment = [("TELEMETRYFLOW__LISTEN__API", listen.as_str())];
        self.nodes[node] = Some(Server::start_with(&self.folders[node], &extra, &environment));
        self.until("the rules can be asked for", |scene| {
            scene.get(node, "/api/v2/alert-rules").status == 200
        });
    }

    pub fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        eventually(what, IN_TIME, || is_so(self).then_some(()));
    }

    pub fn server(&self, node: usize) -> &Server {
        self.nodes[node].as_ref().expect("a node that runs")
    }

    pub fn is_owner(&self, node: usize) -> bool {
        self.server(node).measured(OWNER, &[]) == 1
    }

    /// Which node evaluates the rules. For a moment it may be none: what another could not tell is read from the store.
    pub fn owner(&self) -> usize {
        eventually("one evaluates the rules", IN_TIME, || {
            let owners: Vec<usize> = self.running().filter(|node| self.is_owner(*node)).collect();
            assert!(owners.len() < 2, "both evaluate the rules");
            owners.first().copied()
        })
    }

    fn running(&self) -> impl Iterator<Item = usize> {
        [0, 1].into_iter().filter(|node| self.nodes[*node].is_some())
    }

    pub fn follower(&self) -> usize {
        1 - self.owner()
    }

    pub fn get(&self, node: usize, path: &str) -> Answer {
        self.server(node).get(path)
    }

    pub fn make(&self, node: usize, rule: &Value) {
        let headers = [("content-type", "application/json"), ("if-none-match", "*"), ("connection", "close")];
        let path = format!("/api/v2/alert-rules/{}", rule["id"].as_str().expect("an id"));
        let body = rule.to_string();
        let asked = request("PUT", &path, &headers, body.as_bytes());
        // For a moment nobody may evaluate them, as in `owner`.
        let answer = eventually("somebody evaluates the rules", IN_TIME, || {
            let answer = Connection::open(self.server(node).api).ask(&asked);
            (answer.status != 503).then_some(answer)
        });
        assert!([200, 201].contains(&answer.status), "{}", answer.text());
        self.settled();
    }

    pub fn report_as(&self, node: usize, authorization: &str) -> Answer {
        let headers = [("authorization", authorization), ("connection", "close")];
        Connection::open(self.server(node).api).ask(&request("POST", "/internal/v1/reports", &headers, b""))
    }

    pub fn gauge(&self, node: usize, metric: &str, host: &str, value: i64) {
        let point = labelled(int(now(), value), &[("host", host)]);
        assert_taken(&self.server(node).post_metrics(&body(vec![gauge(metric, vec![point])]), &[]));
    }

    pub fn counter(&self, node: usize, metric: &str, host: &str, value: i64) {
        let point = labelled(int(now(), value), &[("host", host)]);
        let counter = sum(metric, CUMULATIVE, true, vec![point]);
        assert_taken(&self.server(node).post_metrics(&body(vec![counter]), &[]));
    }

    pub fn log(&self, node: usize, host: &str, severity: i32) {
        let record = LogRecord {
            time_unix_nano: now(),
            severity_number: severity,
            body: Some(AnyValue { value: Some(AnyKind::StringValue("it failed".into())) }),
            attributes: vec![text("host", host)],
            ..LogRecord::default()
        };
        let scope = ScopeLogs { log_records: vec![record], ..ScopeLogs::default() };
        let logs = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
        let message = ExportLogsServiceRequest { resource_logs: vec![logs] }.encode_to_vec();
        let asked = request("POST", "/v1/logs", &[PROTOBUF], &message);
        let answer = Connection::open(self.server(node).otlp).ask(&asked);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Until what was taken in by now was told to the node that evaluates the rules: two reports later.
    pub fn settled(&self) {
        let owner = self.owner();
        for node in self.running().filter(|node| *node != owner) {
            let sent = || self.server(node).measured("telemetryflow_alerting_nodes_reports_sent_total", &[]);
            let before = sent();
            eventually("reports are taken", IN_TIME, || (sent() >= before + 2).then_some(()));
        }
    }

    /// Until every message that was made is known to have been taken.
    pub fn nothing_waits(&self) {
        self.until("messages are settled", |scene| {
            scene.get(scene.owner(), "/api/v2/channels").json()["channels"][0]["waiting"] == 0
        });
    }

    pub fn told(&self, words: &[&str]) -> Vec<Value> {
        let all = self.webhook.delivered().into_iter();
        all.filter(|message| words.iter().all(|word| message.to_string().contains(word))).collect()
    }

    pub fn wait_until_told(&self, words: &[&str]) {
        eventually(&format!("a message with {words:?}"), IN_TIME, || self.told(words).pop());
    }

    pub fn kill(&mut self, node: usize) {
        self.nodes[node].take().expect("a node that runs").kill();
    }

    /// Its log.
    pub fn stop(&mut self, node: usize) -> String {
        self.nodes[node].take().expect("a node that runs").stop().stderr
    }

    /// Kills the store, or begins it again where it was.
    pub fn kill_store(&mut self) -> u16 {
        let port = self.engine.address().port();
        std::mem::replace(&mut self.engine, Engine::Elsewhere { database: String::new() }).kill();
        port
    }

    pub fn start_store(&mut self, port: u16) {
        self.engine = Engine::start(self.tables.path(), port);
    }

    /// As [`Self::end`]. The folder of the store, which has stopped.
    pub fn end_with_tables(mut self) -> TempDir {
        self.stop_nodes();
        self.engine.stop();
        self.tables
    }

    /// No node has complained about itself.
    pub fn end(mut self) {
        self.stop_nodes();
    }

    fn stop_nodes(&mut self) {
        for node in [0, 1] {
            if self.nodes[node].is_some() {
                let log = self.stop(node);
                assert!(!log.contains("panicked") && !log.contains("ended early"), "{log}");
                assert!(!log.contains(SECRET) && !log.contains(PASSWORD), "a secret is in the log: {log}");
            }
        }
    }
}

/// Another node has to know it before it is bound: one that the system gives to nobody who does not ask for it by its number.
fn free_port() -> u16 {
    let drawn = std::iter::repeat_with(|| fastrand::u16(10_000..30_000));
    let mut free = drawn.filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a port")
}
