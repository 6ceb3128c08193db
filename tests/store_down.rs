//! Scenario: under load of all three signals, the store goes away, hangs, loses its answers or refuses a request for good, the disk
//! is full, and the server is killed meanwhile.
//! Guarantees: requests are answered 200 for as long as the journal takes them, and 503 with `Retry-After` within a second
//! when it does not; without a restart everything goes on, each item is there once, and what the store refuses is set
//! aside alone; the readiness of the server does not depend on the store.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test ends where something unexpected happens"
)]

mod exactly_once;
mod support;

#[path = "store_down/outage.rs"]
mod outage;

use std::time::{Duration, Instant};

use exactly_once::Outcome;
use outage::Outage;
use telemetryflow::shared::Signal;

/// Longer than any of these stores is away.
const PATIENT: Duration = Duration::from_secs(50);
/// "disk full: 503 with Retry-After within 1 s".
const REFUSED_WITHIN: Duration = Duration::from_secs(1);
const IN_FLIGHT: &str = "telemetryflow_ingest_items_in_flight";
const RETRIES: &str = "telemetryflow_ingest_insert_retries_total";

#[test]
fn while_the_store_is_away_everything_is_acknowledged_and_stored_afterwards() {
    let outage = Outage::begin(PATIENT);
    outage.order("down");
    outage.until("an insert has failed for long", || outage.server.log().contains("retry_ms=1600"));
    for _ in 0..5 {
        outage.load_passes();
        assert_eq!(outage.server.get("/readyz").status, 200);
    }
    assert_eq!((outage.clients.refused(), outage.clients.unanswered()), (0, 0));
    outage.end().assert_exactly_once();
}

#[test]
fn inserts_whose_answer_is_lost_are_made_once() {
    let outage = Outage::begin(PATIENT);
    outage.order("cut");
    outage.until("inserts are repeated", || outage.server.measured(RETRIES, &[]) >= 3);
    outage.load_passes();
    assert_eq!((outage.clients.refused(), outage.clients.unanswered()), (0, 0));
    outage.end().assert_exactly_once();
}

#[test]
fn a_store_that_hangs_keeps_nobody_waiting() {
    let outage = Outage::begin(PATIENT);
    outage.order("hang");
    for _ in 0..5 {
        outage.load_passes();
    }
    assert_eq!((outage.clients.refused(), outage.clients.unanswered()), (0, 0));
    outage.end().assert_exactly_once();
}

#[test]
fn a_server_that_is_killed_while_the_store_is_not_itself_stores_everything_once() {
    let mut outage = Outage::begin(PATIENT);
    for order in ["cut", "down", "hang", "cut"] {
        outage.order(order);
        outage.load_passes();
        outage = outage.restart_killed(order);
        outage.load_passes();
    }
    outage.end().assert_exactly_once();
}

#[test]
fn a_backlog_outlives_any_number_of_starts_that_do_not_come_to_their_end() {
    let outage = Outage::begin(PATIENT);
    outage.order("down");
    for _ in 0..5 {
        outage.load_passes();
    }
    let outage = outage.restart_killed_while_starting(5);
    outage.load_passes();
    // Now replayed batches go into the store while starts are cut short.
    outage.order("up");
    outage.restart_killed_while_starting(5).end().assert_exactly_once();
}

#[test]
fn a_full_disk_is_said_at_once_and_forgotten_when_there_is_space() {
    let outage = Outage::begin(PATIENT);
    outage.order("full");
    outage.until("requests are refused", || outage.clients.refused() > 0);
    let refused_in = Signal::ALL.map(|signal| {
        let request = outage.clients.request_with_text(signal, "refused");
        let begun = Instant::now();
        let outcome = outage.send(&request);
        assert!(
            matches!(outcome, Outcome::Refused { status: 503, retry_after: Some(1..), .. }),
            "{outcome:?}"
        );
        begun.elapsed()
    });
    // One of them may come while the machine stands still.
    assert!(refused_in.iter().min() < Some(&REFUSED_WITHIN), "{refused_in:?}");
    assert_eq!(outage.clients.unanswered(), 0);
    outage.end().assert_exactly_once();
}

#[test]
fn a_sync_that_fails_once_is_noticed_by_nobody() {
    let outage = Outage::begin_with(PATIENT, &[("FAULTY_SYNC", "20")]);
    outage.until("the sync fails", || outage.server.log().contains("the disk is told to fail"));
    outage.load_passes();
    assert_eq!((outage.clients.refused(), outage.clients.unanswered()), (0, 0));
    assert_eq!(outage.server.get("/readyz").status, 200);
    outage.end().assert_exactly_once();
}

#[test]
fn a_disk_that_fails_for_good_makes_the_server_unready_and_costs_nothing_that_was_acknowledged() {
    // Late enough for the load to pass once.
    let outage = Outage::begin_with(PATIENT, &[("FAULTY_SYNC", "200+")]);
    outage.until("the server is not ready", || outage.server.get("/readyz").status == 503);
    let request = outage.clients.request_with_text(Signal::Logs, "refused");
    let outcome = outage.send(&request);
    assert!(matches!(outcome, Outcome::Refused { status: 503, .. }), "{outcome:?}");
    outage.restart_killed("up").end().assert_exactly_once();
}

#[test]
fn what_a_full_disk_left_half_written_is_stored_once_or_sent_again() {
    let mut outage = Outage::begin(PATIENT);
    for _ in 0..3 {
        let before = outage.clients.refused();
        outage.order("full");
        outage.until("requests are refused", || outage.clients.refused() > before);
        outage = outage.restart_killed("up");
        outage.load_passes();
    }
    outage.end().assert_exactly_once();
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
fn a_request_that_the_store_refuses_is_set_aside_alone_and_counted() {
    let mut outage = Outage::begin(PATIENT);
    outage.order("refuse poison");
    for signal in Signal::ALL {
        let poisoned = outage.clients.request_with_text(signal, "poison");
        assert_eq!(outage.send(&poisoned), Outcome::Taken);
        let items = poisoned.items.end - poisoned.items.start;
        outage.is_dead(poisoned);
        outage.until("the request is set aside", || outage.dead_lettered(signal) == items);
        outage.load_passes();
    }
    // What is set aside is still known, and still not stored, after a crash.
    outage = outage.restart_killed("refuse poison");
    outage.load_passes();
    outage.end().assert_exactly_once();
}
