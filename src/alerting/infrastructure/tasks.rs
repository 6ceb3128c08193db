//! The task that drives the rules: what was ingested, every second, and what is asked of them.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::alerting::application::commands::Command;
use crate::alerting::application::evaluate::EvaluateRules;
use crate::alerting::application::past::{REFILL_TIME_MAX, await_store, refill};
use crate::alerting::domain::rule::RuleSet;
use crate::alerting::infrastructure::filling::{Filling, Pace, PastSource, Reading};
use crate::platform::event_bus::{Delivery, EventBus, EventQueue};
use crate::shared::{Clock, DomainEvent};

const TICK: Duration = Duration::from_secs(1);

/// What the task listens to.
pub struct Inputs {
    pub metrics: EventQueue,
    pub logs: EventQueue,
    pub spans: EventQueue,
    pub commands: mpsc::Receiver<Command>,
}

impl Inputs {
    fn behind(&self) -> Duration {
        self.metrics.behind().max(self.logs.behind()).max(self.spans.behind())
    }
}

/// Feeds what was ingested, and every second, to the rules; publishes what comes of it.
pub async fn evaluate(
    mut rules: EvaluateRules,
    in_force: RuleSet,
    source: Option<PastSource>,
    mut inputs: Inputs,
    bus: Arc<EventBus>,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) {
    // A process takes a while to start.
    rules.awake(clock.now());
    if let Some(PastSource { past, tenants, lateness, settles, filled }) = &source {
        if let Some(settles) = *settles
            && stop.run_until_cancelled(await_store(&**past, settles)).await.is_none()
        {
            return rules.end().await;
        }
        let reading = refill(&mut rules, &in_force, tenants, &**past, *lateness, clock.now());
        if timeout(REFILL_TIME_MAX, reading).await.is_err() {
            tracing::warn!("the store takes too long to tell the past; some windows of rules begin empty");
        }
        filled.notify_one();
    }
    rules.awake(clock.now());
    let mut filling = Filling::new(source, Pace::default());
    let mut ticker = interval(TICK);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if filling.is_idle() {
            filling.begin(&rules.begin_fill(), clock.now());
        }
        let events = tokio::select! {
            () = stop.cancelled() => return rules.end().await,
            _ = ticker.tick() => rules.tick(clock.now()).await,
            Some(command) = inputs.commands.recv() => rules.obey(command, clock.now()).await,
            read = filling.next() => fill(&mut rules, read, &*clock).await,
            Some(delivery) = inputs.metrics.next() => take(&mut rules, delivery, &*clock).await,
            Some(delivery) = inputs.logs.next() => take(&mut rules, delivery, &*clock).await,
            Some(delivery) = inputs.spans.next() => take(&mut rules, delivery, &*clock).await,
        };
        rules.lags(inputs.behind());
        for event in events {
            bus.publish(event);
        }
    }
}

async fn fill(rules: &mut EvaluateRules, read: Reading, clock: &dyn Clock) -> Vec<DomainEvent> {
    match read {
        Reading::Piece(piece) => {
            rules.fill(piece, clock.now());
            Vec::new()
        }
        Reading::End => rules.end_fill(clock.now()).await,
    }
}

async fn take(rules: &mut EvaluateRules, delivery: Delivery, clock: &dyn Clock) -> Vec<DomainEvent> {
    match delivery {
        Delivery::Event(DomainEvent::MetricsIngested(ingested)) => {
            rules.observe(&ingested, clock.now()).await
        }
        Delivery::Event(DomainEvent::LogsIngested(ingested)) => {
            rules.observe_logs(&ingested, clock.now()).await
        }
        Delivery::Event(DomainEvent::SpansIngested(ingested)) => {
            rules.observe_spans(&ingested, clock.now()).await
        }
        Delivery::Event(_) => Vec::new(),
        Delivery::Missed(events) => {
            rules.missed(events);
            Vec::new()
        }
    }
}
