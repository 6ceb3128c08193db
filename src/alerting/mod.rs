//! Alerting: rules over metrics, logs and spans, evaluated in the stream, and the messages that come of them.
//!
//! Points feed rules through [`SeriesWatch`] and `MetricsIngested`; a group of series that begins or ceases to fire becomes
//! an incident, an `AlertTriggered` or `AlertResolved` event, and a message in the channels of its rule or of the routes. All
//! that has to outlive the process is in the state database, written in one transaction per step.

mod application;
mod domain;
mod infrastructure;
mod presentation;
mod rule_reload;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::{Notify, Semaphore, mpsc};

use crate::platform::event_bus::{EventBus, EventQueue, Topic};
use crate::platform::http::openapi::Operation;
use crate::platform::lifecycle::Lifecycle;
use crate::platform::nodes::NodeSecret;
use crate::platform::outgoing::OutgoingClient;
use crate::platform::state::StateDatabase;
use crate::shared::{Clock, SeriesWatch, TenantId, WatchEpoch};
use crate::tenancy::Access;
use application::commands::{Command, EvaluatorHandle};
use application::delivery::outboxes::Outboxes;
use application::delivery::worker::Worker;
use application::evaluate::{EvaluateParts, EvaluateRules};
use application::ledger::{Ledger, LedgerError};
use application::notify::{Notifier, NotifierParts};
use application::own_measures::OwnMeasures;
use application::rule_book::{RuleBook, RuleBookParts};
use domain::evaluator::{AlertEvaluator, EvaluatorLimits};
use domain::watchlist::{Watchlist, WatchlistLimits};
use infrastructure::annotations::Annotations;
use infrastructure::channels::setup::{Surroundings, deliveries};
use infrastructure::filling::PastSource;
use infrastructure::nodes::News;
use infrastructure::nodes::reception::{self, Memory, Reception};
use infrastructure::own_watch::OwnWatch;
use infrastructure::rule_files::JsonRules;
use infrastructure::rule_tests::JsonRuleTests;
use infrastructure::state::StateLedger;
use infrastructure::tasks::{self, Inputs};
use presentation::alert_rules::{self, AlertRulesApi, RehearseApi};
use presentation::alertmanager::{self, AlertmanagerApi, config_text};
use presentation::channels;
use presentation::incidents::{self, IncidentsApi};

pub use application::backoff::Pacing;
pub use application::delivery::outboxes::Resolved;
pub use application::metrics::AlertingMetrics;
pub use application::node_metrics::NodeMetrics;
pub use application::own_measures::{Inserts, JournalCourse, JournalReading, ServerReading, ServerState};
pub use application::past::{Past, PastError, PastFuture, evidence};
pub use application::rehearse::{Played, RehearsalError, Wanted, backtest};
pub use application::rule_book::RuleFiles;
pub use application::rule_test::{Compared, RuleTest, TestOutcome, Verdict};
pub use application::watch_switch::WatchSwitch;
pub use domain::external_url::ExternalUrl;
pub use domain::instance::Lateness;
pub use domain::notifying::dispatcher::NotificationPlan;
pub use domain::notifying::inhibition::{INHIBITIONS_MAX, Inhibition};
pub use domain::notifying::matcher::{MATCHERS_MAX, Matcher};
pub use domain::notifying::matcher_text::parse_matchers;
pub use domain::notifying::muting::Muting;
pub use domain::notifying::route::{AfterMatch, GroupBy, Route, RouteWords};
pub use domain::notifying::time_interval::{INTERVALS_MAX, IntervalWords, TimeInterval, TimeIntervals};
pub use infrastructure::channels::setup::{ChannelSetup, Target};
pub use infrastructure::channels::webhook::Signing;
pub use infrastructure::nodes::{FollowerParts, REPORTS_PATH, follow};
pub use infrastructure::own_rules::{OwnRuleOptions, own_rules};
pub use infrastructure::rule_files::{RuleFileError, RuleProblem, load_rules};
pub use infrastructure::rule_tests::load_rule_tests;
pub use infrastructure::state::MIGRATIONS;
pub use infrastructure::zones::zone;
pub use presentation::runbooks::router as runbooks_router;
pub use rule_reload::RuleReload;

/// The context, ready to start.
pub struct Alerting {
    evaluate: EvaluateRules,
    workers: Vec<Worker>,
    watchlist: Arc<Watchlist>,
    inputs: Inputs,
    evaluator: EvaluatorHandle,
    metrics: AlertingMetrics,
    routes: Routes,
    options: AlertingOptions,
    filled: Arc<Notify>,
    bus: Arc<EventBus>,
    clock: Arc<dyn Clock>,
}

/// What the API of alerting works with.
struct Routes {
    rules: Arc<AlertRulesApi>,
    incidents: Arc<IncidentsApi>,
    alertmanager: Arc<AlertmanagerApi>,
    outboxes: Arc<Outboxes>,
}

/// How alerting behaves.
#[derive(Debug, Clone, Copy)]
pub struct AlertingOptions {
    /// How much older than the newest point of its group a point may be and still count.
    pub allowed_lateness: Duration,
    /// Groups of one rule that are evaluated at a time.
    pub instances_max: usize,
    pub pacing: Pacing,
    /// At least so long is waited before the past is read, and until what came before alerting began to look is in the store.
    /// Absent where the process begins with it.
    pub settles: Option<Duration>,
    /// Series are watched in epochs, of which this is the first.
    pub first_epoch: WatchEpoch,
}

impl Default for AlertingOptions {
    fn default() -> Self {
        let EvaluatorLimits { instances_per_rule, lateness, .. } = EvaluatorLimits::default();
        Self {
            allowed_lateness: lateness.0,
            instances_max: instances_per_rule,
            pacing: Pacing::default(),
            settles: None,
            first_epoch: WatchEpoch::default(),
        }
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

/// What alerting is made of.
pub struct AlertingParts {
    pub files: RuleFiles,
    pub channels: Vec<ChannelSetup>,
    pub plan: NotificationPlan,
    pub options: AlertingOptions,
    /// With the schema [`MIGRATIONS`].
    pub database: StateDatabase,
    pub outgoing: OutgoingClient,
    pub clock: Arc<dyn Clock>,
    pub bus: Arc<EventBus>,
    pub metrics: AlertingMetrics,
}

impl fmt::Debug for AlertingParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AlertingParts")
            .field("files", &self.files)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// The state database cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("alerting cannot go on where it stood")]
pub struct AlertingOpenError(#[from] LedgerError);

impl Alerting {
    /// Goes on where alerting stood. Listens from here on, so that nothing published between this and [`Self::start`] is
    /// overlooked.
    pub async fn open(parts: AlertingParts) -> Result<Self, AlertingOpenError> {
        let AlertingParts { files, channels, plan, options, database, outgoing, clock, bus, metrics } = parts;
        let ledger = Arc::new(StateLedger::new(database));
        let mut random = fastrand::Rng::new();
        let receivers: Vec<Box<str>> = channels.iter().map(|channel| channel.name.clone()).collect();
        let known_channels: BTreeSet<String> = receivers.iter().map(ToString::to_string).collect();
        let (evaluator, commands) = EvaluatorHandle::new();
        let reader = Arc::new(JsonRules { annotations: Annotations::new(), known_channels });
        let book = RuleBookParts {
            files,
            store: Arc::clone(&ledger) as _,
            reader,
            evaluator: evaluator.clone(),
            clock: Arc::clone(&clock),
        };
        let book = Arc::new(RuleBook::open(book).await?);

        let surroundings = Surroundings {
            outgoing,
            ledger: Arc::clone(&ledger) as _,
            clock: Arc::clone(&clock),
            pacing: options.pacing,
            external_url: plan.external_url.clone(),
            metrics: metrics.clone(),
        };
        let (outboxes, workers) = deliveries(channels, &surroundings, &mut random);
        let outboxes = Arc::new(outboxes);
        let unsent = outboxes.restore(&*ledger).await?;
        let config = config_text(&plan, &receivers).into();
        let now = clock.now();
        let notifier = NotifierParts {
            plan,
            ledger: Arc::clone(&ledger) as _,
            outboxes: Arc::clone(&outboxes) as _,
            metrics: metrics.clone(),
            random: random.fork(),
        };
        let notifier = Arc::new(Notifier::open(notifier, now).await?);

        let rules = book.rules();
        tracing::info!(rules = rules.len(), unsent, "alert rules are in force");
        let watchlist = Watchlist::new(&rules, WatchlistLimits::default()).beginning_at(options.first_epoch);
        let watchlist = Arc::new(watchlist);
        let parts = EvaluateParts {
            evaluator: AlertEvaluator::new(&rules, Arc::clone(&watchlist), options.limits()),
            watchlist: Arc::clone(&watchlist),
            annotations: Box::new(Annotations::new()),
            notifier: Arc::clone(&notifier),
            metrics: metrics.clone(),
            random,
        };
        let standing = ledger.standing(now).await?;
        let evaluate = EvaluateRules::resume(parts, &rules, standing, now).await;
        let routes = Routes {
            rules: Arc::new(AlertRulesApi {
                book,
                evaluator: evaluator.clone(),
                history: Arc::clone(&ledger) as _,
                clock: Arc::clone(&clock),
            }),
            incidents: Arc::new(IncidentsApi {
                store: ledger,
                evaluator: evaluator.clone(),
                clock: Arc::clone(&clock),
            }),
            alertmanager: Arc::new(AlertmanagerApi {
                notifier,
                receivers,
                config,
                started: now,
                clock: Arc::clone(&clock),
            }),
            outboxes,
        };
        let inputs = inputs(&bus, commands);
        let filled = Arc::default();
        Ok(Self {
            evaluate,
            workers,
            watchlist,
            inputs,
            evaluator,
            metrics,
            routes,
            options,
            filled,
            bus,
            clock,
        })
    }

    /// Told of when the windows are filled with the past.
    pub fn filled(&self) -> Arc<Notify> {
        Arc::clone(&self.filled)
    }

    /// Who wants to know of which series.
    pub fn watch(&self) -> Arc<dyn SeriesWatch> {
        Arc::clone(&self.watchlist) as Arc<dyn SeriesWatch>
    }

    /// The routes on the API's listener.
    pub fn router(&self, access: &Access, past: Arc<dyn Past>) -> Router {
        let Routes { rules, incidents, alertmanager, outboxes } = &self.routes;
        let rehearse = RehearseApi {
            book: Arc::clone(&rules.book),
            tests: Arc::new(JsonRuleTests),
            past,
            lateness: self.options.allowed_lateness,
            turn: Semaphore::new(1),
        };
        alert_rules::router(Arc::clone(rules), access.clone())
            .merge(alert_rules::rehearse_router(Arc::new(rehearse), access.clone()))
            .merge(incidents::router(Arc::clone(incidents), access.clone()))
            .merge(alertmanager::router(Arc::clone(alertmanager), access.clone()))
            .merge(channels::router(Arc::clone(outboxes), access.clone()))
    }

    /// The route by which other nodes tell what they take in, at [`REPORTS_PATH`]. `gaps` is told of when some of it was lost: then
    /// alerting is to begin anew, which reads the past.
    pub fn reports_router(&self, secret: NodeSecret, gaps: Arc<Notify>, metrics: NodeMetrics) -> Router {
        reception::router(Arc::new(Reception {
            secret,
            evaluator: self.evaluator.clone(),
            watchlist: Arc::clone(&self.watchlist),
            metrics,
            gaps,
            news: News::new(self.bus.subscribe(Topic::Alerts)),
            memory: Memory::default(),
        }))
    }

    /// Feeds the built-in rules, which are a tenant's, with what the server measures about itself.
    pub fn watch_itself(&self, server: Arc<dyn ServerState>, tenant: TenantId, lifecycle: &Lifecycle) {
        let own = OwnWatch {
            server,
            outboxes: Arc::clone(&self.routes.outboxes),
            metrics: self.metrics.clone(),
            watch: self.watch(),
            evaluator: self.evaluator.clone(),
            clock: Arc::clone(&self.clock),
        };
        let measures = OwnMeasures::new(tenant, self.clock.now());
        lifecycle.spawn("alerting about itself", own.run(measures, lifecycle.stop_token()));
    }

    /// Fills the windows with the past of these tenants' series, also those of rules that are new later, and starts the evaluator and one worker per address.
    pub fn start(self, past: Option<Arc<dyn Past>>, tenants: Vec<TenantId>, lifecycle: &Lifecycle) {
        let stop = || lifecycle.stop_token();
        let AlertingOptions { allowed_lateness: lateness, settles, .. } = self.options;
        let rules = self.routes.rules.book.rules_over_data();
        let filled = self.filled;
        let source = past.map(|past| PastSource { past, tenants, lateness, settles, filled });
        let evaluate =
            tasks::evaluate(self.evaluate, rules, source, self.inputs, self.bus, self.clock, stop());
        lifecycle.spawn("alerting evaluator", evaluate);
        for worker in self.workers {
            lifecycle.spawn("alerting delivery", worker.run(stop()));
        }
    }
}

fn inputs(bus: &EventBus, commands: mpsc::Receiver<Command>) -> Inputs {
    let queue = |topic| -> EventQueue { bus.subscribe(topic) };
    Inputs { metrics: queue(Topic::Metrics), logs: queue(Topic::Logs), spans: queue(Topic::Spans), commands }
}

/// What can be asked for, to suggest for a path that is not known.
pub fn paths() -> Vec<&'static str> {
    [&alert_rules::PATHS[..], &incidents::PATHS, &alertmanager::PATHS, &channels::PATHS].concat()
}

/// The routes, as the document of the API has them.
pub fn operations() -> Vec<Operation> {
    let all = [
        alert_rules::operations(),
        incidents::operations(),
        alertmanager::operations(),
        channels::operations(),
    ];
    all.into_iter().flatten().collect()
}

impl fmt::Debug for Alerting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alerting")
            .field("evaluate", &self.evaluate)
            .field("workers", &self.workers.len())
            .finish()
    }
}

#[cfg(test)]
mod tests;
