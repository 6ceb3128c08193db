//! Single cases: sequences on which the state machine failed once, and what it meets too seldom.

use super::model::{Action, Model};
use super::simulated::{Fault, Simulated};
use super::state_machine::{Step, perform};
use super::{draft, fresh, ids, open, small};
use crate::platform::journal::error::AppendError;
use crate::platform::journal::frame::Draft;
use crate::platform::journal::options::{Options, OptionsError};
use crate::platform::journal::record::{BatchNumber, BatchRange, Mark, Outcome, Sequence, Stream};
use crate::platform::journal::recover::recover;

fn append(stream: u8, payload_bytes: usize) -> Action {
    Action::Append { stream, payload_bytes }
}

fn restart(seed: u64, flips: u64) -> Step {
    Step::Restart { seed, flips, crash_in: None }
}

fn run(steps: &[Step]) {
    let mut model = Model::new();
    for step in steps {
        perform(&mut model, step);
    }
    model.restart(7, 0, None);
    model.drain();
}

/// An empty segment that ended an earlier one was set aside at the second start.
#[test]
fn a_segment_that_ends_another_stays_when_all_that_it_held_is_gone() {
    run(&[
        Step::Commit(vec![append(0, 0)]),
        Step::Commit(vec![Action::Close { pick: 0, outcome: Outcome::DeadLettered }]),
        Step::Commit(vec![append(2, 0)]),
        Step::Commit(vec![append(1, 0), append(0, 0)]),
        Step::Inject(Fault::Syncs(1)),
        Step::Commit(vec![append(0, 0)]),
        restart(0, 0),
        Step::Commit(vec![Action::Seal { stream: 0 }]),
        restart(6_642_833_781_509_580_811, 3),
        Step::Commit(vec![append(0, 0)]),
        Step::Commit(vec![append(0, 0)]),
        Step::Commit(vec![append(0, 0)]),
    ]);
}

/// With the last header damaged the segment before was taken for the last, and written further.
#[test]
fn only_the_last_segment_is_written_further() {
    run(&[
        Step::Commit(vec![append(1, 0)]),
        Step::Inject(Fault::Syncs(1)),
        Step::Commit(vec![append(0, 0)]),
        restart(6_942_618_702_074_712_313, 2),
        Step::Commit(vec![append(0, 0)]),
        restart(0, 0),
        Step::Commit(vec![append(0, 0)]),
    ]);
}

/// With two headers damaged a frame that was written again elsewhere counted, and hid the one that had its number.
#[test]
fn a_segment_without_header_still_ends_the_one_before() {
    run(&[
        Step::Commit(vec![append(0, 14)]),
        Step::Inject(Fault::Syncs(1)),
        Step::Commit(vec![Action::Seal { stream: 0 }]),
        restart(11_275_602_459_054_164_466, 3),
        Step::Commit(vec![append(1, 0)]),
        restart(6_902_735_127_046_481_418, 3),
    ]);
}

#[test]
fn a_batch_that_is_split_in_the_group_that_stores_it_is_stored_in_part() {
    run(&[
        Step::Commit(vec![append(0, 0), append(0, 0)]),
        Step::Commit(vec![Action::Seal { stream: 0 }]),
        Step::Commit(vec![Action::Bisect { pick: 0 }, Action::Close { pick: 0, outcome: Outcome::Stored }]),
        restart(1, 0),
    ]);
}

#[test]
fn a_full_journal_refuses_records_and_drains() {
    let mut model = Model::new();
    let mut refused = false;
    for _ in 0..40 {
        let outcomes = model.commit(&[append(0, 500)]);
        refused |= outcomes.contains(&Err(AppendError::Full));
    }
    assert!(refused);
    model.drain();
}

#[test]
fn a_full_disk_refuses_records_drains_and_needs_no_restart() {
    let mut model = Model::new();
    for _ in 0..8 {
        model.commit(&[append(0, 500)]);
    }
    model.inject(Fault::Capacity(model.fs.used()));
    let refused = (0..40).any(|_| model.commit(&[append(1, 500)]).contains(&Err(AppendError::NoSpace)));
    assert!(refused);
    assert!(model.fs.names().iter().any(|name| name.ends_with(".free")), "marks have a file in hand");
    model.drain();
    model.inject(Fault::Capacity(u64::MAX));
    let outcomes = model.commit(&[append(2, 500), append(2, 500), append(2, 500), append(2, 500)]);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
}

#[test]
fn a_full_disk_drains_after_a_restart_too() {
    let mut model = Model::new();
    for _ in 0..6 {
        model.commit(&[append(0, 500)]);
    }
    model.restart(3, 0, None);
    model.inject(Fault::Capacity(model.fs.used()));
    model.drain();
}

#[test]
fn a_sync_that_fails_once_is_not_noticed_by_those_who_append() {
    let fs = Simulated::new();
    let (mut writer, _) = open(&fs.shared());
    assert!(writer.commit(&[draft(1, 0, 50)])[0].is_ok());
    fs.inject(Fault::Syncs(1));
    let outcomes = writer.commit(&[draft(2, 0, 50), draft(3, 0, 50)]);
    assert_eq!(outcomes, [Ok(Sequence(2)), Ok(Sequence(3))]);
    assert_eq!((writer.sync_failures, writer.is_failed()), (1, false));
    assert_eq!(fs.names().iter().filter(|name| name.ends_with(".seg")).count(), 2, "the first file was left");
    fs.restart(5);
    assert_eq!(ids(&open(&fs.shared()).1), [1, 2, 3]);
}

#[test]
fn a_file_whose_sync_failed_is_not_used_again() {
    let mut model = Model::new();
    model.commit(&[append(0, 100)]);
    model.inject(Fault::Syncs(1));
    model.commit(&[append(0, 100)]);
    model.drain();
    for _ in 0..12 {
        model.commit(&[append(0, 500)]);
    }
    model.restart(4, 0, None);
}

#[test]
fn released_segments_are_used_again_and_what_they_held_never_comes_back() {
    let mut model = Model::new();
    for round in 0..60 {
        model.commit(&[append(0, 500), append(0, 400)]);
        model.commit(&[Action::Seal { stream: 0 }]);
        model.commit(&[Action::Close { pick: 0, outcome: Outcome::Stored }]);
        if round % 7 == 0 {
            model.restart(round, 0, None);
        }
    }
    let files = model.fs.names().len();
    assert!(files <= 8, "{files} files");
}

#[test]
fn a_batch_that_is_stored_stays_so_when_its_seal_is_damaged() {
    let fs = Simulated::new();
    let (mut writer, _) = open(&fs.shared());
    assert!(writer.commit(&[draft(1, 0, 20), draft(2, 1, 20)])[0].is_ok());
    let range = BatchRange { stream: Stream(0), first: Sequence(1), last: Sequence(2) };
    let number = writer.commit(&[Draft::of_mark(Mark::Seal(range))])[0].unwrap();
    assert!(
        writer.commit(&[Draft::of_mark(Mark::Closed(Outcome::Stored, BatchNumber(number.0), range))])[0]
            .is_ok()
    );
    // The seal is in the third block behind the header's.
    let file = fs.shared().open("0000000000000001.seg").unwrap();
    file.write_at(&[0; 4], 128 + 2 * 128).unwrap();
    let (_, recovery) = open(&fs.shared());
    assert_eq!((ids(&recovery), recovery.counts.lost), (vec![2], 1));
}

#[test]
fn a_payload_that_holds_a_frame_is_not_taken_for_one() {
    let fs = Simulated::new();
    let (mut writer, _) = open(&fs.shared());
    let mut forged = Vec::new();
    let place = crate::platform::journal::frame::Place { stamp: 1, sequence: 2, on_disk_below: 2 };
    draft(66, 0, 50).write(place, &mut forged);
    let mut hostile = super::record(1, 0, 0);
    // So that it begins where a frame may begin.
    hostile.header = vec![0; 7];
    hostile.payload = super::Payload::Packed(forged.into());
    let outcomes = writer.commit(&[Draft::of_record(hostile).unwrap(), draft(2, 0, 50)]);
    assert!(outcomes.iter().all(Result::is_ok));
    let file = fs.shared().open("0000000000000001.seg").unwrap();
    file.write_at(&[0; 4], 128).unwrap();
    let (_, recovery) = open(&fs.shared());
    assert_eq!(ids(&recovery), [2]);
}

#[test]
fn sealing_nothing_and_storing_what_is_unknown_changes_nothing() {
    let fs = Simulated::new();
    let (mut writer, _) = open(&fs.shared());
    writer.commit(&[draft(1, 0, 50)]);
    let range = BatchRange { stream: Stream(0), first: Sequence(u64::MAX), last: Sequence(0) };
    let far = BatchRange { stream: Stream(0), first: Sequence(5), last: Sequence(u64::MAX) };
    let unknown = BatchNumber(99);
    let marks = [Mark::Seal(range), Mark::Seal(far), Mark::Closed(Outcome::DeadLettered, unknown, range)];
    assert!(writer.commit(&marks.map(Draft::of_mark)).iter().all(Result::is_ok));
    assert_eq!(ids(&open(&fs.shared()).1), [1]);
}

#[test]
fn options_that_cannot_work_are_refused() {
    let cases = [
        (Options { block_bytes: 100, ..small() }, OptionsError::Block),
        (Options { block_bytes: 64, ..small() }, OptionsError::Block),
        (Options { segment_bytes: 2_000, ..small() }, OptionsError::Segment),
        (Options { segment_bytes: 2 << 30, bytes_max: 80 << 30, ..small() }, OptionsError::Segment),
        (Options { record_bytes_max: 1_500, ..small() }, OptionsError::Record),
        (Options { bytes_max: 3 * 2_048, ..small() }, OptionsError::Bytes),
    ];
    for (options, error) in cases {
        assert_eq!(options.check(), Err(error));
    }
    assert_eq!(Options::default().check(), Ok(()));
}

#[test]
fn a_start_that_cannot_write_still_reads() {
    let fs = Simulated::new();
    let (mut writer, _) = open(&fs.shared());
    writer.commit(&[draft(1, 0, 50)]);
    fs.inject(Fault::Capacity(0));
    fs.inject(Fault::Writes(1_000));
    fs.inject(Fault::Syncs(1_000));
    let (_, recovery) = recover(small(), &fs.shared(), fresh()).unwrap();
    assert_eq!(ids(&recovery), [1]);
}

#[test]
fn what_was_torn_is_not_called_lost_when_the_next_start_is_torn_too() {
    let fs = Simulated::new();
    let (mut writer, _) = open(&fs.shared());
    writer.commit(&[1, 2, 3, 4, 5].map(|id| draft(id, 0, 20)));
    let file = fs.shared().open("0000000000000001.seg").unwrap();
    let tear = |from: u64, until: u64| file.write_at(&vec![0; (until - from) as usize], from).unwrap();
    // The second and the fourth of a group that was being written.
    tear(208, 288);
    tear(368, 456);
    let (mut writer, recovery) = open(&fs.shared());
    assert_eq!((ids(&recovery), recovery.counts.torn, recovery.counts.lost), (vec![1, 3, 5], 2, 0));
    assert!(writer.commit(&[draft(6, 0, 20)])[0].is_ok());
    // Of the two marks about it only the second was written, and nothing after them.
    tear(640, 712);
    tear(896, 1_024);
    let (_, recovery) = open(&fs.shared());
    assert_eq!((ids(&recovery), recovery.counts.lost), (vec![1, 3, 5], 0));
    assert_eq!(recovery.counts.torn, 2, "the second, and the mark about it");
}

/// A segment was quarantined with the mark that closed a record, which the next start counted as lost. Nothing acknowledged was.
#[test]
fn what_a_quarantined_segment_said_is_heard_once() {
    run(&[
        Step::Commit(vec![append(1, 0), append(1, 0)]),
        restart(16_476_342_961_337_364_038, 1),
        Step::Commit(vec![append(0, 0), Action::Seal { stream: 1 }]),
        Step::Inject(Fault::CrashIn(17)),
        Step::Tend,
        Step::Commit(vec![append(0, 0)]),
        Step::Commit(vec![Action::Close { pick: 0, outcome: Outcome::Stored }]),
        Step::Inject(Fault::WritesWithoutSpace(2)),
        Step::Commit(vec![append(0, 200)]),
        restart(795_304_781_416_204_153, 1),
        Step::Tend,
    ]);
}
