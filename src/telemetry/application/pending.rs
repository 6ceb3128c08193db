//! `Pending`: what an accepted request holds until its points are stored, in one piece that gives everything back when it
//! goes, however it goes.

use tokio::sync::oneshot;

use super::IngestCounters;

/// Memory that was admitted for the points of a request.
pub type MemoryHold = Box<dyn std::any::Any + Send>;

/// Goes with accepted points. Dropped without [`Self::stored`], its request is told that they were not stored.
#[derive(Debug)]
pub struct Pending {
    points: usize,
    requester: Requester,
    counters: IngestCounters,
    _memory: MemoryHold,
}

#[derive(Debug)]
enum Requester {
    /// Was answered when the points were accepted.
    Answered,
    Waiting(oneshot::Sender<()>),
}

impl Pending {
    /// For a request that is answered right away.
    pub fn answered(points: usize, memory: MemoryHold, counters: IngestCounters) -> Self {
        Self::new(points, Requester::Answered, memory, counters)
    }

    /// For a request that waits; the other end hears when its points are stored, or fails when they are not.
    pub fn awaited(
        points: usize,
        memory: MemoryHold,
        counters: IngestCounters,
    ) -> (Self, oneshot::Receiver<()>) {
        let (stored, waiting) = oneshot::channel();
        (Self::new(points, Requester::Waiting(stored), memory, counters), waiting)
    }

    fn new(points: usize, requester: Requester, memory: MemoryHold, counters: IngestCounters) -> Self {
        counters.points_in_flight(points);
        Self { points, requester, counters, _memory: memory }
    }

    /// Whether the client left without an answer. It will send the points again, so they must not be stored twice.
    pub fn is_abandoned(&self) -> bool {
        matches!(&self.requester, Requester::Waiting(stored) if stored.is_closed())
    }

    /// The points are durable and visible.
    pub fn stored(mut self) {
        if let Requester::Waiting(stored) = std::mem::replace(&mut self.requester, Requester::Answered) {
            // The client may have left just now.
            let _ = stored.send(());
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.counters.points_landed(self.points);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_request_hears_of_its_points_and_of_their_loss() {
        let counters = IngestCounters::default();
        let (pending, waiting) = Pending::awaited(3, Box::new(()), counters.clone());
        assert_eq!(counters.in_flight(), 3);
        pending.stored();
        assert_eq!((waiting.await, counters.in_flight()), (Ok(()), 0));
        let (pending, waiting) = Pending::awaited(3, Box::new(()), counters.clone());
        drop(pending);
        assert!(waiting.await.is_err());
        assert_eq!(counters.in_flight(), 0);
    }

    #[test]
    fn only_who_waits_can_leave() {
        let counters = IngestCounters::default();
        let (pending, waiting) = Pending::awaited(1, Box::new(()), counters.clone());
        assert!(!pending.is_abandoned());
        drop(waiting);
        assert!(pending.is_abandoned());
        assert!(!Pending::answered(1, Box::new(()), counters).is_abandoned());
    }
}
