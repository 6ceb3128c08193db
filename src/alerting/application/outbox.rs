//! `Outbox`: what one address has yet to be told. At most one message per incident waits, always the newest.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::channel::Notice;
use crate::shared::{AlertTransition, TenantId};

/// Most incidents that wait for one address.
pub const OUTBOX_MESSAGES_MAX: usize = 10_000;

/// Unsent messages in the order in which their incidents first waited.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<IncidentKey>,
    messages: HashMap<IncidentKey, Message>,
    next_number: u64,
    door: Door,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Door {
    #[default]
    Open,
    Closed,
}

/// One group of one rule of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct IncidentKey {
    tenant: TenantId,
    rule: Box<str>,
    labels: Vec<(Box<str>, Box<str>)>,
}

/// A message, and which one of its incident it is.
#[derive(Debug, Clone)]
pub struct Message {
    pub notice: Notice,
    number: u64,
}

/// The outbox takes no further incident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{OUTBOX_MESSAGES_MAX} messages are waiting already")]
pub struct OutboxFull;

impl Outbox {
    /// Adds a message. An older one of the same incident that still waits is never sent: the new one takes its place.
    pub fn put(&self, notice: Notice) -> Result<(), OutboxFull> {
        let mut waiting = self.waiting.lock();
        let key = IncidentKey::of(notice.alert());
        let known = waiting.messages.contains_key(&key);
        if !known && waiting.messages.len() >= OUTBOX_MESSAGES_MAX {
            return Err(OutboxFull);
        }
        if !known {
            waiting.order.push_back(key.clone());
        }
        waiting.next_number += 1;
        let number = waiting.next_number;
        waiting.messages.insert(key, Message { notice, number });
        drop(waiting);
        self.changed.notify_one();
        Ok(())
    }

    /// The message whose turn it is; `None` once the outbox is closed and empty. It stays until it is settled.
    pub async fn next(&self) -> Option<Message> {
        loop {
            let changed = self.changed.notified();
            {
                let waiting = self.waiting.lock();
                let first = waiting.order.front().and_then(|key| waiting.messages.get(key));
                if first.is_some() || waiting.door == Door::Closed {
                    return first.cloned();
                }
            }
            changed.await;
        }
    }

    /// The message was sent or given up. What replaced it meanwhile goes on waiting.
    pub fn settle(&self, message: &Message) {
        let mut waiting = self.waiting.lock();
        let key = IncidentKey::of(message.notice.alert());
        if waiting.messages.get(&key).is_some_and(|waits| waits.number == message.number) {
            waiting.messages.remove(&key);
            waiting.order.retain(|other| *other != key);
        }
    }

    /// Lets the others go first, so that one message which always fails does not block them.
    pub fn postpone(&self, message: &Message) {
        let mut waiting = self.waiting.lock();
        let key = IncidentKey::of(message.notice.alert());
        if waiting.order.front() == Some(&key) {
            waiting.order.rotate_left(1);
        }
    }

    /// No more messages come; what waits may still be sent.
    pub fn close(&self) {
        self.waiting.lock().door = Door::Closed;
        self.changed.notify_one();
    }

    pub fn len(&self) -> usize {
        self.waiting.lock().messages.len()
    }
}

impl IncidentKey {
    fn of(transition: &AlertTransition) -> Self {
        Self {
            tenant: transition.tenant.clone(),
            rule: transition.rule_id.clone(),
            labels: transition.labels.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::application::deliver::tests::notice;

    async fn reasons(outbox: &Outbox) -> Vec<Box<str>> {
        outbox.close();
        let mut reasons = Vec::new();
        while let Some(message) = outbox.next().await {
            reasons.push(message.notice.alert().reason.clone());
            outbox.settle(&message);
        }
        reasons
    }

    #[tokio::test]
    async fn a_newer_transition_of_an_incident_replaces_the_older_unsent_one() {
        let outbox = Outbox::default();
        for (rule, reason) in [("a", "fires"), ("b", "fires too"), ("a", "resolved")] {
            outbox.put(notice(rule, reason)).unwrap();
        }
        assert_eq!(reasons(&outbox).await, ["resolved".into(), "fires too".into()]);
    }

    #[tokio::test]
    async fn what_replaced_a_message_while_it_was_sent_is_sent_next() {
        let outbox = Outbox::default();
        outbox.put(notice("a", "fires")).unwrap();
        let sending = outbox.next().await.unwrap();
        outbox.put(notice("a", "resolved")).unwrap();
        outbox.settle(&sending);
        assert_eq!(reasons(&outbox).await, ["resolved".into()]);
    }

    #[tokio::test]
    async fn a_message_that_fails_lets_others_go_first() {
        let outbox = Outbox::default();
        outbox.put(notice("a", "one")).unwrap();
        outbox.put(notice("b", "two")).unwrap();
        let failed = outbox.next().await.unwrap();
        outbox.postpone(&failed);
        assert_eq!(reasons(&outbox).await, ["two".into(), "one".into()]);
    }

    #[test]
    fn incidents_that_wait_are_bounded() {
        let outbox = Outbox::default();
        for rule in 0..OUTBOX_MESSAGES_MAX {
            outbox.put(notice(&rule.to_string(), "fires")).unwrap();
        }
        assert_eq!(outbox.put(notice("more", "fires")), Err(OutboxFull));
        assert_eq!(outbox.put(notice("0", "resolved")), Ok(()));
        assert_eq!(outbox.len(), OUTBOX_MESSAGES_MAX);
    }
}
