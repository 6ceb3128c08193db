//! Appends groups of records and marks: written and on disk, or refused. One thread owns it; it waits for nobody.

use std::collections::VecDeque;
use std::time::Instant;

use crate::platform::lifecycle::Lifecycle;

use super::bytes::round_up;
use super::depot::{Depot, SegmentBeginning, TakeError, is_no_space};
use super::error::AppendError;
use super::frame::{Content, Draft, Place};
use super::ledger::{Ledger, Position};
use super::metrics::SyncTimes;
use super::options::{KEPT_BUFFER_BYTES_MAX, Options};
use super::record::{Mark, Sequence};
use super::recovery::KeptRecord;
use super::segment::Segment;

/// While records find room, this many spare files remain behind: the one that marks may take.
const SPARES_WANTED: usize = 2;

/// Where the last segment is written next.
#[derive(Debug, Clone, Copy)]
struct Active {
    offset: u64,
}

/// How an attempt to write a group ended, if not well.
enum Attempt {
    /// Nothing of it is left on disk.
    NoSpace,
    /// Nobody knows what is on disk; the file is not to be used again.
    Broken,
}

#[derive(Debug)]
pub(super) struct Writer {
    options: Options,
    depot: Depot,
    pub(super) ledger: Ledger,
    /// Live segments, oldest first.
    segments: VecDeque<Segment>,
    /// Absent before the first record, and after a failure.
    active: Option<Active>,
    next_sequence: u64,
    live_from: u64,
    /// Marks that have to stand before anything else: what this start found missing.
    gaps: Vec<Draft>,
    /// Until those are written: what was on disk before the process died.
    on_disk_below_gaps: u64,
    failed: bool,
    buffer: Vec<u8>,
    pub(super) syncs: SyncTimes,
    pub(super) sync_failures: u64,
    pub(super) seals: u64,
    /// Segments are released only below this number.
    pub(super) release_floor: u64,
    /// How many that keeps.
    pub(super) held_segments: u64,
}

/// What a start hands to the writer.
#[derive(Debug)]
pub(super) struct Beginning {
    pub(super) ledger: Ledger,
    pub(super) segments: VecDeque<Segment>,
    pub(super) next_sequence: u64,
    pub(super) live_from: u64,
    pub(super) gaps: Vec<Mark>,
    pub(super) on_disk_below: u64,
    /// Where the last segment is written further, if it is.
    pub(super) resume_at: Option<u64>,
}

impl Writer {
    pub(super) fn new(options: Options, depot: Depot, beginning: Beginning) -> Self {
        let Beginning { ledger, segments, next_sequence, live_from, gaps, on_disk_below, resume_at } =
            beginning;
        Self {
            options,
            depot,
            ledger,
            segments,
            active: resume_at.map(|offset| Active { offset }),
            next_sequence,
            live_from,
            gaps: gaps.into_iter().map(Draft::of_mark).collect(),
            on_disk_below_gaps: on_disk_below,
            failed: false,
            buffer: Vec::new(),
            syncs: SyncTimes::default(),
            sync_failures: 0,
            seals: 0,
            release_floor: u64::MAX,
            held_segments: 0,
        }
    }

    pub(super) fn is_failed(&self) -> bool {
        self.failed
    }

    /// What live and spare files take.
    pub(super) fn disk_bytes(&self) -> u64 {
        (self.segments.len() + self.depot.spares()) as u64 * self.options.segment_bytes
    }

    /// What live segments take.
    pub(super) fn live_bytes(&self) -> u64 {
        self.segments.len() as u64 * self.options.segment_bytes
    }

    /// Writes in order. The answers are in the order of `drafts`; each that is `Ok` is on disk.
    pub(super) fn commit(&mut self, drafts: &[Draft]) -> Vec<Result<Sequence, AppendError>> {
        if let Err(error) = self.write_gaps() {
            return drafts.iter().map(|_| Err(error)).collect();
        }
        let outcomes = self.append(drafts);
        self.release();
        outcomes
    }

    fn write_gaps(&mut self) -> Result<(), AppendError> {
        let gaps = self.gaps.clone();
        self.append(&gaps).into_iter().find(Result::is_err).unwrap_or(Ok(Sequence(0)))?;
        self.gaps.clear();
        Ok(())
    }

    /// Everything below is on disk, apart from what was torn and is not written down as such yet.
    fn on_disk_below(&self) -> u64 {
        if self.gaps.is_empty() { self.next_sequence } else { self.on_disk_below_gaps }
    }

    /// Has coming segments filled on a thread of their own.
    pub(super) fn fill_aside(&mut self, lifecycle: &Lifecycle) -> std::io::Result<()> {
        self.depot.fill_aside(lifecycle).map(|()| self.tend())
    }

    /// Work between groups that nobody waits for.
    pub(super) fn tend(&mut self) {
        let files = (self.segments.len() + self.depot.spares()) as u64;
        if !self.failed {
            self.depot.fill_some(SPARES_WANTED, self.options.segments_max().saturating_sub(files));
        }
    }

    fn append(&mut self, drafts: &[Draft]) -> Vec<Result<Sequence, AppendError>> {
        let mut outcomes = Vec::with_capacity(drafts.len());
        while let Some((next, rest)) = drafts.get(outcomes.len()..).and_then(<[_]>::split_first) {
            if let Err(error) = self.make_room(next) {
                outcomes.push(Err(error));
                continue;
            }
            let group: Vec<_> = std::iter::once(next).chain(self.fitting(next, rest)).collect();
            let first = self.next_sequence;
            let written = self.write_group(&group);
            outcomes.extend((first..).zip(&group).map(|(sequence, _)| written.map(|()| Sequence(sequence))));
        }
        outcomes
    }

    /// Those of `rest` that go into the same segment behind `first`.
    fn fitting<'d>(&self, first: &Draft, rest: &'d [Draft]) -> impl Iterator<Item = &'d Draft> + use<'d> {
        let mut offset = self.active.map_or(0, |active| active.offset) + first.padded_length();
        let mut slots = self.ledger.len() + 1;
        let options = self.options;
        rest.iter().take_while(move |draft| {
            let fits = fits(&options, draft, offset) && has_slot(&options, draft, slots);
            offset += draft.padded_length();
            slots += 1;
            fits
        })
    }

    /// Afterwards `draft` fits into the active segment.
    fn make_room(&mut self, draft: &Draft) -> Result<(), AppendError> {
        if self.failed {
            return Err(AppendError::Failed);
        }
        if !has_slot(&self.options, draft, self.ledger.len()) {
            return Err(AppendError::Full);
        }
        if self.active.is_some_and(|active| fits(&self.options, draft, active.offset)) {
            return Ok(());
        }
        let live = self.segments.len() as u64;
        // The last segment is for marks.
        let room = self.options.segments_max() - u64::from(draft.is_record());
        if live >= room {
            return Err(AppendError::Full);
        }
        if draft.is_record() {
            self.leave_a_spare()?;
        }
        match self.take() {
            Ok(()) => Ok(()),
            Err(TakeError::NoSpace) => Err(AppendError::NoSpace),
            // Nothing was written yet, so a second file is the second chance.
            Err(TakeError::Broken) => self.take().map_err(|error| self.give_up(error)),
        }
    }

    /// The first segment waits for no other: its reserve holds the marks of all its batches. Another failure than missing space
    /// shows again when the segment is taken.
    fn leave_a_spare(&mut self) -> Result<(), AppendError> {
        match self.depot.ensure(if self.segments.is_empty() { 1 } else { SPARES_WANTED }) {
            Err(error) if is_no_space(&error) => Err(AppendError::NoSpace),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn take(&mut self) -> Result<(), TakeError> {
        let beginning = SegmentBeginning {
            first_sequence: self.next_sequence,
            live_from: self.live_from,
            on_disk_below: self.on_disk_below(),
        };
        match self.depot.take(beginning) {
            Ok(segment) => {
                self.segments.push_back(segment);
                self.active = Some(Active { offset: self.options.block_bytes });
                Ok(())
            }
            Err(error) => {
                if error == TakeError::Broken {
                    self.active = None;
                }
                Err(error)
            }
        }
    }

    fn give_up(&mut self, error: TakeError) -> AppendError {
        if error == TakeError::NoSpace {
            return AppendError::NoSpace;
        }
        tracing::error!("the journal failed twice and takes nothing any more");
        self.failed = true;
        AppendError::Failed
    }

    /// One write and one sync. A file that failed is left; what it held of the group goes into another one, once.
    fn write_group(&mut self, group: &[&Draft]) -> Result<(), AppendError> {
        match self.try_group(group) {
            Ok(()) => return Ok(()),
            Err(Attempt::NoSpace) => return Err(AppendError::NoSpace),
            Err(Attempt::Broken) => self.leave_file(),
        }
        if self.segments.len() as u64 >= self.options.segments_max() {
            return Err(AppendError::Uncertain);
        }
        if let Err(error) = self.take() {
            self.give_up(error);
            return Err(AppendError::Uncertain);
        }
        match self.try_group(group) {
            Ok(()) => Ok(()),
            // The new segment's header says that the copy in the old one does not count.
            Err(Attempt::NoSpace) => Err(AppendError::NoSpace),
            Err(Attempt::Broken) => {
                self.leave_file();
                self.give_up(TakeError::Broken);
                Err(AppendError::Uncertain)
            }
        }
    }

    fn leave_file(&mut self) {
        self.active = None;
        if let Some(segment) = self.segments.back_mut() {
            segment.has_failed = true;
        }
    }

    fn try_group(&mut self, group: &[&Draft]) -> Result<(), Attempt> {
        let (Some(active), Some(segment)) = (self.active, self.segments.back()) else {
            return Err(Attempt::Broken);
        };
        let (epoch, file) = (segment.epoch, std::sync::Arc::clone(&segment.file));
        self.encode(group, self.depot.identity().stamp(epoch));
        if let Err(error) = file.write_at(&self.buffer, active.offset) {
            tracing::error!(%error, epoch, "writing to the journal failed");
            let wipe = || {
                file.write_at(&vec![0; self.buffer.len()], active.offset)?;
                file.sync_data()
            };
            let is_wiped = is_no_space(&error) && wipe().is_ok();
            self.sync_failures += u64::from(!is_wiped);
            return Err(if is_wiped { Attempt::NoSpace } else { Attempt::Broken });
        }
        let begun = Instant::now();
        if let Err(error) = file.sync_data() {
            tracing::error!(%error, epoch, "fdatasync of the journal failed; the file is not used any more");
            self.sync_failures += 1;
            return Err(Attempt::Broken);
        }
        self.syncs.add(begun.elapsed());
        self.enter(group, epoch, active.offset);
        self.active = Some(Active { offset: active.offset + self.buffer.len() as u64 });
        if self.buffer.capacity() > KEPT_BUFFER_BYTES_MAX {
            self.buffer = Vec::new();
        }
        Ok(())
    }

    /// The group's bytes, with zeros up to the next block.
    fn encode(&mut self, group: &[&Draft], stamp: u64) {
        self.buffer.clear();
        let on_disk_below = self.on_disk_below();
        for (sequence, draft) in (self.next_sequence..).zip(group) {
            draft.write(Place { stamp, sequence, on_disk_below }, &mut self.buffer);
        }
        let block = usize::try_from(self.options.block_bytes).unwrap_or(1);
        self.buffer.resize(self.buffer.len().next_multiple_of(block), 0);
    }

    /// Whether a record may find room, as far as the journal's own bounds go.
    pub(super) fn has_room(&self) -> bool {
        let in_active = self
            .active
            .is_some_and(|active| active.offset + self.options.reserve_bytes < self.options.segment_bytes);
        let in_another = (self.segments.len() as u64) < self.options.segments_max() - 1;
        !self.failed && self.ledger.len() < self.options.records_max && (in_active || in_another)
    }

    /// Tries for the space that a record would want.
    pub(super) fn lacks_space(&mut self) -> bool {
        self.leave_a_spare().is_err()
    }

    /// Whether the caller has written down what it remembers of a segment's records, and of the marks that closed them.
    fn is_allowed(&self, index: usize) -> bool {
        let epoch = self.segments.get(index).map_or(0, |segment| segment.epoch);
        let last_mark = self.ledger.closed_by(epoch).map_or(0, |mark| mark.0);
        self.end_of(index).max(last_mark.saturating_add(1)) <= self.release_floor
    }

    /// The first number behind a live segment.
    fn end_of(&self, index: usize) -> u64 {
        self.segments.get(index + 1).map_or(self.next_sequence, |segment| segment.first_sequence)
    }

    /// A record that is live.
    pub(super) fn kept(&self, sequence: Sequence) -> Option<KeptRecord> {
        let entry = self.ledger.entry(sequence.0)?;
        let segment = self.segments.iter().rev().find(|segment| segment.epoch == entry.position.epoch)?;
        Some(KeptRecord::new(sequence, entry, &segment.file, self.depot.identity()))
    }

    fn enter(&mut self, group: &[&Draft], epoch: u64, mut offset: u64) {
        for draft in group {
            self.seals += u64::from(matches!(draft.content, Content::Mark(Mark::Seal(_))));
            let position = Position { epoch, offset, length: draft.length() };
            self.ledger.add(self.next_sequence, &draft.content, position);
            self.next_sequence += 1;
            offset += draft.padded_length();
        }
    }

    /// Gives back the oldest segments of which nothing is needed, after a mark that says so is on disk. Only the oldest:
    /// so a mark outlives what it is about, and a number that is missing was lost.
    fn release(&mut self) {
        let kept = usize::from(self.active.is_some());
        let candidates = self.segments.len().saturating_sub(kept);
        let is_done = |segment: &&Segment| self.ledger.open_in(segment.epoch) == 0;
        let done = self.segments.iter().take(candidates).take_while(is_done).count();
        let count = (0..done).take_while(|index| self.is_allowed(*index)).count();
        self.held_segments = (done - count) as u64;
        if count == 0 {
            return;
        }
        let below = self.end_of(count - 1);
        let mark = Draft::of_mark(Mark::Released(Sequence(below)));
        if self.append(&[mark]).iter().any(Result::is_err) {
            return;
        }
        self.live_from = below;
        for segment in self.segments.drain(..count) {
            // What keeps its name is found to be released by the next start.
            if let Err(error) = self.depot.give_back(&segment) {
                tracing::warn!(%error, "a released segment of the journal stays behind");
            }
        }
        self.ledger.release(below);
    }
}

/// Records leave the reserve free.
fn fits(options: &Options, draft: &Draft, offset: u64) -> bool {
    let reserve = if draft.is_record() { options.reserve_bytes } else { 0 };
    round_up(offset + draft.padded_length(), options.block_bytes) + reserve <= options.segment_bytes
}

/// Marks always have one: they are what lets the ledger shrink.
fn has_slot(options: &Options, draft: &Draft, slots: usize) -> bool {
    !draft.is_record() || slots < options.records_max
}
