//! `Entry`: one accepted request on its way to the store. Its items may be in memory, or only in the journal.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::platform::journal::KeptRecord;
use crate::shared::{Signal, TenantId};
use crate::telemetry::application::{Accepted, Crowding, MemoryHold, Payload, Pending};

use super::in_transit::{InTransit, Transit};

/// A request between its acknowledgement and the store.
#[derive(Debug)]
pub struct Entry {
    pub tenant: TenantId,
    pub signal: Signal,
    pub items: usize,
    /// What they take as rows of a block.
    pub block_bytes: usize,
    pub source: Source,
    pub pending: Pending,
}

/// Where the items are.
#[derive(Debug)]
pub enum Source {
    /// There is no journal. Absent once they were taken out.
    Memory(Option<Held>),
    Journal {
        kept: KeptRecord,
        /// Absent where memory was short, or the process began after they came: then they are read back.
        held: Option<Held>,
    },
}

/// Items in memory, counted for as long as they are.
#[derive(Debug)]
pub struct Held {
    pub payload: Payload,
    memory: MemoryHold,
    counted: Counted,
    transit: Transit,
}

/// Bytes of items in memory, over all entries. From three quarters of what they may be until they are half of it, it is
/// crowded.
#[derive(Debug, Clone)]
pub struct HeldBytes(Arc<HeldSum>);

/// What all that is held has in common.
#[derive(Debug)]
struct HeldSum {
    bytes: AtomicUsize,
    bytes_max: usize,
    crowding: Arc<Crowding>,
    in_transit: Arc<InTransit>,
}

#[derive(Debug)]
struct Counted {
    sum: HeldBytes,
    bytes: usize,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.sum.subtract(self.bytes);
    }
}

impl HeldBytes {
    /// `bytes_max`: beyond it, what is in the journal too is not held in memory.
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(HeldSum {
            bytes: AtomicUsize::new(0),
            bytes_max,
            crowding: Arc::default(),
            in_transit: Arc::default(),
        }))
    }

    pub fn get(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }

    pub fn is_beyond_max(&self) -> bool {
        self.get() > self.0.bytes_max
    }

    pub fn crowding(&self) -> Arc<Crowding> {
        Arc::clone(&self.0.crowding)
    }

    pub fn in_transit(&self) -> Arc<InTransit> {
        Arc::clone(&self.0.in_transit)
    }

    fn add(&self, bytes: usize) {
        let before = self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        let mark = self.0.bytes_max / 4 * 3;
        if before <= mark && before + bytes > mark {
            self.0.crowding.begin();
        }
    }

    fn subtract(&self, bytes: usize) {
        let before = self.0.bytes.fetch_sub(bytes, Ordering::Relaxed);
        let mark = self.0.bytes_max / 2;
        if before > mark && before - bytes <= mark {
            self.0.crowding.end();
        }
    }

    pub fn hold(&self, payload: Payload, memory: MemoryHold) -> Held {
        let bytes = payload.held_bytes();
        self.add(bytes);
        let transit = self.0.in_transit.enter();
        Held { payload, memory, counted: Counted { sum: self.clone(), bytes }, transit }
    }
}

impl Held {
    /// The body is gone: from now on memory is held for the items alone.
    pub fn without_body(&mut self) {
        self.memory.shrink_to(self.counted.bytes);
    }

    /// The items, and what is to be kept for as long as they are in memory.
    pub fn split(self) -> (Payload, HeldMemory) {
        (self.payload, HeldMemory { _memory: self.memory, _counted: self.counted, _transit: self.transit })
    }
}

/// Memory of items that are becoming rows, and that they are on their way.
#[derive(Debug)]
pub struct HeldMemory {
    _memory: MemoryHold,
    _counted: Counted,
    _transit: Transit,
}

impl Entry {
    /// For a request that no journal has.
    pub fn in_memory(accepted: Accepted, held_bytes: &HeldBytes) -> Self {
        let Accepted { payload, memory, pending, .. } = accepted;
        let (tenant, signal) = (payload.tenant().clone(), payload.signal());
        let (items, block_bytes) = (payload.items(), payload.block_bytes());
        let source = Source::Memory(Some(held_bytes.hold(payload, memory)));
        Self { tenant, signal, items, block_bytes, source, pending }
    }

    pub fn kept(&self) -> Option<&KeptRecord> {
        match &self.source {
            Source::Journal { kept, .. } => Some(kept),
            Source::Memory(_) => None,
        }
    }

    /// Takes the items out, if they are in memory.
    pub fn take_held(&mut self) -> Option<Held> {
        match &mut self.source {
            Source::Memory(held) => held.take(),
            Source::Journal { held, .. } => held.take(),
        }
    }

    /// Frees the memory of items that can be read back.
    pub fn let_go(&mut self) {
        if let Source::Journal { held, .. } = &mut self.source {
            *held = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::shared::LogColumns;
    use crate::telemetry::application::AdmittedMemory;

    #[derive(Debug)]
    struct Unbounded;

    impl AdmittedMemory for Unbounded {
        fn shrink_to(&mut self, _bytes: usize) {}
    }

    #[tokio::test]
    async fn items_are_on_their_way_until_nothing_of_them_is_held() {
        let sum = HeldBytes::new(1 << 20);
        let payload = Payload::Logs(Box::new(LogColumns::new(TenantId::unnamed())));
        let held = sum.hold(payload, Box::new(Unbounded));
        let in_transit = sum.in_transit();
        let mut passed = Box::pin(in_transit.passed());
        assert!((&mut passed).now_or_never().is_none());
        let (_rows, memory) = held.split();
        assert!((&mut passed).now_or_never().is_none(), "they become rows");
        drop(memory);
        passed.await;
    }
}
