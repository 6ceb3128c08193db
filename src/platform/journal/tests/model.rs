//! The plain model: what every record's answer promised, compared with what each start gives back.

use std::collections::{BTreeMap, BTreeSet};

use super::simulated::{Fault, Simulated};
use super::{draft, fresh, record, small};
use crate::platform::journal::error::AppendError;
use crate::platform::journal::frame::Draft;
use crate::platform::journal::metrics::RecoveryCounts;
use crate::platform::journal::record::{BatchNumber, BatchRange, Mark, Outcome, Sequence, Stream};
use crate::platform::journal::recover::recover;
use crate::platform::journal::recovery::{KeptRecord, Recovery};
use crate::platform::journal::writer::Writer;

#[derive(Debug, Clone)]
pub enum Action {
    Append {
        stream: u8,
        payload_bytes: usize,
    },
    /// Everything acknowledged and unsealed of the stream.
    Seal {
        stream: u8,
    },
    /// The first half of an open batch becomes one of its own.
    Bisect {
        pick: usize,
    },
    Close {
        pick: usize,
        outcome: Outcome,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Not answered, or answered with [`AppendError::Uncertain`].
    Doubtful,
    /// Acknowledged, in this batch.
    Live {
        sequence: u64,
        batch: Option<u64>,
    },
    Refused,
    /// Was acknowledged; its bits were flipped.
    Damaged,
    Closed(Outcome),
}

const DEAD: Fate = Fate::Closed(Outcome::DeadLettered);

#[derive(Debug, Clone)]
struct Known {
    stream: u8,
    payload_bytes: usize,
    fate: Fate,
    /// Answered, if not well; or it never will be.
    is_answered: bool,
    /// A mark about it was not answered: if it counts, the record is closed like this, or in another batch.
    doubt: Option<Outcome>,
}

/// What an action asked for, to be settled by its answer.
enum Asked {
    Append(u32),
    Seal(Vec<u32>),
    Close(u64, Outcome, Vec<u32>),
}

pub struct Model {
    pub fs: Simulated,
    writer: Writer,
    known: BTreeMap<u32, Known>,
    /// Nothing was injected since the last start.
    calm: bool,
    /// Bits that were flipped so far. One is always counted; several can hide each other.
    flips: u64,
    cut_short: bool, // A start crashed: what was refused may still be told from the rest by bits that a flip can hit.
    /// What the last start counted as lost, while that is not written down.
    lost_before: u64,
}

impl Model {
    pub fn new() -> Self {
        let fs = Simulated::new();
        let (writer, _) = recover(small(), &fs.shared(), fresh()).unwrap();
        Self { fs, writer, known: BTreeMap::new(), calm: true, flips: 0, cut_short: false, lost_before: 0 }
    }

    pub fn inject(&mut self, fault: Fault) {
        self.calm = false;
        self.fs.inject(fault);
    }

    pub fn tend(&mut self) {
        self.writer.tend();
    }

    pub fn commit(&mut self, actions: &[Action]) -> Vec<Result<Sequence, AppendError>> {
        let (drafts, asked): (Vec<_>, Vec<_>) = actions.iter().filter_map(|action| self.ask(action)).unzip();
        let outcomes = self.writer.commit(&drafts);
        assert_eq!(outcomes.len(), asked.len());
        for (asked, outcome) in asked.into_iter().zip(&outcomes) {
            self.settle(asked, *outcome);
        }
        assert!(self.writer.disk_bytes() <= small().bytes_max, "the bound holds");
        if !self.fs.is_crashed() {
            self.compare_counts();
        }
        outcomes
    }

    fn ask(&mut self, action: &Action) -> Option<(Draft, Asked)> {
        match *action {
            Action::Append { stream, payload_bytes } => {
                let id = self.known.len() as u32 + 1;
                let known =
                    Known { stream, payload_bytes, fate: Fate::Doubtful, is_answered: false, doubt: None };
                self.known.insert(id, known);
                Some((draft(id, stream, payload_bytes), Asked::Append(id)))
            }
            Action::Seal { stream } => {
                let unsealed = self.live(|known, batch| known.stream == stream && batch.is_none());
                self.seal(stream, &unsealed)
            }
            Action::Bisect { pick } => {
                let (_, members) = self.batch(pick)?;
                let stream = self.known[&members[0]].stream;
                self.seal(stream, &members[..members.len().div_ceil(2)])
            }
            Action::Close { pick, outcome } => {
                let (number, members) = self.batch(pick)?;
                let range = self.range(self.known[&members[0]].stream, &members);
                Some((
                    Draft::of_mark(Mark::Closed(outcome, BatchNumber(number), range)),
                    Asked::Close(number, outcome, members),
                ))
            }
        }
    }

    fn seal(&self, stream: u8, members: &[u32]) -> Option<(Draft, Asked)> {
        if members.is_empty() {
            return None;
        }
        let range = self.range(stream, members);
        let inside = range.first.0..=range.last.0;
        // Whatever of the stream lies in between comes along.
        let all = self.live(|known, _| known.stream == stream);
        let all = all.into_iter().filter(|id| inside.contains(&self.sequence(*id))).collect();
        Some((Draft::of_mark(Mark::Seal(range)), Asked::Seal(all)))
    }

    fn range(&self, stream: u8, members: &[u32]) -> BatchRange {
        let sequences = || members.iter().map(|id| Sequence(self.sequence(*id)));
        BatchRange {
            stream: Stream(stream),
            first: sequences().min().unwrap(),
            last: sequences().max().unwrap(),
        }
    }

    fn sequence(&self, id: u32) -> u64 {
        match self.known[&id].fate {
            Fate::Live { sequence, .. } => sequence,
            other => panic!("{id} is {other:?}"),
        }
    }

    /// In the order of their sequence numbers.
    fn live(&self, wanted: impl Fn(&Known, Option<u64>) -> bool) -> Vec<u32> {
        let mut found: Vec<_> = (self.known.iter())
            .filter_map(|(id, known)| match known.fate {
                Fate::Live { sequence, batch } if wanted(known, batch) => Some((sequence, *id)),
                _ => None,
            })
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, id)| id).collect()
    }

    /// One of the open batches.
    fn batch(&self, pick: usize) -> Option<(u64, Vec<u32>)> {
        let batches: BTreeSet<_> = self.known.values().filter_map(|known| known.batch()).collect();
        let number = *batches.iter().nth(pick % batches.len().max(1))?;
        Some((number, self.live(|_, batch| batch == Some(number))))
    }

    fn settle(&mut self, asked: Asked, outcome: Result<Sequence, AppendError>) {
        let is_mark = !matches!(asked, Asked::Append(_));
        match outcome {
            Ok(Sequence(sequence)) => {
                self.end_doubts();
                self.happened(asked, sequence);
            }
            Err(_) if self.fs.is_crashed() => self.doubt(&asked),
            Err(AppendError::Uncertain) => self.doubt(&asked),
            Err(error) => {
                let is_expected = !self.calm || (error == AppendError::Full && !is_mark);
                assert!(is_expected, "{error:?} although nothing was wrong");
                if let Asked::Append(id) = asked {
                    self.known.get_mut(&id).unwrap().fate = Fate::Refused;
                }
            }
        }
    }

    /// Something was written after it: what was doubtful before did not happen. What this same group asks is not before.
    fn end_doubts(&mut self) {
        self.lost_before = 0;
        for known in self.known.values_mut() {
            known.doubt = None;
            if known.fate == Fate::Doubtful && known.is_answered {
                known.fate = Fate::Refused;
            }
        }
    }

    fn happened(&mut self, asked: Asked, number: u64) {
        match asked {
            Asked::Append(id) => self.set(id, Fate::Live { sequence: number, batch: None }),
            Asked::Seal(members) => {
                for id in members {
                    // A mark before it in the same group may have closed it.
                    if let Fate::Live { sequence, .. } = self.known[&id].fate {
                        self.set(id, Fate::Live { sequence, batch: Some(number) });
                    }
                }
            }
            Asked::Close(batch, outcome, members) => {
                // The group may have moved some to another batch before.
                let still = members.into_iter().filter(|id| self.known[id].batch() == Some(batch));
                self.close(&still.collect::<Vec<_>>(), Fate::Closed(outcome));
            }
        }
    }

    fn close(&mut self, members: &[u32], fate: Fate) {
        for id in members {
            if matches!(self.known[id].fate, Fate::Live { .. }) {
                self.set(*id, fate);
            }
        }
    }

    fn set(&mut self, id: u32, fate: Fate) {
        self.known.get_mut(&id).unwrap().fate = fate;
    }

    fn doubt(&mut self, asked: &Asked) {
        let (outcome, members) = match asked {
            Asked::Append(id) => {
                self.known.get_mut(id).unwrap().is_answered = true;
                return;
            }
            Asked::Seal(members) => (Outcome::Stored, members.clone()),
            Asked::Close(_, outcome, members) => (*outcome, members.clone()),
        };
        for id in members {
            let doubt = &mut self.known.get_mut(&id).unwrap().doubt;
            // Of several marks any may count.
            *doubt = doubt.filter(|doubt| *doubt == Outcome::DeadLettered).or(Some(outcome));
        }
    }

    fn compare_counts(&self) {
        let live = self.known.values().filter(|known| matches!(known.fate, Fate::Live { .. })).count();
        assert_eq!(self.writer.ledger.records(), live as u64, "the ledger counts what is open");
    }

    /// The power fails, bits flip, and the journal is opened again: at first with the power failing again.
    pub fn restart(&mut self, seed: u64, flips: u64, crash_in: Option<u32>) {
        self.fs.restart(seed);
        let flipped = (0..flips).filter(|flip| self.fs.flip(seed.wrapping_add(*flip))).count() as u64;
        self.flips += flipped;
        self.cut_short |= crash_in.is_some();
        let mut repeated = RecoveryCounts::default();
        if let Some(steps) = crash_in {
            self.fs.inject(Fault::CrashIn(steps));
            if let Ok((_, recovery)) = recover(small(), &self.fs.shared(), fresh()) {
                repeated = recovery.counts;
            }
            self.fs.restart(seed.wrapping_mul(31));
        }
        let (writer, recovery) = super::inspections::recover_as_seen(&self.fs);
        self.check(&recovery, flipped, &repeated);
        self.writer = writer;
        self.calm = true;
        // What a quarantined segment said was heard once: the next start may count its records as lost.
        self.lost_before = recovery.counts.lost + recovery.counts.quarantined * u64::from(u32::MAX);
        self.compare_counts();
    }

    fn check(&mut self, recovery: &Recovery, flipped: u64, repeated: &RecoveryCounts) {
        let counts = recovery.counts;
        if flipped == 0 {
            assert!(counts.lost <= self.lost_before, "nothing was lost: {counts:?}");
            assert_eq!(counts.set_aside, 0, "{counts:?}");
        }
        let mut came = BTreeMap::new();
        for batch in &recovery.sealed {
            let mut last = 0;
            for kept in &batch.records {
                assert!(
                    kept.sequence.0 > last && kept.stream == batch.range.stream,
                    "in order, of one stream"
                );
                last = kept.sequence.0;
                self.came_back(kept, Some(batch.number.0), &mut came, flipped);
            }
        }
        assert!(recovery.sealed.is_sorted_by(|a, b| a.number < b.number), "batches come in order");
        assert!(recovery.unsealed.is_sorted_by(|a, b| a.sequence < b.sequence), "records come in order");
        for kept in &recovery.unsealed {
            self.came_back(kept, None, &mut came, flipped);
        }
        self.check_history(recovery, &came);
        let missing = self.missing(&came);
        let damage = counts.lost + counts.torn + counts.cut + repeated.cut;
        if flipped == 0 {
            assert_eq!(missing, 0, "acknowledged records come back: {counts:?}");
        } else if self.flips == 1 && counts.set_aside + repeated.set_aside == 0 {
            // One mark that is lost may be about several records.
            assert!(missing == 0 || damage > 0, "{missing} are missing, but nothing is counted: {counts:?}");
        }
        for (id, known) in &mut self.known {
            let doubt = known.doubt.take();
            known.fate = match (came.get(id), known.fate) {
                (Some(fate), _) => *fate,
                (None, Fate::Closed(outcome)) => Fate::Closed(outcome),
                // The mark that was in doubt is there.
                (None, Fate::Live { .. } | Fate::Damaged) => doubt.map_or(Fate::Damaged, Fate::Closed),
                (None, _) => Fate::Refused,
            };
        }
    }

    /// What is open came back, and what is closed says how.
    fn check_history(&self, recovery: &Recovery, came: &BTreeMap<u32, Fate>) {
        let open = recovery.history.iter().filter(|past| past.closing.is_none()).count();
        assert_eq!(open, came.len(), "the history has what came back");
        assert!(recovery.history.is_sorted_by_key(|past| past.sequence), "the history is in order");
        if self.flips == 0 {
            let is_dead = |known: &&Known| known.fate == DEAD || known.doubt == Some(Outcome::DeadLettered);
            let outcomes = recovery.history.iter().filter_map(|past| past.closing.map(|it| it.outcome));
            let found = outcomes.filter(|outcome| *outcome == Outcome::DeadLettered).count();
            let known = self.known.values().filter(is_dead).count();
            assert!(found <= known, "nothing is dead-lettered that was not");
        }
    }

    fn missing(&self, came: &BTreeMap<u32, Fate>) -> u64 {
        let promised = |known: &Known| matches!(known.fate, Fate::Live { .. }) && known.doubt.is_none();
        self.known.iter().filter(|(id, known)| promised(known) && !came.contains_key(id)).count() as u64
    }

    fn came_back(&self, kept: &KeptRecord, batch: Option<u64>, came: &mut BTreeMap<u32, Fate>, flipped: u64) {
        let read = kept.read().expect("what was found can be read");
        let id = super::id_of(&read);
        let known = &self.known[&id];
        assert_eq!(read, record(id, known.stream, known.payload_bytes), "a wrong record came back");
        let fate = Fate::Live { sequence: kept.sequence.0, batch };
        assert!(came.insert(id, fate).is_none(), "record {id} came back twice");
        match known.fate {
            Fate::Refused if flipped == 0 || (self.flips == 1 && !self.cut_short) => {
                panic!("record {id} was refused and came back")
            }
            Fate::Live { sequence, batch: sealed } => {
                assert_eq!(kept.sequence.0, sequence, "record {id} has its number");
                let may_differ = flipped > 0 || known.doubt.is_some();
                assert!(may_differ || sealed == batch, "record {id} was in {sealed:?}, now in {batch:?}");
            }
            Fate::Closed(outcome) => assert!(flipped > 0, "record {id} was {outcome:?} and came back"),
            Fate::Doubtful | Fate::Refused | Fate::Damaged => {}
        }
    }

    /// Everything can be stored, whatever happened before, and then there is room again.
    pub fn drain(&mut self) {
        for stream in 0..3 {
            self.commit(&[Action::Seal { stream }]);
        }
        while self.batch(0).is_some() {
            let outcomes = self.commit(&[Action::Close { pick: 0, outcome: Outcome::Stored }]);
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        }
        let appended = self.commit(&[Action::Append { stream: 0, payload_bytes: 600 }]);
        assert!(matches!(appended[..], [Ok(_)]), "{appended:?}");
        assert!(self.writer.live_bytes() <= 3 * small().segment_bytes, "segments were released");
    }
}

impl Known {
    fn batch(&self) -> Option<u64> {
        match self.fate {
            Fate::Live { batch, .. } => batch,
            _ => None,
        }
    }
}
