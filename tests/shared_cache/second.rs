//! Chunks that one node has read are there for another one, and are not taken when they are not true any more.

use std::time::{Duration, Instant};

use crate::nodes::{Nodes, PATIENCE, ask, is_unsure, node, path, send, stored, until};
use crate::support::eventually;
use crate::support::otlp::{MINUTE, SECOND, assert_taken, body, gauge, int, labelled, now};
use crate::support::server::folder;

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

/// *Scenario*: one node reads a chunk from the store; another one that has never seen it is asked for it; then points are stored that
/// belong to it, and a third node is asked that has begun just now.
/// *Guarantees*: the second has it from Redis; nobody takes it when it is not true any more; all answers are right.
#[test]
fn what_one_node_has_read_another_one_has_without_the_store() {
    let nodes = Nodes::start();
    let (start, path) = chunk();
    fill(&nodes, start, 2);
    let truth = stored(&nodes.a, &path);
    assert_eq!(ask(&nodes.a, &path), (truth.clone(), "miss".into()));
    until(&nodes.a, "it is kept", |node| node.measured(SHARED, &["\"kept\""]) > 0);
    assert_eq!(ask(&nodes.b, &path).0, truth);
    assert_eq!(nodes.b.measured(SHARED, &["\"hit\""]), 1);
    assert_eq!(nodes.a.measured(SHARED, &["\"hit\""]), 0, "it has its own");
    let third_folder = folder();
    let third = node(&third_folder, &nodes.engine, &nodes.redis().configuration());
    until(&third, "it hears the others", |node| !is_unsure(node));
    assert_eq!(ask(&third, &path).0, truth);
    assert_eq!(third.measured(SHARED, &["\"hit\""]), 1, "what was said before it came is known to it");
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
    assert_eq!(ask(&nodes.a, &path).0, truth);
    until(&nodes.a, "it is kept", |node| node.measured(SHARED, &["\"kept\""]) > 0);
    let keys = nodes.redis().ask(&["KEYS", "test:chunk:*"]);
    let key = keys.lines().find(|line| line.starts_with("test:chunk:")).expect("a key").trim().to_owned();
    assert!(nodes.redis().ask(&["SETRANGE", &key, "40", "nonsense"]).starts_with(':'));
    assert_eq!(ask(&nodes.b, &path).0, truth);
    assert_eq!((nodes.b.measured(SHARED, &["\"garbled\""]), nodes.b.measured(SHARED, &["\"hit\""])), (1, 0));
    // It was removed, or is there anew.
    until(&nodes.b, "it is right again", |_| !nodes.redis().ask(&["GET", &key]).contains("nonsense"));
}

/// How long a panel takes out of Redis, and out of the store: not a limit, a figure.
#[test]
fn a_panel_out_of_redis_is_faster_than_out_of_the_store() {
    let nodes = Nodes::start();
    let (start, _) = chunk();
    fill(&nodes, start, 50);
    let by_service = |n: u64| {
        format!(
            "{}&filter={}",
            path("orders", start, start + CHUNK),
            crate::support::encoded(&format!("host!=\"x{n}\""))
        )
    };
    let timed = |path: &str, server: &crate::support::Server| {
        let begun = Instant::now();
        let _ = ask(server, path);
        begun.elapsed()
    };
    let best = |times: Vec<Duration>| times.into_iter().min().expect("a time");
    let of_store = best((0..5).map(|n| timed(&by_service(n), &nodes.a)).collect());
    until(&nodes.a, "all are kept", |node| node.measured(SHARED, &["\"kept\""]) >= 5);
    let of_redis = best((0..5).map(|n| timed(&by_service(n), &nodes.b)).collect());
    assert!(nodes.b.measured(SHARED, &["\"hit\""]) >= 1);
    eprintln!("a panel of 90,000 points: {of_store:?} from the store, {of_redis:?} from Redis");
    assert!(of_redis < of_store, "{of_redis:?} instead of {of_store:?}");
}
