//! Limits hold for all nodes together.

use std::time::{Duration, Instant};

use crate::nodes::{Nodes, PATIENCE};
use crate::support::eventually;
use crate::support::otlp::body;

const PER_SECOND: u64 = 20;
/// Two seconds' worth at once.
const BURST: u64 = 2 * PER_SECOND;

/// The most that is taken in this time where all share one limit. What each takes before it hears of the other one is owed.
fn shared(time: Duration) -> u64 {
    BURST + PER_SECOND * (time.as_secs() + 2)
}

/// Sends either node one request after the other until they took enough: how many together, and in how long. Nothing is in the
/// requests, so that it is not the speed of the store that is seen.
fn taken(nodes: &Nodes, what: &str, enough: impl Fn(u64, Duration) -> bool) -> (u64, Duration) {
    let (mut taken, began) = (0, Instant::now());
    let request = body(Vec::new());
    eventually(what, PATIENCE, || {
        for node in [&nodes.a, &nodes.b].repeat(10) {
            match node.post_metrics(&request, &[]).status {
                200 => taken += 1,
                429 => {}
                other => panic!("answered {other}"),
            }
        }
        let time = began.elapsed();
        enough(taken, time).then_some((taken, time))
    })
}

/// *Scenario*: two nodes are sent more than they take, for some seconds; then Redis is killed.
/// *Guarantees*: together they take hardly more than one may, and not less; without Redis they take more than that.
#[test]
fn two_nodes_together_take_what_one_may() {
    let mut nodes = Nodes::start_with(&format!("[limits]\nrequests_per_second = {PER_SECOND}\n"));
    let (together, time) = taken(&nodes, "what one may is taken", |taken, time| {
        taken >= 5 * PER_SECOND && time >= Duration::from_secs(6)
    });
    assert!(together <= shared(time), "{together} in {time:?}");
    nodes.redis.take().expect("a Redis").kill();
    taken(&nodes, "each takes what one may", |taken, time| taken > shared(time));
}
