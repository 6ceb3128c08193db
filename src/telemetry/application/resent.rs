//! `ResentWindow`: recognises a body that its tenant sends again, because the answer to the first did not reach it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::shared::{Clock, Timestamp};
use crate::telemetry::domain::Findings;

use super::IngestError;

/// Most bodies that are remembered, some 80 bytes each; beyond it the oldest are forgotten early.
pub const BODIES_MAX: usize = 1_000_000;

/// Hash of a body as received, with its tenant, signal and form. Keyed, so that nobody outside can make two alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyHash(pub u128);

/// How a request ended.
pub type Answer = Result<(), IngestError>;

/// What its sender was to be told of a body: the same must be told again, whatever a second reading would find.
#[derive(Debug, Clone)]
pub enum Reading {
    /// Nothing was found wanting.
    Clean,
    Found(Arc<Findings>),
    /// It was acknowledged by a process before this one.
    Forgotten,
}

impl Reading {
    pub fn of(findings: &Findings) -> Self {
        let is_clean = findings.rejected_items() == 0 && findings.warnings().next().is_none();
        if is_clean { Self::Clean } else { Self::Found(Arc::new(findings.clone())) }
    }

    /// What to tell, where a second reading found this.
    pub fn instead_of(self, second: Findings) -> Findings {
        match self {
            Self::Clean => Findings::new(second.signal()),
            Self::Found(first) => Findings::clone(&first),
            Self::Forgotten => second,
        }
    }
}

/// Remembers bodies for a while after they were acknowledged, and for as long as they are not. Shared.
pub struct ResentWindow {
    /// Zero: nothing is remembered.
    span: Duration,
    bodies_max: usize,
    clock: Arc<dyn Clock>,
    bodies: Mutex<Bodies>,
}

#[derive(Debug, Default)]
struct Bodies {
    known: HashMap<BodyHash, Known>,
    /// Those that were acknowledged, oldest first.
    acknowledged: VecDeque<(Timestamp, BodyHash)>,
    /// Numbers attempts, so that one does not speak for another.
    attempts: u64,
}

#[derive(Debug)]
struct Known {
    reading: Reading,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not answered yet; these wait for the same answer.
    Open {
        attempt: u64,
        waiting: Vec<oneshot::Sender<Answer>>,
    },
    Acknowledged {
        at: Timestamp,
    },
}

/// Whether a body was seen before.
#[derive(Debug)]
pub enum Seen {
    /// It was not: whoever asks has to bring it in, and to settle the attempt.
    First(Attempt),
    /// It is on its way; its answer is this one's, too.
    OnItsWay(oneshot::Receiver<Answer>, Reading),
    Acknowledged(Reading),
}

impl fmt::Debug for ResentWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResentWindow")
            .field("span", &self.span)
            .field("bodies", &self.len())
            .finish_non_exhaustive()
    }
}

impl ResentWindow {
    pub fn new(span: Duration, clock: Arc<dyn Clock>) -> Arc<Self> {
        Self::with_room_for(span, clock, BODIES_MAX)
    }

    fn with_room_for(span: Duration, clock: Arc<dyn Clock>, bodies_max: usize) -> Arc<Self> {
        Arc::new(Self { span, bodies_max, clock, bodies: Mutex::default() })
    }

    /// Asks whether this body was seen, and notes it with what was found in it.
    pub fn enter(self: &Arc<Self>, hash: BodyHash, reading: impl FnOnce() -> Reading) -> Seen {
        let first = |number| {
            Seen::First(Attempt { window: Arc::clone(self), hash, number, waiting: None, is_settled: false })
        };
        if self.span.is_zero() {
            return first(0);
        }
        let mut bodies = self.bodies.lock();
        bodies.forget(self.clock.now().minus(self.span), self.bodies_max);
        if let Some(known) = bodies.known.get_mut(&hash) {
            let reading = known.reading.clone();
            return match &mut known.state {
                State::Acknowledged { .. } => Seen::Acknowledged(reading),
                State::Open { waiting, .. } => {
                    let (answer, receiver) = oneshot::channel();
                    waiting.push(answer);
                    Seen::OnItsWay(receiver, reading)
                }
            };
        }
        bodies.attempts += 1;
        let attempt = bodies.attempts;
        let state = State::Open { attempt, waiting: Vec::new() };
        bodies.known.insert(hash, Known { reading: reading(), state });
        first(attempt)
    }

    /// Notes a body that was acknowledged before this process began.
    pub fn remember(&self, hash: BodyHash, reading: Reading, at: Timestamp) {
        if !self.span.is_zero() {
            let mut bodies = self.bodies.lock();
            bodies.known.insert(hash, Known { reading, state: State::Acknowledged { at } });
            bodies.acknowledged.push_back((at, hash));
            bodies.forget(Timestamp::from_nanos(i64::MIN), self.bodies_max);
        }
    }

    /// How many bodies are remembered.
    pub fn len(&self) -> usize {
        self.bodies.lock().known.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn settle(&self, hash: BodyHash, number: u64, answer: Answer) {
        let mut bodies = self.bodies.lock();
        let is_mine = |known: &Known| matches!(known.state, State::Open { attempt, .. } if attempt == number);
        let Some(known) = bodies.known.remove(&hash).filter(is_mine) else { return };
        if answer.is_ok() {
            let at = self.clock.now();
            let state = State::Acknowledged { at };
            bodies.known.insert(hash, Known { reading: known.reading, state });
            bodies.acknowledged.push_back((at, hash));
        }
        drop(bodies);
        if let State::Open { waiting, .. } = known.state {
            // Those who left do not hear it.
            waiting.into_iter().for_each(|waiting| _ = waiting.send(answer));
        }
    }
}

impl Bodies {
    /// What was acknowledged before `before`, and the oldest beyond the limit.
    fn forget(&mut self, before: Timestamp, bodies_max: usize) {
        while let Some((at, hash)) = self.acknowledged.front().copied() {
            if at >= before && self.acknowledged.len() <= bodies_max {
                break;
            }
            self.acknowledged.pop_front();
            // A body that was remembered twice is in the order twice.
            let is_it =
                |known: &Known| matches!(known.state, State::Acknowledged { at: known } if known == at);
            if self.known.get(&hash).is_some_and(is_it) {
                self.known.remove(&hash);
            }
        }
    }
}

/// A body that is on its way for the first time. Dropped unsettled, it failed.
#[derive(Debug)]
#[must_use = "an attempt that is dropped has failed"]
pub struct Attempt {
    window: Arc<ResentWindow>,
    hash: BodyHash,
    number: u64,
    waiting: Option<oneshot::Sender<Answer>>,
    is_settled: bool,
}

impl Attempt {
    /// Has the attempt tell its own sender, too.
    pub fn awaited(mut self) -> (Self, oneshot::Receiver<Answer>) {
        let (answer, receiver) = oneshot::channel();
        self.waiting = Some(answer);
        (self, receiver)
    }

    /// Answers whoever waits for the same body. From now on it is known, or forgotten if it failed.
    pub fn settle(mut self, answer: Answer) {
        self.conclude(answer);
    }

    fn conclude(&mut self, answer: Answer) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        if !self.window.span.is_zero() {
            self.window.settle(self.hash, self.number, answer);
        }
        if let Some(waiting) = self.waiting.take() {
            // The sender may have left.
            let _ = waiting.send(answer);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.conclude(Err(IngestError::NotStored));
    }
}

#[cfg(test)]
mod tests;
