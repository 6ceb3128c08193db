//! `WritePath`: from accepted requests to stored items. Started together, stopped in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::platform::clickhouse::Store;
use crate::platform::event_bus::EventBus;
use crate::platform::journal::{
    FileSystem, Journal, Measures, OpenError, Options, Payload, Record, Usage, Written,
};
use crate::platform::lifecycle::Lifecycle;
use crate::shared::{Clock, TenantId};
use crate::telemetry::application::ledger::{Entered, Position};
use crate::telemetry::application::{
    Accepted, BodyCompression, Durability, IngestCounters, Ledger, Replay, ResentWindow, Sink, SinkRefusal,
};

use super::backlog::Backlog;
use super::batcher::{Batcher, SealLimits, stream};
use super::catalogue::Catalogue;
use super::checkpoint::CheckpointFiles;
use super::closing::Closer;
use super::entry::{Entry, HeldBytes, Source};
use super::inserter::{Inserter, InserterParts};
use super::keeper::Keeper;
use super::record_header::{Origin, RecordHeader};
use super::restore::{Restored, restore};
use super::stall::Stall;

/// Most requests that wait for the batcher where there is no journal.
const MEMORY_REQUESTS_MAX: usize = 4_096;
/// How full the journal is when tenants above their share are sent away, in percent.
const SHARE_MARK_PERCENT: u64 = 80;
/// When they may come again.
const SHARE_RETRY_AFTER: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
pub struct WritePathOptions {
    pub durability: Durability,
    pub seal: SealLimits,
    /// Inserts in flight at once.
    pub inserters: usize,
    /// Items that wait in memory; beyond it those that the journal has are read back later.
    pub held_bytes_max: usize,
    /// How long a body is remembered, so that it is recognised when it is sent again.
    pub resent_window: Duration,
}

/// What the write path works with.
pub struct WritePathParts {
    pub store: Arc<dyn Store>,
    pub bus: Arc<EventBus>,
    pub catalogue: Arc<Catalogue>,
    pub counters: IngestCounters,
    pub clock: Arc<dyn Clock>,
    /// Makes what reads requests back from the journal.
    pub make_replay: Arc<dyn Fn() -> Box<dyn Replay> + Send + Sync>,
    /// Absent: nothing is journaled.
    pub journal: Option<(Options, Arc<dyn FileSystem>)>,
}

impl std::fmt::Debug for WritePathParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WritePathParts").field("store", &self.store).finish_non_exhaustive()
    }
}

/// From accepted items to stored ones.
#[derive(Debug)]
pub struct WritePath {
    durability: Durability,
    backlog: Arc<Backlog>,
    held: HeldBytes,
    journal: Option<Arc<Journal>>,
    ledger: Arc<Ledger>,
    resent: Arc<ResentWindow>,
    stall: Arc<Stall>,
    /// Makes hashes of bodies ours.
    hash_seed: u64,
    closed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    keeper: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
    give_up: CancellationToken,
}

/// What was accepted and is not in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOver {
    Nothing,
    /// The next process stores it.
    InJournal {
        records: u64,
    },
    /// It was in memory only.
    Lost,
}

/// Why the write path cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum WritePathError {
    #[error("the journal cannot be opened")]
    Journal(#[from] OpenError),
    #[error("the journal's directory cannot be read, or a thread cannot be started")]
    Io(#[from] std::io::Error),
}

/// What was found, and what it comes to.
struct Opened {
    journal: Option<Arc<Journal>>,
    restored: Restored,
    keeper: Option<(Sender<()>, JoinHandle<()>)>,
    /// Begins every token.
    origin: Arc<str>,
    hash_seed: u64,
}

impl WritePath {
    /// Reads the journal, and goes on where the process before ended. Blocks until requests can be taken.
    pub fn start(
        options: WritePathOptions,
        parts: WritePathParts,
        lifecycle: &Lifecycle,
    ) -> Result<Arc<Self>, WritePathError> {
        let resent = ResentWindow::new(options.resent_window);
        let Opened { journal, restored, keeper, origin, hash_seed } =
            open(options, &parts, &resent, lifecycle)?;
        let Restored { ledger, sealed: recovered, unsealed } = restored;
        let WritePathParts { store, bus, catalogue, counters, make_replay, .. } = parts;
        let held = HeldBytes::default();
        let backlog = Arc::new(Backlog::new(held.clone(), options.held_bytes_max, unsealed));
        let (give_up, stall) = (CancellationToken::new(), Arc::new(Stall::default()));
        // No queue between the two: what is sealed is being inserted.
        let (sealed, to_insert) = bounded(0);
        let inserter = Arc::new(InserterParts {
            store,
            bus,
            catalogue,
            counters,
            ledger: Arc::clone(&ledger),
            origin,
            closer: Closer { journal: journal.clone(), ledger: Arc::clone(&ledger) },
            make_replay,
            stall: Arc::clone(&stall),
            give_up: give_up.clone(),
        });
        let batcher = Batcher {
            backlog: Arc::clone(&backlog),
            journal: journal.clone(),
            sealed,
            limits: options.seal,
            give_up: give_up.clone(),
        };
        let mut threads = vec![lifecycle.thread("batcher", move || batcher.run(recovered))?];
        for _ in 0..options.inserters {
            let (inserter, to_insert) = (Inserter::new(Arc::clone(&inserter)), to_insert.clone());
            threads.push(lifecycle.thread("inserter", move || inserter.run(&to_insert))?);
        }
        Ok(Arc::new(Self {
            durability: options.durability,
            backlog,
            held,
            journal,
            ledger,
            resent,
            stall,
            hash_seed,
            closed: AtomicBool::new(false),
            threads: Mutex::new(threads),
            keeper: Mutex::new(keeper),
            give_up,
        }))
    }

    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    pub fn resent(&self) -> Arc<ResentWindow> {
        Arc::clone(&self.resent)
    }

    pub fn journal(&self) -> Option<Arc<Journal>> {
        self.journal.clone()
    }

    /// Seed of the hashes by which bodies are recognised; the same after a restart.
    pub fn hash_seed(&self) -> u64 {
        self.hash_seed
    }

    /// Seals and stores what is queued, and returns when it is stored or [`Self::give_up`] was called. Blocks.
    pub fn drain(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.backlog.close();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a thread of the write path had panicked");
            }
        }
        // The last marks, so that the ledger is complete when it is written down.
        if let Some(Err(error)) = self.journal.as_ref().map(|journal| journal.flush()) {
            tracing::warn!(%error, "the journal's last marks are not on disk");
        }
        if let Some((stop, keeper)) = self.keeper.lock().take() {
            drop(stop);
            // That it panicked is the lifecycle's to tell.
            let _ = keeper.join();
        }
    }

    /// Stops trying: there is no more time. What the journal has stays there; the rest is answered as not stored.
    pub fn give_up(&self) {
        self.give_up.cancel();
        self.backlog.give_up();
    }

    /// To be asked after [`Self::drain`] or [`Self::give_up`].
    pub fn left_over(&self) -> LeftOver {
        let records = self.journal.as_ref().map_or(0, |journal| journal.measures().records);
        if records > 0 {
            LeftOver::InJournal { records }
        } else if self.held.get() > 0 || self.backlog.len() > 0 {
            LeftOver::Lost
        } else {
            LeftOver::Nothing
        }
    }

    fn submit_journaled(&self, journal: &Journal, accepted: Accepted) -> Result<(), SinkRefusal> {
        let Accepted { payload, memory, tally, body, mut pending } = accepted;
        let (tenant, signal) = (payload.tenant().clone(), payload.signal());
        let (items, block_bytes) = (payload.items(), payload.block_bytes());
        let header = RecordHeader {
            origin: Origin::Request,
            tally: tally.clone(),
            block_bytes: block_bytes as u64,
            hash: body.hash,
            form: body.form,
        };
        let record = Record {
            stream: stream(signal),
            account: tenant.as_str().as_bytes().to_vec(),
            received_at: body.received_at,
            header: header.encode(),
            payload: match body.compression {
                BodyCompression::None => Payload::Plain(body.bytes),
                BodyCompression::Compressed => Payload::Packed(body.bytes),
            },
        };
        let entered = Entered::Request { tally, hash: body.hash, received_at: body.received_at };
        let held = self.held.hold(payload, memory);
        let (ledger, backlog) = (Arc::clone(&self.ledger), Arc::clone(&self.backlog));
        let then = move |written| match written {
            Ok(Written { sequence, kept }) => {
                ledger.enter(Some(Position(sequence.get())), (tenant.clone(), signal), &entered);
                pending.journaled();
                let source = Source::Journal { kept, held: Some(held) };
                backlog.add(Entry { tenant, signal, items, block_bytes, source, pending });
            }
            Err(error) => pending.refused(SinkRefusal::from(error).into()),
        };
        Ok(journal.append_then(record, then)?)
    }

    fn submit_in_memory(&self, accepted: Accepted) -> Result<(), SinkRefusal> {
        if self.backlog.len() >= MEMORY_REQUESTS_MAX {
            return Err(SinkRefusal::Busy);
        }
        let key = (accepted.payload.tenant().clone(), accepted.payload.signal());
        let Accepted { tally, body, .. } = &accepted;
        let entered =
            Entered::Request { tally: tally.clone(), hash: body.hash, received_at: body.received_at };
        self.ledger.enter(None, key, &entered);
        let mut entry = Entry::in_memory(accepted, &self.held);
        entry.pending.queued();
        self.backlog.add(entry);
        Ok(())
    }
}

impl Sink for WritePath {
    fn admit(&self, tenant: &TenantId) -> Result<(), SinkRefusal> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(SinkRefusal::Closed);
        }
        // Only where the answer waits for the store does a store that is away keep anybody out.
        if self.durability != Durability::Journal && self.stall.is_on() {
            return Err(SinkRefusal::Busy);
        }
        match &self.journal {
            Some(journal) => share_of(journal.measures(), journal.usage(tenant.as_str().as_bytes())),
            None => Ok(()),
        }
    }

    fn submit(&self, accepted: Accepted) -> Result<(), SinkRefusal> {
        self.admit(accepted.payload.tenant())?;
        match &self.journal {
            Some(journal) => self.submit_journaled(journal, accepted),
            None => self.submit_in_memory(accepted),
        }
    }
}

/// Whether a tenant may have more of the journal: all that there is until it is rather full, then its share.
fn share_of(measures: Measures, usage: Usage) -> Result<(), SinkRefusal> {
    if measures.is_failed {
        return Err(SinkRefusal::JournalFailed);
    }
    let is_rather_full = usage.bytes >= usage.bytes_max / 100 * SHARE_MARK_PERCENT;
    let share = usage.bytes_max / (usage.accounts.max(1) as u64);
    if is_rather_full && usage.accounts > 1 && usage.account_bytes > share {
        return Err(SinkRefusal::OverShare { retry_after: SHARE_RETRY_AFTER });
    }
    Ok(())
}

fn open(
    options: WritePathOptions,
    parts: &WritePathParts,
    resent: &ResentWindow,
    lifecycle: &Lifecycle,
) -> Result<Opened, WritePathError> {
    let Some((journal_options, fs)) = &parts.journal else {
        let run = uuid::Uuid::now_v7().simple().to_string();
        let restored = Restored { ledger: Arc::default(), sealed: Vec::new(), unsealed: Vec::new() };
        return Ok(Opened {
            journal: None,
            restored,
            keeper: None,
            origin: run.into(),
            hash_seed: fastrand::u64(..),
        });
    };
    let journal_options = Options { holds_segments: true, ..*journal_options };
    let (journal, recovery) = Journal::open(journal_options, fs, lifecycle)?;
    let journal = Arc::new(journal);
    let (files, checkpoint) = CheckpointFiles::open(Arc::clone(fs), options.resent_window)?;
    journal.allow_release(checkpoint.ledger.next.0);
    let (origin, hash_seed) = (format!("{:016x}", recovery.journal.get()).into(), recovery.journal.get());
    let restored = restore(recovery, checkpoint, resent, &parts.counters);
    let (stop, stopped) = bounded(0);
    let keeper = Keeper {
        files,
        journal: Arc::clone(&journal),
        ledger: Arc::clone(&restored.ledger),
        clock: Arc::clone(&parts.clock),
    };
    let keeper = lifecycle.thread("ledger keeper", move || keeper.run(&stopped))?;
    Ok(Opened { journal: Some(journal), restored, keeper: Some((stop, keeper)), origin, hash_seed })
}
