//! Two servers in front of one that keeps the tables, with one Redis.

use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::support::engine::Engine;
use crate::support::otlp::{assert_taken, body, gauge, int, labelled};
use crate::support::redis::Redis;
use crate::support::server::{configure, folder, program};
use crate::support::{Server, encoded, eventually};

pub const PATIENCE: Duration = Duration::from_secs(60);

/// Nodes, and what they share. The engine ends last.
pub struct Nodes {
    pub a: Server,
    pub b: Server,
    pub redis: Option<Redis>,
    _folders: [TempDir; 3],
    pub engine: Engine,
}

impl Nodes {
    /// Both are sure of each other.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// What is added stands at the end of each node's configuration.
    pub fn start_with(extra: &str) -> Self {
        let redis = Redis::start();
        let shared = redis.configuration();
        let folders = [folder(), folder(), folder()];
        let engine = Engine::start(folders[0].path(), 0);
        let [a, b] = [1, 2].map(|at| node(&folders[at], &engine, &format!("{shared}{extra}")));
        let nodes = Self { a, b, redis: Some(redis), _folders: folders, engine };
        nodes.until_sure();
        nodes
    }

    pub fn redis(&self) -> &Redis {
        self.redis.as_ref().expect("a Redis")
    }

    pub fn until_sure(&self) {
        for node in [&self.a, &self.b] {
            until(node, "each hears the other", |node| others(node) == 1 && !is_unsure(node));
        }
    }
}

/// A server over this store. It acknowledges what is stored.
pub fn node(folder: &TempDir, engine: &Engine, extra: &str) -> Server {
    let config = format!(
        "{}[ingest]\ndurability = \"store\"\nresent_window = \"0s\"\nbatch_age_max = \"1ms\"\n{extra}",
        engine.as_store()
    );
    let server = Server::launch(program(), &configure(folder.path(), &config)).ready();
    server.unwrap_or_else(|ended| panic!("{}: {}", ended.status, ended.stderr))
}

pub fn until(node: &Server, what: &str, mut is_so: impl FnMut(&Server) -> bool) {
    eventually(what, PATIENCE, || is_so(node).then_some(()));
}

/// Other nodes that it knows.
pub fn others(node: &Server) -> u64 {
    node.measured("telemetryflow_nodes_others", &[])
}

/// Whether it trusts nothing that is cached.
pub fn is_unsure(node: &Server) -> bool {
    node.measured("telemetryflow_nodes_unsure", &[]) == 1
}

/// How often it asked Redis for something, with this outcome.
pub fn gets(node: &Server, outcome: &str) -> u64 {
    node.measured("telemetryflow_redis_operations_total", &["\"get\"", &format!("\"{outcome}\"")])
}

/// Sends one point, which is stored then.
pub fn send(node: &Server, metric: &str, time: u64, value: i64, host: &str) {
    let point = labelled(int(time, value), &[("host", host)]);
    assert_taken(&node.post_metrics(&body(vec![gauge(metric, vec![point])]), &[]));
}

/// The sum by five minutes.
pub fn path(metric: &str, start: u64, end: u64) -> String {
    format!(
        "/api/v2/metrics?metricName={metric}&start={start}&end={end}&interval=5m&aggregation=sum&groupBy=host"
    )
}

/// Another question with the same answer for each number, so that no cache in memory has it.
pub fn varied(path: &str, number: usize) -> String {
    format!("{path}&filter={}", encoded(&format!("host!=\"none-{number}\"")))
}

/// An answer's series, and how the cache had it.
pub fn ask(node: &Server, path: &str) -> (Value, String) {
    let answer = node.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    let json = answer.json();
    (json["series"].clone(), json["cache"].as_str().expect("how it was cached").to_owned())
}

/// What the store says.
pub fn stored(node: &Server, path: &str) -> Value {
    ask(node, &format!("{path}&cache=bypass")).0
}
