//! `WritePath`: the queue, the batcher and the inserters, started together and stopped in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crossbeam_channel::{Sender, TrySendError, bounded};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::platform::clickhouse::Store;
use crate::platform::event_bus::EventBus;
use crate::platform::lifecycle::Lifecycle;
use crate::telemetry::application::{Accepted, IngestCounters, Sink, SinkRefusal};

use super::batcher::{self, Incoming, SealLimits};
use super::catalogue::Catalogue;
use super::inserter::Inserter;
use super::stall::Stall;

/// Most requests between the decode threads and the batcher.
const QUEUE_REQUESTS_MAX: usize = 4_096;

#[derive(Debug, Clone, Copy)]
pub struct WritePathOptions {
    pub seal: SealLimits,
    /// Inserts in flight at once.
    pub inserters: usize,
}

/// From accepted items to stored ones. Submitting is lock-free.
#[derive(Debug)]
pub struct WritePath {
    incoming: Sender<Incoming>,
    stall: Arc<Stall>,
    closed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    give_up: CancellationToken,
}

impl WritePath {
    pub fn start(
        options: WritePathOptions,
        store: Arc<dyn Store>,
        bus: Arc<EventBus>,
        catalogue: Arc<Catalogue>,
        counters: IngestCounters,
        lifecycle: &Lifecycle,
    ) -> std::io::Result<Arc<Self>> {
        let (incoming, received) = bounded(QUEUE_REQUESTS_MAX);
        // No queue between the two: what is sealed is being inserted.
        let (seal, sealed) = bounded(0);
        let give_up = CancellationToken::new();
        let run = Arc::from(uuid::Uuid::now_v7().simple().to_string());
        let stall = Arc::new(Stall::default());
        let inserter = Inserter {
            store,
            bus,
            catalogue,
            counters,
            run,
            stall: Arc::clone(&stall),
            give_up: give_up.clone(),
        };
        let mut threads = Vec::new();
        threads.push(lifecycle.thread("batcher", move || {
            batcher::run(&received, &seal, options.seal);
        })?);
        for _ in 0..options.inserters {
            let (inserter, sealed) = (inserter.clone(), sealed.clone());
            threads.push(lifecycle.thread("inserter", move || inserter.run(&sealed))?);
        }
        Ok(Arc::new(Self {
            incoming,
            stall,
            closed: AtomicBool::new(false),
            threads: Mutex::new(threads),
            give_up,
        }))
    }

    /// Seals and stores what is queued, and returns when it is stored. Blocks.
    pub fn drain(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // Fails only if the batcher is gone already.
        let _ = self.incoming.send(Incoming::Stop);
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a thread of the write path had panicked");
            }
        }
    }

    /// Lets inserts fail that would be tried again: there is no more time.
    pub fn give_up(&self) {
        self.give_up.cancel();
    }
}

impl Sink for WritePath {
    fn submit(&self, accepted: Accepted) -> Result<(), SinkRefusal> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(SinkRefusal::Closed);
        }
        if self.stall.is_on() {
            return Err(SinkRefusal::Busy);
        }
        self.incoming.try_send(Incoming::Accepted(Box::new(accepted))).map_err(|error| match error {
            TrySendError::Full(_) => SinkRefusal::Busy,
            TrySendError::Disconnected(_) => SinkRefusal::Closed,
        })
    }
}
