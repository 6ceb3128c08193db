//! *Scenario*: a whole `Journal` with its committer, over the simulated file system and over a directory.
//! *Guarantees*: answers come in order and only for what is on disk.

use std::sync::Arc;
use std::time::Duration;

use super::simulated::{Fault, Simulated};
use super::{id_of, ids, record, small};
use crate::platform::journal::{
    AppendError, BatchRange, Disk, FileSystem, Journal, OpenError, Options, Outcome, Recovery, Sequence,
    Stream, Written,
};
use crate::platform::lifecycle::Lifecycle;

fn start(fs: &Arc<dyn FileSystem>, options: Options) -> (Journal, Recovery) {
    Journal::open(options, fs, &stopping()).unwrap()
}

/// Workers may end when they like.
fn stopping() -> Lifecycle {
    let lifecycle = Lifecycle::default();
    lifecycle.stop();
    lifecycle
}

/// Waits for as many records as are handed over, so that they make one group.
fn patient() -> Options {
    Options { group_wait: Duration::from_secs(60), queue_records_max: 3, ..small() }
}

#[test]
fn what_several_threads_append_comes_back_in_the_order_of_their_answers() {
    let directory = tempfile::tempdir().unwrap();
    let fs: Arc<dyn FileSystem> = Arc::new(Disk::new(directory.path()).unwrap());
    let options = Options { bytes_max: 400 * 2_048, records_max: 2_000, ..small() };
    let (journal, _) = start(&fs, options);
    let answered: Vec<_> = std::thread::scope(|scope| {
        let appending = |thread: u32| {
            let journal = &journal;
            move || {
                let ids = (0..40).map(|index| thread * 100 + index);
                let appended =
                    ids.map(|id| (journal.append(record(id, 0, 100)).unwrap().wait().unwrap(), id));
                appended.collect::<Vec<_>>()
            }
        };
        let threads: Vec<_> = (0..4).map(|thread| scope.spawn(appending(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    drop(journal);
    let (_, recovery) = start(&fs, options);
    let mut expected = answered;
    expected.sort_unstable();
    let back: Vec<_> =
        recovery.unsealed.iter().map(|kept| (kept.sequence, id_of(&kept.read().unwrap()))).collect();
    assert_eq!(back, expected);
}

#[test]
fn a_group_is_synced_once() {
    let fs = Simulated::new().shared();
    let (journal, _) = start(&fs, patient());
    let tickets: Vec<_> = (1..=3).map(|id| journal.append(record(id, 0, 20)).unwrap()).collect();
    let sequences: Vec<_> = tickets.into_iter().map(|ticket| ticket.wait().unwrap().get()).collect();
    assert_eq!(sequences, [1, 2, 3]);
    let recovery = closed_recovery(journal, &fs);
    assert_eq!(ids(&recovery), [1, 2, 3]);
}

fn closed_recovery(journal: Journal, fs: &Arc<dyn FileSystem>) -> Recovery {
    drop(journal);
    start(fs, small()).1
}

#[test]
fn what_follows_an_answer_runs_in_the_order_of_the_journal() {
    let fs = Simulated::new().shared();
    let (journal, _) = start(&fs, Options { group_wait: Duration::ZERO, ..small() });
    let (heard, hearing) = std::sync::mpsc::sync_channel(10);
    for id in 1..=3 {
        let heard = heard.clone();
        let then = move |written: Result<Written, AppendError>| {
            let Written { sequence, kept } = written.unwrap();
            let _ = heard.send((sequence.get(), id_of(&kept.read().unwrap())));
        };
        journal.append_then(record(id, 0, 50), then).unwrap();
    }
    let first = journal.append(record(4, 0, 50)).unwrap().wait().unwrap();
    let range = BatchRange { stream: Stream(0), first, last: first };
    let number = journal.seal(range).unwrap().wait().unwrap();
    let closed = move |mark: Result<Sequence, AppendError>| _ = heard.send((mark.unwrap().get(), 0));
    journal.close_then(Outcome::DeadLettered, number, range, closed).unwrap();
    let order: Vec<_> = hearing.iter().take(4).collect();
    assert_eq!(order, [(1, 1), (2, 2), (3, 3), (6, 0)]);
    let recovery = closed_recovery(journal, &fs);
    let last = recovery.history.last().unwrap();
    let closing = last.closing.unwrap();
    assert_eq!((last.sequence, closing.outcome, closing.mark.get()), (first, Outcome::DeadLettered, 6));
    assert_eq!(&*last.header, &*record(4, 0, 50).header);
}

#[test]
fn segments_wait_to_be_released_where_their_caller_wants_it() {
    let fs = Simulated::new().shared();
    let options = Options { group_wait: Duration::ZERO, holds_segments: true, ..small() };
    let (journal, _) = start(&fs, options);
    let mut last = Sequence(0);
    let mut store_some = |count| {
        for id in 0..count {
            let first = journal.append(record(id, 0, 400)).unwrap().wait().unwrap();
            let range = BatchRange { stream: Stream(0), first, last: first };
            let number = journal.seal(range).unwrap().wait().unwrap();
            last = journal.stored(number, range).unwrap().wait().unwrap();
        }
        last
    };
    let middle = store_some(10);
    let held = journal.measures();
    assert!(held.held_segments > 2 && held.records == 0, "{held:?}");
    journal.allow_release(middle.get());
    store_some(1);
    assert!(journal.measures().held_segments < held.held_segments);
    assert!(journal.measures().live_bytes < held.live_bytes);
}

#[test]
fn batches_are_sealed_stored_and_forgotten() {
    let fs = Simulated::new().shared();
    let options = Options { group_wait: Duration::ZERO, ..small() };
    let (journal, recovery) = start(&fs, options);
    assert!(recovery.sealed.is_empty() && recovery.unsealed.is_empty());
    let append = |id, stream| journal.append(record(id, stream, 50)).unwrap().wait().unwrap();
    let (first, _, last) = (append(1, 0), append(2, 1), append(3, 0));
    assert_eq!(journal.usage(b"b").accounts, 3);
    let range = BatchRange { stream: Stream(0), first, last };
    let number = journal.seal(range).unwrap().wait().unwrap();
    append(4, 0);
    drop(journal);

    let (journal, recovery) = start(&fs, options);
    let [batch] = &recovery.sealed[..] else { panic!("{recovery:?}") };
    assert_eq!((batch.number, batch.range), (number, range));
    assert_eq!(ids(&recovery), [1, 3, 2, 4]);
    journal.stored(number, range).unwrap().wait().unwrap();
    drop(journal);

    let (journal, recovery) = start(&fs, options);
    assert_eq!(ids(&recovery), [2, 4]);
    assert_eq!(journal.measures().records, 2);
    assert_eq!(journal.measures().oldest, Some(record(2, 1, 50).received_at));
}

#[test]
fn usage_is_counted_by_account_and_ends_when_a_batch_is_stored() {
    let fs = Simulated::new().shared();
    let (journal, _) = start(&fs, Options { group_wait: Duration::ZERO, ..small() });
    let first = journal.append(record(3, 0, 100)).unwrap().wait().unwrap();
    let last = journal.append(record(6, 0, 100)).unwrap().wait().unwrap();
    journal.append(record(4, 0, 100)).unwrap().wait().unwrap();
    let range = BatchRange { stream: Stream(0), first, last };
    let number = journal.seal(range).unwrap().wait().unwrap();
    let before = (journal.usage(b"a"), journal.usage(b"b"));
    assert!(before.0.account_bytes > before.1.account_bytes && before.1.account_bytes > 0);
    assert_eq!(before.0.account_bytes + before.1.account_bytes, before.0.record_bytes);
    journal.stored(number, range).unwrap().wait().unwrap();
    assert_eq!(journal.usage(b"a").account_bytes, 0);
    assert_eq!(journal.usage(b"b").account_bytes, before.1.account_bytes);
}

#[test]
fn a_record_that_is_too_long_is_refused_and_so_is_one_too_many() {
    let fs = Simulated::new().shared();
    let (journal, _) = start(&fs, patient());
    assert_eq!(journal.append(record(1, 0, 701)).unwrap_err(), AppendError::TooLarge);
    let mut long = record(2, 0, 0);
    long.account = vec![0; 256];
    assert_eq!(journal.append(long).unwrap_err(), AppendError::TooLarge);
}

#[test]
fn a_journal_that_failed_twice_says_so_and_answers_everyone() {
    let simulated = Simulated::new();
    let (journal, _) = start(&simulated.shared(), Options { group_wait: Duration::ZERO, ..small() });
    assert!(journal.append(record(1, 0, 20)).unwrap().wait().is_ok());
    assert!(!journal.measures().is_failed);
    simulated.inject(Fault::Syncs(100));
    assert_eq!(journal.append(record(2, 0, 20)).unwrap().wait(), Err(AppendError::Uncertain));
    assert_eq!(journal.append(record(3, 0, 20)).unwrap().wait(), Err(AppendError::Failed));
    assert_eq!(journal.append(record(4, 0, 20)).unwrap().wait(), Err(AppendError::Failed));
    assert!(journal.measures().is_failed && journal.measures().sync_failures > 0);
}

#[test]
fn a_directory_that_is_in_use_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let fs = || -> Arc<dyn FileSystem> { Arc::new(Disk::new(directory.path()).unwrap()) };
    let (journal, _) = start(&fs(), small());
    assert!(matches!(Journal::open(small(), &fs(), &stopping()), Err(OpenError::InUse)));
    drop(journal);
    assert!(Journal::open(small(), &fs(), &stopping()).is_ok());
}
