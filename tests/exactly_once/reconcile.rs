//! What was sent, compared with what is in the tables of a server that has stopped.

use std::collections::HashMap;
use std::fmt;

use telemetryflow::shared::Signal;
use tempfile::TempDir;

use super::{Durability, Sent};
use crate::support::tables;

/// Rows by the number of their item: as they are, and as readers see them. Log records have nothing by which a copy could
/// be told from a second event; points and spans are seen once, whatever merges have done.
const ROWS: &str = "
SELECT 'logs' AS signal, toUInt64OrZero(splitByChar(' ', Body)[-1]) AS item, count() AS stored, count() AS seen
FROM telemetryflow.otel_logs GROUP BY item
UNION ALL
SELECT 'traces' AS signal, item, sum(raw) AS stored, sum(final) AS seen FROM (
    SELECT reinterpretAsUInt64(reverse(span_id)) AS item, 1 AS raw, 0 AS final FROM telemetryflow.otel_traces
    UNION ALL
    SELECT reinterpretAsUInt64(reverse(span_id)) AS item, 0 AS raw, 1 AS final FROM telemetryflow.otel_traces FINAL
) GROUP BY item
UNION ALL
SELECT 'metrics' AS signal, item, sum(raw) AS stored, sum(final) AS seen FROM (
    SELECT toUInt64(value) AS item, 1 AS raw, 0 AS final FROM telemetryflow.metric_samples
    UNION ALL
    SELECT toUInt64(value) AS item, 0 AS raw, 1 AS final FROM telemetryflow.metric_samples FINAL
) GROUP BY item";

/// Rows that another table should have come before.
const ORPHANS: &str = "
SELECT
    (SELECT count() FROM telemetryflow.metric_samples
     WHERE series_id NOT IN (SELECT series_id FROM telemetryflow.metric_series))
    + (SELECT count() FROM telemetryflow.otel_traces
       WHERE trace_id NOT IN (SELECT trace_id FROM telemetryflow.trace_index))";

/// How many items are not as they should be, with some of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    pub items: usize,
    pub examples: Vec<(Signal, u64)>,
}

impl Count {
    fn add(&mut self, signal: Signal, item: u64) {
        self.items += 1;
        if self.examples.len() < 5 {
            self.examples.push((signal, item));
        }
    }
}

/// What the comparison found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    pub requests: usize,
    pub items: usize,
    /// Requests whose bytes were sent more than once.
    pub resent: usize,
    /// Acknowledged, and not there.
    pub missing: Count,
    /// More than one row for an item whose request was sent once.
    pub duplicates: Count,
    /// More than one row for an item whose request was sent again.
    pub copies: Count,
    /// More than one row for a point or a span, as readers see it.
    pub seen_twice: Count,
    /// There, and never sent.
    pub foreign: Count,
    /// Points without their series, and spans without their trace.
    pub orphans: u64,
}

impl Comparison {
    /// Fails unless every item is there, once, and no other.
    #[track_caller]
    pub fn assert_exactly_once(&self) {
        assert_eq!(self.copies, Count::default(), "what was sent again was stored again");
        self.assert_kept(Durability::Store);
    }

    /// Fails unless what this durability promises was kept.
    #[track_caller]
    pub fn assert_kept(&self, durability: Durability) {
        let none = Count::default();
        let broken = [&self.missing, &self.duplicates, &self.seen_twice, &self.foreign];
        assert!(broken.iter().all(|count| **count == none) && self.orphans == 0, "{self:#?}");
        match durability {
            Durability::Store => {}
            Durability::Journal => assert_eq!(self.copies, none, "what was sent again was stored again"),
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { requests, items, resent, missing, duplicates, copies, foreign, .. } = self;
        let twice = duplicates.items + copies.items;
        write!(f, "{requests} requests, {resent} of them sent again, {items} items, ")?;
        write!(f, "{} missing, {twice} stored twice ({} of them ", missing.items, copies.items)?;
        write!(f, "sent again), {} never sent", foreign.items)
    }
}

/// `sent` is everything that was sent, and all of it was acknowledged.
pub fn compare(folder: &TempDir, sent: &[Sent]) -> Comparison {
    let mut rows = rows(folder);
    let mut found = Comparison { requests: sent.len(), ..Comparison::default() };
    for request in sent {
        let was_resent = request.attempts > 1;
        found.resent += usize::from(was_resent);
        for item in request.items.clone() {
            found.items += 1;
            match rows.remove(&(request.signal, item)) {
                None => found.missing.add(request.signal, item),
                Some((_, seen)) if seen > 1 && request.signal != Signal::Logs => {
                    found.seen_twice.add(request.signal, item);
                }
                Some((stored, _)) if stored > 1 && was_resent => found.copies.add(request.signal, item),
                Some((stored, _)) if stored > 1 => found.duplicates.add(request.signal, item),
                Some(_) => {}
            }
        }
    }
    let mut left: Vec<_> = rows.into_keys().collect();
    left.sort_unstable();
    left.into_iter().for_each(|(signal, item)| found.foreign.add(signal, item));
    found.orphans = tables::read(folder, "TSV", ORPHANS).trim().parse().expect("a number");
    found
}

/// How often each item is there, and how often it is seen.
fn rows(folder: &TempDir) -> HashMap<(Signal, u64), (u64, u64)> {
    let signal = |name: &str| Signal::ALL.into_iter().find(|signal| signal.name() == name);
    let row = |line: &str| {
        let mut columns = line.split('\t');
        let signal = signal(columns.next()?)?;
        let mut number = || columns.next()?.parse().ok();
        Some(((signal, number()?), (number()?, number()?)))
    };
    let text = tables::read(folder, "TSV", ROWS);
    text.lines().map(|line| row(line).unwrap_or_else(|| panic!("not a row: {line:?}"))).collect()
}
