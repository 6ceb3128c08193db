//! Port: what became of notifications, remembered beyond a restart; and dead letters, those that were refused for good.

use super::ledger::LedgerFuture;
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::shared::{TenantId, Timestamp};

/// Most dead letters that are kept for one tenant; the oldest go first.
pub const DEAD_LETTERS_MAX: usize = 1_000;

/// What became of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It was sent, or nobody wants it.
    Settled,
    /// It was refused for good.
    Refused { reason: Box<str>, at: Timestamp },
}

/// A notification that was refused for good.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadLetter {
    pub notification: Notification,
    /// What the other side said, or why nobody was asked.
    pub reason: Box<str>,
    pub died_at: Timestamp,
    pub worth: Worth,
}

/// Whether a dead letter may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    Latest,
    /// Something newer was to be told about its group: sending it would tell what is no longer true.
    Superseded,
}

/// What became of the wish to send a dead letter again.
#[derive(Debug, Clone, PartialEq)]
pub enum Revival {
    /// It waits again.
    Waits(Notification),
    Superseded,
    Unknown,
}

/// What became of the wish to drop a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discarded {
    Gone,
    Unknown,
}

/// The outbox as the state database holds it. What was replaced meanwhile is not touched by any of these.
pub trait OutboxLedger: Send + Sync {
    /// It waits no more, also where the step that made it is yet to be written.
    fn end(&self, id: NotificationId, fate: Fate) -> LedgerFuture<'_, ()>;

    /// What waits for one channel, oldest first, at most `count`.
    fn unsent_of(&self, channel: Box<str>, count: usize) -> LedgerFuture<'_, Vec<Notification>>;

    /// Newest first, at most [`DEAD_LETTERS_MAX`].
    fn dead_letters(&self, tenant: TenantId) -> LedgerFuture<'_, Vec<DeadLetter>>;

    /// How many dead letters there are by channel; channels without any are left out.
    fn dead_counts(&self, tenant: TenantId) -> LedgerFuture<'_, Vec<(Box<str>, u64)>>;

    /// As [`Self::dead_counts`], of all tenants together.
    fn dead_counts_of_all(&self) -> LedgerFuture<'_, Vec<(Box<str>, u64)>>;

    fn revive(&self, tenant: TenantId, id: NotificationId) -> LedgerFuture<'_, Revival>;

    fn discard(&self, tenant: TenantId, id: NotificationId) -> LedgerFuture<'_, Discarded>;
}
