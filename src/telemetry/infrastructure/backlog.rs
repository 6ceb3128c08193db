//! `Backlog`: accepted requests in the journal's order, until the batcher takes them.
//!
//! Those who add never wait. Its length is bounded by the journal's records, its memory by letting go of items that can be
//! read back: a store that is away for hours costs disk, not memory.

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};

use super::entry::{Entry, HeldBytes};

#[derive(Debug)]
pub struct Backlog {
    queue: Mutex<Queue>,
    changed: Condvar,
    held: HeldBytes,
}

#[derive(Debug, Default)]
struct Queue {
    entries: VecDeque<Entry>,
    is_closed: bool,
}

/// What the batcher gets.
#[derive(Debug)]
pub enum Taken {
    Entry(Box<Entry>),
    /// Nothing came until then.
    TimedOut,
    /// Nothing will come any more.
    Closed,
}

impl Backlog {
    pub fn new(held: HeldBytes, first: Vec<Entry>) -> Self {
        let queue = Queue { entries: first.into(), is_closed: false };
        Self { queue: Mutex::new(queue), changed: Condvar::new(), held }
    }

    /// Adds an entry behind all others. Lost, and so answered as not stored, if the backlog is closed.
    pub fn add(&self, mut entry: Entry) {
        if self.held.is_beyond_max() {
            entry.let_go();
        }
        let mut queue = self.queue.lock();
        if !queue.is_closed {
            queue.entries.push_back(entry);
            let is_first = queue.entries.len() == 1;
            drop(queue);
            // Nobody waits while there is something; and whoever wakes needs the lock.
            if is_first {
                self.changed.notify_one();
            }
        }
    }

    /// The oldest entry; waits until `deadline`, or for ever.
    pub fn take(&self, deadline: Option<Instant>) -> Taken {
        let mut queue = self.queue.lock();
        loop {
            if let Some(entry) = queue.entries.pop_front() {
                return Taken::Entry(Box::new(entry));
            }
            if queue.is_closed {
                return Taken::Closed;
            }
            match deadline {
                None => self.changed.wait(&mut queue),
                Some(deadline) => {
                    if self.changed.wait_until(&mut queue, deadline).timed_out() && queue.entries.is_empty() {
                        return Taken::TimedOut;
                    }
                }
            }
        }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.queue.lock().entries.len()
    }

    /// What was added before is still taken.
    pub fn close(&self) {
        self.queue.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Forgets what waits, and takes nothing more, so that no batch has a hole: the journal has it, or it is answered as not
    /// stored.
    pub fn give_up(&self) {
        let mut queue = self.queue.lock();
        queue.is_closed = true;
        let entries = std::mem::take(&mut queue.entries);
        drop(queue);
        self.changed.notify_all();
        drop(entries);
    }
}
