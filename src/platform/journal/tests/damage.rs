//! *Scenario*: real files in a directory, damaged in every way a disk or a hand can.
//! *Guarantees*: the start succeeds, what is sound comes back, what is not is counted and kept aside, and nothing comes
//! back changed.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use super::{draft, id_of, ids, open, record};
use crate::platform::journal::bytes::put;
use crate::platform::journal::disk::Disk;
use crate::platform::journal::error::OpenError;
use crate::platform::journal::file_system::FileSystem;
use crate::platform::journal::frame::Draft;
use crate::platform::journal::record::{BatchNumber, BatchRange, Mark, Outcome, Stream};
use crate::platform::journal::recover::recover;
use crate::platform::journal::recovery::Recovery;
use crate::platform::journal::segment::{FORMAT_VERSION, IDENTITY, Identity, JournalId};

const STREAM: u8 = 1;

struct Directory(TempDir);

impl Directory {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With records 1 to `count` of 300 bytes, each in a group of its own: about four to a segment.
    fn with_records(count: u32) -> Self {
        let directory = Self::new();
        let (mut writer, _) = open(&directory.fs());
        for id in 1..=count {
            assert!(writer.commit(&[draft(id, STREAM, 300)])[0].is_ok());
        }
        directory
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn fs(&self) -> Arc<dyn FileSystem> {
        Arc::new(Disk::new(self.path()).unwrap())
    }

    fn start(&self) -> Recovery {
        open(&self.fs()).1
    }

    fn segments(&self) -> Vec<PathBuf> {
        let mut found: Vec<_> =
            self.files("").into_iter().filter(|path| path.to_str().unwrap().ends_with(".seg")).collect();
        found.sort();
        found
    }

    fn files(&self, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.path().join(folder)).unwrap();
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
    }
}

/// The last byte of the file that is not zero is followed by this offset.
fn used(path: &Path) -> usize {
    fs::read(path).unwrap().iter().rposition(|byte| *byte != 0).unwrap() + 1
}

fn overwrite(path: &Path, offset: usize, bytes: &[u8]) {
    fs::OpenOptions::new().write(true).open(path).unwrap().write_all_at(bytes, offset as u64).unwrap();
}

#[test]
fn what_was_written_is_there_after_a_restart() {
    let directory = Directory::with_records(9);
    let recovery = directory.start();
    assert_eq!(ids(&recovery), (1..=9).collect::<Vec<_>>());
    for kept in &recovery.unsealed {
        let read = kept.read().unwrap();
        assert_eq!(read, record(id_of(&read), STREAM, 300));
    }
    assert_eq!((recovery.counts.found, recovery.counts.lost, recovery.counts.cut), (9, 0, 0));
}

#[test]
fn a_last_record_that_is_cut_at_any_byte_is_cut_and_counted_and_no_other() {
    let whole = Directory::with_records(3);
    let segment = whole.segments().pop().unwrap();
    let bytes = fs::read(&segment).unwrap();
    let (end, begin) = (used(&segment), 128 + 2 * 384);
    assert_eq!(&bytes[begin..begin + 4], b"TFr1");
    for cut in begin..end {
        let directory = Directory::with_records(3);
        let segment = directory.segments().pop().unwrap();
        overwrite(&segment, cut, &vec![0; end - cut]);
        let recovery = directory.start();
        assert_eq!(ids(&recovery), [1, 2], "cut at {cut}");
        // A beginning without its segment's mark cannot be told from what was there before.
        let expected = u64::from(cut >= begin + 24);
        assert!(recovery.counts.cut >= expected && recovery.counts.lost == 0, "{cut}: {:?}", recovery.counts);
        let (mut writer, _) = open(&directory.fs());
        assert!(writer.commit(&[draft(4, STREAM, 300)])[0].is_ok());
        let again = directory.start();
        assert_eq!((ids(&again), again.counts.lost, again.counts.cut), (vec![1, 2, 4], 0, 0));
    }
}

#[test]
fn a_file_that_was_shortened_gives_what_is_left() {
    let directory = Directory::with_records(3);
    let segment = directory.segments().pop().unwrap();
    fs::OpenOptions::new().write(true).open(&segment).unwrap().set_len(128 + 384 + 100).unwrap();
    let recovery = directory.start();
    assert_eq!((ids(&recovery), recovery.counts.cut), (vec![1], 1));
}

#[test]
fn a_flipped_bit_costs_one_record_and_is_counted_once() {
    for bit in (0..8 * 300).step_by(37) {
        let directory = Directory::with_records(9);
        let first = directory.segments().remove(0);
        let at = 128 + 384 + bit / 8;
        let byte = fs::read(&first).unwrap()[at];
        overwrite(&first, at, &[byte ^ 1 << (bit % 8)]);
        let recovery = directory.start();
        assert_eq!(ids(&recovery), [1, 3, 4, 5, 6, 7, 8, 9], "bit {bit}");
        assert_eq!((recovery.counts.lost, recovery.counts.quarantined), (1, 1));
        let kept = directory.files("quarantine").pop().unwrap();
        assert_eq!(kept.extension().unwrap(), "damaged");
        assert!(fs::metadata(kept).unwrap().len() > 300);
        let (mut writer, _) = open(&directory.fs());
        assert!(writer.commit(&[draft(10, STREAM, 300)])[0].is_ok());
        let again = directory.start();
        assert_eq!((again.counts.lost, again.counts.quarantined), (0, 0), "it is no news");
        assert_eq!(ids(&again).len(), 9);
    }
}

#[test]
fn a_damaged_header_costs_nothing() {
    let directory = Directory::with_records(9);
    for segment in directory.segments() {
        overwrite(&segment, 40, &[255; 20]);
    }
    let recovery = directory.start();
    assert_eq!(ids(&recovery), (1..=9).collect::<Vec<_>>());
}

#[test]
fn without_any_header_numbers_begin_with_the_first_that_is_found() {
    let directory = Directory::with_records(9);
    let (mut writer, recovery) = open(&directory.fs());
    let [first, .., last] = &recovery.unsealed[..] else { panic!("{recovery:?}") };
    let range = BatchRange { stream: Stream(STREAM), first: first.sequence, last: last.sequence };
    let number = writer.commit(&[Draft::of_mark(Mark::Seal(range))])[0].unwrap();
    let stored = Draft::of_mark(Mark::Closed(Outcome::Stored, BatchNumber(number.get()), range));
    assert!(
        writer.commit(&[stored, draft(10, STREAM, 300), draft(11, STREAM, 300)]).iter().all(Result::is_ok)
    );
    let first_left = directory.segments().remove(0);
    assert_ne!(first_left.file_name().unwrap(), "0000000000000001.seg", "something was released");
    for segment in directory.segments() {
        overwrite(&segment, 40, &[255; 20]);
    }
    let recovery = directory.start();
    assert_eq!((ids(&recovery), recovery.counts.lost), (vec![10, 11], 0));
}

#[test]
fn without_its_identity_a_journal_is_known_by_its_segments() {
    for remove in [true, false] {
        let directory = Directory::with_records(9);
        let path = directory.path().join(IDENTITY);
        if remove {
            fs::remove_file(&path).unwrap();
        } else {
            overwrite(&path, 20, &[255; 8]);
        }
        let other = Identity { id: JournalId(43), key: [7; 16] };
        let (_, recovery) = recover(super::small(), &directory.fs(), other).unwrap();
        assert_eq!((ids(&recovery).len(), recovery.journal), (9, JournalId(42)));
        assert_eq!(directory.start().journal, JournalId(42));
    }
}

#[test]
fn a_missing_segment_is_counted_and_the_others_come_back() {
    let directory = Directory::with_records(11);
    let segments = directory.segments();
    assert_eq!(segments.len(), 3);
    fs::remove_file(&segments[1]).unwrap();
    let recovery = directory.start();
    assert_eq!((ids(&recovery), recovery.counts.lost), (vec![1, 2, 3, 4, 9, 10, 11], 4));
    let directory = Directory::with_records(11);
    fs::remove_file(&directory.segments()[0]).unwrap();
    let recovery = directory.start();
    assert_eq!((ids(&recovery), recovery.counts.lost), ((5..=11).collect(), 4));
}

#[test]
fn a_segment_of_another_journal_and_a_copy_of_an_own_one_are_set_aside() {
    let directory = Directory::with_records(9);
    let own = directory.segments();
    let other = Directory::new();
    let identity = Identity { id: JournalId(77), key: [7; 16] };
    let (mut writer, _) = recover(super::small(), &other.fs(), identity).unwrap();
    assert!(writer.commit(&[draft(100, STREAM, 300)])[0].is_ok());
    fs::copy(&other.segments()[0], directory.path().join("0000000000000099.seg")).unwrap();
    fs::copy(&own[0], directory.path().join("0000000000000044.seg")).unwrap();
    fs::copy(&own[1], directory.path().join("backup.seg")).unwrap();
    fs::write(directory.path().join("0000000000000055.seg"), b"").unwrap();
    fs::write(directory.path().join("notes.txt"), b"not ours, and left alone").unwrap();
    let recovery = directory.start();
    assert_eq!(ids(&recovery), (1..=9).collect::<Vec<_>>());
    assert_eq!((recovery.counts.set_aside, recovery.counts.lost), (4, 0));
    assert_eq!(directory.files("quarantine").len(), 4);
    assert!(directory.path().join("notes.txt").exists());
    assert_eq!(directory.start().counts.set_aside, 0);
}

#[test]
fn a_newer_format_is_refused_and_nothing_is_changed() {
    for name in [IDENTITY, "0000000000000002.seg"] {
        let directory = Directory::with_records(9);
        let path = directory.path().join(name);
        let length = if name == IDENTITY { 48 } else { 72 };
        let mut bytes = fs::read(&path).unwrap();
        put(&mut bytes, 8, (FORMAT_VERSION + 1).to_le_bytes());
        let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..12]), &bytes[16..length]);
        put(&mut bytes, 12, sum.to_le_bytes());
        fs::write(&path, &bytes).unwrap();
        let before: Vec<_> =
            directory.files("").iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
        let error = recover(super::small(), &directory.fs(), super::fresh()).unwrap_err();
        assert!(
            matches!(&error, OpenError::NewerFormat { file, version } if file == name && *version == FORMAT_VERSION + 1)
        );
        assert!(error.to_string().contains("written by a newer version"), "{error}");
        for (path, bytes) in before {
            assert_eq!(fs::read(path).unwrap(), bytes);
        }
    }
}

/// The bytes of a journal as the first format wrote them. They must be readable for ever.
#[test]
fn a_journal_of_the_first_format_is_read() {
    let directory = Directory::new();
    for (name, bytes) in super::first_format::FILES {
        let mut file = vec![0; 2_048];
        file[..bytes.len()].copy_from_slice(bytes);
        fs::write(directory.path().join(name), file).unwrap();
    }
    let recovery = directory.start();
    assert_eq!((ids(&recovery), recovery.journal), (vec![1, 2, 3], JournalId(42)));
    let batch = &recovery.sealed[0];
    assert_eq!((batch.number.get(), batch.records.len()), (3, 2));
    for kept in batch.records.iter().chain(&recovery.unsealed) {
        let read = kept.read().unwrap();
        assert_eq!(read, record(id_of(&read), STREAM, 20));
    }
}

#[test]
fn one_directory_belongs_to_one_journal_at_a_time() {
    let directory = Directory::new();
    let (one, two) = (directory.fs(), directory.fs());
    let held = one.lock().unwrap();
    assert_eq!(two.lock().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(held);
    assert!(two.lock().is_ok());
}

#[test]
fn a_segment_that_holds_nothing_but_noise_is_set_aside() {
    let directory = Directory::with_records(9);
    let second = directory.segments().remove(1);
    let length = fs::metadata(&second).unwrap().len();
    let mut random = fastrand::Rng::with_seed(5);
    let noise: Vec<_> = std::iter::repeat_with(|| random.u8(..)).take(length as usize).collect();
    fs::write(&second, noise).unwrap();
    let recovery = directory.start();
    assert_eq!((ids(&recovery), recovery.counts.set_aside), (vec![1, 2, 3, 4, 9], 1));
    assert_eq!(recovery.counts.lost, 4);
}
