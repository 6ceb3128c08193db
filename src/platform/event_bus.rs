//! The in-process event bus: bounded, and never waited for by those who publish.
//!
//! Two ways to listen. A *queue* of one topic receives events in order and asynchronously; one that falls more than
//! [`QUEUE_EVENTS_MAX`] behind loses the oldest and is told how many. An *inline* listener runs within `publish`: it sees
//! every event before the publisher goes on, so it has to be quick (the query cache's generations).

use std::fmt;
use std::time::{Duration, Instant};

use tokio::sync::broadcast;

use crate::shared::DomainEvent;

/// How many ingestion events a queue holds before its reader is said to lag. An event holds the points of a whole batch (about 5 MB
/// when the batch is full), so this bounds memory too.
pub const QUEUE_EVENTS_MAX: usize = 64;

type Inline = Box<dyn Fn(&DomainEvent) + Send + Sync>;

/// What a queue is about. Each has its own, so that nothing is pushed out by a burst of something else, and so that what
/// nobody listens to is not held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    Metrics,
    Logs,
    Spans,
    Aggregations,
    Alerts,
}

impl Topic {
    const fn of(event: &DomainEvent) -> Self {
        match event {
            DomainEvent::MetricsIngested(_) => Self::Metrics,
            DomainEvent::LogsIngested(_) => Self::Logs,
            DomainEvent::SpansIngested(_) => Self::Spans,
            DomainEvent::AggregationCompleted(_) => Self::Aggregations,
            DomainEvent::AlertTriggered(_) | DomainEvent::AlertResolved(_) => Self::Alerts,
        }
    }
}

/// Alerts that a queue holds. They are small, and every one counts.
const QUEUE_ALERTS_MAX: usize = 16_384;

/// Calculated hours that a queue holds. They come one at a time.
const QUEUE_AGGREGATIONS_MAX: usize = 1_024;

/// An event in a queue.
#[derive(Debug, Clone)]
struct Published {
    at: Instant,
    event: DomainEvent,
}

/// Carries [`DomainEvent`]s from those who cause them to those who act upon them.
pub struct EventBus {
    metrics: broadcast::Sender<Published>,
    logs: broadcast::Sender<Published>,
    spans: broadcast::Sender<Published>,
    aggregations: broadcast::Sender<Published>,
    alerts: broadcast::Sender<Published>,
    inline: Vec<Inline>,
}

impl Default for EventBus {
    fn default() -> Self {
        Self {
            metrics: broadcast::Sender::new(QUEUE_EVENTS_MAX),
            logs: broadcast::Sender::new(QUEUE_EVENTS_MAX),
            spans: broadcast::Sender::new(QUEUE_EVENTS_MAX),
            aggregations: broadcast::Sender::new(QUEUE_AGGREGATIONS_MAX),
            alerts: broadcast::Sender::new(QUEUE_ALERTS_MAX),
            inline: Vec::new(),
        }
    }
}

impl EventBus {
    /// Adds a listener that runs within `publish`. Listeners are added before the bus is shared.
    #[must_use]
    pub fn with_inline(mut self, listener: impl Fn(&DomainEvent) + Send + Sync + 'static) -> Self {
        self.inline.push(Box::new(listener));
        self
    }

    pub fn subscribe(&self, topic: Topic) -> EventQueue {
        EventQueue { receiver: self.queue(topic).subscribe(), waited: Duration::ZERO }
    }

    const fn queue(&self, topic: Topic) -> &broadcast::Sender<Published> {
        match topic {
            Topic::Metrics => &self.metrics,
            Topic::Logs => &self.logs,
            Topic::Spans => &self.spans,
            Topic::Aggregations => &self.aggregations,
            Topic::Alerts => &self.alerts,
        }
    }

    pub fn publish(&self, event: DomainEvent) {
        for listener in &self.inline {
            listener(&event);
        }
        // An error means that nobody listens, which is fine.
        let _ = self.queue(Topic::of(&event)).send(Published { at: Instant::now(), event });
    }
}

impl fmt::Debug for EventBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus")
            .field("metrics", &self.metrics.len())
            .field("logs", &self.logs.len())
            .field("spans", &self.spans.len())
            .field("aggregations", &self.aggregations.len())
            .field("alerts", &self.alerts.len())
            .field("inline", &self.inline.len())
            .finish()
    }
}

/// One listener's view of the events since it subscribed.
#[derive(Debug)]
pub struct EventQueue {
    receiver: broadcast::Receiver<Published>,
    /// How long the last event waited.
    waited: Duration,
}

/// What a listener is handed.
#[derive(Debug, Clone)]
pub enum Delivery {
    Event(DomainEvent),
    /// So many events were overwritten before they were read.
    Missed(u64),
}

impl EventQueue {
    /// The next event; `None` once the bus is gone and the queue is empty. Cancel-safe.
    pub async fn next(&mut self) -> Option<Delivery> {
        match self.receiver.recv().await {
            Ok(Published { at, event }) => {
                self.waited = at.elapsed();
                Some(Delivery::Event(event))
            }
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Delivery::Missed(missed)),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }

    /// How far its reader is behind those who publish: as long as the event taken last had waited, and no time at all if no
    /// other waits.
    pub fn behind(&self) -> Duration {
        if self.receiver.is_empty() { Duration::ZERO } else { self.waited }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::shared::MetricsIngested;

    fn event() -> DomainEvent {
        DomainEvent::MetricsIngested(Arc::new(MetricsIngested { columns: Vec::new() }))
    }

    #[tokio::test]
    async fn inline_listeners_have_seen_the_event_when_publish_returns() {
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        let bus = EventBus::default().with_inline(move |_| {
            counter.fetch_add(1, Ordering::SeqCst);
        });
        bus.publish(event());
        assert_eq!(seen.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_reader_is_behind_while_something_waits() {
        let bus = EventBus::default();
        let mut queue = bus.subscribe(Topic::Metrics);
        bus.publish(event());
        let begun = Instant::now();
        bus.publish(event());
        while begun.elapsed() < Duration::from_millis(2) {
            std::hint::spin_loop();
        }
        assert!(queue.next().await.is_some());
        assert!(queue.behind() >= Duration::from_millis(2), "{:?}", queue.behind());
        assert!(queue.next().await.is_some());
        assert_eq!(queue.behind(), Duration::ZERO, "nothing waits any more");
    }

    #[tokio::test]
    async fn a_queue_that_lags_is_told_how_many_it_missed_and_goes_on() {
        let bus = EventBus::default();
        let mut queue = bus.subscribe(Topic::Metrics);
        for _ in 0..QUEUE_EVENTS_MAX + 3 {
            bus.publish(event());
        }
        assert!(matches!(queue.next().await, Some(Delivery::Missed(3))));
        assert!(matches!(queue.next().await, Some(Delivery::Event(_))));
        drop(bus);
        for _ in 0..QUEUE_EVENTS_MAX - 1 {
            assert!(matches!(queue.next().await, Some(Delivery::Event(_))));
        }
        assert!(queue.next().await.is_none());
    }
}
