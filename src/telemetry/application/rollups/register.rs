//! `RolledUp`: which hours of which metrics are rolled up, and which are to be, for the first time or again.
//!
//! An hour that has not ended is *open*. One that has is *pending* until it was calculated as a whole. One whose metrics were sent late
//! points since is *stale* for these, until they were calculated again. What is none of these is covered. Events are heard within
//! `publish`, after points became visible; an hour is taken up before points are read. So what comes between makes it stale
//! again, and nothing is trusted that does not hold all that had become visible when it was announced.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::shared::{Clock, DomainEvent, MetricsIngested, RollupCoverage, TenantId, TimeRange, Timestamp};
use crate::telemetry::domain::Hour;

use super::ports::MetricOf;

/// Stale metrics that are remembered one by one, over all hours: about 20 MB. Beyond it whole hours are calculated again.
const STALE_MAX: usize = 100_000;
/// How long an hour is remembered that cannot be calculated any more: until its points are gone for sure.
const GONE_AFTER: i64 = 48;
/// How long an hour that failed as a whole stands behind the others.
const REST: Duration = Duration::from_secs(600);

/// Whose points an hour is calculated for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Metrics {
    All,
    These(BTreeSet<MetricOf>),
}

/// What is to be calculated next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub hour: Hour,
    pub metrics: Metrics,
}

impl Task {
    fn holds(&self, hour: Hour, of: &MetricOf) -> bool {
        self.hour == hour
            && match &self.metrics {
                Metrics::All => true,
                Metrics::These(metrics) => metrics.contains(of),
            }
    }
}

/// Metrics of an hour that were sent late points.
#[derive(Debug)]
struct Stale {
    metrics: BTreeSet<MetricOf>,
    /// When the first of them came.
    since: Timestamp,
}

#[derive(Debug)]
struct State {
    /// Whether it is known what was done before this process began.
    loaded: bool,
    /// The first hour that is open.
    open: Hour,
    pending: BTreeSet<Hour>,
    stale: BTreeMap<Hour, Stale>,
    /// Stale metrics over all hours.
    stale_count: usize,
    /// Pending hours that failed, and when: one that cannot be calculated holds up no other.
    failed: BTreeMap<Hour, Timestamp>,
    calculating: Option<Task>,
}

/// The register. Ingestion's events are handed to [`Self::observe`], the schedule takes tasks from it, readers ask it.
pub struct RolledUp {
    clock: Arc<dyn Clock>,
    /// The state's, in nanoseconds: what is later needs no look at the state.
    open_from: AtomicI64,
    state: Mutex<State>,
}

impl std::fmt::Debug for RolledUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RolledUp").field("state", &*self.state.lock()).finish_non_exhaustive()
    }
}

impl RolledUp {
    /// Nothing is covered before [`Self::load`]; events count from here on. `open` is the first hour that has not ended.
    pub fn new(clock: Arc<dyn Clock>, open: Hour) -> Self {
        let state = State {
            loaded: false,
            open,
            pending: BTreeSet::new(),
            stale: BTreeMap::new(),
            stale_count: 0,
            failed: BTreeMap::new(),
            calculating: None,
        };
        Self { clock, open_from: AtomicI64::new(open.start().nanos()), state: Mutex::new(state) }
    }

    /// These hours are still to be calculated; all others that have ended are done, or have no points.
    pub fn load(&self, pending: impl IntoIterator<Item = Hour>) {
        let mut state = self.state.lock();
        let open = state.open;
        state.pending.extend(pending.into_iter().filter(|hour| *hour < open));
        state.loaded = true;
    }

    /// Hours before `open` have ended; they become pending.
    pub fn close(&self, open: Hour) {
        let mut state = self.state.lock();
        let before = state.open;
        if open > before {
            // Behind the first look at the state that an observer takes, before it trusts the number.
            state.pending.extend(before.until(open));
            state.open = open;
            self.open_from.store(open.start().nanos(), Ordering::SeqCst);
        }
    }

    /// Runs within `publish`.
    pub fn observe(&self, event: &DomainEvent) {
        if let DomainEvent::MetricsIngested(ingested) = event {
            self.touch(ingested);
        }
    }

    fn touch(&self, ingested: &MetricsIngested) {
        for columns in &ingested.columns {
            for run in columns.runs() {
                if !run.kind.has_numbers() || run.first_time.nanos() >= self.open_from.load(Ordering::SeqCst)
                {
                    continue;
                }
                let first = Hour::of(run.first_time);
                // A counter's next point, up to an hour later, now has another one before it.
                let end = Hour::of(run.last_time).plus(if run.kind.is_cumulative_counter() { 2 } else { 1 });
                let of = MetricOf { tenant: columns.tenant().clone(), metric: run.metric.into() };
                self.state.lock().touch(first, end, &of, self.clock.now());
            }
        }
    }

    /// Takes up what is to be done next: hours that were never calculated, the newest first; then those that were touched longest ago,
    /// when that is `settled` ago. Hours before `oldest` cannot be calculated any more.
    pub fn next(&self, settled: Duration, oldest: Hour) -> Option<Task> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if !state.loaded || state.calculating.is_some() {
            return None;
        }
        state.forget_before(oldest.plus(-GONE_AFTER));
        let task = state
            .take_pending(oldest, now.minus(REST))
            .or_else(|| state.take_stale(oldest, now.minus(settled)))?;
        state.calculating = Some(task.clone());
        Some(task)
    }

    /// The task that was taken up is done.
    pub fn done(&self) {
        self.state.lock().calculating = None;
    }

    /// The task that was taken up has failed: it is to be done all the same.
    pub fn failed(&self) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let Some(task) = state.calculating.take() else { return };
        match task.metrics {
            Metrics::All => {
                state.pending.insert(task.hour);
                state.failed.insert(task.hour, now);
            }
            Metrics::These(metrics) => {
                for of in &metrics {
                    state.touch(task.hour, task.hour.next(), of, now);
                }
            }
        }
    }

    /// How many hours from `oldest` on wait to be calculated, for the first time or again; and the oldest of them.
    pub fn waiting(&self, oldest: Hour) -> (usize, Option<Hour>) {
        let state = self.state.lock();
        let hours = state.pending.range(oldest..).chain(state.stale.range(oldest..).map(|(hour, _)| hour));
        let hours = hours.chain(state.calculating.iter().map(|task| &task.hour));
        let (count, oldest) = hours.fold((0, None), |(count, oldest), hour| {
            (count + 1, Some(oldest.map_or(*hour, |oldest: Hour| oldest.min(*hour))))
        });
        (count, oldest)
    }
}

impl State {
    fn touch(&mut self, first: Hour, end: Hour, of: &MetricOf, now: Timestamp) {
        for hour in first.until(end.min(self.open)) {
            if self.pending.contains(&hour) {
                continue;
            }
            let stale =
                self.stale.entry(hour).or_insert_with(|| Stale { metrics: BTreeSet::new(), since: now });
            self.stale_count += usize::from(stale.metrics.insert(of.clone()));
            if self.stale_count > STALE_MAX {
                self.forget_metrics();
            }
        }
    }

    /// The hour with the most stale metrics is to be calculated as a whole.
    fn forget_metrics(&mut self) {
        let largest = self.stale.iter().max_by_key(|(_, stale)| stale.metrics.len()).map(|(hour, _)| *hour);
        if let Some(hour) = largest {
            self.remove_stale(hour);
            self.pending.insert(hour);
        }
    }

    fn remove_stale(&mut self, hour: Hour) -> Option<Stale> {
        let stale = self.stale.remove(&hour)?;
        self.stale_count = self.stale_count.saturating_sub(stale.metrics.len());
        Some(stale)
    }

    fn take_pending(&mut self, oldest: Hour, failed_by: Timestamp) -> Option<Task> {
        let rests = |hour: &&Hour| self.failed.get(*hour).is_some_and(|at| *at > failed_by);
        let hour = *self.pending.range(oldest..).rev().find(|hour| !rests(hour))?;
        self.pending.remove(&hour);
        self.failed.remove(&hour);
        self.remove_stale(hour);
        Some(Task { hour, metrics: Metrics::All })
    }

    fn take_stale(&mut self, oldest: Hour, touched_by: Timestamp) -> Option<Task> {
        let due = self.stale.range(oldest..).filter(|(_, stale)| stale.since <= touched_by);
        let hour = due.min_by_key(|(_, stale)| stale.since).map(|(hour, _)| *hour)?;
        let stale = self.remove_stale(hour)?;
        Some(Task { hour, metrics: Metrics::These(stale.metrics) })
    }

    fn forget_before(&mut self, gone: Hour) {
        self.pending = self.pending.split_off(&gone);
        self.failed = self.failed.split_off(&gone);
        while let Some(hour) = self.stale.first_key_value().map(|(hour, _)| *hour).filter(|hour| *hour < gone)
        {
            self.remove_stale(hour);
        }
    }

    /// Whether an hour that is not open has to be read from its points.
    fn wants(&self, hour: Hour, of: &MetricOf) -> bool {
        self.pending.contains(&hour)
            || self.stale.get(&hour).is_some_and(|stale| stale.metrics.contains(of))
            || self.calculating.as_ref().is_some_and(|task| task.holds(hour, of))
    }
}

impl RollupCoverage for RolledUp {
    fn covered(&self, tenant: &TenantId, metric: &str, range: TimeRange) -> Vec<TimeRange> {
        let of = MetricOf { tenant: tenant.clone(), metric: metric.into() };
        let state = self.state.lock();
        let first = Hour::of(range.start());
        let first = if first.start() < range.start() { first.next() } else { first };
        let end = Hour::of(range.end()).min(state.open);
        if !state.loaded || first >= end {
            return Vec::new();
        }
        let named =
            state.pending.range(first..end).chain(state.stale.range(first..end).map(|(hour, _)| hour));
        let named = named.chain(state.calculating.iter().map(|task| &task.hour));
        let wanted: BTreeSet<Hour> =
            named.filter(|hour| (first..end).contains(hour) && state.wants(**hour, &of)).copied().collect();
        let mut covered = Vec::new();
        let mut from = first;
        for hour in wanted.into_iter().chain([end]) {
            covered.extend(TimeRange::new(from.start(), hour.start()));
            from = hour.next();
        }
        covered
    }
}

#[cfg(test)]
mod tests;
