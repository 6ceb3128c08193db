//! Scenario: queries take for ever; clients leave before their answers are there, a tenant asks more than it may, the server
//! is stopped meanwhile.
//! Guarantees: a query whose client has left ends at once and gives its turn back; the one who floods waits for its own
//! queries only, and nobody else does; a server that is asked to stop does not wait for answers that nobody gets.

#![allow(clippy::expect_used, reason = "a test ends where something is missing")]

mod support;

use support::faulty::Faulty;
use support::http::request;
use support::{Answer, Connection};

const RUNNING: &str = "telemetryflow_query_running";
const CANCELLED: &str = "telemetryflow_query_cancelled_total";
const LOGS: &str = "/api/v2/logs";
/// The engine refuses nothing that the test asks for, and gives up no query before the test does.
const PATIENT: &str = "[query]\nrows_max = 1000000000000000\ntimeout = \"10m\"\n";
/// The secrets are the ids; these are their hashes.
const KEYS: [(&str, &str); 2] = [
    ("one", "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"),
    ("two", "3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3"),
];

/// Sends a question and does not read the answer.
fn ask(faulty: &Faulty, headers: &[(&str, &str)]) -> Connection {
    let mut client = Connection::open(faulty.server.api);
    client.send(&request("GET", LOGS, headers, b""));
    client
}

fn get(faulty: &Faulty, path: &str, headers: &[(&str, &str)]) -> Answer {
    let headers = [headers, &[("connection", "close")]].concat();
    Connection::open(faulty.server.api).ask(&request("GET", path, &headers, b""))
}

#[test]
fn a_query_whose_client_has_left_ends_and_gives_its_turn_back() {
    let faulty = Faulty::start("slow", &format!("{PATIENT}concurrency_max = 1\n"));
    for round in 1..=3 {
        let client = ask(&faulty, &[]);
        faulty.until("the query runs", || faulty.server.measured(RUNNING, &[]) == 1);
        drop(client);
        faulty.until("it was cancelled", || faulty.server.measured(CANCELLED, &[]) == round);
        assert_eq!(faulty.server.measured(RUNNING, &[]), 0);
    }
    // The one turn is held, and given back while somebody waits for it.
    let client = ask(&faulty, &[]);
    faulty.until("the query runs", || faulty.server.measured(RUNNING, &[]) == 1);
    let mut next = ask(&faulty, &[]);
    faulty.order("up");
    drop(client);
    assert_eq!(next.answer().expect("an answer").status, 200);
}

#[test]
fn a_tenant_that_floods_waits_for_itself_alone() {
    let keys = KEYS.map(|(id, hash)| {
        format!("[keys.{id}]\nhash = \"sha256:{hash}\"\ntenant = \"{id}\"\nrole = \"admin\"\n")
    });
    let bearers = KEYS.map(|(id, _)| format!("Bearer {id}.{id}"));
    let [one, two] = bearers.each_ref().map(|bearer| [("authorization", bearer.as_str())]);
    let faulty =
        Faulty::start("slow", &format!("{PATIENT}concurrency_max_per_tenant = 64\n{}", keys.concat()));
    let running = || {
        let page = get(&faulty, "/metrics", &one).text();
        let line = page.lines().find_map(|line| line.strip_prefix(RUNNING)).expect("the gauge");
        line.trim().parse::<u64>().expect("a number")
    };
    // Four turns, as there are four readers; one tenant gets three of them, however many queries it sends.
    let flood: Vec<Connection> = (0..8).map(|_| ask(&faulty, &one)).collect();
    faulty.until("as many as may run do", || running() == 3);
    faulty.order("up");
    assert_eq!(get(&faulty, LOGS, &two).status, 200, "it has the fourth");
    let busy = get(&faulty, LOGS, &one);
    assert_eq!((busy.status, busy.header("retry-after").is_some()), (429, true), "{}", busy.text());
    drop(flood);
    faulty.until("none runs any more", || running() == 0);
    assert_eq!(get(&faulty, LOGS, &one).status, 200);
}

#[test]
fn a_server_that_stops_ends_the_queries_that_run() {
    let faulty = Faulty::start("slow", PATIENT);
    let clients = [ask(&faulty, &[]), ask(&faulty, &[])];
    faulty.until("the queries run", || faulty.server.measured(RUNNING, &[]) == 2);
    let Faulty { server, folder: _folder, .. } = faulty;
    let stopped = server.stop();
    assert!(stopped.status.success(), "{}: {}", stopped.status, stopped.stderr);
    assert!(stopped.stderr.contains("everything accepted is stored"), "{}", stopped.stderr);
    assert!(!stopped.stderr.contains("still in use"), "{}", stopped.stderr);
    drop(clients);
}
