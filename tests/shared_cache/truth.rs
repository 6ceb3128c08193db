//! What is cached on one node is true although another one writes.

use std::time::{Duration, Instant};

use crate::nodes::{Nodes, PATIENCE, ask, is_unsure, node, others, path, send, stored, until};
use crate::support::eventually;
use crate::support::otlp::{MINUTE, SECOND, now};
use crate::support::server::folder;

const HOUR: u64 = 60 * MINUTE;
const METRICS: [&str; 3] = ["orders", "queue", "load"];
/// A message is there within this, unless the machine stands still.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

fn seed() -> u64 {
    let given = std::env::var("TELEMETRYFLOW_TEST_SEED").ok();
    given.map_or_else(|| fastrand::u64(..), |text| text.parse().expect("a number"))
}

/// *Scenario*: random points, late ones among them, to either of two nodes; random questions to both after each.
/// *Guarantees*: the node that took the points answers as the store does at once, and the other one soon; and answers come
/// from the cache.
#[test]
fn what_either_node_stores_is_seen_by_both() {
    let nodes = Nodes::start();
    let seed = seed();
    eprintln!("TELEMETRYFLOW_TEST_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let base = now() / HOUR * HOUR - 5 * HOUR;
    let (mut hits, mut slowest) = (0, Duration::ZERO);
    for metric in METRICS {
        send(&nodes.a, metric, base, 1, "first");
    }
    for round in 0..60 {
        let metric = METRICS[random.usize(..METRICS.len())];
        let (here, there) = if random.bool() { (&nodes.a, &nodes.b) } else { (&nodes.b, &nodes.a) };
        let time = base + random.u64(..5 * HOUR);
        send(here, metric, time, random.i64(-100..100), ["a", "b"][random.usize(..2)]);
        let told = Instant::now();
        for _ in 0..3 {
            let start = base + random.u64(..12) * 20 * MINUTE;
            let path =
                path(METRICS[random.usize(..METRICS.len())], start, start + random.u64(1..9) * 30 * MINUTE);
            let truth = stored(here, &path);
            let (answer, cache) = ask(here, &path);
            assert_eq!(answer, truth, "round {round}, seed {seed}: {path}");
            hits += u32::from(cache == "hit");
            eventually("the other node says the same", PATIENCE, || {
                let (answer, cache) = ask(there, &path);
                hits += u32::from(cache == "hit");
                (answer == truth).then_some(())
            });
            slowest = slowest.max(told.elapsed());
        }
    }
    eprintln!("{hits} hits; the slowest round took {slowest:?}");
    assert!(hits > 30, "{hits} hits of at least 360");
    assert_eq!(nodes.a.measured("telemetryflow_nodes_messages_lost_total", &[]), 0);
}

/// *Scenario*: one node has an answer in its cache; another one stores points that belong to it.
/// *Guarantees*: the answer is another one soon, mostly within a second; it was a hit before, and is one again.
#[test]
fn a_hit_is_no_hit_any_more_when_another_node_stored() {
    let nodes = Nodes::start();
    let base = now() / HOUR * HOUR - 5 * HOUR;
    let path = path("orders", base, base + HOUR);
    send(&nodes.a, "orders", base + SECOND, 1, "a");
    let mut times = Vec::new();
    for round in 0..10 {
        let truth = stored(&nodes.b, &path);
        let is_hit = || {
            let (answer, cache) = ask(&nodes.b, &path);
            assert_eq!(answer, truth, "round {round}");
            (cache == "hit").then_some(())
        };
        eventually("the other node has it in its cache", PATIENCE, is_hit);
        send(&nodes.a, "orders", base + (round + 2) * SECOND, 1, "a");
        let sent = Instant::now();
        let truth = stored(&nodes.a, &path);
        eventually("the other node sees it", PATIENCE, || (ask(&nodes.b, &path).0 == truth).then_some(()));
        times.push(sent.elapsed());
    }
    times.sort_unstable();
    assert!(times[times.len() / 2] < TOLD_WITHIN, "{times:?}");
}

/// *Scenario*: the catalogue, labels and what is known of a metric are cached on one node; another one sends a new metric and a new series.
/// *Guarantees*: they are there soon.
#[test]
fn what_there_is_is_seen_by_both_nodes() {
    let nodes = Nodes::start();
    let base = now() / HOUR * HOUR - HOUR;
    send(&nodes.a, "orders", base, 1, "a");
    let asked = [
        "/api/v2/metrics".to_owned(),
        format!(
            "/api/v2/metrics/labels/values?metricName=orders&label=host&start={base}&end={}",
            base + HOUR
        ),
    ];
    for (path, word) in asked.iter().zip(["orders", "\"a\""]) {
        eventually("it is known", PATIENCE, || nodes.b.get(path).text().contains(word).then_some(()));
    }
    send(&nodes.a, "fresh", base, 1, "a");
    send(&nodes.a, "orders", base + MINUTE, 1, "brand-new");
    for (path, word) in asked.iter().zip(["fresh", "brand-new"]) {
        eventually("it is known there, too", PATIENCE, || {
            nodes.b.get(path).text().contains(word).then_some(())
        });
    }
}

/// *Scenario*: a third node comes and stops; a fourth one comes and is killed.
/// *Guarantees*: who took leave is not waited for; while one is silent that did not, nothing cached is trusted, and answers are
/// right.
#[test]
fn a_node_that_left_is_not_missed_and_one_that_vanished_is() {
    let nodes = Nodes::start();
    let base = now() / HOUR * HOUR - 5 * HOUR;
    let path = path("orders", base, base + HOUR);
    send(&nodes.a, "orders", base, 1, "a");
    let (shared, third) = (nodes.redis().configuration(), folder());
    let another = || {
        let another = node(&third, &nodes.engine, &shared);
        until(&nodes.a, "it is known", |node| others(node) == 2 && !is_unsure(node));
        another
    };
    let stopped = another().stop();
    assert!(stopped.status.success(), "{}", stopped.stderr);
    until(&nodes.a, "it has left", |node| others(node) == 1);
    assert!(!is_unsure(&nodes.a));
    another().kill();
    until(&nodes.a, "it is missed", is_unsure);
    assert_eq!(others(&nodes.a), 2);
    for _ in 0..5 {
        let (answer, cache) = ask(&nodes.a, &path);
        assert_eq!((&answer, cache.as_str()), (&stored(&nodes.a, &path), "miss"));
    }
}
