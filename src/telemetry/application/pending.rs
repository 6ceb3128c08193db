//! `Pending`: who waits for an accepted request, and what is counted of it, in one piece that settles everything when it
//! goes, however it goes.

use super::counters::ItemCounters;
use super::resent::Attempt;
use super::{Durability, IngestError};

/// Memory that was admitted for a request; given back when it is dropped.
pub type MemoryHold = Box<dyn AdmittedMemory>;

/// Port: bytes of the budget.
pub trait AdmittedMemory: std::fmt::Debug + Send {
    /// Gives back what exceeds so many bytes.
    fn shrink_to(&mut self, bytes: usize);
}

/// Goes with accepted items. Dropped while nobody vouches for them, they count as failed and their request is told so.
#[derive(Debug)]
pub struct Pending {
    items: usize,
    durability: Durability,
    /// Absent once it was answered.
    attempt: Option<Attempt>,
    counters: ItemCounters,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InMemory,
    /// They come back after a restart.
    InJournal,
    /// Counted as what became of them.
    Settled,
}

impl Pending {
    /// For a request that is answered as its durability says.
    pub fn new(items: usize, durability: Durability, attempt: Attempt, counters: ItemCounters) -> Self {
        counters.begin(items);
        Self { items, durability, attempt: Some(attempt), counters, state: State::InMemory }
    }

    /// For items that the journal gave back. Whoever sends them again may wait for the store.
    pub fn recovered(
        items: usize,
        durability: Durability,
        attempt: Option<Attempt>,
        counters: ItemCounters,
    ) -> Self {
        counters.begin(items);
        let mut pending = Self { items, durability, attempt, counters, state: State::InJournal };
        if durability != Durability::Store {
            pending.answer(Ok(()));
        }
        pending
    }

    /// They are queued, and there is no journal.
    pub fn queued(&mut self) {
        if self.durability == Durability::Memory {
            self.answer(Ok(()));
        }
    }

    /// They are on this node's disk.
    pub fn journaled(&mut self) {
        self.state = State::InJournal;
        if self.durability == Durability::Journal {
            self.answer(Ok(()));
        }
    }

    /// They are durable and visible in the store.
    pub fn stored(mut self) {
        self.state = State::Settled;
        self.counters.stored(self.items);
        self.answer(Ok(()));
    }

    /// The store refused them for good; they are kept aside.
    pub fn dead_lettered(mut self) {
        self.state = State::Settled;
        self.counters.dead_lettered(self.items);
        self.answer(Err(IngestError::DeadLettered));
    }

    /// They were not taken.
    pub fn refused(mut self, error: IngestError) {
        self.answer(Err(error));
    }

    fn answer(&mut self, answer: Result<(), IngestError>) {
        if let Some(attempt) = self.attempt.take() {
            attempt.settle(answer);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        match self.state {
            State::InMemory => self.counters.failed(self.items),
            State::InJournal => self.counters.left_in_journal(self.items),
            State::Settled => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::shared::{Clock, Signal, TenantId, Timestamp};
    use crate::telemetry::application::IngestCounters;
    use crate::telemetry::application::resent::{Answer, BodyHash, Reading, ResentWindow, Seen};
    use tokio::sync::oneshot::Receiver;

    struct Stopped;

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }
    }

    struct Case {
        pending: Pending,
        answer: Receiver<Answer>,
        counters: ItemCounters,
    }

    fn case(durability: Durability) -> Case {
        let window = ResentWindow::new(Duration::from_secs(600), Arc::new(Stopped));
        let counters = IngestCounters::default().items(&TenantId::unnamed(), Signal::Logs);
        let Seen::First(attempt) = window.enter(BodyHash(1), || Reading::Clean) else { panic!() };
        let Seen::OnItsWay(answer, _) = window.enter(BodyHash(1), || Reading::Clean) else { panic!() };
        Case { pending: Pending::new(3, durability, attempt, counters.clone()), answer, counters }
    }

    #[test]
    fn a_request_is_answered_at_the_stage_that_was_promised() {
        for durability in [Durability::Journal, Durability::Store, Durability::Memory] {
            let Case { mut pending, mut answer, counters } = case(durability);
            match durability {
                Durability::Memory => pending.queued(),
                Durability::Journal | Durability::Store => pending.journaled(),
            }
            assert_eq!(answer.try_recv().is_ok(), durability != Durability::Store, "{durability:?}");
            assert_eq!(counters.values(), (3, 0, 0));
            pending.stored();
            assert_eq!(counters.values(), (0, 3, 0));
        }
    }

    #[test]
    fn what_is_dropped_has_failed_unless_the_journal_has_it() {
        let Case { pending, mut answer, counters } = case(Durability::Store);
        drop(pending);
        assert_eq!((answer.try_recv(), counters.values()), (Ok(Err(IngestError::NotStored)), (0, 0, 3)));

        let Case { mut pending, mut answer, counters } = case(Durability::Journal);
        pending.journaled();
        drop(pending);
        assert_eq!((answer.try_recv(), counters.values()), (Ok(Ok(())), (0, 0, 0)));
    }

    #[test]
    fn a_refusal_and_a_dead_letter_reach_who_waits() {
        let Case { pending, mut answer, counters } = case(Durability::Journal);
        pending.refused(IngestError::JournalFull);
        assert_eq!((answer.try_recv(), counters.values()), (Ok(Err(IngestError::JournalFull)), (0, 0, 3)));

        let Case { mut pending, mut answer, counters } = case(Durability::Store);
        pending.journaled();
        pending.dead_lettered();
        assert_eq!((answer.try_recv(), counters.values()), (Ok(Err(IngestError::DeadLettered)), (0, 0, 0)));
    }
}
