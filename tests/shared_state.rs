//! Scenario: the real server with its state in a real PostgreSQL, which is stopped and started under it; servers that are stopped, killed and
//! followed by others.
//! Guarantees: rules and silences are there after a restart and after a kill, and an alert is told once over both; while PostgreSQL is away
//! ingestion goes on, the server is ready, alerts are told, and none is told again later; one server at a time has the database, a
//! second one says so, and one that was followed stops; the password is nowhere to be read.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a test ends where something is missing")]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use support::http::request;
use support::otlp::{assert_taken, body, gauge, int, labelled, now};
use support::postgres::{PASSWORD, PostgresServer};
use support::server::{folder, program};
use support::webhook::Webhook;
use support::{Answer, Connection, Server, eventually};
use tempfile::TempDir;

const IN_TIME: Duration = Duration::from_secs(60);

fn settings(webhook: &Webhook, database: &PostgresServer) -> String {
    format!(
        "[ingest]\nbatch_age_max = \"1ms\"\n[outgoing]\nallow = [\"127.0.0.0/8\"]\n\
         [channels.ops]\nkind = \"slack\"\nurl = \"http://{}/services/T/B/X\"\n\
         [alerting]\nown_rules = false\n[state]\nurl = \"{}\"\npassword = \"{PASSWORD}\"\n",
        webhook.address,
        database.address(),
    )
}

fn start(folder: &TempDir, webhook: &Webhook, database: &PostgresServer) -> Server {
    Server::start(folder, &settings(webhook, database))
}

fn post(server: &Server, host: &str, value: i64) {
    let point = labelled(int(now(), value), &[("host", host)]);
    assert_taken(&server.post_metrics(&body(vec![gauge("queue.depth", vec![point])]), &[]));
}

fn ask(server: &Server, method: &str, path: &str, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("connection", "close")];
    Connection::open(server.api).ask(&request(method, path, &headers, body.to_string().as_bytes()))
}

/// Groups by host, and looks back longer than a test takes.
fn make_rule(server: &Server) {
    let rule = json!({
        "id": "deep", "name": "Deep", "metric": "queue.depth", "aggregation": "max", "window": "10m", "groupBy": ["host"],
        "thresholds": [{"severity": "CRITICAL", "op": ">", "value": 5}], "channels": ["ops"],
    });
    assert_eq!(ask(server, "POST", "/api/v2/alert-rules", &rule).status, 201);
}

fn times_told(webhook: &Webhook, host: &str) -> usize {
    let word = format!("host={host}");
    webhook.delivered().iter().filter(|message| message.to_string().contains(&word)).count()
}

fn wait_until_told(webhook: &Webhook, host: &str) {
    eventually(&format!("{host} is told"), IN_TIME, || (times_told(webhook, host) > 0).then_some(()));
}

/// A message of which it is not known yet that it was taken would be sent again.
fn wait_until_settled(server: &Server, database: &PostgresServer) {
    eventually("all messages are settled", IN_TIME, || {
        let waiting = server.get("/api/v2/channels").json()["channels"][0]["waiting"] == 0;
        (waiting && database.sql("SELECT COUNT(*) FROM outbox") == "0").then_some(())
    });
}

fn state_of(server: &Server) -> Value {
    let health = server.get("/health").json();
    let all = health["dependencies"].as_array().expect("dependencies").clone();
    all.into_iter().find(|one| one["name"] == "state").expect("the state database")
}

#[test]
fn rules_silences_and_what_was_told_are_there_after_a_kill_and_after_a_restart() {
    let (folder, webhook, database) = (folder(), Webhook::start(&[]), PostgresServer::start());
    let server = start(&folder, &webhook, &database);
    let state = state_of(&server);
    assert_eq!((&state["kind"], &state["status"]), (&json!("postgres"), &json!("up")), "{state}");
    make_rule(&server);
    let begins = jiff::Timestamp::now();
    let silence = json!({
        "matchers": [{"name": "host", "value": "quiet", "isRegex": false}], "createdBy": "ada", "comment": "loud",
        "startsAt": begins.to_string(), "endsAt": (begins + Duration::from_secs(3_600)).to_string(),
    });
    let silenced = ask(&server, "POST", "/api/v2/silences", &silence);
    assert_eq!(silenced.status, 200, "{}", silenced.text());
    post(&server, "a", 9);
    wait_until_told(&webhook, "a");
    wait_until_settled(&server, &database);
    let mut said = server.kill().stderr;

    for host in ["b", "c"] {
        let server = start(&folder, &webhook, &database);
        assert_eq!(server.get("/api/v2/alert-rules/deep").status, 200);
        assert_eq!(server.get("/api/v2/silences").json()[0]["comment"], "loud");
        for host in ["a", "quiet", host] {
            post(&server, host, 9);
        }
        wait_until_told(&webhook, host);
        wait_until_settled(&server, &database);
        let stopped = server.stop();
        assert!(stopped.status.success(), "{}", stopped.stderr);
        said += &stopped.stderr;
    }
    let told: Vec<usize> = ["a", "quiet", "b", "c"].map(|host| times_told(&webhook, host)).to_vec();
    assert_eq!(told, [1, 0, 1, 1]);
    assert!(!said.contains(PASSWORD), "{said}");
}

#[test]
fn while_postgresql_is_away_all_goes_on_and_nothing_is_told_twice() {
    let (folder, webhook, mut database) = (folder(), Webhook::start(&[]), PostgresServer::start());
    let server = start(&folder, &webhook, &database);
    make_rule(&server);
    post(&server, "before", 9);
    wait_until_told(&webhook, "before");
    wait_until_settled(&server, &database);

    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                post(&server, "low", 1);
                sent += 1;
            }
            sent
        });
        database.stop();
        for host in ["away-1", "away-2"] {
            post(&server, host, 9);
            wait_until_told(&webhook, host);
        }
        for path in ["/livez", "/readyz", "/health"] {
            assert_eq!(server.get(path).status, 200, "{path}");
        }
        assert_eq!(state_of(&server)["status"], "down");
        assert_eq!(ask(&server, "DELETE", "/api/v2/alert-rules/deep", &Value::Null).status, 503);
        database.start_again();
        eventually("it is used again", IN_TIME, || (state_of(&server)["status"] == "up").then_some(()));
        post(&server, "after", 9);
        wait_until_told(&webhook, "after");
        wait_until_settled(&server, &database);
        stop.store(true, Ordering::Relaxed);
        assert!(load.join().expect("every request was taken") > 0);
    });
    assert!(server.stop().status.success());

    // What is remembered is what was told.
    let server = start(&folder, &webhook, &database);
    for host in ["before", "away-1", "away-2", "after", "again"] {
        post(&server, host, 9);
    }
    wait_until_told(&webhook, "again");
    for host in ["before", "away-1", "away-2", "after", "again"] {
        assert_eq!(times_told(&webhook, host), 1, "{host}");
    }
}

#[test]
fn a_second_server_is_refused_and_says_why() {
    let (first_folder, second_folder, webhook) = (folder(), folder(), Webhook::start(&[]));
    let database = PostgresServer::start();
    let first = start(&first_folder, &webhook, &database);
    let second = Server::spawn(program(), &second_folder, &settings(&webhook, &database)).ready();
    let stopped = second.expect_err("it started");
    assert!(!stopped.status.success());
    assert!(stopped.stderr.contains("another process uses this state database"), "{}", stopped.stderr);
    assert!(stopped.stderr.contains(&database.address()), "{}", stopped.stderr);
    assert!(!stopped.stderr.contains(PASSWORD), "{}", stopped.stderr);
    assert_eq!(state_of(&first)["status"], "up");
    first.kill();
    start(&second_folder, &webhook, &database);
}

#[test]
fn a_server_that_was_followed_stops_and_says_why() {
    let (folder, webhook, database) = (folder(), Webhook::start(&[]), PostgresServer::start());
    let server = start(&folder, &webhook, &database);
    // What the next owner does first.
    database.sql("UPDATE state_owner SET term = term + 1");
    let stopped = server.wait();
    assert!(!stopped.status.success());
    assert!(
        stopped.stderr.contains("another process has taken the state database over"),
        "{}",
        stopped.stderr
    );
}

#[test]
fn a_database_that_is_away_at_the_start_is_waited_for() {
    let (folder, webhook, mut database) = (folder(), Webhook::start(&[]), PostgresServer::start());
    database.stop();
    let server = Server::spawn(program(), &folder, &settings(&webhook, &database));
    eventually("it says that it waits", IN_TIME, || {
        server.log().contains("the state database does not answer yet").then_some(())
    });
    database.start_again();
    server.ready().expect("it starts");
}
