//! Scenario: clients send all three signals and repeat what was not acknowledged, while the server is killed again and again, at
//! random moments, during its start, and at each point of the write path that has a name; each time it starts on the same data.
//! Guarantees: every acknowledged item is in the tables once, none is there that was not sent; a point is never there without its series, nor a span without its trace.
//!
//! `TELEMETRYFLOW_KILLS` is how often the server is killed in all of these tests together (30); `TELEMETRYFLOW_SEED`
//! repeats what was drawn, though not what the machine made of it.

#![allow(clippy::expect_used, clippy::panic, reason = "a test ends where something unexpected happens")]

mod exactly_once;
mod support;

#[path = "crash/rounds.rs"]
mod rounds;

use exactly_once::{DURABILITY, Durability};
use rounds::Kill::{AnyMoment, At, WhileStarting};
use rounds::{Rounds, share};

#[test]
fn a_server_that_is_killed_at_any_moment_keeps_what_it_acknowledged() {
    let kills = [AnyMoment, AnyMoment, AnyMoment, WhileStarting];
    Rounds::begin("any moment", DURABILITY).killed(share(9), &kills).reconcile();
}

#[test]
fn a_server_that_dies_before_or_in_an_insert_keeps_what_it_acknowledged() {
    let kills = [At("before_insert"), At("mid_insert")];
    Rounds::begin("inserts", DURABILITY).killed(share(7), &kills).reconcile();
}

#[test]
fn a_server_that_dies_between_tables_or_before_it_can_answer_keeps_what_it_acknowledged() {
    let kills = [At("between_tables"), At("after_insert")];
    Rounds::begin("batches", DURABILITY).killed(share(7), &kills).reconcile();
}

#[test]
fn a_server_that_dies_before_or_after_a_sync_of_its_journal_keeps_what_it_acknowledged() {
    Rounds::begin("syncs", DURABILITY).killed(share(7), &[At("before_sync"), At("after_sync")]).reconcile();
}

/// What these tests would say of a server that loses what it acknowledged.
#[test]
fn a_loss_is_found_where_a_loss_is_all_that_is_promised() {
    let found = Rounds::begin("memory", Durability::Memory).killed(2, &[At("before_insert")]).reconcile();
    assert!(found.missing.items > 0, "{found:#?}");
}
