//! Alerting: rules over metrics, evaluated in the stream, and the messages that come of them.
//!
//! Points feed rules through [`SeriesWatch`] and `MetricsIngested`; a group of series that begins or ceases to fire becomes
//! an `AlertTriggered` or `AlertResolved` event, and a message in the channels of its rule.
//!
//! Known limit: states, windows and unsent messages are in memory. After a restart a rule that fired begins anew, and so
//! does its message.

mod application;
#[allow(dead_code, unused_imports, reason = "what outlives a restart is wired up with the state database")]
mod domain;
mod infrastructure;
#[allow(dead_code, unused_imports, reason = "users come with delivery")]
mod presentation;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::registry::Registry;

use crate::platform::event_bus::{EventBus, EventQueue, Topic};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::outgoing::OutgoingClient;
use crate::shared::{Clock, SeriesWatch};
use application::deliver::Deliver;
use application::evaluate::EvaluateRules;
use application::metrics::AlertingMetrics;
use application::outbox::Outbox;
use domain::evaluator::{AlertEvaluator, EvaluatorLimits};
use domain::instance::Lateness;
use domain::watchlist::{Watchlist, WatchlistLimits};
use infrastructure::annotations::Annotations;
use infrastructure::slack::SlackWebhook;
use infrastructure::tasks::{self, Mailboxes, OutboxByChannel};

pub use application::backoff::Pacing;
pub use application::notify::{Notifier, Outboxes};
pub use domain::notification::Notification;
pub use domain::notifying::dispatcher::NotificationPlan;
pub use domain::notifying::inhibition::{INHIBITIONS_MAX, Inhibition};
pub use domain::notifying::matcher::{MATCHERS_MAX, Matcher};
pub use domain::notifying::matcher_text::parse_matcher;
pub use domain::notifying::route::{AfterMatch, GroupBy, Route, RouteWords};
pub use domain::rule::RuleSet;
pub use infrastructure::rule_files::{RuleFileError, RuleProblem, load_rules};
pub use infrastructure::slack::SlackChannel;
pub use infrastructure::state::{MIGRATIONS, StateLedger};
pub use presentation::alertmanager::{
    AlertmanagerApi, PATHS, config_text, operations, router as alertmanager_router,
};

/// The context, ready to start.
pub struct Alerting {
    rules: EvaluateRules,
    mailboxes: Mailboxes,
    workers: Vec<Deliver<SlackWebhook>>,
    watchlist: Arc<Watchlist>,
    queues: [EventQueue; 2],
    bus: Arc<EventBus>,
    clock: Arc<dyn Clock>,
}

/// How alerting behaves.
#[derive(Debug, Clone, Copy)]
pub struct AlertingOptions {
    /// How much older than the newest point of its group a point may be and still count.
    pub allowed_lateness: Duration,
    /// Groups of one rule that are evaluated at a time.
    pub instances_max: usize,
    pub pacing: Pacing,
}

impl Default for AlertingOptions {
    fn default() -> Self {
        let EvaluatorLimits { instances_per_rule, lateness, .. } = EvaluatorLimits::default();
        Self { allowed_lateness: lateness.0, instances_max: instances_per_rule, pacing: Pacing::default() }
    }
}

impl AlertingOptions {
    fn limits(self) -> EvaluatorLimits {
        EvaluatorLimits {
            instances_per_rule: self.instances_max,
            lateness: Lateness(self.allowed_lateness),
            ..EvaluatorLimits::default()
        }
    }
}

impl Alerting {
    /// Listens from here on, so that nothing published between this and [`Self::start`] is overlooked.
    pub fn new(
        rules: &RuleSet,
        channels: Vec<SlackChannel>,
        options: AlertingOptions,
        outgoing: &OutgoingClient,
        clock: Arc<dyn Clock>,
        bus: Arc<EventBus>,
        registry: &mut Registry,
    ) -> Self {
        let metrics = AlertingMetrics::registered(registry);
        let watchlist = Arc::new(Watchlist::new(rules, WatchlistLimits::default()));
        let evaluator = AlertEvaluator::new(rules, Arc::clone(&watchlist), options.limits());
        let annotations = Box::new(Annotations::new());
        let (by_channel, workers) = deliveries(channels, outgoing, options.pacing, &metrics);
        Self {
            rules: EvaluateRules::new(evaluator, Arc::clone(&watchlist), annotations, metrics.clone()),
            mailboxes: Mailboxes { by_channel, metrics },
            workers,
            watchlist,
            queues: [bus.subscribe(Topic::Metrics), bus.subscribe(Topic::Alerts)],
            bus,
            clock,
        }
    }

    /// Who wants to know of which series.
    pub fn watch(&self) -> Arc<dyn SeriesWatch> {
        Arc::clone(&self.watchlist) as Arc<dyn SeriesWatch>
    }

    /// Starts the evaluator, the notifier and one worker per address.
    pub fn start(self, lifecycle: &Lifecycle) {
        let stop = || lifecycle.stop_token();
        let [ingested, alerts] = self.queues;
        let evaluate = tasks::evaluate(self.rules, ingested, self.bus, self.clock, stop());
        lifecycle.spawn("alerting evaluator", evaluate);
        lifecycle.spawn("alerting notifier", self.mailboxes.notify(alerts, stop()));
        for worker in self.workers {
            lifecycle.spawn("alerting delivery", worker.run(stop()));
        }
    }
}

/// An outbox and a worker per address. A worker bears the name of the first channel with its address.
fn deliveries(
    channels: Vec<SlackChannel>,
    outgoing: &OutgoingClient,
    pacing: Pacing,
    metrics: &AlertingMetrics,
) -> (OutboxByChannel, Vec<Deliver<SlackWebhook>>) {
    let (mut by_channel, mut by_url) = (OutboxByChannel::new(), HashMap::new());
    let mut workers = Vec::new();
    for SlackChannel { name, url } in channels {
        let outbox = by_url.entry(url.clone()).or_insert_with(|| {
            let outbox = Arc::new(Outbox::default());
            workers.push(Deliver {
                name: name.clone(),
                channel: SlackWebhook::new(outgoing.clone(), url),
                outbox: Arc::clone(&outbox),
                pacing,
                random: fastrand::Rng::new(),
                metrics: metrics.clone(),
            });
            outbox
        });
        by_channel.insert(name, Arc::clone(outbox));
    }
    (by_channel, workers)
}

impl fmt::Debug for Alerting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerting").field("rules", &self.rules).field("workers", &self.workers.len()).finish()
    }
}

#[cfg(test)]
mod tests;
