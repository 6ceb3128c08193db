//! Port: what alerting remembers beyond a restart. One step's changes are applied whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::mem;
use std::pin::Pin;

use super::history::HistoryEntry;
use crate::alerting::domain::alert::IncidentId;
use crate::alerting::domain::evaluator::KeptInstance;
use crate::alerting::domain::incident::Incident;
use crate::alerting::domain::notification::Notification;
use crate::alerting::domain::notifying::dispatcher::{DispatchChanges, Remembered};
use crate::alerting::domain::watchlist::GroupKey;
use crate::shared::{TenantId, Timestamp};

/// Most entries of the history that wait to be written.
const HISTORY_UNWRITTEN_MAX: usize = 100_000;

/// Everything that one step changes, written in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// To be sent; each replaces unsent ones of its tenant, channel and group.
    pub notifications: Vec<Notification>,
    /// Alerts, groups and silences.
    pub dispatch: DispatchChanges,
    /// How groups of rules stand; absent values are to be forgotten.
    pub instances: BTreeMap<GroupKey, Option<KeptInstance>>,
    pub incidents: BTreeMap<IncidentId, Incident>,
    pub history: Vec<HistoryEntry>,
    /// Alerting is at work.
    pub alive_at: Option<Timestamp>,
    /// Incidents that ended and what happened before it are to be forgotten.
    pub forget_before: Option<Timestamp>,
}

/// Where the rules stood.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    pub instances: Vec<KeptInstance>,
    /// Those that are open, or ended so lately that they may be taken up again.
    pub incidents: Vec<Incident>,
    /// When alerting was last at work; absent if it never was.
    pub alive_at: Option<Timestamp>,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.notifications.is_empty()
            && self.dispatch.is_empty()
            && self.instances.is_empty()
            && self.incidents.is_empty()
            && self.history.is_empty()
            && self.alive_at.is_none()
            && self.forget_before.is_none()
    }

    /// Adds what comes after, as if both were one step.
    pub fn absorb(&mut self, later: Self) {
        self.replace(later.notifications);
        self.dispatch.absorb(later.dispatch);
        self.instances.extend(later.instances);
        self.incidents.extend(later.incidents);
        self.history.extend(later.history);
        // While nothing can be written, the latest is what matters.
        let too_many = self.history.len().saturating_sub(HISTORY_UNWRITTEN_MAX);
        self.history.drain(..too_many);
        self.alive_at = later.alive_at.or(self.alive_at);
        self.forget_before = later.forget_before.or(self.forget_before);
    }
}

impl Changes {
    /// Newer notifications take the places of older ones of their groups.
    fn replace(&mut self, later: Vec<Notification>) {
        if self.notifications.is_empty() {
            self.notifications = later;
            return;
        }
        let newer: BTreeSet<_> = later.iter().map(group_of).collect();
        let (older, kept): (Vec<_>, Vec<_>) =
            mem::take(&mut self.notifications).into_iter().partition(|one| newer.contains(&group_of(one)));
        let older: BTreeMap<_, _> = older.iter().map(|one| (group_of(one), one)).collect();
        self.notifications = kept;
        for mut notification in later {
            let replaced = older.get(&group_of(&notification)).copied();
            replaced.into_iter().for_each(|one| notification.instead_of(one));
            self.notifications.push(notification);
        }
    }
}

fn group_of(notification: &Notification) -> (&TenantId, &str, &str) {
    (&notification.tenant, &notification.channel, &notification.group_key)
}

/// Why something could not be remembered, or not be read.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database is locked, full, or away: trying again may help.
    #[error("the state database cannot be used now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// What is in it cannot be understood.
    #[error("the state database holds a row that cannot be read")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

pub type LedgerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// The state database as alerting sees it.
pub trait Ledger: Send + Sync {
    fn apply(&self, changes: Changes) -> LedgerFuture<'_, ()>;

    /// Where the rules stood when the process ended.
    fn standing(&self, now: Timestamp) -> LedgerFuture<'_, Standing>;

    /// Alerts, groups and silences, as [`Changes::dispatch`] left them.
    fn remembered(&self) -> LedgerFuture<'_, Remembered>;

    /// What waits to be sent, oldest first.
    fn unsent(&self) -> LedgerFuture<'_, Vec<Notification>>;
}
