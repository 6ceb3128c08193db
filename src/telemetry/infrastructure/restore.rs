//! What a start makes of the journal: the ledger goes on, bodies are known again, and what is not stored is on its way.

use std::collections::HashMap;
use std::sync::Arc;

use crate::platform::journal::{KeptRecord, Outcome, PastRecord, Recovery, Stream};
use crate::shared::{Signal, TenantId};
use crate::telemetry::application::ledger::{AccountKey, Entered, Position, Settled, Settlement};
use crate::telemetry::application::{IngestCounters, Ledger, Pending, ResentWindow};

use super::batcher::{BatchName, SealedBatch};
use super::checkpoint::Checkpoint;
use super::entry::{Entry, Source};
use super::record_header::{Origin, RecordHeader};

/// Where the process before ended.
#[derive(Debug)]
pub struct Restored {
    pub ledger: Arc<Ledger>,
    /// To be inserted again under their names.
    pub sealed: Vec<SealedBatch>,
    pub unsealed: Vec<Entry>,
}

/// What a header says of an open record.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    items: usize,
    block_bytes: usize,
}

pub fn restore(
    recovery: Recovery,
    checkpoint: Checkpoint,
    resent: &ResentWindow,
    counters: &IngestCounters,
) -> Restored {
    let Checkpoint { ledger: copy, bodies } = checkpoint;
    let counted_below = copy.next;
    let ledger = Ledger::restored(copy);
    bodies.into_iter().for_each(|(hash, at)| resent.remember(hash, at));
    let mut open: HashMap<u64, Size> = HashMap::new();
    let mut in_flight: HashMap<AccountKey, u64> = HashMap::new();
    for past in &recovery.history {
        let (Some(key), Some(header)) =
            (key_of(&past.account, past.stream), RecordHeader::decode(&past.header))
        else {
            tracing::error!(
                sequence = past.sequence.get(),
                "a record of the journal is none of this program's"
            );
            continue;
        };
        resent.remember(header.hash, past.received_at);
        count(&ledger, past, &key, &header, counted_below);
        if past.closing.is_none() {
            *in_flight.entry(key).or_default() += header.tally.accepted;
            open.insert(past.sequence.get(), size(&header));
        }
    }
    ledger.set_in_flight(&in_flight);
    let entry = |kept: KeptRecord| entry(kept, &open, counters);
    let sealed = recovery.sealed.into_iter().map(|batch| SealedBatch {
        name: BatchName::Journaled(batch.number, batch.range),
        entries: batch.records.into_iter().filter_map(entry).collect(),
    });
    let (sealed, unsealed) = (sealed.collect(), recovery.unsealed.into_iter().filter_map(entry).collect());
    Restored { ledger: Arc::new(ledger), sealed, unsealed }
}

/// Enters what the copy of the ledger does not have yet.
fn count(
    ledger: &Ledger,
    past: &PastRecord,
    key: &AccountKey,
    header: &RecordHeader,
    counted_below: Position,
) {
    let position = Position(past.sequence.get());
    if position >= counted_below {
        ledger.enter(Some(position), key.clone(), &entered(header, past));
    }
    if let Some(closing) = past.closing
        && Position(closing.mark.get()) >= counted_below
    {
        let settlement = match closing.outcome {
            Outcome::Stored => Settlement::Stored,
            Outcome::DeadLettered => Settlement::DeadLettered,
        };
        let settled = Settled { key: key.clone(), items: header.tally.accepted };
        ledger.settle(Some(Position(closing.mark.get())), settlement, &[settled]);
    }
}

fn entered(header: &RecordHeader, past: &PastRecord) -> Entered {
    match header.origin {
        Origin::Request => {
            Entered::Request { tally: header.tally.clone(), hash: header.hash, received_at: past.received_at }
        }
        Origin::DeadLetter => Entered::Revived { items: header.tally.accepted },
    }
}

fn size(header: &RecordHeader) -> Size {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    Size { items: size(header.tally.accepted), block_bytes: size(header.block_bytes) }
}

fn key_of(account: &[u8], stream: Stream) -> Option<AccountKey> {
    let tenant = TenantId::parse(std::str::from_utf8(account).ok()?).ok()?;
    Some((tenant, *Signal::ALL.get(usize::from(stream.0))?))
}

fn entry(kept: KeptRecord, sizes: &HashMap<u64, Size>, counters: &IngestCounters) -> Option<Entry> {
    let (tenant, signal) = key_of(&kept.account, kept.stream)?;
    let Size { items, block_bytes } = sizes.get(&kept.sequence.get()).copied().unwrap_or_default();
    let pending = Pending::recovered(items, counters.items(&tenant, signal));
    let source = Source::Journal { kept, held: None };
    Some(Entry { tenant, signal, items, block_bytes, source, pending })
}
