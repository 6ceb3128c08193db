//! Limits hold for all nodes together.

use std::time::{Duration, Instant};

use crate::nodes::Nodes;
use crate::support::Server;
use crate::support::otlp::{body, gauge, int, now};

const PER_SECOND: u32 = 20;
/// Two seconds' worth at once.
const BURST: u32 = 2 * PER_SECOND;
const SECONDS: u32 = 6;

/// How many of the requests that it is sent without a pause a node takes.
fn taken(node: &Server, until: Instant) -> u32 {
    let request = body(vec![gauge("m", vec![int(now(), 1)])]);
    let mut taken = 0;
    while Instant::now() < until {
        match node.post_metrics(&request, &[]).status {
            200 => taken += 1,
            429 => {}
            other => panic!("answered {other}"),
        }
    }
    taken
}

/// *Scenario*: two nodes are sent as much as they take, for some seconds; then Redis is killed.
/// *Guarantees*: together they take hardly more than one may; without Redis each of them does.
#[test]
fn two_nodes_together_take_what_one_may() {
    let mut nodes = Nodes::start_with(&format!("[limits]\nrequests_per_second = {PER_SECOND}\n"));
    let both = |nodes: &Nodes| {
        let until = Instant::now() + Duration::from_secs(SECONDS.into());
        std::thread::scope(|scope| {
            let [a, b] = [&nodes.a, &nodes.b].map(|node| scope.spawn(move || taken(node, until)));
            [a, b].map(|node| node.join().expect("it sends"))
        })
    };
    let together: u32 = both(&nodes).iter().sum();
    // What each takes before it hears of the other one is owed.
    assert!(together <= BURST + PER_SECOND * (SECONDS + 2), "{together}");
    assert!(together >= PER_SECOND * (SECONDS - 2), "{together}");
    nodes.redis.take().expect("a Redis").kill();
    let alone = both(&nodes);
    let each = PER_SECOND * (SECONDS - 2);
    assert!(alone.iter().all(|taken| *taken >= each), "{alone:?}");
}
