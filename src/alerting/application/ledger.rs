//! Port: what alerting remembers beyond a restart. One step's changes are applied whole or not at all.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;

use crate::alerting::domain::notification::Notification;
use crate::alerting::domain::notifying::dispatcher::{DispatchChanges, Remembered};
use crate::shared::TenantId;

/// Everything that one step changes, written in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Changes {
    /// To be sent; each replaces unsent ones of its tenant, channel and group.
    pub notifications: Vec<Notification>,
    /// Alerts, groups and silences.
    pub dispatch: DispatchChanges,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.notifications.is_empty() && self.dispatch.is_empty()
    }

    /// Adds what comes after, as if both were one step.
    pub fn absorb(&mut self, later: Self) {
        let newer: BTreeSet<_> = later.notifications.iter().map(group_of).collect();
        self.notifications.retain(|notification| !newer.contains(&group_of(notification)));
        self.notifications.extend(later.notifications);
        self.dispatch.absorb(later.dispatch);
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

    /// Alerts, groups and silences, as [`Changes::dispatch`] left them.
    fn remembered(&self) -> LedgerFuture<'_, Remembered>;

    /// What waits to be sent, oldest first.
    fn unsent(&self) -> LedgerFuture<'_, Vec<Notification>>;
}
