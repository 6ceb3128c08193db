//! `Pending`: what an accepted request holds until its items are stored, in one piece that settles everything when it
//! goes, however it goes.

use tokio::sync::oneshot;

use super::counters::ItemCounters;

/// Memory that was admitted for the items of a request.
pub type MemoryHold = Box<dyn std::any::Any + Send>;

/// Goes with accepted items. Dropped without [`Self::stored`], its items count as failed and its request is told so.
#[derive(Debug)]
pub struct Pending {
    items: usize,
    requester: Requester,
    counters: ItemCounters,
    is_stored: bool,
    _memory: MemoryHold,
}

#[derive(Debug)]
enum Requester {
    /// Was answered when the items were accepted.
    Answered,
    Waiting(oneshot::Sender<()>),
}

impl Pending {
    /// For a request that is answered right away.
    pub fn answered(items: usize, memory: MemoryHold, counters: ItemCounters) -> Self {
        Self::new(items, Requester::Answered, memory, counters)
    }

    /// For a request that waits; the other end hears when its items are stored, or fails when they are not.
    pub fn awaited(
        items: usize,
        memory: MemoryHold,
        counters: ItemCounters,
    ) -> (Self, oneshot::Receiver<()>) {
        let (stored, waiting) = oneshot::channel();
        (Self::new(items, Requester::Waiting(stored), memory, counters), waiting)
    }

    fn new(items: usize, requester: Requester, memory: MemoryHold, counters: ItemCounters) -> Self {
        counters.begin(items);
        Self { items, requester, counters, is_stored: false, _memory: memory }
    }

    /// Whether the client left without an answer. It will send the items again, so they must not be stored twice.
    pub fn is_abandoned(&self) -> bool {
        matches!(&self.requester, Requester::Waiting(stored) if stored.is_closed())
    }

    /// The items are durable and visible.
    pub fn stored(mut self) {
        self.is_stored = true;
        self.counters.stored(self.items);
        if let Requester::Waiting(stored) = std::mem::replace(&mut self.requester, Requester::Answered) {
            // The client may have left just now.
            let _ = stored.send(());
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.is_stored {
            self.counters.failed(self.items);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::{Signal, TenantId};
    use crate::telemetry::application::IngestCounters;

    fn counters() -> ItemCounters {
        IngestCounters::default().items(&TenantId::unnamed(), Signal::Logs)
    }

    #[tokio::test]
    async fn a_request_hears_of_its_items_and_of_their_loss() {
        let counters = counters();
        let (pending, waiting) = Pending::awaited(3, Box::new(()), counters.clone());
        assert_eq!(counters.values(), (3, 0, 0));
        pending.stored();
        assert_eq!((waiting.await, counters.values()), (Ok(()), (0, 3, 0)));
        let (pending, waiting) = Pending::awaited(4, Box::new(()), counters.clone());
        drop(pending);
        assert!(waiting.await.is_err());
        assert_eq!(counters.values(), (0, 3, 4));
    }

    #[test]
    fn only_who_waits_can_leave() {
        let (pending, waiting) = Pending::awaited(1, Box::new(()), counters());
        assert!(!pending.is_abandoned());
        drop(waiting);
        assert!(pending.is_abandoned());
        assert!(!Pending::answered(1, Box::new(()), counters()).is_abandoned());
    }
}
