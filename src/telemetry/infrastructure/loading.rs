//! Makes a batch's requests into rows: from memory where they still are, else read back from the journal.

use crate::platform::journal::{KeptRecord, Record};
use crate::telemetry::application::{JournaledBody, Payload};

use super::batch_rows::BatchRows;
use super::entry::{Entry, HeldMemory, Source};
use super::record_header::RecordHeader;

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Loaded {
    pub rows: BatchRows,
    /// To be kept for as long as the rows.
    pub held: Vec<HeldMemory>,
    /// Requests that could not be read back; they are not among the entries any more.
    pub lost: Vec<Entry>,
}

/// Reads a body of the journal; see `Replay`.
pub type ReadAgain<'r> = &'r mut dyn FnMut(&JournaledBody<'_>) -> Option<Payload>;

/// In the order of the entries.
pub fn load(entries: &mut Vec<Entry>, replay: ReadAgain<'_>) -> Loaded {
    let mut loaded = Loaded::default();
    let mut readable = Vec::with_capacity(entries.len());
    for mut entry in std::mem::take(entries) {
        if let Some(held) = entry.take_held() {
            let (payload, memory) = held.split();
            loaded.rows.add(payload);
            loaded.held.push(memory);
        } else {
            match read_back(&entry, replay) {
                Some(payload) => loaded.rows.add(payload),
                None => {
                    loaded.lost.push(entry);
                    continue;
                }
            }
        }
        readable.push(entry);
    }
    *entries = readable;
    loaded
}

fn read_back(entry: &Entry, replay: ReadAgain<'_>) -> Option<Payload> {
    let Source::Journal { kept, .. } = &entry.source else { return None };
    let record = read(kept)?;
    let header = RecordHeader::decode(&record.header)?;
    let payload = replay(&JournaledBody {
        tenant: &entry.tenant,
        signal: entry.signal,
        received_at: record.received_at,
        form: &header.form,
        bytes: record.payload.bytes(),
    });
    if let Some(payload) = &payload
        && payload.items() != entry.items
    {
        tracing::warn!(
            sequence = kept.sequence.get(),
            acknowledged = entry.items,
            read = payload.items(),
            "a request came back from the journal with another number of items"
        );
    }
    payload
}

fn read(kept: &KeptRecord) -> Option<Record> {
    kept.read()
        .inspect_err(|error| tracing::error!(sequence = kept.sequence.get(), %error, "a record is lost"))
        .ok()
}
