//! What of an event a listener wants to hear, newest first and no more than fits into its mailbox.

use std::sync::Arc;

use crate::querying::domain::Watch;
use crate::shared::{DomainEvent, LogColumns, MetricColumns, Signal, SpanColumns, TenantId};

use super::live_logs::log_records;
use super::live_points::points;
use super::messages::{AlertChange, AlertState, Message, Stored};

/// Messages are gathered from the newest to the oldest; those that do not fit are counted only.
#[derive(Debug)]
pub struct Gathering {
    newest_first: Vec<Message>,
    bytes_left: usize,
    missed: u64,
}

impl Gathering {
    fn new(bytes_max: usize) -> Self {
        Self { newest_first: Vec::new(), bytes_left: bytes_max, missed: 0 }
    }

    /// `make` is called only if there is room. Behind the first that does not fit nothing does.
    pub fn add(&mut self, items: u64, make: impl FnOnce() -> Message) {
        if self.missed > 0 {
            self.missed += items;
            return;
        }
        let message = make();
        match self.bytes_left.checked_sub(message.bytes()) {
            Some(left) => {
                self.bytes_left = left;
                self.newest_first.push(message);
            }
            None => self.missed += items,
        }
    }

    fn oldest_first(mut self) -> (Vec<Message>, u64) {
        self.newest_first.reverse();
        (self.newest_first, self.missed)
    }
}

/// Whether an event may hold something for a listener. Cheap: nothing is read of items.
pub fn concerns(event: &DomainEvent, watch: &Watch) -> bool {
    let tenant = &watch.tenant;
    match event {
        DomainEvent::MetricsIngested(event) => {
            (watch.ingest || !watch.metrics.is_empty())
                && event.columns.iter().any(|columns| columns.tenant() == tenant)
        }
        DomainEvent::LogsIngested(event) => {
            (watch.ingest || watch.logs.is_some())
                && event.columns.iter().any(|columns| columns.tenant() == tenant)
        }
        DomainEvent::SpansIngested(event) => {
            watch.ingest && event.columns.iter().any(|columns| columns.tenant() == tenant)
        }
        DomainEvent::AlertTriggered(transition) | DomainEvent::AlertResolved(transition) => {
            watch.alerts && transition.tenant == *tenant
        }
        DomainEvent::AggregationCompleted(_) => false,
    }
}

/// Messages in their order, and how many items did not fit. How much was stored comes behind what was stored.
pub fn extract(event: &DomainEvent, watch: &Watch, bytes_max: usize) -> (Vec<Message>, u64) {
    let mut found = Gathering::new(bytes_max);
    if let Some(stored) = stored(event, &watch.tenant).filter(|_| watch.ingest) {
        found.add(1, || Message::Stored(stored));
    }
    match event {
        DomainEvent::MetricsIngested(event) if !watch.metrics.is_empty() => {
            for columns in of_tenant(&event.columns, MetricColumns::tenant, &watch.tenant) {
                points(columns, watch, &mut found);
            }
        }
        DomainEvent::LogsIngested(event) => {
            if let Some(filter) = &watch.logs {
                for columns in of_tenant(&event.columns, LogColumns::tenant, &watch.tenant) {
                    log_records(columns, filter, &mut found);
                }
            }
        }
        DomainEvent::AlertTriggered(transition) if concerns(event, watch) => {
            let transition = Arc::clone(transition);
            found.add(1, || Message::Alert(AlertChange { state: AlertState::Triggered, transition }));
        }
        DomainEvent::AlertResolved(transition) if concerns(event, watch) => {
            let transition = Arc::clone(transition);
            found.add(1, || Message::Alert(AlertChange { state: AlertState::Resolved, transition }));
        }
        DomainEvent::MetricsIngested(_)
        | DomainEvent::SpansIngested(_)
        | DomainEvent::AggregationCompleted(_)
        | DomainEvent::AlertTriggered(_)
        | DomainEvent::AlertResolved(_) => {}
    }
    found.oldest_first()
}

/// The requests of a tenant, the last one first.
fn of_tenant<'a, T>(
    requests: &'a [T],
    tenant_of: fn(&T) -> &TenantId,
    tenant: &'a TenantId,
) -> impl Iterator<Item = &'a T> {
    requests.iter().rev().filter(move |request| tenant_of(request) == tenant)
}

/// Absent if nothing of the tenant's was stored.
fn stored(event: &DomainEvent, tenant: &TenantId) -> Option<Stored> {
    let (signal, items) = match event {
        DomainEvent::MetricsIngested(event) => {
            let own = of_tenant(&event.columns, MetricColumns::tenant, tenant);
            (Signal::Metrics, own.map(MetricColumns::len).sum::<usize>())
        }
        DomainEvent::LogsIngested(event) => {
            let own = of_tenant(&event.columns, LogColumns::tenant, tenant);
            (Signal::Logs, own.map(LogColumns::len).sum())
        }
        DomainEvent::SpansIngested(event) => {
            let own = of_tenant(&event.columns, SpanColumns::tenant, tenant);
            (Signal::Traces, own.map(SpanColumns::len).sum())
        }
        DomainEvent::AggregationCompleted(_)
        | DomainEvent::AlertTriggered(_)
        | DomainEvent::AlertResolved(_) => return None,
    };
    (items > 0).then_some(Stored { signal, items: items as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_gathered_and_the_others_counted() {
        let message = |items| Message::Stored(Stored { signal: Signal::Logs, items });
        let mut gathering = Gathering::new(2 * message(0).bytes());
        for items in (1..=5).rev() {
            gathering.add(items, || message(items));
        }
        let (messages, missed) = gathering.oldest_first();
        let items: Vec<u64> = messages
            .iter()
            .map(|message| match message {
                Message::Stored(stored) => stored.items,
                _ => 0,
            })
            .collect();
        assert_eq!((items, missed), (vec![4, 5], 3 + 2 + 1));
    }
}
