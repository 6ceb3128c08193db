//! *Scenario*: both nodes take all signals from clients all the time; Redis, PostgreSQL, the store, and the node that evaluates the
//! rules are killed one after the other and come back; something alarming comes while each is away.
//! *Guarantees*: whatever was acknowledged is stored exactly once, and each alarm is told once.

use std::time::Duration;

use serde_json::json;
use telemetryflow::shared::Signal;

use crate::exactly_once::ledger::Ledger;
use crate::exactly_once::{Clients, Durability, Listeners, Outcome, Sender, Sent, compare};
use crate::scene::{IN_TIME, Scene};
use crate::support::eventually;
use crate::support::redis::Redis;

const PATIENCE: Duration = Duration::from_secs(20);
/// Requests that both nodes acknowledge between two events.
const REQUESTS: u64 = 12;
/// The numbers of the second node's items begin there.
const SECOND: u64 = 1_000_000_000;

struct Load {
    scene: Scene,
    clients: [Clients; 2],
    alarms: Vec<Sent>,
}

impl Load {
    fn begin(redis: &Redis) -> Self {
        let extra = format!("{}\n{}", Durability::Journal.configuration(), redis.configuration());
        let scene = Scene::begin_with(&extra);
        let clients = [1, SECOND].map(|first| Clients::start_numbered(PATIENCE, first));
        for (node, clients) in clients.iter().enumerate() {
            clients.send_to(scene.server(node));
        }
        Self { scene, clients, alarms: Vec::new() }
    }

    fn progress(&self, nodes: &[usize]) {
        for node in nodes {
            let until = self.clients[*node].acknowledged() + REQUESTS;
            eventually("requests are acknowledged", IN_TIME, || {
                (self.clients[*node].acknowledged() >= until).then_some(())
            });
        }
    }

    /// A point comes that a rule looks at.
    fn alarm(&mut self, node: usize, text: &str) {
        let request = self.clients[node].request_with_text(Signal::Metrics, text);
        let mut attempts = 0;
        eventually("the alarm is taken", IN_TIME, || {
            attempts += 1;
            let outcome = Sender::new(PATIENCE).send(Listeners::of(self.scene.server(node)), &request);
            (outcome == Outcome::Taken).then_some(())
        });
        self.alarms.push(request.sent(attempts));
    }

    /// Everything that was acknowledged is stored, and nothing else.
    fn end(mut self) {
        let mut sent = self.alarms;
        for (node, clients) in self.clients.iter_mut().enumerate() {
            sent.extend(clients.finish());
            for signal in Signal::ALL {
                eventually("nothing is in flight", IN_TIME * 2, || {
                    (Ledger::of(self.scene.server(node), signal).in_flight == 0).then_some(())
                });
            }
        }
        compare(&self.scene.end_with_tables(), &sent).assert_exactly_once();
    }
}

#[test]
fn each_thing_that_the_nodes_share_is_killed_and_comes_back_under_load() {
    let redis = Redis::start();
    let mut load = Load::begin(&redis);
    let alarms = json!({
        "id": "alarms", "name": "Alarms", "metric": "exactly.once", "filter": "text =~ \"alarm-.*\"", "groupBy": ["text"],
        "aggregation": "max", "window": "30m", "thresholds": [{"severity": "CRITICAL", "op": ">", "value": 0}],
        "channels": ["ops"],
    });
    load.scene.make(0, &alarms);
    load.progress(&[0, 1]);

    let port = redis.kill();
    load.alarm(0, "alarm-redis");
    load.progress(&[0, 1]);
    load.scene.wait_until_told(&["alarm-redis"]);
    let _redis = Redis::start_at(port);
    load.progress(&[0, 1]);

    let follower = load.scene.follower();
    load.scene.postgres.stop();
    load.alarm(follower, "alarm-postgres");
    load.progress(&[0, 1]);
    load.scene.postgres.start_again();
    load.scene.wait_until_told(&["alarm-postgres"]);
    load.progress(&[0, 1]);

    let port = load.scene.kill_store();
    load.alarm(1, "alarm-store");
    load.progress(&[0, 1]);
    load.scene.start_store(port);
    load.scene.wait_until_told(&["alarm-store"]);
    load.progress(&[0, 1]);

    load.scene.nothing_waits();
    let owner = load.scene.owner();
    let other = 1 - owner;
    load.clients[owner].hold();
    load.scene.kill(owner);
    load.alarm(other, "alarm-owner");
    load.progress(&[other]);
    load.scene.wait_until_told(&["alarm-owner"]);
    load.scene.start(owner);
    load.clients[owner].send_to(load.scene.server(owner));
    load.progress(&[0, 1]);

    for alarm in ["alarm-redis", "alarm-postgres", "alarm-store", "alarm-owner"] {
        let told = load.scene.told(&[alarm]);
        assert_eq!(told.len(), 1, "{alarm}: {told:#?}");
    }
    load.end();
}
