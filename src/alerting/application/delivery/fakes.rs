//! A ledger in memory and a channel that answers as it is told, for tests.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::channel::{Answer, Channel, SendError, SendFailure, SendFuture};
use crate::alerting::application::ledger::{LedgerError, LedgerFuture};
use crate::alerting::application::outbox_ledger::{
    DeadLetter, Discarded, Fate, OutboxLedger, Revival, Worth,
};
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::shared::{Clock, TenantId, Timestamp};

/// Keeps rows in the order in which they came. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct FakeLedger {
    pub unsent: Arc<Mutex<Vec<Notification>>>,
    pub dead: Arc<Mutex<Vec<DeadLetter>>>,
    /// So many calls fail.
    pub failing: Arc<Mutex<u32>>,
}

impl FakeLedger {
    fn tried<T>(&self, work: impl FnOnce(&Self) -> T) -> LedgerFuture<'_, T>
    where
        T: Send + 'static,
    {
        let mut failing = self.failing.lock();
        if *failing > 0 {
            *failing -= 1;
            return Box::pin(async { Err(LedgerError::Unavailable("locked".into())) });
        }
        drop(failing);
        let done = work(self);
        Box::pin(async move { Ok(done) })
    }

    pub fn reasons(&self) -> Vec<Box<str>> {
        self.dead.lock().iter().map(|letter| letter.reason.clone()).collect()
    }
}

impl OutboxLedger for FakeLedger {
    fn end(&self, id: NotificationId, fate: Fate) -> LedgerFuture<'_, ()> {
        self.tried(|own| {
            let mut unsent = own.unsent.lock();
            let Some(index) = unsent.iter().position(|row| row.id == id) else { return };
            let notification = unsent.remove(index);
            if let Fate::Refused { reason, at } = fate {
                own.dead.lock().push(DeadLetter { notification, reason, died_at: at, worth: Worth::Latest });
            }
        })
    }

    fn unsent_of(&self, channel: Box<str>, count: usize) -> LedgerFuture<'_, Vec<Notification>> {
        self.tried(|own| {
            own.unsent.lock().iter().filter(|row| row.channel == channel).take(count).cloned().collect()
        })
    }

    fn dead_letters(&self, _tenant: TenantId) -> LedgerFuture<'_, Vec<DeadLetter>> {
        self.tried(|own| own.dead.lock().clone())
    }

    fn dead_counts(&self, _tenant: TenantId) -> LedgerFuture<'_, Vec<(Box<str>, u64)>> {
        self.tried(|own| {
            own.dead.lock().iter().map(|letter| (letter.notification.channel.clone(), 1)).collect()
        })
    }

    fn dead_counts_of_all(&self) -> LedgerFuture<'_, Vec<(Box<str>, u64)>> {
        self.dead_counts(TenantId::unnamed())
    }

    fn revive(&self, _tenant: TenantId, id: NotificationId) -> LedgerFuture<'_, Revival> {
        self.tried(|own| {
            let mut dead = own.dead.lock();
            let Some(index) = dead.iter().position(|letter| letter.notification.id == id) else {
                return Revival::Unknown;
            };
            let letter = dead.remove(index);
            own.unsent.lock().push(letter.notification.clone());
            Revival::Waits(letter.notification)
        })
    }

    fn discard(&self, _tenant: TenantId, id: NotificationId) -> LedgerFuture<'_, Discarded> {
        self.tried(|own| {
            let mut dead = own.dead.lock();
            let before = dead.len();
            dead.retain(|letter| letter.notification.id != id);
            if dead.len() == before { Discarded::Unknown } else { Discarded::Gone }
        })
    }
}

/// Answers as told and keeps what it took and when; further messages are taken.
#[derive(Debug, Clone)]
pub struct FakeChannel {
    pub answers: Arc<Mutex<VecDeque<SendError>>>,
    pub taken: Arc<Mutex<Vec<(Duration, Notification)>>>,
    begun: Instant,
}

impl FakeChannel {
    pub fn new(answers: impl IntoIterator<Item = SendError>) -> Self {
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        Self { answers, taken: Arc::default(), begun: Instant::now() }
    }

    /// What it took: the notifications' ids.
    pub fn ids(&self) -> Vec<Box<str>> {
        self.taken.lock().iter().map(|(_, notification)| notification.id.0.clone()).collect()
    }
}

impl Channel for FakeChannel {
    fn send<'a>(&'a self, notification: &'a Notification) -> SendFuture<'a> {
        Box::pin(async move {
            if let Some(error) = self.answers.lock().pop_front() {
                return Err(error);
            }
            self.taken.lock().push((self.begun.elapsed(), notification.clone()));
            Ok(Answer("answered 200".into()))
        })
    }
}

pub fn status(status: u16) -> SendFailure {
    SendFailure::Status { status, text: "why".into() }
}

pub fn retry(after: Option<Duration>) -> SendError {
    SendError::Retry { after, cause: status(503) }
}

/// A clock that stands.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }
}
