//! `Outbox`: what one address has yet to be told. At most one notification per channel and group waits, always the newest.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::alerting::domain::notification::Notification;
use crate::shared::TenantId;

/// Most notifications that wait in memory for one address; further ones wait in the state database alone.
pub const OUTBOX_MESSAGES_MAX: usize = 10_000;

/// Unsent notifications in the order in which their groups first waited.
#[derive(Debug)]
pub struct Outbox {
    waiting: Mutex<Waiting>,
    changed: Notify,
    room: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    order: VecDeque<Key>,
    messages: HashMap<Key, Message>,
    next_number: u64,
    /// Channels of which there is more in the state database than here.
    overflowed: BTreeSet<Box<str>>,
    door: Door,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Door {
    #[default]
    Open,
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tenant: TenantId,
    channel: Box<str>,
    group: Box<str>,
}

impl Key {
    fn of(notification: &Notification) -> Self {
        let Notification { tenant, channel, group_key, .. } = notification;
        Self { tenant: tenant.clone(), channel: channel.clone(), group: group_key.clone() }
    }
}

/// A notification, and which one of its group it is.
#[derive(Debug, Clone)]
pub struct Message {
    pub notification: Arc<Notification>,
    number: u64,
}

/// What is to be done for an address.
#[derive(Debug, Clone)]
pub enum Task {
    Send(Message),
    /// There is room again for what waits in the state database for this channel.
    Refill(Box<str>),
}

impl Default for Outbox {
    fn default() -> Self {
        Self::with_room(OUTBOX_MESSAGES_MAX)
    }
}

impl Outbox {
    /// With room for so many notifications.
    pub fn with_room(room: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Notify::new(), room }
    }

    /// Adds what was written to the state database. An older one of the same group that still waits is never sent: the new
    /// one takes its place, and tells of its endings. One for which there is no room is read from the database later.
    pub fn put(&self, notification: Notification) {
        let mut waiting = self.waiting.lock();
        let key = Key::of(&notification);
        if waiting.messages.contains_key(&key) || waiting.messages.len() < self.room {
            waiting.add(key, notification);
        } else {
            waiting.overflowed.insert(key.channel);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Adds what was read from the state database, unless something waits that was put since then.
    pub fn restore(&self, notification: Notification) {
        let mut waiting = self.waiting.lock();
        let key = Key::of(&notification);
        if waiting.messages.contains_key(&key) {
            return;
        }
        if waiting.messages.len() < self.room {
            waiting.add(key, notification);
        } else {
            waiting.overflowed.insert(key.channel);
        }
        drop(waiting);
        self.changed.notify_one();
    }

    /// Says that there is more in the state database for a channel.
    pub fn more_waits_for(&self, channel: &str) {
        self.waiting.lock().overflowed.insert(channel.into());
        self.changed.notify_one();
    }

    /// What to do next; absent once the outbox is closed and empty. A message stays until it is settled.
    pub async fn next(&self) -> Option<Task> {
        loop {
            let changed = self.changed.notified();
            {
                let mut waiting = self.waiting.lock();
                if let Some(task) = waiting.task(self.room) {
                    return Some(task);
                }
                if waiting.door == Door::Closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Whether the message is still the newest of its group.
    pub fn holds(&self, message: &Message) -> bool {
        let key = Key::of(&message.notification);
        self.waiting.lock().messages.get(&key).is_some_and(|waits| waits.number == message.number)
    }

    /// Whether anything waits for a channel, of whichever tenant.
    pub fn waits_for(&self, channel: &str) -> bool {
        let waiting = self.waiting.lock();
        waiting.overflowed.contains(channel) || waiting.order.iter().any(|key| &*key.channel == channel)
    }

    /// The message was sent or given up. What replaced it meanwhile goes on waiting.
    pub fn settle(&self, message: &Message) {
        let mut waiting = self.waiting.lock();
        let key = Key::of(&message.notification);
        if waiting.messages.get(&key).is_some_and(|waits| waits.number == message.number) {
            waiting.messages.remove(&key);
            waiting.order.retain(|other| *other != key);
        }
    }

    /// Lets the others go first, so that one message which always fails does not block them.
    pub fn postpone(&self, message: &Message) {
        let mut waiting = self.waiting.lock();
        if waiting.order.front() == Some(&Key::of(&message.notification)) {
            waiting.order.rotate_left(1);
        }
    }

    /// Ends [`Self::next`] once nothing waits; what is put after that waits in the state database.
    pub fn close(&self) {
        self.waiting.lock().door = Door::Closed;
        self.changed.notify_one();
    }

    pub fn len(&self) -> usize {
        self.waiting.lock().messages.len()
    }

    /// How many notifications of a tenant wait for one channel in memory.
    pub fn waiting_for(&self, tenant: &TenantId, channel: &str) -> usize {
        let waiting = self.waiting.lock();
        waiting.order.iter().filter(|key| key.tenant == *tenant && &*key.channel == channel).count()
    }
}

impl Waiting {
    fn add(&mut self, key: Key, mut notification: Notification) {
        match self.messages.get(&key) {
            Some(older) => notification.instead_of(&older.notification),
            None => self.order.push_back(key.clone()),
        }
        self.next_number += 1;
        let message = Message { notification: Arc::new(notification), number: self.next_number };
        self.messages.insert(key, message);
    }

    /// A process that stops sends what it has and reads no more.
    fn task(&mut self, room: usize) -> Option<Task> {
        if self.messages.len() <= room / 2
            && self.door == Door::Open
            && let Some(channel) = self.overflowed.pop_first()
        {
            return Some(Task::Refill(channel));
        }
        let first = self.order.front().and_then(|key| self.messages.get(key));
        first.cloned().map(Task::Send)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alerting::domain::notification_fixtures::{notification, resolved};

    async fn message(outbox: &Outbox) -> Option<Message> {
        match outbox.next().await? {
            Task::Send(message) => Some(message),
            Task::Refill(channel) => panic!("{channel} is to be filled"),
        }
    }

    async fn ids(outbox: &Outbox) -> Vec<Box<str>> {
        outbox.close();
        let mut ids = Vec::new();
        while let Some(message) = message(outbox).await {
            ids.push(message.notification.id.0.clone());
            outbox.settle(&message);
        }
        ids
    }

    #[tokio::test]
    async fn a_newer_one_of_a_group_replaces_the_older_unsent_one() {
        let outbox = Outbox::default();
        outbox.put(notification("1", "slack", "cpu", 1));
        outbox.put(notification("2", "slack", "disk", 2));
        outbox.put(notification("3", "mail", "cpu", 2));
        outbox.put(resolved("4", "slack", "cpu", 3));
        assert_eq!(outbox.waiting_for(&TenantId::unnamed(), "slack"), 2);
        assert_eq!(ids(&outbox).await, [Box::from("4"), Box::from("2"), Box::from("3")]);
    }

    #[tokio::test]
    async fn an_ending_that_was_not_sent_is_told_by_what_took_its_place() {
        let outbox = Outbox::default();
        let mut older = resolved("1", "slack", "cpu", 1);
        let mut newer = notification("2", "slack", "disk", 2);
        older.group_key = "group".into();
        newer.group_key = "group".into();
        outbox.put(older);
        outbox.put(newer);
        let told = message(&outbox).await.unwrap().notification;
        assert_eq!((&*told.id.0, told.firing().count(), told.resolved().count()), ("2", 1, 1));
    }

    #[tokio::test]
    async fn what_replaced_a_message_while_it_was_sent_is_sent_next() {
        let outbox = Outbox::default();
        outbox.put(notification("1", "slack", "cpu", 1));
        let sending = message(&outbox).await.unwrap();
        assert!(outbox.holds(&sending));
        outbox.put(resolved("2", "slack", "cpu", 2));
        assert!(!outbox.holds(&sending));
        outbox.settle(&sending);
        assert_eq!(ids(&outbox).await, [Box::from("2")]);
    }

    #[tokio::test]
    async fn a_message_that_fails_lets_others_go_first() {
        let outbox = Outbox::default();
        outbox.put(notification("1", "slack", "cpu", 1));
        outbox.put(notification("2", "slack", "disk", 1));
        let failed = message(&outbox).await.unwrap();
        outbox.postpone(&failed);
        assert_eq!(ids(&outbox).await, [Box::from("2"), Box::from("1")]);
    }

    #[tokio::test]
    async fn what_was_read_does_not_replace_what_was_put_since() {
        let outbox = Outbox::default();
        outbox.put(resolved("new", "slack", "cpu", 2));
        outbox.restore(notification("old", "slack", "cpu", 1));
        outbox.restore(notification("other", "slack", "disk", 1));
        assert_eq!(ids(&outbox).await, [Box::from("new"), Box::from("other")]);
    }

    #[tokio::test]
    async fn memory_is_bounded_and_the_rest_is_asked_for_when_there_is_room() {
        let outbox = Outbox::with_room(4);
        for group in ["a", "b", "c", "d", "e"] {
            outbox.put(notification(group, "slack", group, 1));
        }
        outbox.put(resolved("a again", "slack", "a", 2));
        assert_eq!(outbox.len(), 4);
        for expected in ["a again", "b"] {
            let message = message(&outbox).await.unwrap();
            assert_eq!(&*message.notification.id.0, expected);
            outbox.settle(&message);
        }
        let Some(Task::Refill(channel)) = outbox.next().await else { panic!("nothing is asked for") };
        assert_eq!(&*channel, "slack");
        assert_eq!(ids(&outbox).await, [Box::from("c"), Box::from("d")]);
    }
}
