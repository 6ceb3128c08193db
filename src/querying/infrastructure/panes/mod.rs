//! `Panes`: the newest points of metrics that somebody looks at, kept in memory as they come in, so that a dashboard's next
//! request needs no query.
//!
//! A pane begins with what the store has of a metric's last minutes, and takes in every batch within `publish`, before the
//! generations count it. Points are known by series and time: one that comes both ways is one, so nothing depends on which
//! came first.

mod changes;
mod pane;
mod track;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use dashmap::DashMap;

use crate::querying::domain::BucketQuery;
use crate::shared::{Clock, DomainEvent, MetricColumns, TenantId, Timestamp};

use super::point_table::PointTable;

pub use pane::{KeptPoint, Loading, LookBack, Pane, Refolded, Seen};

/// How far back a pane reaches at least; older points are in cached chunks. Chunks end up to 8 minutes ago (the slot and the
/// lateness), so whoever looks every few minutes finds all that his chunks lack.
pub const PANE_REACH: Duration = Duration::from_secs(15 * 60);
/// A pane that nobody looked at for so long goes.
const UNUSED_MAX: Duration = Duration::from_secs(10 * 60);
/// How often panes are tidied up.
const TIDY_INTERVAL: Duration = Duration::from_secs(30);

/// A metric of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PaneKey {
    pub tenant: TenantId,
    pub metric: Box<str>,
}

/// Panes by metric, bounded by bytes.
pub struct Panes {
    panes: DashMap<PaneKey, Arc<Pane>>,
    clock: Arc<dyn Clock>,
    bytes_max: usize,
    tidied: AtomicI64,
}

impl std::fmt::Debug for Panes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Panes").field("panes", &self.panes.len()).field("bytes_max", &self.bytes_max).finish()
    }
}

impl Panes {
    pub fn new(bytes_max: u64, clock: Arc<dyn Clock>) -> Self {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Self { panes: DashMap::new(), clock, bytes_max, tidied: AtomicI64::new(0) }
    }

    /// Runs within `publish`, before the generations count the batch.
    pub fn observe(&self, event: &DomainEvent) {
        if self.panes.is_empty() {
            return;
        }
        if let DomainEvent::MetricsIngested(ingested) = event {
            for columns in &ingested.columns {
                self.take(columns);
            }
            self.tidy();
        }
    }

    fn take(&self, columns: &MetricColumns) {
        // A request names a metric once for each run of its points; most are not looked at.
        for run in columns.runs() {
            let key = PaneKey { tenant: columns.tenant().clone(), metric: run.metric.into() };
            let pane = self.panes.get(&key).map(|pane| Arc::clone(&pane));
            if let Some(pane) = pane {
                pane.take(columns, &run);
            }
        }
    }

    /// The pane of a metric; it collects from now on, also if it is not loaded yet.
    pub fn of(&self, query: &BucketQuery, table: PointTable) -> Arc<Pane> {
        self.tidy();
        let key = PaneKey { tenant: query.tenant.clone(), metric: query.metric.clone() };
        let now = self.clock.now();
        let new = || Arc::new(Pane::new(table, now.minus(PANE_REACH), self.bytes_max / 2));
        let mut entry = self.panes.entry(key).or_insert_with(new);
        if entry.table() != table {
            entry.retire();
            *entry = new();
        }
        entry.used(now);
        Arc::clone(&entry)
    }

    /// Lets go of what is old, of panes that are not looked at, and of those looked at longest ago where all are too large.
    fn tidy(&self) {
        let now = self.clock.now();
        let last = self.tidied.load(Ordering::Relaxed);
        let due = now.nanos() - last >= i64::try_from(TIDY_INTERVAL.as_nanos()).unwrap_or(i64::MAX);
        let full = self.bytes() > self.bytes_max;
        let mine =
            || self.tidied.compare_exchange(last, now.nanos(), Ordering::Relaxed, Ordering::Relaxed).is_ok();
        if (!due && !full) || !mine() {
            return;
        }
        let unused_since = now.minus(UNUSED_MAX);
        self.panes.retain(|_, pane| {
            let used = pane.last_used() >= unused_since;
            if !used {
                pane.retire();
            }
            used
        });
        for pane in &self.panes {
            // A little more than the reach, so that it is cut seldom.
            pane.cut(now.minus(PANE_REACH));
        }
        let mut by_use: Vec<(Timestamp, PaneKey)> =
            self.panes.iter().map(|pane| (pane.last_used(), pane.key().clone())).collect();
        by_use.sort_unstable_by_key(|(used, _)| *used);
        for (_, key) in by_use {
            if self.bytes() <= self.bytes_max {
                return;
            }
            if let Some(pane) = self.panes.get(&key) {
                pane.retire();
            }
            self.panes.remove(&key);
        }
    }

    /// What all panes hold.
    pub fn bytes(&self) -> usize {
        self.panes.iter().map(|pane| pane.bytes()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::bucket_reader::FoldError;
    use super::super::series_groups::SeriesGroups;
    use super::*;
    use crate::querying::domain::GroupBy;
    use crate::shared::{Interval, LabelFilter, TimeRange};

    #[derive(Debug)]
    struct Noon;

    impl Clock for Noon {
        fn now(&self) -> Timestamp {
            Timestamp::from_nanos(43_200_000_000_000)
        }
    }

    /// Scenario: a query holds the pane of a metric, which makes room for others meanwhile and gets no more batches.
    /// Guarantees: the query is told that the points are gone, instead of an answer that lacks what came since.
    #[test]
    fn a_pane_that_gets_no_more_batches_answers_nothing() {
        let now = Noon.now();
        let query = BucketQuery {
            tenant: TenantId::unnamed(),
            metric: "m".into(),
            range: TimeRange::new(now.minus(Duration::from_secs(60)), now).unwrap(),
            interval: Interval::parse("1m").unwrap(),
            filter: LabelFilter::default(),
            group_by: GroupBy::default(),
        };
        let panes = Panes::new(1 << 20, Arc::new(Noon));
        let numbers = panes.of(&query, PointTable::Numbers);
        let fold = |pane: &Pane| pane.fold(&query, None, &SeriesGroups::default(), 100);
        assert!(fold(&numbers).is_ok_and(|folded| folded.groups.is_empty()));
        let histograms = panes.of(&query, PointTable::Histograms);
        assert!(matches!(fold(&numbers), Err(FoldError::Gone)), "its place was taken");
        assert!(fold(&histograms).is_ok());
    }
}
