//! Makes a batch's requests into rows: from memory where they still are, else read back from the journal.

use std::time::Duration;

use crate::platform::journal::{KeptRecord, ReadError, Record};
use crate::telemetry::application::{JournaledBody, Payload};

use super::batch_rows::BatchRows;
use super::entry::{Entry, HeldMemory, Source};
use super::record_header::RecordHeader;

/// A disk that cannot read is asked again for about a minute.
const READ_RETRY_FIRST: Duration = Duration::from_millis(100);
const READ_RETRY_MAX: Duration = Duration::from_secs(30);

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

/// A disk that does not answer may do so later: the journal keeps the record until then.
pub fn read(kept: &KeptRecord) -> Option<Record> {
    let mut pause = READ_RETRY_FIRST;
    loop {
        match kept.read() {
            Ok(record) => return Some(record),
            Err(ReadError::Io(error)) if pause <= READ_RETRY_MAX => {
                tracing::error!(sequence = kept.sequence.get(), %error, "the journal cannot be read; it is tried again");
                std::thread::park_timeout(pause);
                pause *= 2;
            }
            Err(error) => {
                tracing::error!(sequence = kept.sequence.get(), %error, "a record of the journal is lost");
                return None;
            }
        }
    }
}
