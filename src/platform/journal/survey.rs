//! A survey: reads the segments, oldest first, and says what counts in them and what is missing. Changes nothing; a start
//! acts upon it.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use super::frame::Content;
use super::gaps::{Damage, Gaps, Hole};
use super::inventory::{Candidate, Inventory};
use super::ledger::{Ledger, Position};
use super::metrics::RecoveryCounts;
use super::options::HEADER_BYTES_KEPT;
use super::record::Mark;
use super::scan::{Found, Tail, frames, tail};
use super::segment::{HEADER_BYTES, Identity, Segment};

/// How the bytes of a segment are had.
pub(super) type ReadSegment<'a> = &'a dyn Fn(&Candidate) -> Vec<u8>;

/// What the segments say.
pub(super) struct Survey<'a> {
    read: ReadSegment<'a>,
    identity: Identity,
    pub(super) ledger: Ledger,
    /// The callers' words of all records that were not released.
    pub(super) headers: HashMap<u64, Box<[u8]>>,
    /// Segments that stay.
    pub(super) live: VecDeque<Segment>,
    pub(super) segments: Vec<SurveyedSegment>,
    /// The end of frames that do not count.
    stale_end: u64,
    pub(super) gaps: Gaps,
    /// What was found and cut so far.
    pub(super) counts: RecoveryCounts,
    pub(super) next_sequence: u64,
    pub(super) live_from: u64,
}

/// What is to become of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Stays,
    /// It holds nothing that counts: it becomes a spare file.
    Empty,
    /// All that it held is gone.
    SetAside,
}

/// How far a segment has been read.
#[derive(Debug, Clone)]
pub(super) struct SurveyedSegment {
    pub(super) epoch: u64,
    /// The number from which on it counts.
    pub(super) first: u64,
    /// The number that follows.
    pub(super) next: u64,
    /// The end of the last frame that counts ...
    pub(super) offset: u64,
    /// ... and of the last sound one.
    pub(super) beyond: u64,
    /// Frames that count ...
    pub(super) count: u64,
    /// ... and how many of them are marks.
    pub(super) marks: u64,
    /// Looked for only where no later segment says where this one ends.
    pub(super) tail: Tail,
    pub(super) verdict: Verdict,
}

/// The numbers of a segment: from `first` to before `bound`, as far as they are known.
#[derive(Debug, Clone, Copy)]
struct Life {
    epoch: u64,
    first: Option<u64>,
    bound: Option<u64>,
}

impl<'a> Survey<'a> {
    pub(super) fn take(inventory: &Inventory, read: ReadSegment<'a>) -> Self {
        let headers = || inventory.segments.values().filter_map(|candidate| candidate.header);
        let live_from = headers().map(|header| header.live_from).max().unwrap_or(1);
        let next_sequence = headers().map(|header| header.first_sequence).max().unwrap_or(1).max(live_from);
        let on_disk_below = headers().map(|header| header.on_disk_below).max().unwrap_or(1);
        let mut survey = Self {
            read,
            identity: inventory.identity,
            ledger: Ledger::starting_at(live_from),
            headers: HashMap::new(),
            live: VecDeque::new(),
            segments: Vec::new(),
            stale_end: 0,
            gaps: Gaps::after(on_disk_below),
            counts: RecoveryCounts::default(),
            next_sequence,
            live_from,
        };
        survey.read_segments(&inventory.segments);
        survey
    }

    /// Oldest first. A segment's frames count up to where the next one begins: what stands behind was written again
    /// there, or was never answered.
    fn read_segments(&mut self, segments: &BTreeMap<u64, Candidate>) {
        let begins: BTreeMap<_, _> = segments
            .iter()
            .filter_map(|(epoch, candidate)| Some((*epoch, self.first_sequence(*epoch, candidate)?)))
            .collect();
        if segments.values().all(|candidate| candidate.header.is_none()) {
            self.begin_at(begins.values().copied().min().unwrap_or(1));
        }
        for (epoch, candidate) in segments {
            let first = begins.get(epoch).copied();
            let bound = begins.range(epoch + 1..).map(|(_, first)| *first).min();
            self.read_segment(Life { epoch: *epoch, first, bound }, candidate);
        }
    }

    /// Without any header nobody says from where on numbers are live: then from the first that is found.
    fn begin_at(&mut self, sequence: u64) {
        self.ledger = Ledger::starting_at(sequence);
        self.live_from = sequence;
        self.next_sequence = sequence;
    }

    /// Where the header is damaged, the first sound frame says it as well as may be.
    fn first_sequence(&self, epoch: u64, candidate: &Candidate) -> Option<u64> {
        if let Some(header) = candidate.header {
            return Some(header.first_sequence);
        }
        let bytes = (self.read)(candidate);
        frames(&bytes, self.identity.stamp(epoch)).next().map(|found| found.frame.sequence)
    }

    fn read_segment(&mut self, life: Life, candidate: &Candidate) {
        let Life { epoch, first, bound } = life;
        let stamp = self.identity.stamp(epoch);
        let bytes = (self.read)(candidate);
        let first = first.unwrap_or_else(|| self.ledger.end());
        let mut reading = SurveyedSegment {
            epoch,
            first,
            next: first,
            offset: HEADER_BYTES,
            beyond: HEADER_BYTES,
            count: 0,
            marks: 0,
            tail: Tail::default(),
            verdict: Verdict::Stays,
        };
        for found in frames(&bytes, stamp) {
            reading.beyond = found.end();
            if bound.is_none_or(|end| found.frame.sequence < end) {
                self.enter(&mut reading, &found);
            } else {
                self.stale_end = self.stale_end.max(found.frame.sequence + 1);
            }
        }
        match bound {
            Some(end) => self.gaps.add(self.hole(&reading, end, bytes.len() as u64)),
            None => reading.tail = tail(&bytes, reading.beyond, stamp),
        }
        self.counts.cut += reading.tail.count;
        reading.verdict = self.judge(candidate, &reading, bound);
        if reading.verdict == Verdict::Stays {
            let file = Arc::clone(&candidate.file);
            self.live.push_back(Segment { epoch, first_sequence: first, file, has_failed: false });
        }
        self.segments.push(reading);
    }

    /// What is missing between the last frame and the one with number `end`.
    fn hole(&self, reading: &SurveyedSegment, end: u64, until: u64) -> Hole {
        Hole {
            first: reading.next.max(self.live_from),
            end,
            epoch: reading.epoch,
            from: reading.offset,
            until,
        }
    }

    fn enter(&mut self, reading: &mut SurveyedSegment, found: &Found<'_>) {
        let frame = found.frame;
        let is_live = frame.sequence >= self.live_from;
        // Numbers rise within a segment.
        if frame.sequence < reading.next || (is_live && !self.ledger.accepts(frame.sequence)) {
            return;
        }
        self.gaps.add(self.hole(reading, frame.sequence, found.offset));
        reading.next = frame.sequence + 1;
        reading.offset = found.end();
        reading.count += 1;
        reading.marks += u64::from(frame.mark().is_some());
        self.counts.found += 1;
        self.gaps.written_after(frame.on_disk_below);
        self.next_sequence = self.next_sequence.max(reading.next);
        if is_live {
            self.add(found, reading.epoch);
        }
    }

    fn add(&mut self, found: &Found<'_>, epoch: u64) {
        let frame = found.frame;
        let content = match frame.mark() {
            Some(mark) => {
                self.note(mark);
                Content::Mark(mark)
            }
            None => {
                let header = frame.header();
                let header = header.get(..HEADER_BYTES_KEPT).unwrap_or(header);
                self.headers.insert(frame.sequence, header.into());
                Content::Record {
                    stream: frame.stream,
                    account: frame.account().into(),
                    received_at: frame.received_at(),
                }
            }
        };
        let position = Position { epoch, offset: found.offset, length: frame.length() };
        self.ledger.add(frame.sequence, &content, position);
    }

    fn note(&mut self, mark: Mark) {
        match mark {
            Mark::Released(below) => self.live_from = self.live_from.max(below.0),
            Mark::Gap(first, last) => self.gaps.known(first.0, last.0),
            Mark::Seal(_) | Mark::Closed(..) => {}
        }
    }

    fn judge(&self, candidate: &Candidate, reading: &SurveyedSegment, bound: Option<u64>) -> Verdict {
        let claims_nothing = bound.is_none_or(|end| end <= reading.first);
        // Without its header an earlier segment's frames from `first` on would count again.
        let ends_another = reading.first < self.stale_end;
        let is_sound = candidate.header.is_some();
        if reading.count > 0 || (is_sound && ends_another) {
            Verdict::Stays
        } else if is_sound && claims_nothing {
            Verdict::Empty
        } else {
            Verdict::SetAside
        }
    }

    /// What is missing of all that was not released.
    pub(super) fn damage(&mut self) -> Damage {
        self.ledger.skip_to(self.next_sequence);
        self.ledger.release(self.live_from);
        self.gaps.judge(self.ledger.absent())
    }
}
