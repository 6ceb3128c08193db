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
        self.assert_kept(Durability::Journal);
    }

    /// Fails unless what this durability promises was kept.
    #[track_caller]
    pub fn assert_kept(&self, durability: Durability) {
        assert!(self.is_kept(durability), "not what {durability:?} promises: {self:#?}");
    }

    pub fn is_kept(&self, durability: Durability) -> bool {
        let Self { missing, duplicates, copies, seen_twice, foreign, .. } = self;
        let is_sound =
            self.orphans == 0 && [duplicates, seen_twice, foreign].iter().all(|count| count.items == 0);
        is_sound
            && match durability {
                Durability::Memory => true,
                Durability::Store => missing.items == 0,
                Durability::Journal => missing.items == 0 && copies.items == 0,
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
    let orphans = tables::read(folder, "TSV", ORPHANS).trim().parse().expect("a number");
    Comparison { orphans, ..compare_rows(rows(folder), sent) }
}

fn compare_rows(mut rows: HashMap<(Signal, u64), Times>, sent: &[Sent]) -> Comparison {
    let mut found = Comparison { requests: sent.len(), ..Comparison::default() };
    for request in sent {
        let (signal, was_resent) = (request.signal, request.attempts > 1);
        found.resent += usize::from(was_resent);
        for item in request.items.clone() {
            found.items += 1;
            let count = match rows.remove(&(signal, item)) {
                None => &mut found.missing,
                Some(times) if times.seen > 1 && signal != Signal::Logs => &mut found.seen_twice,
                Some(times) if times.stored > 1 && was_resent => &mut found.copies,
                Some(times) if times.stored > 1 => &mut found.duplicates,
                Some(_) => continue,
            };
            count.add(signal, item);
        }
    }
    let mut left: Vec<_> = rows.into_keys().collect();
    left.sort_unstable();
    left.into_iter().for_each(|(signal, item)| found.foreign.add(signal, item));
    found
}

/// How often an item is there.
#[derive(Debug, Clone, Copy)]
struct Times {
    /// In rows.
    stored: u64,
    /// In rows that readers see.
    seen: u64,
}

fn rows(folder: &TempDir) -> HashMap<(Signal, u64), Times> {
    let signal = |name: &str| Signal::ALL.into_iter().find(|signal| signal.name() == name);
    let row = |line: &str| {
        let mut columns = line.split('\t');
        let signal = signal(columns.next()?)?;
        let mut number = || columns.next()?.parse().ok();
        Some(((signal, number()?), Times { stored: number()?, seen: number()? }))
    };
    let text = tables::read(folder, "TSV", ROWS);
    text.lines().map(|line| row(line).unwrap_or_else(|| panic!("not a row: {line:?}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two requests of two items each; the second one was sent twice.
    fn sent() -> [Sent; 2] {
        let request = |items, attempts| Sent { signal: Signal::Traces, items, attempts };
        [request(1..3, 1), request(3..5, 2)]
    }

    fn found(rows: [(u64, u64, u64); 4]) -> Comparison {
        let rows = rows.map(|(item, stored, seen)| ((Signal::Traces, item), Times { stored, seen }));
        compare_rows(rows.into(), &sent())
    }

    #[test]
    fn what_is_there_once_is_all_well() {
        let found = found([(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 1, 1)]);
        assert_eq!((found.requests, found.items, found.resent), (2, 4, 1));
        found.assert_exactly_once();
    }

    #[test]
    fn whatever_is_wrong_is_found_with_its_item() {
        let lost = found([(1, 1, 1), (3, 1, 1), (4, 1, 1), (7, 1, 1)]);
        assert_eq!(lost.missing.examples, [(Signal::Traces, 2)]);
        assert_eq!(lost.foreign.examples, [(Signal::Traces, 7)]);
        assert!(!lost.is_kept(Durability::Memory) && !lost.is_kept(Durability::Store));

        let doubled = found([(1, 2, 1), (2, 1, 1), (3, 2, 2), (4, 2, 1)]);
        assert_eq!(doubled.duplicates.examples, [(Signal::Traces, 1)]);
        assert_eq!(doubled.seen_twice.examples, [(Signal::Traces, 3)]);
        assert_eq!(doubled.copies.examples, [(Signal::Traces, 4)]);
        assert!(!doubled.is_kept(Durability::Store));

        let sent_again = found([(1, 1, 1), (2, 1, 1), (3, 2, 1), (4, 1, 1)]);
        assert!(sent_again.is_kept(Durability::Store) && !sent_again.is_kept(Durability::Journal));
        let orphaned = Comparison { orphans: 1, ..found([(1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 1, 1)]) };
        assert!(!orphaned.is_kept(Durability::Memory));
    }
}
