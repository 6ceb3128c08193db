//! `Mailbox`: what waits for a listener, bounded by bytes. A listener that is too slow loses the oldest, and is told.

use std::collections::VecDeque;

use parking_lot::Mutex;
use tokio::sync::Notify;

use super::messages::Message;

/// What a listener gets.
#[derive(Debug, Clone)]
pub enum Delivered {
    /// The number counts the messages that were put into the mailbox, from 1 on, also those that were forgotten.
    Message { number: u64, message: Message },
    /// Lost since the listener was last told.
    Missed(Missed),
}

/// What a listener was too slow for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Missed {
    /// Points, log records and so on that were meant for it.
    pub items: u64,
    /// Stored batches that nobody looked into, since the server was too slow: some of it may have been meant for it.
    pub batches: u64,
}

#[derive(Debug)]
pub struct Mailbox {
    bytes_max: usize,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(u64, Message)>,
    bytes: usize,
    last_number: u64,
    missed: Missed,
    end: Option<End>,
}

/// Nothing comes any more.
#[derive(Debug, Clone, Copy)]
struct End;

impl Mailbox {
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes_max, state: Mutex::default(), changed: Notify::new() }
    }

    pub const fn bytes_max(&self) -> usize {
        self.bytes_max
    }

    /// Puts messages behind those that wait, in their order. `missed` is lost already.
    pub fn put(&self, messages: Vec<Message>, missed: Missed) {
        let mut state = self.state.lock();
        state.missed.items += missed.items;
        state.missed.batches += missed.batches;
        for message in messages {
            state.last_number += 1;
            state.bytes += message.bytes();
            let number = state.last_number;
            state.waiting.push_back((number, message));
        }
        while state.bytes > self.bytes_max
            && let Some((_, oldest)) = state.waiting.pop_front()
        {
            state.bytes -= oldest.bytes();
            state.missed.items += oldest.items();
        }
        drop(state);
        self.changed.notify_one();
    }

    /// The next message; absent when nothing comes any more. Cancel-safe, for one listener.
    pub async fn next(&self) -> Option<Delivered> {
        loop {
            match self.take() {
                Taken::Delivered(delivered) => return Some(delivered),
                Taken::Ended => return None,
                Taken::Nothing => self.changed.notified().await,
            }
        }
    }

    fn take(&self) -> Taken {
        let mut state = self.state.lock();
        if state.missed != Missed::default() {
            return Taken::Delivered(Delivered::Missed(std::mem::take(&mut state.missed)));
        }
        match state.waiting.pop_front() {
            Some((number, message)) => {
                state.bytes -= message.bytes();
                Taken::Delivered(Delivered::Message { number, message })
            }
            None if state.end.is_some() => Taken::Ended,
            None => Taken::Nothing,
        }
    }

    /// What waits is still handed out.
    pub fn end(&self) {
        self.state.lock().end = Some(End);
        self.changed.notify_one();
    }
}

enum Taken {
    Delivered(Delivered),
    Nothing,
    Ended,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::application::live::messages::Stored;
    use crate::shared::Signal;

    fn message(items: u64) -> Message {
        Message::Stored(Stored { signal: Signal::Logs, items })
    }

    async fn all(mailbox: &Mailbox) -> Vec<(u64, u64)> {
        mailbox.end();
        let mut found = Vec::new();
        while let Some(delivered) = mailbox.next().await {
            found.push(match delivered {
                Delivered::Message { number, message: Message::Stored(stored) } => (number, stored.items),
                Delivered::Message { .. } => unreachable!("nothing else was put"),
                Delivered::Missed(missed) => (0, missed.items),
            });
        }
        found
    }

    #[tokio::test]
    async fn messages_come_in_order_and_the_end_behind_them() {
        let mailbox = Mailbox::new(1_000_000);
        mailbox.put(vec![message(7), message(8)], Missed::default());
        mailbox.put(vec![message(9)], Missed::default());
        assert_eq!(all(&mailbox).await, [(1, 7), (2, 8), (3, 9)]);
    }

    #[tokio::test]
    async fn a_full_mailbox_forgets_the_oldest_and_says_how_many() {
        let mailbox = Mailbox::new(2 * message(0).bytes());
        mailbox.put((1..=5).map(message).collect(), Missed { items: 10, batches: 0 });
        assert_eq!(all(&mailbox).await, [(0, 13), (4, 4), (5, 5)]);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken() {
        let mailbox = Mailbox::new(1_000_000);
        let (next, ()) =
            tokio::join!(mailbox.next(), async { mailbox.put(vec![message(1)], Missed::default()) });
        assert!(matches!(next, Some(Delivered::Message { number: 1, .. })));
        let (next, ()) = tokio::join!(mailbox.next(), async { mailbox.end() });
        assert!(next.is_none());
    }
}
