//! Chunks that one node has read are there for another one, and are not taken when they are not true any more.

use serde_json::Value;

use crate::nodes::{Nodes, PATIENCE, ask, gets, is_unsure, node, path, send, stored, until, varied};
use crate::support::otlp::{MINUTE, SECOND, assert_taken, body, gauge, int, labelled, now};
use crate::support::server::folder;
use crate::support::{Server, eventually};

const HOUR: u64 = 60 * MINUTE;
const SHARED: &str = "telemetryflow_query_cache_shared_total";
/// Five minutes are an interval, and sixty of them a chunk.
const CHUNK: u64 = 5 * HOUR;

/// The begin of a chunk that is over, and a question that is answered out of it alone.
fn chunk() -> (u64, String) {
    let start = now() / CHUNK * CHUNK - 2 * CHUNK;
    (start, path("orders", start, start + CHUNK))
}

/// Enough points that the store has some work.
fn fill(nodes: &Nodes, start: u64, hosts: u64) {
    for host in 0..hosts {
        let host = format!("h{host}");
        let points = (0..CHUNK / (10 * SECOND))
            .map(|at| labelled(int(start + at * 10 * SECOND, 1), &[("host", &host)]));
        assert_taken(&nodes.a.post_metrics(&body(vec![gauge("orders", points.collect())]), &[]));
    }
}

/// The first node reads a chunk from the store and keeps it: a question about it. On a busy machine it may take more than one, since
/// what takes Redis longer than 50 ms is given up.
fn keep(nodes: &Nodes, path: &str, truth: &Value) -> String {
    let count = |outcome: &str| nodes.a.measured(SHARED, &[outcome]);
    let tries = (0..20).map(|number| varied(path, number));
    let kept = tries.into_iter().find(|path| {
        let (kept, failed) = (count("\"kept\""), count("\"failed\""));
        assert_eq!(ask(&nodes.a, path), (truth.clone(), "miss".into()));
        until(&nodes.a, "it is written", |_| count("\"kept\"") > kept || count("\"failed\"") > failed);
        count("\"kept\"") > kept
    });
    kept.expect("one that is kept")
}

/// Answers that it has out of Redis, and those for which Redis took too long.
fn of_redis(node: &Server) -> u64 {
    node.measured(SHARED, &["\"hit\""]) + gets(node, "slow") + gets(node, "skipped")
}

/// *Scenario*: one node reads a chunk from the store; another one that has never seen it is asked for it; then points are stored that
/// belong to it, and a third node is asked that has begun just now.
/// *Guarantees*: the second has it from Redis; nobody takes it when it is not true any more; all answers are right.
#[test]
fn what_one_node_has_read_another_one_has_without_the_store() {
    let nodes = Nodes::start();
    let (start, path) = chunk();
    fill(&nodes, start, 2);
    let truth = stored(&nodes.a, &path);
    let path = keep(&nodes, &path, &truth);
    assert_eq!(ask(&nodes.b, &path).0, truth);
    assert_eq!(of_redis(&nodes.b), 1);
    assert_eq!(nodes.a.measured(SHARED, &["\"hit\""]), 0, "it has its own");
    let third_folder = folder();
    let third = node(&third_folder, &nodes.engine, &nodes.redis().configuration());
    until(&third, "it hears the others", |node| !is_unsure(node));
    assert_eq!(ask(&third, &path).0, truth);
    assert_eq!(of_redis(&third), 1, "what was said before it came is known to it");
    // Now it is another one.
    send(&nodes.b, "orders", start + MINUTE, 1_000, "h0");
    let changed = stored(&nodes.b, &path);
    assert_ne!(changed, truth);
    drop(third);
    let fourth_folder = folder();
    let fourth = node(&fourth_folder, &nodes.engine, &nodes.redis().configuration());
    for node in [&nodes.b, &fourth, &nodes.a] {
        eventually("it says what is stored", PATIENCE, || (ask(node, &path).0 == changed).then_some(()));
    }
}

/// *Scenario*: what is kept is cut, exchanged, and filled with nonsense.
/// *Guarantees*: answers are right; what makes no sense is removed.
#[test]
fn entries_that_make_no_sense_are_none() {
    let nodes = Nodes::start();
    let (start, path) = chunk();
    fill(&nodes, start, 1);
    let truth = stored(&nodes.a, &path);
    let path = keep(&nodes, &path, &truth);
    let keys = nodes.redis().ask(&["KEYS", "test:chunk:*"]);
    let keys: Vec<&str> =
        keys.lines().map(str::trim).filter(|line| line.starts_with("test:chunk:")).collect();
    for key in &keys {
        assert!(nodes.redis().ask(&["SETRANGE", key, "40", "nonsense"]).starts_with(':'));
    }
    assert_eq!(ask(&nodes.b, &path).0, truth);
    let of_b = |outcome: &str| nodes.b.measured(SHARED, &[outcome]);
    assert_eq!((of_b("\"garbled\"") + gets(&nodes.b, "slow"), of_b("\"hit\"")), (1, 0));
    // It was removed, or is there anew.
    let spoilt = |key: &&str| nodes.redis().ask(&["GET", key]).contains("nonsense");
    let left = keys.len() - usize::from(of_b("\"garbled\"") > 0);
    until(&nodes.b, "it is right again", |_| keys.iter().filter(|key| spoilt(key)).count() <= left);
}
