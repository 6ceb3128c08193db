//! Use case: alerts become notifications. Each step is decided in memory, remembered in one transaction, and then handed to the
//! outboxes.
//!
//! A step that cannot be remembered is not lost: its notifications are handed over all the same (a full disk is when alerts matter),
//! and the next step writes it, too. If the process ends before, it is decided again after the restart, so that somebody may be told
//! twice, but never not at all. Whoever stops waiting for a step does not undo it.

use std::collections::BTreeSet;
use std::fmt;
use std::mem;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::alert_listing::{AlertFilter, ListedAlert, ListedGroup};
use super::ledger::{Changes, Ledger, LedgerError};
use super::metrics::{AlertRefusal, AlertSource, AlertingMetrics};
use crate::alerting::domain::alert::{Alert, AlertKey, IncidentId, Phase};
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::alerting::domain::notifying::dispatcher::{
    Decisions, Dispatcher, NotificationPlan, SilencingError,
};
use crate::alerting::domain::notifying::posted::{PostedAlert, PostedError};
use crate::alerting::domain::notifying::silence::{Silence, SilenceId, SilenceTerms};
use crate::shared::{TenantId, Timestamp};

/// Port: where notifications wait for their channel. They are in the ledger already.
pub trait Postbox: Send + Sync {
    /// What of a notification its channel wants to hear; absent if nothing.
    fn wanted(&self, notification: Notification) -> Option<Notification>;

    fn put(&self, notification: Notification);
}

/// Why a silence could not be set or ended.
#[derive(Debug, thiserror::Error)]
pub enum SilenceFailure {
    #[error(transparent)]
    Refused(#[from] SilencingError),
    /// It is in force, and remembered as soon as that can be done.
    #[error(transparent)]
    NotRemembered(#[from] LedgerError),
}

/// Alerts, silences and groups of all tenants.
pub struct Notifier {
    state: Mutex<State>,
    /// One step writes at a time, and with it all that were decided before it.
    turn: Semaphore,
    ledger: Arc<dyn Ledger>,
    outboxes: Arc<dyn Postbox>,
    metrics: AlertingMetrics,
}

/// What a notifier works with.
pub struct NotifierParts {
    pub plan: NotificationPlan,
    pub ledger: Arc<dyn Ledger>,
    pub outboxes: Arc<dyn Postbox>,
    pub metrics: AlertingMetrics,
    pub random: fastrand::Rng,
}

struct State {
    dispatcher: Dispatcher,
    random: fastrand::Rng,
    pending: Pending,
}

/// Decided, and not yet done.
#[derive(Default)]
struct Pending {
    unwritten: Changes,
    unposted: Vec<Notification>,
}

impl Notifier {
    /// Goes on with what the ledger remembers.
    pub async fn open(parts: NotifierParts, now: Timestamp) -> Result<Self, LedgerError> {
        let NotifierParts { plan, ledger, outboxes, metrics, random } = parts;
        let remembered = ledger.remembered().await?;
        let dispatcher = Dispatcher::restored(plan, remembered, now);
        let state = Mutex::new(State { dispatcher, random, pending: Pending::default() });
        Ok(Self { state, turn: Semaphore::new(1), ledger, outboxes, metrics })
    }

    /// Takes alerts of rules, and remembers them with what else their step changes. An error says that this waits for a later step.
    pub async fn commit(
        &self,
        changes: Changes,
        alerts: Vec<Alert>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let (refused, written) = self
            .step(changes, now, |dispatcher, decisions| {
                let taken = alerts.into_iter().map(|alert| {
                    self.metrics.took(AlertSource::Rule);
                    let tenant = alert.tenant.clone();
                    let taken = dispatcher.take(alert, now, decisions);
                    taken.inspect_err(|_| self.metrics.refused(&tenant, AlertRefusal::TooMany))
                });
                taken.filter(Result::is_err).count()
            })
            .await;
        if refused > 0 {
            tracing::error!(alerts = refused, "a tenant has too many alerts; nobody is told of these");
        }
        written
    }

    /// Tells what has become due. Called every second.
    pub async fn tick(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.step(Changes::default(), now, |_, _| ()).await.1
    }

    /// After a restart: rules' alerts that are remembered as firing, and not among `known`, are over.
    pub async fn settle_rules(
        &self,
        known: &BTreeSet<(TenantId, AlertKey)>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let settle = |dispatcher: &mut Dispatcher, decisions: &mut Decisions| {
            dispatcher.settle_rules(known, now, decisions);
        };
        self.step(Changes::default(), now, settle).await.1
    }

    /// Takes alerts of others; gives those that are wrong, by their place.
    pub async fn post_alerts(
        &self,
        tenant: &TenantId,
        alerts: Vec<PostedAlert>,
        now: Timestamp,
    ) -> Result<Vec<(usize, PostedError)>, LedgerError> {
        let (refused, written) = self
            .step(Changes::default(), now, |dispatcher, decisions| {
                let taken = alerts.into_iter().enumerate().map(|(place, posted)| {
                    self.metrics.took(AlertSource::Api);
                    let refused = |refusal, error| {
                        self.metrics.refused(tenant, refusal);
                        (place, error)
                    };
                    let alert = posted.checked(tenant.clone(), now);
                    let alert = alert.map_err(|error| refused(AlertRefusal::Invalid, error))?;
                    let taken = dispatcher.take(alert, now, decisions);
                    taken.map_err(|_| refused(AlertRefusal::TooMany, PostedError::TooManyAlerts))
                });
                taken.filter_map(Result::err).collect()
            })
            .await;
        written.map(|()| refused)
    }

    /// Sets a silence, or gives `old` other terms; the answer is the silence that has them.
    pub async fn put_silence(
        &self,
        tenant: &TenantId,
        old: Option<&SilenceId>,
        terms: SilenceTerms,
        now: Timestamp,
    ) -> Result<SilenceId, SilenceFailure> {
        let new_id = SilenceId(uuid(now, &mut self.state.lock().random).into());
        let put = |dispatcher: &mut Dispatcher, decisions: &mut Decisions| {
            dispatcher.put_silence(tenant, old, terms, new_id, now, decisions)
        };
        let (id, written) = self.step(Changes::default(), now, put).await;
        let id = id?;
        written?;
        Ok(id)
    }

    /// Ends a silence; one that is over stays so.
    pub async fn expire_silence(
        &self,
        tenant: &TenantId,
        id: &SilenceId,
        now: Timestamp,
    ) -> Result<(), SilenceFailure> {
        let expire = |dispatcher: &mut Dispatcher, decisions: &mut Decisions| {
            dispatcher.expire_silence(tenant, id, now, decisions)
        };
        let (expired, written) = self.step(Changes::default(), now, expire).await;
        expired?;
        Ok(written?)
    }

    pub fn silences(&self, tenant: &TenantId) -> Vec<Silence> {
        self.state.lock().dispatcher.silences(tenant).cloned().collect()
    }

    pub fn silence(&self, tenant: &TenantId, id: &SilenceId) -> Option<Silence> {
        self.state.lock().dispatcher.silences(tenant).find(|silence| silence.id == *id).cloned()
    }

    /// Those that fire.
    pub fn alerts(&self, tenant: &TenantId, filter: &AlertFilter, now: Timestamp) -> Vec<ListedAlert> {
        filter.alerts(&self.state.lock().dispatcher.alerts(tenant, now))
    }

    pub fn groups(&self, tenant: &TenantId, filter: &AlertFilter, now: Timestamp) -> Vec<ListedGroup> {
        filter.groups(&self.state.lock().dispatcher.groups(tenant, now))
    }

    /// A rule's alert that fires, as over: somebody says so. Absent if it does not fire.
    pub fn ended(&self, tenant: &TenantId, key: AlertKey, reason: &str, now: Timestamp) -> Option<Alert> {
        let mut alert = self.state.lock().dispatcher.firing(tenant, key, now)?.clone();
        alert.phase = Phase::Resolved { at: now };
        alert.updated_at = now;
        if let Some(finding) = &mut alert.finding {
            finding.reason = reason.into();
        }
        Some(alert)
    }

    /// The incident's alerts are told when they change, and not repeated. Not remembered here: who keeps incidents says it again
    /// after a restart.
    pub fn acknowledge(&self, tenant: &TenantId, incident: IncidentId) {
        self.state.lock().dispatcher.acknowledge(tenant, incident);
    }

    pub fn unacknowledge(&self, tenant: &TenantId, incident: &IncidentId) {
        self.state.lock().dispatcher.unacknowledge(tenant, incident);
    }

    /// Gives what `decide` found, and whether the step is remembered.
    async fn step<T>(
        &self,
        changes: Changes,
        now: Timestamp,
        decide: impl FnOnce(&mut Dispatcher, &mut Decisions) -> T,
    ) -> (T, Result<(), LedgerError>) {
        let found = {
            let mut state = self.state.lock();
            let State { dispatcher, random, pending } = &mut *state;
            let mut decisions = Decisions::default();
            let found = decide(dispatcher, &mut decisions);
            let mut next_id = |at| NotificationId(uuid(at, random).into());
            dispatcher.flush(now, &mut next_id, &mut decisions);
            let Decisions { notifications, changes: dispatch } = decisions;
            let wanted = notifications.into_iter().filter_map(|one| self.outboxes.wanted(one));
            let notifications: Vec<Notification> = wanted.collect();
            notifications.iter().for_each(|one| self.metrics.made(&one.channel));
            pending.unposted.extend(notifications.iter().cloned());
            pending.unwritten.absorb(changes);
            pending.unwritten.absorb(Changes { notifications, dispatch, ..Changes::default() });
            found
        };
        (found, self.write().await)
    }

    /// Writes what was decided until now, also by others; they then find that it is done.
    pub async fn write(&self) -> Result<(), LedgerError> {
        // The semaphore is never closed.
        let Ok(_turn) = self.turn.acquire().await else { return Ok(()) };
        let mut taken = InFlight { state: &self.state, pending: mem::take(&mut self.state.lock().pending) };
        if taken.pending.unwritten.is_empty() {
            return Ok(());
        }
        let written = self.ledger.apply(taken.pending.unwritten.clone()).await;
        if written.is_ok() {
            taken.pending.unwritten = Changes::default();
        }
        for notification in mem::take(&mut taken.pending.unposted) {
            self.outboxes.put(notification);
        }
        written
    }
}

/// What is being done; what is left of it when this goes is to be done again.
struct InFlight<'a> {
    state: &'a Mutex<State>,
    pending: Pending,
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        let left = mem::take(&mut self.pending);
        let mut state = self.state.lock();
        let later = mem::replace(&mut state.pending, left);
        state.pending.unwritten.absorb(later.unwritten);
        state.pending.unposted.extend(later.unposted);
    }
}

/// A UUID of version 7 (RFC 9562, section 5.7).
pub fn uuid(at: Timestamp, random: &mut fastrand::Rng) -> String {
    let milliseconds = u64::try_from(at.nanos() / 1_000_000).unwrap_or_default();
    let mut noise = [0; 10];
    random.fill(&mut noise);
    uuid::Builder::from_unix_timestamp_millis(milliseconds, &noise).into_uuid().to_string()
}

impl fmt::Debug for Notifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notifier").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
