//! *Scenario*: a whole `Journal` with its committer, over the simulated file system and over a directory.
//! *Guarantees*: answers come in order and only for what is on disk; what is given up in time never comes back.

use std::sync::Arc;
use std::time::Duration;

use super::simulated::{Fault, Simulated};
use super::{id_of, ids, record, small};
use crate::platform::journal::{
    AppendError, BatchRange, Disk, FileSystem, Journal, OpenError, Options, Recovery, Stream, Ticket,
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
    let journal = closed(journal, &fs);
    assert_eq!(ids(&journal), [1, 2, 3]);
}

fn closed(journal: Journal, fs: &Arc<dyn FileSystem>) -> Recovery {
    drop(journal);
    start(fs, small()).1
}

#[test]
fn a_record_that_is_given_up_before_its_group_is_written_never_was() {
    let fs = Simulated::new().shared();
    let (journal, _) = start(&fs, patient());
    let first = journal.append(record(1, 0, 20)).unwrap();
    let second = journal.append(record(2, 0, 20)).unwrap();
    assert!(second.abandon());
    let third = journal.append(record(3, 0, 20)).unwrap();
    assert_eq!(second.wait(), Err(AppendError::Abandoned));
    assert_eq!((first.wait().unwrap().get(), third.wait().unwrap().get()), (1, 2));
    assert_eq!(ids(&closed(journal, &fs)), [1, 3]);
}

#[test]
fn a_record_that_is_given_up_while_it_is_written_is_marked_before_that_is_answered() {
    let simulated = Simulated::new();
    let fs = simulated.shared();
    let (journal, _) = start(&fs, Options { group_wait: Duration::ZERO, ..small() });
    // So many that no spare file is filled any more, which syncs too.
    for id in 1..=6 {
        journal.append(record(id, 0, 20)).unwrap().wait().unwrap();
    }
    let (hand_in, handed_in) = std::sync::mpsc::sync_channel::<Ticket>(1);
    let (hand_back, handed_back) = std::sync::mpsc::sync_channel(1);
    simulated.during_sync(move || {
        let ticket = handed_in.recv().unwrap();
        assert!(ticket.abandon());
        hand_back.send(ticket).unwrap();
    });
    hand_in.send(journal.append(record(7, 0, 20)).unwrap()).unwrap();
    assert_eq!(handed_back.recv().unwrap().wait(), Err(AppendError::Abandoned));
    assert_eq!(journal.measures().records, 6);
    // As after a loss of power: what is not on disk by now does not count.
    simulated.restart(3);
    assert_eq!(ids(&start(&fs, small()).1), (1..=6).collect::<Vec<_>>());
}

#[test]
fn an_acknowledged_record_cannot_be_given_up() {
    let fs = Simulated::new().shared();
    let (journal, _) = start(&fs, Options { group_wait: Duration::ZERO, ..small() });
    let ticket = journal.append(record(1, 0, 20)).unwrap();
    journal.append(record(2, 0, 20)).unwrap().wait().unwrap();
    assert!(!ticket.abandon(), "its answer was sent before that of the second");
    assert!(ticket.wait().is_ok());
    assert_eq!(ids(&closed(journal, &fs)), [1, 2]);
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
