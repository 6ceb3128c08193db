//! The one thread that writes: it gathers what waits into a group, writes it, and answers everyone in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::error::AppendError;
use super::frame::Draft;
use super::inbox::Groups;
use super::metrics::{Measures, RecoveryCounts};
use super::options::Options;
use super::record::Sequence;
use super::ticket::{Then, Written};
use super::writer::Writer;

/// Something to be written, and what then.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) draft: Draft,
    pub(super) then: Then,
}

/// What other threads may look at.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) measures: Measures,
    pub(super) accounts: HashMap<Arc<[u8]>, u64>,
}

#[derive(Debug)]
pub(super) struct Committer {
    pub(super) options: Options,
    pub(super) writer: Writer,
    pub(super) groups: Groups,
    pub(super) shown: Arc<Mutex<Shown>>,
    release_floor: Arc<AtomicU64>,
    lacks_space: bool,
}

impl Committer {
    pub(super) fn new(
        options: Options,
        writer: Writer,
        groups: Groups,
        release_floor: Arc<AtomicU64>,
        recovery: RecoveryCounts,
    ) -> Self {
        let shown = Arc::new(Mutex::new(Shown::default()));
        let mut committer = Self { options, writer, groups, shown, release_floor, lacks_space: false };
        committer.show();
        committer.shown.lock().measures.recovery = recovery;
        committer
    }

    /// Until nobody can ask any more; what was asked before is answered.
    pub(super) fn run(mut self) {
        while let Some(group) = self.groups.take(self.options.group_wait) {
            self.commit(group);
            self.writer.tend();
        }
    }

    fn commit(&mut self, group: Vec<Request>) {
        let (drafts, thens): (Vec<_>, Vec<_>) =
            group.into_iter().map(|request| (request.draft, request.then)).unzip();
        self.writer.release_floor = self.release_floor.load(Ordering::Relaxed);
        let outcomes = self.writer.commit(&drafts);
        self.note_space(&drafts, &outcomes);
        // Before the answers, so that who has one finds it counted.
        self.show();
        for (then, outcome) in thens.into_iter().zip(outcomes) {
            match then {
                Then::Record(then) => then(outcome.and_then(|sequence| self.written(sequence))),
                Then::Mark(then) => then(outcome),
            }
        }
    }

    /// Whether the disk has space is seen by the last record of the group; without one it is tried.
    fn note_space(&mut self, drafts: &[Draft], outcomes: &[Result<Sequence, AppendError>]) {
        let last = drafts.iter().zip(outcomes).rfind(|(draft, _)| draft.is_record());
        self.lacks_space = match last {
            Some((_, outcome)) => *outcome == Err(AppendError::NoSpace),
            None => self.lacks_space && self.writer.lacks_space(),
        };
    }

    fn written(&self, sequence: Sequence) -> Result<Written, AppendError> {
        let kept = self.writer.kept(sequence).ok_or(AppendError::Failed)?;
        Ok(Written { sequence, kept })
    }

    fn show(&mut self) {
        let writer = &mut self.writer;
        let mut shown = self.shown.lock();
        shown.measures = Measures {
            records: writer.ledger.records(),
            record_bytes: writer.ledger.bytes(),
            live_bytes: writer.live_bytes(),
            held_segments: writer.held_segments,
            disk_bytes: writer.disk_bytes(),
            bytes_max: self.options.bytes_max,
            oldest: writer.ledger.oldest(),
            syncs: writer.syncs,
            seals: writer.seals,
            sync_failures: writer.sync_failures,
            is_full: self.lacks_space || !writer.has_room(),
            is_failed: writer.is_failed(),
            recovery: shown.measures.recovery,
        };
        shown.accounts.clone_from(writer.ledger.account_bytes());
    }
}
