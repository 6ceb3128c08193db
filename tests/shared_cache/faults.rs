//! Redis is slow, down, flushed, or answers nonsense; a node is cut off from it.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::link::{Link, Nonsense};
use crate::nodes::{Nodes, PATIENCE, ask, gets, is_unsure, node, others, path, send, stored, until, varied};
use crate::support::otlp::{MINUTE, SECOND, now};
use crate::support::redis::{Redis, configuration_at};
use crate::support::{Server, eventually};

const HOUR: u64 = 60 * MINUTE;
const CHUNK: u64 = 5 * HOUR;
/// Longer than half of the requests may take because of Redis, and what a busy machine adds.
const SLOW: Duration = Duration::from_millis(400);
/// Longer than any may take, also where the machine stands still for a moment: one that waits for a Redis that hangs waits for ever.
const HELD_UP: Duration = Duration::from_secs(10);

fn begin() -> u64 {
    now() / CHUNK * CHUNK - 2 * CHUNK
}

fn question(start: u64) -> String {
    path("orders", start, start + CHUNK)
}

/// Asks different questions that have the same answer, and gives the longest and the middle time.
fn ask_all(
    node: &Server,
    start: u64,
    numbers: std::ops::Range<usize>,
    truth: &Value,
) -> (Duration, Duration) {
    let mut times: Vec<Duration> = numbers
        .map(|n| {
            let path = varied(&question(start), n);
            let begun = Instant::now();
            let (answer, _) = ask(node, &path);
            let took = begun.elapsed();
            assert_eq!(&answer, truth, "{path}");
            took
        })
        .collect();
    times.sort_unstable();
    (times[times.len() - 1], times[times.len() / 2])
}

/// Both nodes take points and answer with them at once, where they were sent.
fn write_and_read(nodes: &Nodes, start: u64, round: u64) {
    for (at, node) in [&nodes.a, &nodes.b].into_iter().enumerate() {
        send(node, "orders", start + (10 * round + at as u64 + 1) * SECOND, 1, "a");
        let truth = stored(node, &question(start));
        assert_eq!(ask(node, &question(start)).0, truth, "round {round}");
    }
}

/// What is stored is what both say, now that there was time.
fn agree(nodes: &Nodes, start: u64) {
    let truth = stored(&nodes.a, &question(start));
    for node in [&nodes.a, &nodes.b] {
        eventually("it says what is stored", PATIENCE, || {
            (ask(node, &question(start)).0 == truth).then_some(())
        });
    }
}

/// *Scenario*: Redis is stopped, so that it takes connections and answers nothing, and goes on later.
/// *Guarantees*: answers are right; no request takes much more than 50 ms longer; after a handful of slow operations none is tried
/// any more on behalf of a request; all recovers by itself.
#[test]
fn a_redis_that_hangs_holds_up_nobody() {
    let nodes = Nodes::start();
    let start = begin();
    send(&nodes.a, "orders", start, 7, "a");
    let truth = stored(&nodes.a, &question(start));
    let (_, usual) = ask_all(&nodes.a, start, 0..20, &truth);
    let slow = || gets(&nodes.a, "slow");
    let at_first = slow();
    nodes.redis().freeze();
    let (longest, middle) = ask_all(&nodes.a, start, 20..60, &truth);
    assert!(longest < HELD_UP && middle < usual * 4 + SLOW, "{longest:?} {middle:?} {usual:?}");
    until(&nodes.a, "nothing cached is trusted", is_unsure);
    until(&nodes.b, "nothing cached is trusted", is_unsure);
    let before = slow();
    assert!(before - at_first <= 10, "{before} requests waited in vain, {at_first} of them at first");
    let (longest, middle) = ask_all(&nodes.a, start, 60..90, &truth);
    assert!(longest < HELD_UP && middle < usual * 3 + SLOW / 8, "{longest:?} {middle:?} {usual:?}");
    assert_eq!(slow(), before, "no request waits for Redis any more");
    for round in 0..3 {
        write_and_read(&nodes, start, round);
    }
    nodes.redis().thaw();
    nodes.until_sure();
    agree(&nodes, start);
}

/// *Scenario*: Redis is killed, both nodes go on, and another one begins in its place; then it is flushed again and again.
/// *Guarantees*: nothing is refused, answers are right, and all recovers by itself.
#[test]
fn a_redis_that_is_lost_or_flushed_costs_no_answer() {
    let mut nodes = Nodes::start();
    let start = begin();
    write_and_read(&nodes, start, 0);
    let port = nodes.redis.take().expect("a Redis").kill();
    for round in 1..4 {
        write_and_read(&nodes, start, round);
    }
    until(&nodes.a, "nothing cached is trusted", is_unsure);
    nodes.redis = Some(Redis::start_at(port));
    nodes.until_sure();
    agree(&nodes, start);
    for round in 4..14 {
        write_and_read(&nodes, start, round);
        assert!(nodes.redis().ask(&["FLUSHALL"]).starts_with("+OK"));
        send(&nodes.b, "orders", start + (10 * round + 5) * SECOND, 1, "a");
        agree(&nodes, start);
    }
    nodes.until_sure();
}

/// *Scenario*: in Redis' place something answers nonsense of several kinds, huge lengths among them; then Redis is back.
/// *Guarantees*: both nodes live, answer right and take points, without much more memory; all recovers by itself.
#[test]
fn nonsense_in_the_place_of_redis_is_no_answer() {
    let mut nodes = Nodes::start();
    let start = begin();
    write_and_read(&nodes, start, 0);
    let memory = nodes.a.memory();
    let port = nodes.redis.take().expect("a Redis").kill();
    let nonsense = Nonsense::start(port);
    eventually("it was asked for long enough", PATIENCE, || (nonsense.answered() > 30).then_some(()));
    for round in 1..5 {
        write_and_read(&nodes, start, round);
    }
    let more = nodes.a.memory().saturating_sub(memory);
    assert!(more < 256 << 20, "{more} bytes more");
    assert!(is_unsure(&nodes.a) && is_unsure(&nodes.b));
    drop(nonsense);
    nodes.redis = Some(Redis::start_at(port));
    nodes.until_sure();
    agree(&nodes, start);
}

/// *Scenario*: one of two nodes is cut off from Redis while it goes on storing; later it is connected again.
/// *Guarantees*: after a few seconds the other one says what is stored all the same, without trusting its cache; when both are
/// connected, it is trusted again.
#[test]
fn a_node_that_is_cut_off_is_missed() {
    let nodes = Nodes::start();
    let start = begin();
    let link = Link::start(nodes.redis().address);
    let third_folder = crate::support::server::folder();
    let cut_off = node(&third_folder, &nodes.engine, &configuration_at(link.address()));
    until(&nodes.a, "three know each other", |node| others(node) == 2 && !is_unsure(node));
    send(&cut_off, "orders", start, 1, "a");
    agree(&nodes, start);
    link.cut();
    for round in 1..4 {
        send(&cut_off, "orders", start + round * SECOND, 1, "a");
        agree(&nodes, start);
    }
    assert!(is_unsure(&nodes.a));
    link.mend();
    until(&nodes.a, "it is heard again", |node| others(node) == 2 && !is_unsure(node));
    let truth = stored(&cut_off, &question(start));
    assert_eq!(ask(&nodes.a, &question(start)).0, truth, "what it stored meanwhile was told");
    assert_eq!(ask(&nodes.a, &question(start)), (truth, "hit".into()));
}
