//! *Scenario*: two servers over one store and one PostgreSQL; points of the same rules come to either; servers are killed and come
//! back, and so does PostgreSQL.
//! *Guarantees*: rules made on one apply on both; what is measured over points of both is measured right; an alert is told once,
//! whoever evaluates; who evaluates is followed when it goes; nothing is lost while the state database is away.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod exactly_once;
#[path = "nodes/scene.rs"]
mod scene;
mod support;
#[path = "nodes/under_load.rs"]
mod under_load;

use scene::{IN_TIME, Scene};
use serde_json::{Value, json};
use support::eventually;

const LONG: &str = "10m";

fn rule(id: &str, measure: &Value, value: f64) -> Value {
    let mut rule = json!({
        "id": id, "name": format!("Rule {id}"), "window": LONG, "groupBy": ["host"], "channels": ["ops"],
        "thresholds": [{"severity": "CRITICAL", "op": ">", "value": value}],
    });
    let (rule_fields, measure) =
        (rule.as_object_mut().expect("fields"), measure.as_object().expect("fields"));
    rule_fields.extend(measure.clone());
    rule
}

#[test]
fn rules_made_on_one_node_apply_on_both_and_an_alert_over_both_is_told_once() {
    let scene = Scene::begin();
    let (owner, other) = (scene.owner(), scene.follower());
    let sum = rule("sum", &json!({"metric": "queue.depth", "aggregation": "sum"}), 10.0);
    scene.make(other, &sum);
    for node in [owner, other] {
        let answer = scene.get(node, "/api/v2/alert-rules/sum");
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    scene.gauge(owner, "queue.depth", "a", 6);
    scene.gauge(other, "queue.depth", "b", 6);
    scene.gauge(other, "queue.depth", "a", 5);
    scene.wait_until_told(&["CRITICAL", "host=a"]);
    for node in [owner, other] {
        let open = scene.get(node, "/api/v2/incidents?state=open").json();
        assert_eq!(open["incidents"].as_array().map(Vec::len), Some(1), "{open}");
    }
    // What comes later is told later: by then the first would have been told again.
    scene.gauge(other, "queue.depth", "b", 7);
    scene.wait_until_told(&["CRITICAL", "host=b"]);
    assert_eq!(scene.told(&["host=a"]).len(), 1);
    scene.end();
}

#[test]
fn a_counter_whose_points_come_to_either_node_is_one_counter() {
    let scene = Scene::begin();
    let (owner, other) = (scene.owner(), scene.follower());
    scene.make(owner, &rule("rise", &json!({"metric": "jobs", "aggregation": "increase"}), 29.0));
    for (node, value) in [(owner, 100), (other, 110), (owner, 115), (other, 129)] {
        scene.counter(node, "jobs", "a", value);
        scene.settled();
    }
    for (node, value) in [(other, 200), (owner, 215), (other, 231)] {
        scene.counter(node, "jobs", "b", value);
        scene.settled();
    }
    scene.wait_until_told(&["CRITICAL", "host=b"]);
    assert!(scene.told(&["host=a"]).is_empty(), "it rose by 29 only: {:?}", scene.told(&[]));
    scene.end();
}

#[test]
fn log_records_of_both_nodes_count() {
    let scene = Scene::begin();
    let (owner, other) = (scene.owner(), scene.follower());
    let errors = json!({"source": "logs", "filter": "severity = \"error\"", "aggregation": "count"});
    scene.make(other, &rule("errors", &errors, 3.0));
    for node in [owner, other, owner] {
        scene.log(node, "a", 17);
    }
    scene.log(other, "a", 9);
    scene.settled();
    assert!(scene.told(&[]).is_empty());
    scene.log(other, "a", 17);
    scene.wait_until_told(&["CRITICAL", "host=a"]);
    scene.end();
}

#[test]
fn who_evaluates_the_rules_is_followed_when_it_is_killed_and_nothing_is_told_twice() {
    let mut scene = Scene::begin();
    let (owner, other) = (scene.owner(), scene.follower());
    scene.make(owner, &rule("sum", &json!({"metric": "queue.depth", "aggregation": "sum"}), 10.0));
    scene.gauge(owner, "queue.depth", "a", 11);
    scene.wait_until_told(&["CRITICAL", "host=a"]);
    scene.gauge(owner, "queue.depth", "b", 6);
    scene.settled();
    scene.nothing_waits();
    scene.kill(owner);
    eventually("the other node evaluates the rules", IN_TIME, || scene.is_owner(other).then_some(()));
    assert_eq!(scene.get(other, "/api/v2/alert-rules/sum").status, 200);
    // The window holds what the node that was killed had taken in.
    scene.gauge(other, "queue.depth", "b", 5);
    scene.wait_until_told(&["CRITICAL", "host=b"]);
    // The one that was killed comes back, and passes on what it is asked.
    scene.start(owner);
    assert_eq!(scene.owner(), other);
    scene.make(owner, &rule("max", &json!({"metric": "queue.depth", "aggregation": "max"}), 50.0));
    scene.gauge(owner, "queue.depth", "c", 51);
    scene.wait_until_told(&["Rule max", "host=c"]);
    assert_eq!(
        (scene.told(&["Rule sum", "host=a"]).len(), scene.told(&["Rule sum", "host=b"]).len()),
        (1, 1)
    );
    scene.end();
}

#[test]
fn a_node_that_stops_leaves_the_rules_to_another_at_once() {
    let mut scene = Scene::begin();
    let (owner, other) = (scene.owner(), scene.follower());
    scene.make(owner, &rule("sum", &json!({"metric": "queue.depth", "aggregation": "sum"}), 10.0));
    scene.gauge(other, "queue.depth", "a", 6);
    scene.settled();
    let log = scene.stop(owner);
    assert!(!log.contains("panicked"), "{log}");
    scene.gauge(other, "queue.depth", "a", 5);
    scene.wait_until_told(&["CRITICAL", "host=a"]);
    scene.end();
}

#[test]
fn what_a_node_stores_while_it_stops_is_told_as_well() {
    // It is stored when the node stops, and not before.
    let late = "[ingest]\ndurability = \"journal\"\nbatch_age_max = \"10s\"\n[rollups]\nmode = \"off\"\n";
    let mut scene = Scene::begin_with(late);
    let (owner, other) = (scene.owner(), scene.follower());
    scene.make(owner, &rule("max", &json!({"metric": "queue.depth", "aggregation": "max"}), 10.0));
    scene.gauge(other, "queue.depth", "a", 11);
    scene.stop(other);
    scene.wait_until_told(&["CRITICAL", "host=a"]);
    scene.end();
}

#[test]
fn while_the_state_database_is_away_points_are_taken_and_alerts_are_told_when_it_is_back() {
    let mut scene = Scene::begin();
    let (owner, other) = (scene.owner(), scene.follower());
    scene.make(owner, &rule("sum", &json!({"metric": "queue.depth", "aggregation": "sum"}), 10.0));
    scene.gauge(owner, "queue.depth", "a", 11);
    scene.wait_until_told(&["CRITICAL", "host=a"]);
    scene.nothing_waits();
    scene.postgres.stop();
    scene.gauge(owner, "queue.depth", "b", 6);
    scene.gauge(other, "queue.depth", "b", 6);
    for node in [owner, other] {
        assert_eq!(scene.get(node, "/readyz").status, 200);
    }
    scene.postgres.start_again();
    scene.wait_until_told(&["CRITICAL", "host=b"]);
    scene.gauge(other, "queue.depth", "c", 12);
    scene.wait_until_told(&["CRITICAL", "host=c"]);
    for host in ["host=a", "host=b", "host=c"] {
        assert_eq!(scene.told(&[host]).len(), 1, "{host}");
    }
    scene.end();
}

#[test]
fn a_rule_that_is_new_looks_at_what_either_node_took_in_before() {
    let scene = Scene::begin();
    let (owner, other) = (scene.owner(), scene.follower());
    scene.gauge(other, "queue.depth", "a", 6);
    scene.gauge(owner, "queue.depth", "a", 6);
    scene.settled();
    scene.make(other, &rule("sum", &json!({"metric": "queue.depth", "aggregation": "sum"}), 10.0));
    scene.wait_until_told(&["CRITICAL", "host=a"]);
    scene.end();
}

#[test]
fn only_who_knows_the_secret_may_report_and_a_stranger_is_told_so() {
    let scene = Scene::begin();
    let answer = scene.report_as(scene.owner(), "Bearer a-guess-at-the-secret");
    assert_eq!(answer.status, 401, "{}", answer.text());
    scene.end();
}
