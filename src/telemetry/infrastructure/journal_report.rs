//! `JournalReport`: an inspection of the journal in the words of those who send: tenants, signals, items.

use std::collections::BTreeMap;
use std::path::Path;

use crate::platform::journal::{DiskView, InspectError, Inspection, OpenRecord, Sequence, inspect};
use crate::shared::{Signal, TenantId, Timestamp};

use super::checkpoint::{CheckpointSeen, look};
use super::record_header::RecordHeader;
use super::restore::key_of;

/// What an operator wants to know of a journal.
#[derive(Debug)]
pub struct JournalReport {
    pub inspection: Inspection,
    /// Files beside the segments.
    pub checkpoint: CheckpointSeen,
    /// By tenant, then signal.
    pub open: Vec<OpenGroup>,
    /// By number.
    pub batches: Vec<OpenBatch>,
    /// In the order of `inspection.open`.
    pub records: Vec<RecordWords>,
}

/// What waits to be stored of one tenant's signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenGroup {
    pub tenant: TenantId,
    pub signal: Signal,
    pub records: u64,
    pub items: u64,
    /// In the journal.
    pub bytes: u64,
    /// When the oldest was received.
    pub oldest: Timestamp,
}

/// A batch that is sealed and not known to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenBatch {
    pub number: u64,
    pub stream: u8,
    /// From the first record that is left ...
    pub first: u64,
    /// ... to the last.
    pub last: u64,
    pub records: u64,
    pub items: u64,
}

/// Whose a record is and how much is in it; absent where it is none of this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordWords {
    pub sequence: Sequence,
    pub known: Option<(TenantId, Signal, u64)>,
}

impl JournalReport {
    /// Looks at the journal in `directory` and changes nothing.
    pub fn of(directory: &Path) -> Result<Self, InspectError> {
        let inspection = inspect(directory)?;
        let checkpoint = look(&DiskView::new(directory)?)?;
        Ok(Self::new(inspection, checkpoint))
    }

    fn new(inspection: Inspection, checkpoint: CheckpointSeen) -> Self {
        let records: Vec<_> = inspection.open.iter().map(words).collect();
        let mut open: BTreeMap<(String, u8), OpenGroup> = BTreeMap::new();
        let mut batches: BTreeMap<u64, OpenBatch> = BTreeMap::new();
        for (record, words) in inspection.open.iter().zip(&records) {
            let items = words.known.as_ref().map_or(0, |(_, _, items)| *items);
            if let Some(batch) = record.batch {
                let sequence = record.sequence.get();
                let (number, stream) = (batch.get(), record.stream.0);
                let batch = batches.entry(number).or_insert(OpenBatch {
                    number,
                    stream,
                    first: sequence,
                    last: sequence,
                    records: 0,
                    items: 0,
                });
                (batch.last, batch.records) = (sequence, batch.records + 1);
                batch.items = batch.items.saturating_add(items);
            }
            if let Some((tenant, signal, items)) = &words.known {
                let key = (tenant.to_string(), record.stream.0);
                let group = open.entry(key).or_insert_with(|| OpenGroup {
                    tenant: tenant.clone(),
                    signal: *signal,
                    records: 0,
                    items: 0,
                    bytes: 0,
                    oldest: record.received_at,
                });
                (group.records, group.bytes) = (group.records + 1, group.bytes + record.bytes);
                group.items = group.items.saturating_add(*items);
                group.oldest = group.oldest.min(record.received_at);
            }
        }
        let (open, batches) = (open.into_values().collect(), batches.into_values().collect());
        Self { inspection, checkpoint, open, batches, records }
    }

    /// Open records that are none of this program's: a start leaves them out.
    pub fn unknown(&self) -> impl Iterator<Item = Sequence> {
        self.records.iter().filter(|record| record.known.is_none()).map(|record| record.sequence)
    }

    pub fn is_sound(&self) -> bool {
        let Inspection { flaws, missing, .. } = &self.inspection;
        flaws.is_empty()
            && missing.lost == 0
            && self.checkpoint.damaged.is_empty()
            && self.unknown().next().is_none()
    }
}

fn words(record: &OpenRecord) -> RecordWords {
    let known = key_of(&record.account, record.stream).and_then(|(tenant, signal)| {
        let header = RecordHeader::decode(&record.header)?;
        Some((tenant, signal, header.tally.accepted))
    });
    RecordWords { sequence: record.sequence, known }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::platform::journal::{
        BatchRange, Disk, FileSystem, Journal, Options, Payload, Record, Stream, write_file,
    };
    use crate::platform::lifecycle::Lifecycle;
    use crate::telemetry::application::{BodyHash, Tally};
    use crate::telemetry::infrastructure::record_header::Origin;

    fn small() -> Options {
        Options {
            segment_bytes: 64 << 10,
            bytes_max: 8 * (64 << 10),
            reserve_bytes: 8 << 10,
            record_bytes_max: 16 << 10,
            ..Options::default()
        }
    }

    fn record(tenant: &str, stream: u8, items: u64) -> Record {
        let tally = Tally { accepted: items, rejected: Vec::new() };
        let hash = BodyHash(items.into());
        let header = RecordHeader { origin: Origin::Request, tally, block_bytes: 1, hash, form: Vec::new() };
        Record {
            stream: Stream(stream),
            account: tenant.as_bytes().to_vec(),
            received_at: Timestamp::from_nanos(1_000 - i64::try_from(items).unwrap()),
            header: header.encode(),
            payload: Payload::Packed(vec![7; 10].into()),
        }
    }

    #[test]
    fn open_records_are_told_by_tenant_and_signal_and_by_batch() {
        let folder = tempfile::tempdir().unwrap();
        let fs: Arc<dyn FileSystem> = Arc::new(Disk::new(folder.path()).unwrap());
        let (journal, _) = Journal::open(small(), &fs, &Lifecycle::default()).unwrap();
        let append = |record| journal.append(record).unwrap().wait().unwrap();
        let first = append(record("shop", 1, 10));
        append(record("shop", 2, 5));
        let last = append(record("bank", 1, 20));
        let range = BatchRange { stream: Stream(1), first, last };
        let number = journal.seal(range).unwrap().wait().unwrap();
        append(record("shop", 1, 40));
        let report = JournalReport::of(folder.path()).unwrap();
        assert!(report.is_sound());
        let told = |group: &OpenGroup| {
            (group.tenant.to_string(), group.signal, group.records, group.items, group.oldest.nanos())
        };
        let expected = [
            ("bank".to_owned(), Signal::ALL[1], 1, 20, 980),
            ("shop".to_owned(), Signal::ALL[1], 2, 50, 960),
            ("shop".to_owned(), Signal::ALL[2], 1, 5, 995),
        ];
        assert_eq!(report.open.iter().map(told).collect::<Vec<_>>(), expected);
        let (number, first, last) = (number.get(), first.get(), last.get());
        assert_eq!(report.batches, [OpenBatch { number, stream: 1, first, last, records: 2, items: 30 }]);

        let foreign = append(Record { header: vec![9], ..record("shop", 1, 1) });
        write_file(&*fs, "ledger", b"damaged").unwrap();
        let report = JournalReport::of(folder.path()).unwrap();
        assert_eq!(report.unknown().collect::<Vec<_>>(), [foreign]);
        assert_eq!(report.checkpoint.damaged, ["ledger"]);
        assert!(!report.is_sound());
    }
}
