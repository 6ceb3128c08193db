//! `WritePath`: from accepted requests to stored items. Started together, stopped in order.

mod start;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::Sender;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::platform::journal::{Journal, Payload, Usage};
use crate::platform::resilience::{BreakerState, CircuitBreaker};
use crate::shared::TenantId;
use crate::telemetry::application::ledger::Entered;
use crate::telemetry::application::{
    Accepted, BodyCompression, Crowding, Durability, Ledger, ResentWindow, Sink, SinkRefusal,
};

use super::backlog::Backlog;
use super::entry::{Entry, HeldBytes};
use super::in_transit::InTransit;
use super::journaling::{Journaling, ToJournal};
use super::record_header::{Origin, RecordHeader};
use super::stall::Stall;

pub use start::{JournalParts, WritePathOptions, WritePathParts};

/// Most requests that wait for the batcher where there is no journal.
const MEMORY_REQUESTS_MAX: usize = 4_096;
/// How full the journal is when tenants above their share are sent away, in percent.
const SHARE_MARK_PERCENT: u64 = 80;
/// When they may come again.
const SHARE_RETRY_AFTER: Duration = Duration::from_secs(5);

/// From accepted items to stored ones.
#[derive(Debug)]
pub struct WritePath {
    durability: Durability,
    backlog: Arc<Backlog>,
    held: HeldBytes,
    journaling: Option<Journaling>,
    ledger: Arc<Ledger>,
    resent: Arc<ResentWindow>,
    stall: Arc<Stall>,
    /// Between the inserters and the store.
    breaker: Arc<CircuitBreaker>,
    /// Makes hashes of bodies ours.
    hash_seed: u64,
    closed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
    minders: Mutex<Vec<Minder>>,
    give_up: CancellationToken,
}

/// A thread that looks after what the journal keeps, until its channel is gone.
#[derive(Debug)]
struct Minder {
    stop: Sender<()>,
    thread: JoinHandle<()>,
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

impl WritePath {
    pub fn ledger(&self) -> Arc<Ledger> {
        Arc::clone(&self.ledger)
    }

    pub fn resent(&self) -> Arc<ResentWindow> {
        Arc::clone(&self.resent)
    }

    pub fn journal(&self) -> Option<Arc<Journal>> {
        self.journaling.as_ref().map(|journaling| Arc::clone(&journaling.journal))
    }

    /// What was taken in and is not in the store yet.
    pub fn in_transit(&self) -> Arc<InTransit> {
        self.held.in_transit()
    }

    /// Whether inserts have been failing, or are not let through, for longer than a moment.
    pub fn is_stalled(&self) -> bool {
        self.stall.is_on()
    }

    /// Which inserts are let through to the store.
    pub fn store_breaker(&self) -> BreakerState {
        self.breaker.state()
    }

    /// Seed of the hashes by which bodies are recognised; the same after a restart.
    pub fn hash_seed(&self) -> u64 {
        self.hash_seed
    }

    /// Seals and stores what is queued, and returns when it is stored or [`Self::give_up`] was called. Blocks.
    pub fn drain(&self) {
        self.closed.store(true, Ordering::SeqCst);
        let mut minders = std::mem::take(&mut *self.minders.lock());
        // Letters that are tried again come before the end of the backlog; the ledger is written down after it.
        while minders.len() > 1 {
            minders.pop().into_iter().for_each(Minder::stop);
        }
        self.flush();
        self.backlog.close();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            if thread.join().is_err() {
                tracing::error!("a thread of the write path had panicked");
            }
        }
        // The last marks, so that the ledger is complete when it is written down.
        self.flush();
        minders.into_iter().for_each(Minder::stop);
    }

    fn flush(&self) {
        if let Some(Err(error)) = self.journaling.as_ref().map(|journaling| journaling.journal.flush()) {
            tracing::warn!(%error, "the last words for the journal are not on disk");
        }
    }

    /// Stops trying: there is no more time. What the journal has stays there; the rest is answered as not stored.
    pub fn give_up(&self) {
        self.give_up.cancel();
        self.backlog.give_up();
    }

    /// To be asked after [`Self::drain`] or [`Self::give_up`].
    pub fn left_over(&self) -> LeftOver {
        let records = self.journal().map_or(0, |journal| journal.measures().records);
        if records > 0 {
            LeftOver::InJournal { records }
        } else if self.held.get() > 0 || self.backlog.len() > 0 {
            LeftOver::Lost
        } else {
            LeftOver::Nothing
        }
    }

    fn submit_journaled(&self, journaling: &Journaling, accepted: Accepted) -> Result<(), SinkRefusal> {
        let Accepted { payload, memory, tally, body, pending } = accepted;
        let received_at = body.received_at;
        Ok(journaling.append(ToJournal {
            tenant: payload.tenant().clone(),
            signal: payload.signal(),
            received_at,
            header: RecordHeader {
                origin: Origin::Request,
                tally: tally.clone(),
                block_bytes: payload.block_bytes() as u64,
                hash: body.hash,
                form: body.form,
            },
            payload: match body.compression {
                BodyCompression::None => Payload::Plain(body.bytes),
                BodyCompression::Compressed => Payload::Packed(body.bytes),
            },
            entered: Entered::Request { tally, hash: body.hash, received_at },
            held: Some(self.held.hold(payload, memory)),
            pending,
        })?)
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

impl Minder {
    fn stop(self) {
        drop(self.stop);
        // That it panicked is the lifecycle's to tell.
        let _ = self.thread.join();
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
        match &self.journaling {
            Some(Journaling { journal, .. }) => share_of(&journal.usage(tenant.as_str().as_bytes())),
            None => Ok(()),
        }
    }

    fn crowding(&self) -> Arc<Crowding> {
        self.held.crowding()
    }

    fn submit(&self, accepted: Accepted) -> Result<(), SinkRefusal> {
        self.admit(accepted.payload.tenant())?;
        match &self.journaling {
            Some(journaling) if self.durability != Durability::Memory => {
                self.submit_journaled(journaling, accepted)
            }
            _ => self.submit_in_memory(accepted),
        }
    }
}

/// Whether a tenant may have more of the journal: all that there is until it is rather full, then its share.
fn share_of(usage: &Usage) -> Result<(), SinkRefusal> {
    if usage.is_failed {
        return Err(SinkRefusal::JournalFailed);
    }
    let is_rather_full = usage.bytes >= usage.bytes_max / 100 * SHARE_MARK_PERCENT;
    let share = usage.bytes_max / (usage.accounts.max(1) as u64);
    if is_rather_full && usage.accounts > 1 && part_of(usage) > share {
        // Nobody else's room is left to be kept.
        return Err(if usage.is_full {
            SinkRefusal::JournalFull
        } else {
            SinkRefusal::OverShare { retry_after: SHARE_RETRY_AFTER }
        });
    }
    Ok(())
}

/// What the tenant takes of the disk: records that come one by one fill blocks, which are longer than they are.
fn part_of(usage: &Usage) -> u64 {
    let part =
        u128::from(usage.bytes) * u128::from(usage.account_bytes) / u128::from(usage.record_bytes.max(1));
    u64::try_from(part).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OVER_SHARE: Result<(), SinkRefusal> =
        Err(SinkRefusal::OverShare { retry_after: SHARE_RETRY_AFTER });

    /// Two tenants whose records take half of the disk that they use.
    fn usage(bytes: u64, account_bytes: u64) -> Usage {
        let record_bytes = bytes / 2;
        let (is_full, is_failed) = (false, false);
        Usage { bytes, bytes_max: 1_000, record_bytes, account_bytes, accounts: 2, is_full, is_failed }
    }

    #[test]
    fn a_tenant_is_held_to_its_share_of_a_journal_that_is_rather_full() {
        assert_eq!(share_of(&usage(799, 399)), Ok(()), "there is room for all");
        assert_eq!(share_of(&usage(800, 250)), Ok(()), "half of the journal");
        assert_eq!(share_of(&usage(800, 251)), OVER_SHARE);
        assert_eq!(share_of(&Usage { accounts: 1, ..usage(800, 400) }), Ok(()), "it is alone");
    }

    #[test]
    fn when_there_is_no_room_it_is_not_the_tenants_fault() {
        let full = Usage { is_full: true, ..usage(1_000, 400) };
        assert_eq!(share_of(&full), Err(SinkRefusal::JournalFull));
        assert_eq!(share_of(&Usage { is_failed: true, ..full }), Err(SinkRefusal::JournalFailed));
    }
}
