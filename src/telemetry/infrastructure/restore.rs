//! What a start makes of the journal: the ledger goes on, bodies are known again, and what is not stored is on its way.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::platform::journal::{KeptRecord, PastRecord, Recovery, Stream};
use crate::shared::{Signal, TenantId, Timestamp};
use crate::telemetry::application::ledger::{AccountKey, Entered, Position, Settled};
use crate::telemetry::application::resent::{Reading, Seen};
use crate::telemetry::application::{BodyHash, Durability, IngestCounters, Ledger, Pending, ResentWindow};
use crate::telemetry::domain::Findings;

use super::batcher::{BatchName, SealedBatch};
use super::checkpoint::Checkpoint;
use super::closing::settlement;
use super::entry::{Entry, Source};
use super::insertion::History;
use super::record_header::{Origin, RecordHeader};

/// Where the process before ended.
#[derive(Debug, Default)]
pub struct Restored {
    pub ledger: Arc<Ledger>,
    /// To be inserted again under their names.
    pub sealed: Vec<SealedBatch>,
    pub unsealed: Vec<Entry>,
    /// Dead letters that the journal has again.
    pub revived: HashSet<BodyHash>,
}

/// The records were written by a newer version: what they say cannot be told, so they are left as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a newer version of this program has written to the journal; start that one")]
pub struct NewerRecords;

/// What a start works with.
#[derive(Debug)]
pub struct Restoring<'a> {
    pub resent: &'a Arc<ResentWindow>,
    pub counters: &'a IngestCounters,
    pub durability: Durability,
    pub now: Timestamp,
}

impl Restoring<'_> {
    pub fn restore(&self, recovery: Recovery, checkpoint: Checkpoint) -> Result<Restored, NewerRecords> {
        let Checkpoint { ledger: copy, bodies } = checkpoint;
        let counted_below = copy.next;
        let ledger = Ledger::restored(copy);
        for (hash, at) in bodies {
            self.resent.remember(hash, Reading::Forgotten, at);
        }
        let mut open: HashMap<u64, RecordHeader> = HashMap::new();
        let mut in_flight: HashMap<AccountKey, u64> = HashMap::new();
        let mut revived = HashSet::new();
        for past in &recovery.history {
            let key = key_of(&past.account, past.stream).ok_or(NewerRecords)?;
            let header = RecordHeader::decode(&past.header).ok_or(NewerRecords)?;
            self.count(&ledger, past, &key, &header, counted_below);
            if header.origin == Origin::DeadLetter {
                revived.insert(header.hash);
            }
            if past.closing.is_none() {
                *in_flight.entry(key).or_default() += header.tally.accepted;
                open.insert(past.sequence.get(), header);
            }
        }
        ledger.set_in_flight(&in_flight);
        let mut entry = |kept: KeptRecord| self.entry(kept, &mut open);
        let sealed = recovery.sealed.into_iter().map(|batch| SealedBatch {
            name: BatchName::Journaled(batch.number, batch.range),
            history: History::PerhapsTried,
            entries: batch.records.into_iter().filter_map(&mut entry).collect(),
        });
        let sealed = sealed.collect();
        let unsealed = recovery.unsealed.into_iter().filter_map(entry).collect();
        Ok(Restored { ledger: Arc::new(ledger), sealed, unsealed, revived })
    }

    /// Enters what the copy of the ledger does not have yet, and remembers the body of what is closed.
    fn count(
        &self,
        ledger: &Ledger,
        past: &PastRecord,
        key: &AccountKey,
        header: &RecordHeader,
        counted_below: Position,
    ) {
        let entered = entered(header, past, self.now);
        let position = Position(past.sequence.get());
        if position >= counted_below {
            ledger.enter(Some(position), key.clone(), &entered);
        }
        if past.closing.is_some() {
            let (Entered::Request { received_at: at, .. } | Entered::Revived { at, .. }) = entered;
            self.resent.remember(header.hash, reading(key.1, header), at);
        }
        let settled = Settled { key: key.clone(), items: header.tally.accepted };
        settle_closed(ledger, past, settled, counted_below);
    }

    /// What is open is on its way, also to those who send it again.
    fn entry(&self, kept: KeptRecord, open: &mut HashMap<u64, RecordHeader>) -> Option<Entry> {
        let (tenant, signal) = key_of(&kept.account, kept.stream)?;
        let header = open.remove(&kept.sequence.get())?;
        let attempt = match self.resent.enter(header.hash, || reading(signal, &header)) {
            Seen::First(attempt) => Some(attempt),
            Seen::OnItsWay(..) | Seen::Acknowledged(_) => None,
        };
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let items = size(header.tally.accepted);
        let counters = self.counters.items(&tenant, signal);
        let pending = Pending::recovered(items, self.durability, attempt, counters);
        let source = Source::Journal { kept, held: None };
        Some(Entry { tenant, signal, items, block_bytes: size(header.block_bytes), source, pending })
    }
}

/// What the sender was told, without examples.
fn reading(signal: Signal, header: &RecordHeader) -> Reading {
    let mut findings = Findings::new(signal);
    for (reason, items) in &header.tally.rejected {
        findings.reject_unnamed(*reason, *items);
    }
    Reading::of(&findings)
}

/// Settles what the copy of the ledger does not know to be settled.
fn settle_closed(ledger: &Ledger, past: &PastRecord, settled: Settled, counted_below: Position) {
    let Some(closing) = past.closing else { return };
    let position = Position(closing.mark.get());
    if position >= counted_below {
        ledger.settle(Some(position), settlement(closing.outcome), &[settled]);
    }
}

/// A letter that is tried again was received long ago.
fn entered(header: &RecordHeader, past: &PastRecord, now: Timestamp) -> Entered {
    match header.origin {
        Origin::Request => {
            Entered::Request { tally: header.tally.clone(), hash: header.hash, received_at: past.received_at }
        }
        Origin::DeadLetter => Entered::Revived { items: header.tally.accepted, hash: header.hash, at: now },
    }
}

/// Whose record it is, if it is one of this program's.
pub fn key_of(account: &[u8], stream: Stream) -> Option<AccountKey> {
    let tenant = TenantId::parse(std::str::from_utf8(account).ok()?).ok()?;
    Some((tenant, *Signal::ALL.get(usize::from(stream.0))?))
}
