//! A server that shares a Redis: how it tells of it, and that it can do without.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::time::Duration;

use serde_json::Value;
use support::redis::Redis;
use support::server::folder;
use support::{Server, eventually};

const PATIENCE: Duration = Duration::from_secs(30);

fn until_redis_is(server: &Server, wanted: &[&str]) -> Value {
    eventually(&format!("Redis is one of {wanted:?}"), PATIENCE, || {
        let health = server.get("/health").json();
        let redis = health["dependencies"].as_array()?.iter().find(|one| one["name"] == "redis")?.clone();
        wanted.contains(&redis["status"].as_str()?).then_some(redis)
    })
}

/// *Scenario*: a server starts while Redis is away; Redis comes, hangs, goes on, goes, comes again.
/// *Guarantees*: the server is ready all the time; `/health` says how Redis is; its counters count; the password is nowhere.
#[test]
fn a_server_says_how_its_redis_is_and_is_ready_without() {
    let (folder, redis) = (folder(), Redis::start());
    let (configuration, port) = (redis.configuration(), redis.kill());
    let server = Server::start(&folder, &configuration);
    until_redis_is(&server, &["down"]);
    let redis = Redis::start_at(port);
    assert_eq!(until_redis_is(&server, &["up"])["breaker"], "closed");
    assert!(server.measured("telemetryflow_redis_operations_total", &["\"ping\"", "\"ok\""]) > 0);
    redis.freeze();
    // It is let go of when it does not answer.
    let hangs = until_redis_is(&server, &["slow", "down"]);
    assert_eq!(server.get("/readyz").status, 200, "{hangs}");
    redis.thaw();
    until_redis_is(&server, &["up"]);
    redis.kill();
    until_redis_is(&server, &["down"]);
    let health = server.get("/health");
    assert_eq!((health.status, &health.json()["status"]), (200, &Value::from("degraded")));
    let _redis = Redis::start_at(port);
    until_redis_is(&server, &["up"]);
    let stopped = server.stop();
    assert!(stopped.status.success(), "{}", stopped.stderr);
    assert!(!stopped.stderr.contains(support::redis::PASSWORD), "the password is in the log");
}
