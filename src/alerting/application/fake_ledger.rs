//! A ledger in memory, which can be told to fail, and outboxes that keep what they get.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::ledger::{Changes, Ledger, LedgerError, LedgerFuture, Standing};
use super::notify::Postbox;
use crate::alerting::domain::notification::Notification;
use crate::alerting::domain::notifying::dispatcher::Remembered;
use crate::shared::Timestamp;

/// Clones share what is remembered.
#[derive(Debug, Clone)]
pub struct FakeLedger {
    kept: Arc<Mutex<Kept>>,
    /// Without a permit, writing waits.
    pub gate: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Kept {
    changes: Changes,
    transactions: usize,
    mood: Mood,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mood {
    #[default]
    Works,
    Fails,
}

impl Default for FakeLedger {
    fn default() -> Self {
        Self { kept: Arc::default(), gate: Arc::new(Semaphore::new(1)) }
    }
}

impl FakeLedger {
    pub fn set(&self, mood: Mood) {
        self.kept.lock().mood = mood;
    }

    pub fn transactions(&self) -> usize {
        self.kept.lock().transactions
    }

    pub fn notifications(&self) -> Vec<Notification> {
        self.kept.lock().changes.notifications.clone()
    }
}

impl Ledger for FakeLedger {
    fn apply(&self, changes: Changes) -> LedgerFuture<'_, ()> {
        Box::pin(async move {
            let Ok(_permit) = self.gate.acquire().await else { return Ok(()) };
            let mut kept = self.kept.lock();
            if kept.mood == Mood::Fails {
                return Err(LedgerError::Unavailable("the disk is full".into()));
            }
            kept.transactions += 1;
            kept.changes.absorb(changes);
            Ok(())
        })
    }

    fn standing(&self, now: Timestamp) -> LedgerFuture<'_, Standing> {
        Box::pin(async move {
            let kept = self.kept.lock();
            let incidents = kept.changes.incidents.values();
            Ok(Standing {
                instances: kept.changes.instances.values().flatten().cloned().collect(),
                incidents: incidents.filter(|incident| incident.covers(now)).cloned().collect(),
                alive_at: kept.changes.alive_at,
            })
        })
    }

    fn remembered(&self) -> LedgerFuture<'_, Remembered> {
        Box::pin(async move {
            let kept = self.kept.lock();
            let dispatch = &kept.changes.dispatch;
            Ok(Remembered {
                alerts: dispatch.alerts.values().flatten().map(|alert| (**alert).clone()).collect(),
                groups: dispatch.groups.values().flatten().cloned().collect(),
                silences: dispatch.silences.values().flatten().cloned().collect(),
            })
        })
    }

    fn unsent(&self) -> LedgerFuture<'_, Vec<Notification>> {
        Box::pin(async move { Ok(self.notifications()) })
    }
}

#[derive(Debug, Clone, Default)]
pub struct FakeOutboxes(Arc<Mutex<Vec<Notification>>>);

impl FakeOutboxes {
    pub fn taken(&self) -> Vec<Notification> {
        self.0.lock().clone()
    }
}

impl Postbox for FakeOutboxes {
    fn wanted(&self, notification: Notification) -> Option<Notification> {
        Some(notification)
    }

    fn put(&self, notification: Notification) {
        self.0.lock().push(notification);
    }
}
