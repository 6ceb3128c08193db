//! The tasks that drive the use cases: the evaluator, the notifier, and one delivery worker per address.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::alerting::application::channel::Notice;
use crate::alerting::application::evaluate::EvaluateRules;
use crate::alerting::application::metrics::{AlertingMetrics, Outcome};
use crate::alerting::application::outbox::Outbox;
use crate::platform::event_bus::{Delivery, EventBus, EventQueue};
use crate::shared::{Clock, DomainEvent};

const TICK: Duration = Duration::from_secs(1);

/// Feeds what was ingested, and every second, to the rules; publishes what comes of it.
pub async fn evaluate(
    mut rules: EvaluateRules,
    mut queue: EventQueue,
    bus: Arc<EventBus>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    let mut ticker = interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let events = tokio::select! {
            () = stop.cancelled() => return,
            _ = ticker.tick() => rules.tick(clock.now()),
            delivery = queue.next() => match delivery {
                Some(Delivery::Event(DomainEvent::MetricsIngested(ingested))) => rules.observe(&ingested, clock.now()),
                Some(Delivery::Event(_)) => Vec::new(),
                Some(Delivery::Missed(events)) => {
                    rules.missed(events);
                    Vec::new()
                }
                None => return,
            },
        };
        for event in events {
            bus.publish(event);
        }
    }
}

/// Channels with one address share an outbox.
pub type OutboxByChannel = HashMap<Box<str>, Arc<Outbox>>;

/// Where the messages for each configured channel wait.
#[derive(Debug)]
pub struct Mailboxes {
    pub by_channel: OutboxByChannel,
    pub metrics: AlertingMetrics,
}

impl Mailboxes {
    /// Puts alerts into the outboxes of their channels until `stop`; then closes these.
    pub async fn notify(self, mut queue: EventQueue, stop: CancellationToken) {
        while let Some(Some(delivery)) = stop.run_until_cancelled(queue.next()).await {
            self.take(delivery);
        }
        // What was published before the stop is in the queue already, so nothing is waited for.
        while let Ok(Some(delivery)) = timeout(Duration::ZERO, queue.next()).await {
            self.take(delivery);
        }
        for outbox in self.by_channel.values() {
            outbox.close();
        }
    }

    fn take(&self, delivery: Delivery) {
        match delivery {
            Delivery::Event(DomainEvent::AlertTriggered(alert)) => self.put(&Notice::Firing(alert)),
            Delivery::Event(DomainEvent::AlertResolved(alert)) => self.put(&Notice::Resolved(alert)),
            Delivery::Event(
                DomainEvent::MetricsIngested(_)
                | DomainEvent::LogsIngested(_)
                | DomainEvent::SpansIngested(_)
                | DomainEvent::AggregationCompleted(_),
            ) => {}
            Delivery::Missed(events) => {
                self.metrics.missed("notifier", events);
                tracing::warn!(
                    events,
                    "notifications lag behind; alerts among the missed events are not sent"
                );
            }
        }
    }

    /// A rule may name two channels with one address; that one is told once.
    fn put(&self, notice: &Notice) {
        let mut told: Vec<&Arc<Outbox>> = Vec::new();
        for channel in &notice.alert().channels {
            let Some(outbox) = self.by_channel.get(channel) else { continue };
            if told.iter().any(|other| Arc::ptr_eq(other, outbox)) {
                continue;
            }
            told.push(outbox);
            if let Err(error) = outbox.put(notice.clone()) {
                self.metrics.notified(channel, Outcome::Failed);
                tracing::error!(%channel, rule = %notice.alert().rule_id, %error, "a message is given up");
            }
        }
    }
}
