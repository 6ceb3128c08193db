//! Use case: evaluate the rules over what was ingested, and over time that passes; remember what came of it, and tell people.

mod telling;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::metrics::gauge::Gauge;
use tokio::time::timeout;

use super::commands::{Command, IncidentAct, InstanceCounts};
use super::history::HistoryEntry;
use super::incidents::IncidentBook;
use super::ledger::{Changes, Standing};
use super::metrics::{AlertingMetrics, EVALUATOR, KindLabel, ReasonLabel};
use super::notify::{Notifier, uuid};
use super::past::Piece;
use crate::alerting::domain::alert::{Alert, IncidentId};
use crate::alerting::domain::evaluator::AlertEvaluator;
use crate::alerting::domain::incident::{Incident, IncidentError, IncidentState, told_by};
use crate::alerting::domain::rule::{AlertRule, NoData, RuleSet};
use crate::alerting::domain::state::AlertState;
use crate::alerting::domain::transition::Transition;
use crate::alerting::domain::watchlist::{Group, Watchlist};
use crate::shared::{
    DomainEvent, LogsIngested, MetricsIngested, PastSeries, SpansIngested, TenantId, Timestamp, causes,
};

/// How often it is noted that alerting is at work: a restart counts the time since as not watched.
const ALIVE_EVERY: Duration = Duration::from_secs(10);
/// How often what is long over is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(3_600);
/// How long incidents and history are remembered.
const REMEMBERED: Duration = Duration::from_secs(90 * 24 * 3_600);
/// How long is tried at the end to write what could not be written before.
const END_TIME_MAX: Duration = Duration::from_secs(2);

/// Port: puts a rule's annotations into words for one transition.
pub trait Annotate: Send + Sync {
    fn annotate(&self, transition: &Transition) -> Vec<(Box<str>, Box<str>)>;
}

/// Turns points and time into alerts, incidents, events, logs and counts.
pub struct EvaluateRules {
    evaluator: AlertEvaluator,
    /// Those in force.
    rules: RuleSet,
    watchlist: Arc<Watchlist>,
    incidents: IncidentBook,
    annotations: Box<dyn Annotate>,
    notifier: Arc<Notifier>,
    metrics: AlertingMetrics,
    random: fastrand::Rng,
    awake_at: Timestamp,
    alive_noted_at: Timestamp,
    forgotten_at: Timestamp,
}

/// What it works with.
pub struct EvaluateParts {
    pub evaluator: AlertEvaluator,
    pub watchlist: Arc<Watchlist>,
    pub annotations: Box<dyn Annotate>,
    pub notifier: Arc<Notifier>,
    pub metrics: AlertingMetrics,
    pub random: fastrand::Rng,
}

impl EvaluateRules {
    /// Goes on where alerting stood when the process ended. What fired goes on firing without a new message; the time since
    /// does not count for what was pending.
    pub async fn resume(parts: EvaluateParts, rules: &RuleSet, standing: Standing, now: Timestamp) -> Self {
        let EvaluateParts { evaluator, watchlist, annotations, notifier, metrics, random } = parts;
        let Standing { instances, incidents, alive_at } = standing;
        let incidents = IncidentBook::restored(incidents);
        for incident in incidents.acknowledged() {
            notifier.acknowledge(&incident.tenant, incident.id.clone());
        }
        let epoch = Timestamp::EPOCH;
        let (alive_noted_at, forgotten_at) = (epoch, epoch);
        let mut resumed = Self {
            evaluator,
            rules: rules.clone(),
            watchlist,
            incidents,
            annotations,
            notifier,
            metrics,
            random,
            awake_at: now,
            alive_noted_at,
            forgotten_at,
        };
        resumed.evaluator.fell_silent(resumed.incidents.fell_silent());
        let downtime = alive_at.map_or(Duration::ZERO, |at| now.since(at));
        let (mut known, mut gone) = (BTreeSet::new(), Changes::default());
        for kept in instances {
            let rule = rules.find(&kept.key.rule);
            let (key, fires) = (kept.key.clone(), kept.course.episode().is_some());
            let alert = rule.map(|rule| {
                let group =
                    Group { rule: Arc::clone(rule), tenant: key.tenant.clone(), values: key.values.clone() };
                (key.tenant.clone(), group.alert_key())
            });
            if resumed.evaluator.restore(rule, kept, downtime, now) {
                known.extend(alert.filter(|_| fires));
            } else {
                gone.instances.insert(key, None);
            }
        }
        if !gone.is_empty() {
            let _later = resumed.notifier.commit(gone, Vec::new(), now).await;
        }
        let _later = resumed.notifier.settle_rules(&known, now).await;
        tracing::info!(
            firing = known.len(),
            downtime_s = downtime.as_secs(),
            "alerting goes on where it stood"
        );
        resumed
    }

    /// Evaluation begins, or goes on: the time since the process was resumed does not count.
    pub fn awake(&mut self, now: Timestamp) {
        self.evaluator.sleep(now.since(self.awake_at));
        self.awake_at = now;
    }

    /// What is stored already fills windows.
    pub fn refill(&mut self, piece: Piece, now: Timestamp) {
        match piece {
            Piece::Series(PastSeries { series, points }) => self.evaluator.refill(&series, points, now),
            Piece::Records { rule, tenant, records } => {
                self.evaluator.refill_stored(&rule, &tenant, &records, now);
            }
        }
    }

    /// The rules that are new since the last time, and wait for their past: what is read of it from now on is for them.
    pub fn begin_fill(&mut self) -> Vec<Arc<AlertRule>> {
        self.evaluator.begin_fill()
    }

    /// What is stored already fills the windows of rules that are new.
    pub fn fill(&mut self, piece: Piece, now: Timestamp) {
        match piece {
            Piece::Series(PastSeries { series, points }) => self.evaluator.fill(&series, points, now),
            Piece::Records { rule, tenant, records } => {
                self.evaluator.fill_records(&rule, &tenant, &records, now);
            }
        }
    }

    /// The rules that were new are evaluated from now on.
    pub async fn end_fill(&mut self, now: Timestamp) -> Vec<DomainEvent> {
        let transitions = self.evaluator.end_fill(now);
        self.settle(&transitions, Changes::default(), now).await
    }

    pub async fn observe(&mut self, ingested: &MetricsIngested, now: Timestamp) -> Vec<DomainEvent> {
        let transitions = self.evaluator.observe(ingested, now);
        self.settle(&transitions, Changes::default(), now).await
    }

    pub async fn observe_logs(&mut self, ingested: &LogsIngested, now: Timestamp) -> Vec<DomainEvent> {
        let transitions = self.evaluator.observe_logs(ingested, now);
        self.settle(&transitions, Changes::default(), now).await
    }

    pub async fn observe_spans(&mut self, ingested: &SpansIngested, now: Timestamp) -> Vec<DomainEvent> {
        let transitions = self.evaluator.observe_spans(ingested, now);
        self.settle(&transitions, Changes::default(), now).await
    }

    pub async fn tick(&mut self, now: Timestamp) -> Vec<DomainEvent> {
        let transitions = self.evaluator.tick(now);
        let mut changes = Changes::default();
        if now.since(self.alive_noted_at) >= ALIVE_EVERY {
            self.alive_noted_at = now;
            changes.alive_at = Some(now);
            self.incidents.forget(now);
        }
        if now.since(self.forgotten_at) >= FORGET_EVERY {
            self.forgotten_at = now;
            changes.forget_before = Some(now.minus(REMEMBERED));
        }
        let events = self.settle(&transitions, changes, now).await;
        if let Err(error) = self.notifier.tick(now).await {
            tracing::warn!(%error, "what is to be told is not remembered yet");
        }
        events
    }

    /// Nothing more comes: writes what could not be written before.
    pub async fn end(self) {
        let unwritten = match timeout(END_TIME_MAX, self.notifier.write()).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => causes(&error),
            Err(late) => late.to_string(),
        };
        tracing::error!(cause = unwritten, "not all is remembered of what happened: some may be told again");
    }

    /// What was asked for from elsewhere.
    pub async fn obey(&mut self, command: Command, now: Timestamp) -> Vec<DomainEvent> {
        match command {
            Command::ReplaceRules { rules, done } => {
                let transitions = self.evaluator.replace_rules(&rules, now);
                self.evaluator.hold(rules.measured_anew_since(&self.rules));
                self.rules = rules;
                let events = self.settle(&transitions, Changes::default(), now).await;
                // Nobody may wait any more.
                let _gone = done.send(());
                events
            }
            Command::Observe(measured) => self.observe(&measured, now).await,
            // Who told it has stopped waiting, and tells it again.
            Command::Sighted { done, .. } if done.is_closed() => Vec::new(),
            Command::Sighted { seen, done } => {
                let mut transitions = self.evaluator.observe_points(seen.points(), now);
                let records = seen.records.iter().map(|(tenant, record)| (tenant, record));
                transitions.extend(self.evaluator.observe_records(records, now));
                let events = self.settle(&transitions, Changes::default(), now).await;
                let _gone = done.send(());
                events
            }
            Command::Instances { rule, tenant, answer } => {
                let groups = self.evaluator.groups_of(&rule).filter(|(group, _)| group.tenant == tenant);
                let _gone =
                    answer.send(groups.map(|(group, course)| telling::view(group, course.state())).collect());
                Vec::new()
            }
            Command::Counts { rules, tenant, answer } => {
                let states = |rule| {
                    let groups = self.evaluator.groups_of(rule).filter(|(group, _)| group.tenant == tenant);
                    groups.map(|(_, course)| course.state())
                };
                let _gone = answer.send(rules.iter().map(|rule| InstanceCounts::of(states(rule))).collect());
                Vec::new()
            }
            Command::Incident { tenant, id, act, answer } => {
                let done = self.act(&tenant, &id, act, now).await;
                let _gone = answer.send(done);
                Vec::new()
            }
        }
    }

    /// Events were overwritten before they were read: rules may have overlooked something.
    pub fn missed(&self, events: u64) {
        self.metrics.missed(EVALUATOR, events);
        tracing::warn!(events, "alert rules lag behind ingestion; events were not evaluated");
    }

    /// How far evaluation is behind ingestion.
    pub fn lags(&self, behind: Duration) {
        self.metrics.lags(behind);
    }

    async fn act(
        &mut self,
        tenant: &TenantId,
        id: &IncidentId,
        act: IncidentAct,
        now: Timestamp,
    ) -> Result<Option<Incident>, IncidentError> {
        let Some(incident) = self.incidents.find(tenant, id).cloned() else { return Ok(None) };
        let mut over = None;
        let changed = match act {
            IncidentAct::Acknowledge { by, note } => {
                let changed = incident.acknowledged(&by, &note, now)?;
                self.notifier.acknowledge(tenant, id.clone());
                changed
            }
            IncidentAct::Assign { to } => incident.assigned(&to, now)?,
            IncidentAct::Resolve { by, reason } => {
                let changed = incident.dismissed(&by, &reason, now)?;
                self.notifier.unacknowledge(tenant, id);
                over = self.notifier.ended(tenant, changed.alert, &told_by(&by, &reason), now);
                changed
            }
        };
        self.incidents.replace(changed.clone());
        let mut changes = Changes::default();
        changes.incidents.insert(id.clone(), changed.clone());
        let _later = self.notifier.commit(changes, over.into_iter().collect(), now).await;
        Ok(Some(changed))
    }

    /// Remembers transitions with all that follows from them, and gives the events to publish.
    async fn settle(
        &mut self,
        transitions: &[Transition],
        mut changes: Changes,
        now: Timestamp,
    ) -> Vec<DomainEvent> {
        self.count(&mut changes);
        let (mut alerts, mut events) = (Vec::new(), Vec::new());
        for transition in transitions {
            self.metrics.transitions.get_or_create(&KindLabel { kind: transition.kind() }).inc();
            let key = transition.group.key();
            let kept = self.evaluator.kept(&key).filter(|kept| {
                let awaited = matches!(transition.rule().no_data, NoData::Alert { .. });
                awaited || *kept.course.state() != AlertState::Inactive
            });
            changes.instances.insert(key, kept);
            changes.history.push(HistoryEntry::from(transition));
            if transition.change.is_told() {
                let alert = self.tell(transition, &mut changes);
                events.push(telling::event(transition, &alert));
                alerts.push(alert);
            }
        }
        if alerts.is_empty() && changes.is_empty() {
            return events;
        }
        if let Err(error) = self.notifier.commit(changes, alerts, now).await {
            tracing::error!(%error, "the state of alerts is not remembered yet; it will be with the next step");
        }
        events
    }

    fn tell(&mut self, transition: &Transition, changes: &mut Changes) -> Alert {
        let key = transition.group.alert_key();
        let (at, random) = (transition.at, &mut self.random);
        let incident = self.incidents.take(transition, key, || IncidentId(uuid(at, random).into()));
        if incident.state == IncidentState::Open {
            self.notifier.unacknowledge(&incident.tenant, &incident.id);
        }
        changes.incidents.insert(incident.id.clone(), incident.clone());
        tracing::info!(
            tenant = %incident.tenant,
            rule = %incident.rule_id,
            incident = %incident.id.0,
            severity = transition.severity().name(),
            kind = transition.kind(),
            reason = %transition.reason(),
            "an alert changed"
        );
        let annotations = self.annotations.annotate(transition);
        telling::alert(transition, incident, annotations)
    }

    fn count(&mut self, changes: &mut Changes) {
        let counts = self.evaluator.take_counts();
        self.metrics.evaluations.inc_by(counts.evaluations);
        let set = |gauge: &Gauge, count: u64| _ = gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        set(&self.metrics.instances, self.evaluator.instances() as u64);
        set(&self.metrics.counter_series, self.evaluator.counter_series() as u64);
        set(&self.metrics.watches_refused, self.watchlist.refused());
        set(&self.metrics.incidents_open, self.incidents.open() as u64);
        for (refusal, points) in counts.refused {
            self.metrics.points_refused.get_or_create(&ReasonLabel { reason: refusal.name() }).inc_by(points);
        }
        for rule in counts.overflowed {
            self.metrics.instance_overflows.inc();
            tracing::warn!(rule = %rule.id, "a rule has too many groups; further ones are not evaluated");
        }
        if counts.fills_given_up > 0 {
            tracing::warn!(
                "too much comes for rules that are new; they go on without what was stored before"
            );
        }
        for key in counts.awaited {
            let kept = self.evaluator.kept(&key);
            changes.instances.insert(key, kept);
        }
    }
}

impl std::fmt::Debug for EvaluateRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvaluateRules")
            .field("instances", &self.evaluator.instances())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
