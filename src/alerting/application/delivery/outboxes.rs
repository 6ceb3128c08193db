//! `Outboxes`: every channel with its outbox, for those who have something to tell and for those who look after it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use super::channel::{Answer, Channel, SendError};
use super::outbox::Outbox;
use super::sample::sample;
use super::turn::Turns;
use crate::alerting::application::ledger::{Ledger, LedgerError};
use crate::alerting::application::notify::Postbox;
use crate::alerting::application::outbox_ledger::{DeadLetter, Discarded, Fate, OutboxLedger, Revival};
use crate::alerting::domain::notification::{Notification, NotificationId};
use crate::shared::{Clock, TenantId, Timestamp, causes};

/// A configured channel.
pub struct Registered {
    /// The name by which rules and routes know it.
    pub name: Box<str>,
    pub kind: &'static str,
    pub resolved: Resolved,
    pub channel: Box<dyn Channel>,
    pub state: Mutex<ChannelState>,
}

/// Whether a channel is told that something is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolved {
    Told,
    Kept,
}

/// How a channel has done since the process started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChannelState {
    pub last_sent: Option<Timestamp>,
    /// The last failure; it stays when later ones succeed.
    pub last_error: Option<(Timestamp, Box<str>)>,
    /// Why nothing is sent any more until the next start.
    pub disabled: Option<Box<str>>,
}

impl ChannelState {
    fn failed_last(&self) -> bool {
        self.last_error.as_ref().is_some_and(|(at, _)| self.last_sent.is_none_or(|sent| sent < *at))
    }
}

/// One outbox, and whose it is: channels that speak to one address share it.
#[derive(Debug)]
pub struct Address {
    pub outbox: Outbox,
    pub turns: Turns,
}

/// A channel, and where its messages wait.
#[derive(Debug, Clone)]
struct Entry {
    registered: Arc<Registered>,
    address: Arc<Address>,
}

/// What is told about a channel. Never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelReport {
    pub name: Box<str>,
    pub kind: &'static str,
    pub resolved: Resolved,
    /// Notifications of the tenant that wait in memory.
    pub waiting: usize,
    /// Its dead letters.
    pub dead: u64,
    pub state: ChannelState,
}

/// How a channel does, for the rules over the server itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelHealth {
    pub name: Box<str>,
    pub course: Course,
    /// Its dead letters, of all tenants.
    pub dead: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    /// Its messages are sent, as far as is known.
    Sends,
    /// It is off, or the last attempt failed and something waits.
    Fails,
}

/// Every channel by name.
pub struct Outboxes {
    by_channel: BTreeMap<Box<str>, Entry>,
    ledger: Arc<dyn OutboxLedger>,
    clock: Arc<dyn Clock>,
    random: Mutex<fastrand::Rng>,
}

impl Outboxes {
    pub fn new(
        channels: impl IntoIterator<Item = (Arc<Registered>, Arc<Address>)>,
        ledger: Arc<dyn OutboxLedger>,
        clock: Arc<dyn Clock>,
        random: fastrand::Rng,
    ) -> Self {
        let entry = |(registered, address): (Arc<Registered>, _)| {
            (registered.name.clone(), Entry { registered, address })
        };
        let by_channel = channels.into_iter().map(entry).collect();
        Self { by_channel, ledger, clock, random: Mutex::new(random) }
    }

    /// Hands over what was written to the ledger.
    pub fn put(&self, notification: Notification) {
        match self.by_channel.get(&notification.channel) {
            Some(entry) => entry.address.outbox.put(notification),
            None => {
                let Notification { channel, tenant, .. } = notification;
                tracing::error!(%channel, %tenant, "no channel of this name is configured; a message waits for one");
            }
        }
    }

    /// Takes up what waited when the last process ended; gives how much. Messages of channels that are no longer
    /// configured become dead letters.
    pub async fn restore(&self, ledger: &dyn Ledger) -> Result<usize, LedgerError> {
        let unsent = ledger.unsent().await?;
        let count = unsent.len();
        for notification in unsent {
            if let Some(entry) = self.by_channel.get(&notification.channel) {
                entry.address.outbox.restore(notification);
                continue;
            }
            tracing::error!(channel = %notification.channel, "a message waits for a channel that is not configured");
            let reason = "no channel of this name is configured".into();
            self.ledger.end(notification.id, Fate::Refused { reason, at: self.clock.now() }).await?;
        }
        Ok(count)
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_channel.keys().map(|name| &**name)
    }

    /// Every channel, by name.
    pub async fn report(&self, tenant: &TenantId) -> Result<Vec<ChannelReport>, LedgerError> {
        let dead = self.ledger.dead_counts(tenant.clone()).await?;
        let report = |Entry { registered, address }: &Entry| ChannelReport {
            name: registered.name.clone(),
            kind: registered.kind,
            resolved: registered.resolved,
            waiting: address.outbox.waiting_for(tenant, &registered.name),
            dead: dead.iter().find(|(name, _)| *name == registered.name).map_or(0, |(_, count)| *count),
            state: registered.state.lock().clone(),
        };
        Ok(self.by_channel.values().map(report).collect())
    }

    /// How every channel does, by name.
    pub async fn health(&self) -> Result<Vec<ChannelHealth>, LedgerError> {
        let dead = self.ledger.dead_counts_of_all().await?;
        let health = |Entry { registered, address }: &Entry| {
            let name = &registered.name;
            let state = registered.state.lock().clone();
            let fails = state.disabled.is_some() || (state.failed_last() && address.outbox.waits_for(name));
            ChannelHealth {
                name: name.clone(),
                course: if fails { Course::Fails } else { Course::Sends },
                dead: dead.iter().find(|(of, _)| of == name).map_or(0, |(_, count)| *count),
            }
        };
        Ok(self.by_channel.values().map(health).collect())
    }

    /// Sends a message that says that it is a test, now, whatever waits. Absent if there is no such channel.
    pub async fn test(&self, channel: &str, tenant: &TenantId) -> Option<Result<Answer, SendError>> {
        let Entry { registered, address } = self.by_channel.get(channel)?;
        let now = self.clock.now();
        let notification = sample(channel, tenant, now, &mut self.random.lock());
        let turn = address.turns.next().await;
        let sent = registered.channel.send(&notification).await;
        drop(turn);
        registered.note(&sent, self.clock.now());
        Some(sent)
    }

    pub async fn dead_letters(&self, tenant: &TenantId) -> Result<Vec<DeadLetter>, LedgerError> {
        self.ledger.dead_letters(tenant.clone()).await
    }

    /// A dead letter is to be sent again, after what waits.
    pub async fn replay(&self, tenant: &TenantId, id: NotificationId) -> Result<Revival, LedgerError> {
        let revival = self.ledger.revive(tenant.clone(), id).await?;
        if let Revival::Waits(notification) = &revival {
            // What came in meanwhile is newer.
            match self.by_channel.get(&notification.channel) {
                Some(entry) => entry.address.outbox.restore(notification.clone()),
                None => self.put(notification.clone()),
            }
        }
        Ok(revival)
    }

    pub async fn discard(&self, tenant: &TenantId, id: NotificationId) -> Result<Discarded, LedgerError> {
        self.ledger.discard(tenant.clone(), id).await
    }
}

impl Postbox for Outboxes {
    fn wanted(&self, notification: Notification) -> Option<Notification> {
        match self.by_channel.get(&notification.channel) {
            Some(entry) => entry.registered.wanted(&notification).map(Cow::into_owned),
            None => Some(notification),
        }
    }

    fn put(&self, notification: Notification) {
        Self::put(self, notification);
    }
}

impl Registered {
    pub fn new(
        name: impl Into<Box<str>>,
        kind: &'static str,
        resolved: Resolved,
        channel: Box<dyn Channel>,
    ) -> Self {
        Self { name: name.into(), kind, resolved, channel, state: Mutex::default() }
    }

    /// What of a notification the channel is told; absent if nothing.
    pub fn wanted<'a>(&self, notification: &'a Notification) -> Option<Cow<'a, Notification>> {
        if self.resolved == Resolved::Told || notification.resolved().next().is_none() {
            return Some(Cow::Borrowed(notification));
        }
        if !notification.is_firing() {
            return None;
        }
        let mut firing = notification.clone();
        firing.alerts.retain(|alert| alert.is_firing(notification.at));
        Some(Cow::Owned(firing))
    }

    /// Remembers how an attempt went.
    pub fn note(&self, sent: &Result<Answer, SendError>, now: Timestamp) {
        let mut state = self.state.lock();
        match sent {
            Ok(_) => state.last_sent = Some(now),
            Err(error) => {
                let cause = causes(error);
                if matches!(error, SendError::Gone { .. }) {
                    state.disabled = Some(cause.as_str().into());
                }
                state.last_error = Some((now, cause.into()));
            }
        }
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Outboxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outboxes").field("by_channel", &self.by_channel).finish_non_exhaustive()
    }
}
