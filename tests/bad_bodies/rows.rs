//! Bodies that become far more than they are: what series spell out, dictionaries, new series.

use telemetryflow::shared::Signal;

use crate::watched::{Answered, Watched, Way};
use crate::wire::{Shape, field, text};
use Answered::{Taken, TooLarge};

/// So many attributes of so many bytes each, in the fields `number`.
fn attributes(number: u32, count: usize, value_bytes: usize) -> Vec<u8> {
    let value = vec![b'v'; value_bytes];
    (0..count).flat_map(|at| field(number, &text(format!("key.{at:06}").as_bytes(), &value))).collect()
}

/// Items that differ, so that each point is a series of its own.
fn items(signal: Signal, count: usize, more: &[u8]) -> Vec<Vec<u8>> {
    (0..count)
        .map(|at| {
            let own = field(signal.attributes(), &text(b"n", at.to_string().as_bytes()));
            signal.item(&[&own, more].concat())
        })
        .collect()
}

/// The largest that are taken, nearly, and the smallest that are not, nearly.
#[track_caller]
fn assert_rows_are_bounded(signal: Signal) {
    let watched = Watched::start();
    let assert = |body: Vec<u8>, expected, what: &str| {
        watched.assert_answered(Way::Http, signal, &body, expected, what);
    };
    // Other series each time: those that are known cost nothing.
    let new = |what: &str| field(signal.attributes(), &text(what.as_bytes(), b""));
    // 3.6 MB and 30 kB that every new series spells out, and that log records and spans name.
    let many = if signal == Signal::Metrics { TooLarge } else { Taken };
    for (count, bytes, rows, expected) in
        [(60, 60_000, 6, Taken), (60, 60_000, 12, many), (6, 5_000, 1_000, Taken), (6, 5_000, 5_000, many)]
    {
        let resource = attributes(1, count, bytes);
        assert(
            signal.request(&resource, &items(signal, rows, &new(&format!("{rows} at once")))),
            expected,
            "a large resource",
        );
        let one_by_one: Vec<u8> = items(signal, rows, &new(&format!("{rows} apart")))
            .into_iter()
            .flat_map(|item| field(2, &signal.scope(&[item])))
            .collect();
        assert(field(1, &[field(1, &resource), one_by_one].concat()), expected, "as many scopes");
    }
    let large = |at: usize| signal.request(&attributes(1, 1, 50_000 + at), &[signal.item(b"")]);
    assert((0..200).flat_map(large).collect(), Taken, "many large resources");
    assert(signal.request(b"", &items(signal, 30_000, b"")), Taken, "many tiny items");
    assert(signal.request(b"", &items(signal, 300_000, b"")), TooLarge, "more tiny items");
    for (count, bytes, rows, expected) in
        [(100, 0, 2_000, Taken), (100, 0, 20_000, TooLarge), (8, 10_000, 200, Taken), (1, 60_000, 300, Taken)]
    {
        let attributes = attributes(signal.attributes(), count, bytes);
        assert(signal.request(b"", &items(signal, rows, &attributes)), expected, "items with attributes");
    }
    for (keys, expected) in [(30_000, Taken), (300_000, TooLarge)] {
        let key =
            |at: usize| signal.item(&field(signal.attributes(), &text(format!("k{at}").as_bytes(), b"")));
        let items: Vec<Vec<u8>> = (0..keys).map(key).collect();
        assert(signal.request(b"", &items), expected, "a key for each item");
    }
}

#[test]
fn log_records_that_become_far_more_than_they_are_stay_within_the_budget() {
    assert_rows_are_bounded(Signal::Logs);
}

#[test]
fn spans_that_become_far_more_than_they_are_stay_within_the_budget() {
    assert_rows_are_bounded(Signal::Traces);
}

#[test]
fn new_series_that_become_far_more_than_they_are_stay_within_the_budget() {
    assert_rows_are_bounded(Signal::Metrics);
}
