//! *Scenario*: somebody inspects a journal: before each start of the state machine, when it is damaged, while it is written.
//! *Guarantees*: what is told is what a start then finds; not one byte changes; damage is told with its place; a journal
//! that is being written never looks damaged.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::simulated::Simulated;
use super::{draft, fresh, open, record, small};
use crate::platform::journal::bytes::put;
use crate::platform::journal::file_system::FileSystem;
use crate::platform::journal::frame::Draft;
use crate::platform::journal::inspect::{
    Flaw, InspectError, Inspection, Missing, RecordCounts, inspect, inspect_files,
};
use crate::platform::journal::record::{BatchNumber, BatchRange, Mark, Outcome, Sequence, Stream};
use crate::platform::journal::recover::recover;
use crate::platform::journal::recovery::{KeptRecord, Recovery};
use crate::platform::journal::segment::{FORMAT_VERSION, IDENTITY, Identity, JournalId, SegmentHeader};
use crate::platform::journal::writer::Writer;
use crate::platform::journal::{Disk, Journal, Options};
use crate::platform::lifecycle::Lifecycle;

const FIRST: &str = "0000000000000001.seg";

/// A start that finds what an inspection has told.
pub fn recover_as_seen(fs: &Simulated) -> (Writer, Recovery) {
    let before = fs.contents();
    let seen = inspect_files(fs);
    assert_eq!(fs.contents(), before, "an inspection changes nothing");
    let (writer, recovery) = recover(small(), &fs.shared(), fresh()).expect("every start succeeds");
    match seen {
        // Nobody but this start knows the key.
        Ok(seen) if seen.journal.is_none() => {}
        Ok(seen) => assert_same(&seen, &recovery),
        Err(InspectError::Nothing) => assert!(recovery.history.is_empty() && recovery.counts.found == 0),
        Err(error) => panic!("{error}"),
    }
    (writer, recovery)
}

fn assert_same(seen: &Inspection, recovery: &Recovery) {
    let told: BTreeMap<_, _> = seen.open.iter().map(|open| (open.sequence, open)).collect();
    let sealed =
        recovery.sealed.iter().flat_map(|batch| batch.records.iter().map(|kept| (kept, Some(batch.number))));
    let came: Vec<(&KeptRecord, _)> =
        sealed.chain(recovery.unsealed.iter().map(|kept| (kept, None))).collect();
    assert_eq!(told.len(), came.len(), "as many open records");
    for (kept, batch) in came {
        let open = told[&kept.sequence];
        assert_eq!(
            (open.stream, &open.account, open.received_at),
            (kept.stream, &kept.account, kept.received_at)
        );
        assert_eq!((open.batch, &*open.header), (batch, &*kept.read().unwrap().header));
    }
    let counts = recovery.counts;
    assert_eq!(
        (seen.missing.lost, seen.missing.torn, seen.torn_tail),
        (counts.lost, counts.torn, counts.cut)
    );
    let aside = |flaw: &&Flaw| matches!(flaw, Flaw::Foreign { .. } | Flaw::Unsound { .. });
    assert_eq!(seen.flaws.iter().filter(aside).count() as u64, counts.set_aside);
    let sum =
        |of: fn(&RecordCounts) -> u64| seen.segments.iter().map(|segment| of(&segment.records)).sum::<u64>();
    let closed = |outcome| {
        let outcomes = recovery.history.iter().filter_map(|past| past.closing);
        outcomes.filter(|closing| closing.outcome == outcome).count() as u64
    };
    assert_eq!(sum(|records| records.open), told.len() as u64);
    assert_eq!(sum(|records| records.stored), closed(Outcome::Stored));
    assert_eq!(sum(|records| records.dead_lettered), closed(Outcome::DeadLettered));
    let frames: u64 = seen.segments.iter().map(|segment| segment.frames).sum();
    assert_eq!(frames, counts.found);
}

fn look(fs: &Simulated) -> Inspection {
    inspect_files(fs).unwrap()
}

/// Records 1 to `count`, each in a group of its own: about four to a segment.
fn with_records(count: u32) -> (Simulated, Writer) {
    let fs = Simulated::new();
    let (mut writer, _) = open(&fs.shared());
    for id in 1..=count {
        assert!(writer.commit(&[draft(id, 1, 300)])[0].is_ok());
    }
    (fs, writer)
}

fn overwrite(fs: &Simulated, name: &str, offset: u64, bytes: &[u8]) {
    fs.shared().open(name).unwrap().write_at(bytes, offset).unwrap();
}

#[test]
fn records_are_told_by_what_became_of_them() {
    let (fs, mut writer) = with_records(5);
    let range = |first, last| BatchRange { stream: Stream(1), first: Sequence(first), last: Sequence(last) };
    for (first, last, outcome) in
        [(1, 2, Some(Outcome::Stored)), (3, 3, Some(Outcome::DeadLettered)), (4, 4, None)]
    {
        let range = range(first, last);
        let number = BatchNumber(writer.commit(&[Draft::of_mark(Mark::Seal(range))])[0].unwrap().0);
        if let Some(outcome) = outcome {
            let mark = Draft::of_mark(Mark::Closed(outcome, number, range));
            assert!(writer.commit(&[mark])[0].is_ok());
        }
    }
    let seen = look(&fs);
    assert_eq!(
        (seen.journal, seen.format, seen.flaws.as_slice()),
        (Some(JournalId(42)), FORMAT_VERSION, &[][..])
    );
    assert_eq!((seen.live_from, seen.next, seen.missing), (Sequence(1), Sequence(11), Missing::default()));
    let first = &seen.segments[0];
    assert_eq!((first.file.as_str(), first.epoch, first.bytes, first.first), (FIRST, 1, 2_048, Sequence(1)));
    assert_eq!(first.records, RecordCounts { open: 1, stored: 2, dead_lettered: 1, released: 0 });
    let frames: u64 = seen.segments.iter().map(|segment| segment.frames).sum();
    let marks: u64 = seen.segments.iter().map(|segment| segment.marks).sum();
    assert_eq!((frames, marks, seen.segments.last().unwrap().last), (10, 5, Some(Sequence(10))));
    let open: Vec<_> = seen.open.iter().map(|open| (open.sequence.0, open.batch)).collect();
    assert_eq!(open, [(4, Some(BatchNumber(10))), (5, None)]);
    let expected = record(4, 1, 300);
    assert_eq!((&*seen.open[0].account, &*seen.open[0].header), (&*expected.account, &*expected.header));
    assert_eq!((seen.spares.count, seen.spares.bytes % 2_048), (seen.spares.bytes / 2_048, 0));
}

#[test]
fn a_damaged_record_is_told_with_its_place() {
    let (fs, _writer) = with_records(9);
    overwrite(&fs, FIRST, 128 + 384 + 60, b"?");
    let seen = look(&fs);
    let [Flaw::Lost { file, first, last, from, until }] = &seen.flaws[..] else { panic!("{:?}", seen.flaws) };
    assert_eq!((file.as_str(), first.0, last.0, *until), (FIRST, 2, 2, 128 + 2 * 384));
    assert!((128 + 300..=128 + 384).contains(from), "where the record before ends: {from}");
    assert_eq!(seen.missing, Missing { lost: 1, torn: 0, counted_before: 0 });
    let (mut writer, _) = recover_as_seen(&fs);
    assert!(writer.commit(&[draft(10, 1, 300)])[0].is_ok());
    let again = look(&fs);
    assert_eq!(
        (again.flaws.as_slice(), again.missing.counted_before),
        (&[][..], 1),
        "a start has dealt with it"
    );
}

#[test]
fn a_group_that_was_cut_short_is_no_damage() {
    let (fs, _writer) = with_records(3);
    overwrite(&fs, FIRST, 128 + 2 * 384 + 100, &[0; 300]);
    let seen = look(&fs);
    assert_eq!((seen.flaws.as_slice(), seen.torn_tail, seen.open.len()), (&[][..], 1, 2));
    assert_eq!(seen.missing, Missing::default());
    recover_as_seen(&fs);
}

#[test]
fn damaged_headers_foreign_files_and_a_missing_identity_are_told() {
    let (fs, _writer) = with_records(9);
    overwrite(&fs, FIRST, 20, b"?");
    fs.shared().remove(IDENTITY).unwrap();
    let stranger = Identity { id: JournalId(7), key: [7; 16] };
    let header =
        SegmentHeader { identity: stranger, epoch: 1, first_sequence: 1, live_from: 1, on_disk_below: 1 };
    for (name, bytes) in [("00.seg", header.encode()), ("0000000000000000.seg", header.encode())] {
        fs.shared().create(name).unwrap().write_at(&bytes, 0).unwrap();
    }
    let noise: Vec<u8> = (0..2_048_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    overwrite(&fs, "0000000000000002.seg", 0, &noise);
    let file = |name: &str| name.to_owned();
    let seen = look(&fs);
    let expected = [
        Flaw::Identity,
        Flaw::Foreign { file: file("0000000000000000.seg") },
        Flaw::Foreign { file: file("00.seg") },
        Flaw::Header { file: file(FIRST) },
        Flaw::Header { file: file("0000000000000002.seg") },
        Flaw::Unsound { file: file("0000000000000002.seg") },
    ];
    for flaw in expected {
        assert!(seen.flaws.contains(&flaw), "{flaw:?}: {:?}", seen.flaws);
    }
    assert_eq!((seen.journal, seen.missing.lost), (Some(JournalId(42)), 4));
    recover_as_seen(&fs);
}

#[test]
fn a_newer_journal_and_none_at_all_are_told_apart() {
    let fs = Simulated::new();
    assert!(matches!(inspect_files(&fs), Err(InspectError::Nothing)));
    assert!(fs.names().is_empty());
    let mut newer = fresh().encode();
    put(&mut newer, 8, (FORMAT_VERSION + 1).to_le_bytes());
    let sum = crc32c::crc32c_append(crc32c::crc32c(&newer[..12]), &newer[16..]);
    put(&mut newer, 12, sum.to_le_bytes());
    fs.shared().create(IDENTITY).unwrap().write_at(&newer, 0).unwrap();
    match inspect_files(&fs) {
        Err(InspectError::NewerFormat { file, version }) => {
            assert_eq!((file.as_str(), version), (IDENTITY, FORMAT_VERSION + 1));
        }
        other => panic!("{other:?}"),
    }
}

/// Nobody knows the key any more: nothing can be read, and that is what is said.
#[test]
fn a_journal_without_any_sound_header_is_told() {
    let (fs, _writer) = with_records(3);
    overwrite(&fs, FIRST, 20, b"?");
    overwrite(&fs, IDENTITY, 20, b"?");
    let seen = look(&fs);
    assert_eq!((seen.journal, seen.open.len()), (None, 0));
    let file = FIRST.to_owned();
    assert_eq!(seen.flaws, [Flaw::Identity, Flaw::Header { file: file.clone() }, Flaw::Unsound { file }]);
}

#[test]
fn a_journal_that_is_being_written_looks_sound_whenever_it_is_inspected() {
    let folder = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(Disk::new(folder.path()).unwrap());
    let options = Options {
        segment_bytes: 64 << 10,
        bytes_max: 8 * (64 << 10),
        reserve_bytes: 8 << 10,
        record_bytes_max: 16 << 10,
        fill_bytes: 16 << 10,
        group_wait: std::time::Duration::ZERO,
        ..Options::default()
    };
    let (journal, _) = Journal::open(options, &fs, &Lifecycle::default()).unwrap();
    let seen = std::thread::scope(|scope| {
        // Some forty segments.
        let writer = scope.spawn(|| {
            for id in 0..150 {
                let sequence = journal.append(record(id, 1, 5_000)).unwrap().wait().unwrap();
                let range = BatchRange { stream: Stream(1), first: sequence, last: sequence };
                let number = journal.seal(range).unwrap().wait().unwrap();
                journal.stored(number, range).unwrap().wait().unwrap();
            }
        });
        let mut seen = Vec::new();
        while !writer.is_finished() {
            match inspect(folder.path()) {
                Ok(inspection) => seen.push(inspection),
                Err(InspectError::Restless) => {}
                Err(error) => panic!("{error}"),
            }
        }
        seen
    });
    let last = inspect(folder.path()).unwrap();
    assert!(last.segments[0].epoch > 12, "files were used again: {last:?}");
    for seen in seen.iter().chain([&last]) {
        assert_eq!((seen.flaws.as_slice(), seen.missing.lost), (&[][..], 0), "{seen:?}");
        assert!(seen.open.len() <= 1, "{seen:?}");
    }
}
