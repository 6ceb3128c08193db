//! The one thread that writes: it gathers what waits into a group, writes it, and answers everyone in it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::error::AppendError;
use super::frame::Draft;
use super::metrics::{Measures, RecoveryCounts};
use super::options::Options;
use super::record::{Mark, Sequence};
use super::ticket::{Answer, Fate};
use super::writer::Writer;

/// How long marks that could not be written wait for another attempt, if nothing else comes.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// Something to be written, and who waits for it.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) draft: Draft,
    pub(super) answer: oneshot::Sender<Answer>,
    pub(super) fate: Fate,
}

/// What other threads may look at.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) measures: Measures,
    pub(super) accounts: HashMap<Arc<[u8]>, u64>,
}

/// A record that is on disk although it was given up: it waits for the mark that says so.
#[derive(Debug)]
struct GivenUp {
    sequence: Sequence,
    answer: oneshot::Sender<Answer>,
}

#[derive(Debug)]
pub(super) struct Committer {
    pub(super) options: Options,
    pub(super) writer: Writer,
    pub(super) requests: Receiver<Request>,
    pub(super) shown: Arc<Mutex<Shown>>,
    given_up: Vec<GivenUp>,
}

impl Committer {
    pub(super) fn new(
        options: Options,
        writer: Writer,
        requests: Receiver<Request>,
        recovery: RecoveryCounts,
    ) -> Self {
        let shown = Arc::new(Mutex::new(Shown::default()));
        let mut committer = Self { options, writer, requests, shown, given_up: Vec::new() };
        committer.show();
        committer.shown.lock().measures.recovery = recovery;
        committer
    }

    /// Until nobody can ask any more; what was asked before is answered.
    pub(super) fn run(mut self) {
        while let Some(group) = self.gather() {
            self.commit(group);
            self.writer.tend();
        }
        self.commit(Vec::new());
    }

    /// Waits for the first request, then for others until the group is large enough or old enough.
    fn gather(&self) -> Option<Vec<Request>> {
        let first = if self.given_up.is_empty() {
            self.requests.recv().ok()?
        } else {
            match self.requests.recv_timeout(RETRY_AFTER) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => return Some(Vec::new()),
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        };
        let deadline = Instant::now() + self.options.group_wait;
        let mut bytes = first.draft.length();
        let mut group = vec![first];
        while bytes < self.options.group_bytes_max as u64 && group.len() < self.options.queue_records_max {
            let Ok(next) = self.requests.recv_deadline(deadline) else { break };
            bytes += next.draft.length();
            group.push(next);
        }
        Some(group)
    }

    /// Marks of what was given up come first: a seal in the same group counts without it.
    fn commit(&mut self, group: Vec<Request>) {
        let group = without_abandoned(group);
        let given_up = std::mem::take(&mut self.given_up);
        let mut drafts: Vec<_> =
            given_up.iter().map(|gone| Draft::of_mark(Mark::Abandoned(gone.sequence))).collect();
        let (mut answers, mut fates) = (Vec::new(), Vec::new());
        for Request { draft, answer, fate } in group {
            drafts.push(draft);
            answers.push(answer);
            fates.push(fate);
        }
        if drafts.is_empty() {
            return;
        }
        let mut outcomes = self.writer.commit(&drafts).into_iter();
        // Before the answers, so that who has one finds it counted.
        self.show();
        for (gone, outcome) in given_up.into_iter().zip(&mut outcomes) {
            self.answer_given_up(gone, outcome);
        }
        for ((answer, fate), outcome) in answers.into_iter().zip(fates).zip(outcomes) {
            self.answer(answer, &fate, outcome);
        }
        if !self.given_up.is_empty() && !self.writer.is_failed() {
            self.commit(Vec::new());
        }
    }

    fn answer(&mut self, answer: oneshot::Sender<Answer>, fate: &Fate, outcome: Answer) {
        match outcome {
            Ok(sequence) if !fate.answer() => self.given_up.push(GivenUp { sequence, answer }),
            // Whoever asked may have left.
            Err(error) if error != AppendError::Uncertain && fate.is_abandoned() => {
                let _ = answer.send(Err(AppendError::Abandoned));
            }
            outcome => drop(answer.send(outcome)),
        }
    }

    fn answer_given_up(&mut self, gone: GivenUp, outcome: Answer) {
        match outcome {
            Ok(_) => drop(gone.answer.send(Err(AppendError::Abandoned))),
            Err(_) if self.writer.is_failed() => drop(gone.answer.send(Err(AppendError::Uncertain))),
            Err(_) => self.given_up.push(gone),
        }
    }

    fn show(&mut self) {
        let writer = &mut self.writer;
        let mut shown = self.shown.lock();
        shown.measures = Measures {
            records: writer.ledger.records(),
            record_bytes: writer.ledger.bytes(),
            live_bytes: writer.live_bytes(),
            disk_bytes: writer.disk_bytes(),
            bytes_max: self.options.bytes_max,
            oldest: writer.ledger.oldest(),
            syncs: writer.syncs,
            sync_failures: writer.sync_failures,
            is_failed: writer.is_failed(),
            recovery: shown.measures.recovery,
        };
        shown.accounts.clone_from(writer.ledger.account_bytes());
    }
}

fn without_abandoned(group: Vec<Request>) -> Vec<Request> {
    let (abandoned, group): (Vec<_>, Vec<_>) =
        group.into_iter().partition(|request| request.fate.is_abandoned());
    for request in abandoned {
        let _ = request.answer.send(Err(AppendError::Abandoned));
    }
    group
}
