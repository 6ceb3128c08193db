//! Scenario: under load of all three signals, the store goes away, hangs, loses its answers, or refuses a batch for good.
//! Guarantees: clients are told to come back, within their patience and without a restart everything goes on, and each
//! item is there once; the readiness of the server does not depend on the store.

#![allow(clippy::expect_used, clippy::panic, reason = "a test ends where something unexpected happens")]

mod exactly_once;
mod support;

#[path = "store_down/outage.rs"]
mod outage;

use std::time::Duration;

use exactly_once::Outcome;
use outage::Outage;
use telemetryflow::shared::Signal;

/// Longer than any of these stores is away.
const PATIENT: Duration = Duration::from_secs(50);
/// Gives up while the store hangs.
const IMPATIENT: Duration = Duration::from_millis(300);

const IN_FLIGHT: &str = "telemetryflow_ingest_items_in_flight";
const RETRIES: &str = "telemetryflow_ingest_insert_retries_total";

#[test]
fn while_the_store_is_away_clients_are_told_when_to_come_back() {
    let outage = Outage::begin(PATIENT);
    outage.order("down");
    // The pause after the sixth attempt at the same insert: from the fifth on, requests are refused.
    outage.until("an insert has failed for long", || outage.server.log().contains("retry_ms=1600"));
    match outage.send(&outage.clients.request_with_text(Signal::Logs, "refused")) {
        Outcome::Refused { status: 503, retry_after: Some(1..), .. } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(outage.server.get("/readyz").status, 200);
    outage.end().assert_exactly_once();
}

#[test]
fn inserts_whose_answer_is_lost_are_made_once() {
    let outage = Outage::begin(PATIENT);
    outage.order("cut");
    outage.until("inserts are repeated", || outage.server.measured(RETRIES, &[]) >= 3);
    outage.end().assert_exactly_once();
}

#[test]
fn requests_that_wait_for_a_store_that_hangs_are_stored_when_it_goes_on() {
    let outage = Outage::begin(PATIENT);
    outage.order("hang");
    // All that six clients can have under way.
    outage.until("everybody waits", || outage.server.measured(IN_FLIGHT, &[]) == 60);
    let found = outage.end();
    assert_eq!(found.resent, 0);
    found.assert_exactly_once();
}

#[test]
fn clients_that_do_not_wait_for_a_store_that_hangs_lose_nothing_by_it() {
    let outage = Outage::begin(IMPATIENT);
    let before = outage.clients.unanswered();
    outage.order("hang");
    outage.until("clients give up waiting", || outage.clients.unanswered() >= before + 20);
    let durability = outage.durability;
    outage.end().assert_kept(durability);
}

#[test]
fn a_server_that_is_killed_while_answers_of_the_store_are_lost_keeps_what_it_acknowledged() {
    let outage = Outage::begin(PATIENT);
    outage.order("cut");
    outage.until("inserts are repeated", || outage.server.measured(RETRIES, &[]) >= 3);
    let outage = outage.restart_killed("cut");
    let durability = outage.durability;
    outage.end().assert_kept(durability);
}

#[test]
fn a_server_that_is_stopped_while_the_store_is_away_ends_in_time_and_loses_nothing() {
    let mut outage = Outage::begin(PATIENT);
    for order in ["down", "hang", "cut"] {
        outage.order(order);
        outage.until("items wait for the store", || outage.server.measured(IN_FLIGHT, &[]) >= 20);
        outage = outage.restart_stopped("up");
        outage.load_passes();
    }
    let durability = outage.durability;
    outage.end().assert_kept(durability);
}

#[test]
fn a_request_that_the_store_refuses_costs_its_neighbours_nothing() {
    let outage = Outage::begin(PATIENT);
    outage.order("refuse poison");
    for signal in Signal::ALL {
        let poisoned = outage.clients.request_with_text(signal, "poison");
        match outage.send(&poisoned) {
            Outcome::Refused { status: 503, .. } => {}
            other => panic!("{other:?}"),
        }
        outage.load_passes();
    }
    outage.end().assert_exactly_once();
}
