//! *Scenario*: statements that go on for hours.
//! *Guarantees*: they end when their client leaves, when somebody with the same name asks for it, and at the limit of time; and give their
//! turn back.

use std::thread;
use std::time::Duration;

use crate::scene::{AS_READER, AS_WRITER, Scene};
use crate::support::http::request;
use crate::support::{Connection, eventually};

/// Hours of work, all of it in one aggregation.
const ENDLESS: &str = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)";
const PATIENCE: Duration = Duration::from_secs(30);

fn narrow(query: &str) -> Scene {
    Scene::with(&format!("statements_max = 1\n[query]\nrows_max = 1000000000000000\n{query}"))
}

#[test]
fn a_client_that_leaves_gives_its_turn_back() {
    let scene = narrow("timeout = \"10m\"\n");
    let mut connection = Connection::open(scene.address());
    connection.send(&request("POST", "/?query_id=slow", &[], ENDLESS.as_bytes()));
    runs(&scene);
    drop(connection);
    // It is refused when it waited for its turn for ten seconds.
    let answer = || scene.send("POST", "/", &[], b"SELECT 1").text();
    eventually("there is one turn", PATIENCE, || (answer() == "1\n").then_some(()));
}

#[test]
fn a_query_is_ended_by_its_id() {
    let scene = Scene::with_users();
    thread::scope(|scope| {
        let slow = scope.spawn(|| scene.post(AS_READER, "query_id=slow", ENDLESS));
        runs(&scene);
        let kill = |user| scene.post(user, "", "KILL QUERY WHERE query_id = 'slow' ASYNC");
        assert_eq!(kill(AS_WRITER).status, 200, "somebody else's, which is not touched");
        runs(&scene);
        assert_eq!(kill(AS_READER).status, 200);
        let answer = slow.join().unwrap();
        assert_eq!(answer.header("x-clickhouse-exception-code"), Some("394"), "{}", answer.text());
    });
}

#[test]
fn time_has_a_limit_that_clients_may_lower() {
    let scene = narrow("");
    let answer = scene.send("POST", "/?max_execution_time=1", &[], ENDLESS.as_bytes());
    assert_eq!(
        (answer.status, answer.header("x-clickhouse-exception-code")),
        (408, Some("159")),
        "{}",
        answer.text()
    );
}

fn runs(scene: &Scene) {
    let running = || scene.server.measured("telemetryflow_sql_statements_running", &[]) == 1;
    eventually("the query runs", PATIENCE, || running().then_some(()));
}
