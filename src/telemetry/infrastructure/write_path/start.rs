//! The start of the write path: reads the journal, goes on where the process before ended, and starts the threads.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::platform::clickhouse::Store;
use crate::platform::event_bus::EventBus;
use crate::platform::journal::{FileSystem, Journal, JournalId, OpenError, Options};
use crate::platform::lifecycle::Lifecycle;
use crate::platform::resilience::{BreakerOptions, CircuitBreaker};
use crate::shared::Clock;
use crate::telemetry::application::{Durability, IngestCounters, Replay, ResentWindow};

use super::super::backlog::Backlog;
use super::super::batcher::{Batcher, SealLimits, SealedBatch};
use super::super::catalogue::Catalogue;
use super::super::checkpoint::CheckpointFiles;
use super::super::closing::Closer;
use super::super::dead_letters::DeadLetters;
use super::super::entry::HeldBytes;
use super::super::inserter::{Inserter, InserterParts};
use super::super::insertion::Insertion;
use super::super::journaling::Journaling;
use super::super::keeper::Keeper;
use super::super::letter_replay::LetterReplay;
use super::super::parts_pressure::PartsPressure;
use super::super::poison::LetterDesk;
use super::super::restore::{NewerRecords, Restored, Restoring};
use super::super::stall::Stall;
use super::{Minder, WritePath};

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
    pub pressure: PartsPressure,
    pub bus: Arc<EventBus>,
    pub catalogue: Arc<Catalogue>,
    pub counters: IngestCounters,
    pub clock: Arc<dyn Clock>,
    /// Makes what reads requests back from the journal.
    pub make_replay: Arc<dyn Fn() -> Box<dyn Replay> + Send + Sync>,
    /// Absent: nothing is journaled.
    pub journal: Option<JournalParts>,
}

impl std::fmt::Debug for WritePathParts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WritePathParts").field("journal", &self.journal).finish_non_exhaustive()
    }
}

/// What is needed where requests are journaled.
#[derive(Debug, Clone)]
pub struct JournalParts {
    pub options: Options,
    pub files: Arc<dyn FileSystem>,
    pub dead_letters: Arc<DeadLetters>,
}

/// Why the write path cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum WritePathError {
    #[error("the journal cannot be opened")]
    Journal(#[from] OpenError),
    #[error(transparent)]
    Newer(#[from] NewerRecords),
    #[error("the journal's directory cannot be read, or a thread cannot be started")]
    Io(#[from] std::io::Error),
}

/// The journal, open, and what was in it.
struct Opened {
    journal: Option<(Arc<Journal>, JournalId, CheckpointFiles)>,
    restored: Restored,
    hash_seed: u64,
}

impl WritePath {
    /// Blocks until requests can be taken.
    pub fn start(
        options: WritePathOptions,
        parts: WritePathParts,
        lifecycle: &Lifecycle,
    ) -> Result<Arc<Self>, WritePathError> {
        let resent = ResentWindow::new(options.resent_window, Arc::clone(&parts.clock));
        let Opened { journal, restored, hash_seed } = open(options, &parts, &resent, lifecycle)?;
        let journal_id = journal.as_ref().map(|(_, id, _)| *id);
        let Restored { ledger, sealed: recovered, unsealed, revived } = restored;
        let held = HeldBytes::new(options.held_bytes_max);
        let backlog = Arc::new(Backlog::new(held.clone(), unsealed));
        let breaker = Arc::new(CircuitBreaker::new(BreakerOptions::default(), fastrand::Rng::new()));
        let (give_up, stall) = (CancellationToken::new(), Arc::new(Stall::default()));
        let opened = journal.as_ref().map(|(journal, _, _)| Arc::clone(journal));
        let desk = journal.as_ref().zip(parts.journal.as_ref()).map(|((journal, id, _), own)| LetterDesk {
            journal: Arc::clone(journal),
            id: *id,
            letters: Arc::clone(&own.dead_letters),
            clock: Arc::clone(&parts.clock),
        });
        let journaling = opened.clone().map(|journal| Journaling {
            journal,
            ledger: Arc::clone(&ledger),
            backlog: Arc::clone(&backlog),
        });
        let replay = journaling.clone().zip(parts.journal.clone()).map(|(journaling, own)| LetterReplay {
            letters: own.dead_letters,
            journaling,
            resent: Arc::clone(&resent),
            revived,
            hash_seed,
            counters: parts.counters.clone(),
            clock: Arc::clone(&parts.clock),
        });
        let closer = Closer::new(opened.clone(), Arc::clone(&ledger));
        let keeper = journal.map(|(journal, _, files)| Keeper {
            files,
            journal,
            ledger: Arc::clone(&ledger),
            closer: closer.clone(),
            clock: Arc::clone(&parts.clock),
        });
        let inserter = InserterParts {
            insertion: Insertion {
                store: parts.store,
                breaker: Arc::clone(&breaker),
                pressure: parts.pressure,
                stall: Arc::clone(&stall),
                counters: parts.counters,
                run: uuid::Uuid::now_v7().simple().to_string().into(),
                give_up: give_up.clone(),
            },
            bus: parts.bus,
            catalogue: parts.catalogue,
            ledger: Arc::clone(&ledger),
            in_transit: held.in_transit(),
            journal_id,
            closer,
            desk,
            make_replay: parts.make_replay,
        };
        // No queue between the two: what is sealed is being inserted.
        let (sealed, to_insert) = bounded(0);
        let batcher = Batcher {
            backlog: Arc::clone(&backlog),
            journal: opened,
            sealed,
            limits: options.seal,
            recovered: recovered.iter().filter_map(|batch| batch.name.range()).collect(),
            give_up: give_up.clone(),
        };
        let mut threads = vec![lifecycle.thread("batcher", move || batcher.run(recovered))?];
        threads.extend(start_inserters(options.inserters, inserter, &to_insert, lifecycle)?);
        let mut minders = Vec::new();
        if let Some(keeper) = keeper {
            minders.push(mind("ledger keeper", move |stop| keeper.run(stop), lifecycle)?);
        }
        if let Some(replay) = replay {
            minders.push(mind("dead letters", move |stop| replay.run(stop), lifecycle)?);
        }
        Ok(Arc::new(Self {
            durability: options.durability,
            backlog,
            held,
            journaling,
            ledger,
            resent,
            stall,
            breaker,
            hash_seed,
            closed: AtomicBool::new(false),
            threads: Mutex::new(threads),
            minders: Mutex::new(minders),
            give_up,
        }))
    }
}

fn start_inserters(
    count: usize,
    parts: InserterParts,
    to_insert: &Receiver<SealedBatch>,
    lifecycle: &Lifecycle,
) -> std::io::Result<Vec<std::thread::JoinHandle<()>>> {
    let parts = Arc::new(parts);
    let start = |_| {
        let (inserter, to_insert) = (Inserter::new(Arc::clone(&parts)), to_insert.clone());
        lifecycle.thread("inserter", move || inserter.run(&to_insert))
    };
    (0..count).map(start).collect()
}

fn mind(
    name: &'static str,
    work: impl FnOnce(&Receiver<()>) + Send + 'static,
    lifecycle: &Lifecycle,
) -> std::io::Result<Minder> {
    let (stop, stopped) = bounded(0);
    Ok(Minder { stop, thread: lifecycle.thread(name, move || work(&stopped))? })
}

fn open(
    options: WritePathOptions,
    parts: &WritePathParts,
    resent: &Arc<ResentWindow>,
    lifecycle: &Lifecycle,
) -> Result<Opened, WritePathError> {
    let Some(JournalParts { options: journal_options, files, .. }) = &parts.journal else {
        let restored = Restored::default();
        return Ok(Opened { journal: None, restored, hash_seed: fastrand::u64(..) });
    };
    let journal_options = Options { holds_segments: true, ..*journal_options };
    let (journal, recovery) = Journal::open(journal_options, files, lifecycle)?;
    let (checkpoints, checkpoint) = CheckpointFiles::open(Arc::clone(files), options.resent_window)?;
    journal.allow_release(checkpoint.ledger.next.0);
    let id = recovery.journal;
    let restored = Restoring {
        resent,
        counters: &parts.counters,
        durability: options.durability,
        now: parts.clock.now(),
    };
    let restored = restored.restore(recovery, checkpoint)?;
    Ok(Opened { journal: Some((Arc::new(journal), id, checkpoints)), restored, hash_seed: id.get() })
}
