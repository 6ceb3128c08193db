//! `ResentWindow`: recognises a body that its tenant sends again, because the answer to the first did not reach it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::shared::Timestamp;

use super::IngestError;

/// Most bodies that are remembered, some 64 bytes each; beyond it the oldest are forgotten early.
pub const BODIES_MAX: usize = 1_000_000;

/// Hash of a body as received, with its tenant, signal and form. Keyed, so that nobody outside can make two alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyHash(pub u128);

/// How a request ended.
pub type Answer = Result<(), IngestError>;

/// Remembers bodies for a while. Shared.
#[derive(Debug)]
pub struct ResentWindow {
    /// Zero: nothing is remembered.
    span: Duration,
    bodies_max: usize,
    bodies: Mutex<Bodies>,
}

#[derive(Debug, Default)]
struct Bodies {
    known: HashMap<BodyHash, Known>,
    /// Oldest first.
    order: VecDeque<(Timestamp, BodyHash)>,
}

#[derive(Debug)]
struct Known {
    at: Timestamp,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Not answered yet; these wait for the same answer.
    Open(Vec<oneshot::Sender<Answer>>),
    Acknowledged,
}

/// Whether a body was seen before.
#[derive(Debug)]
pub enum Seen {
    /// It was not: whoever asks has to bring it in, and to settle the attempt.
    First(Attempt),
    /// It is on its way; its answer is this one's, too.
    OnItsWay(oneshot::Receiver<Answer>),
    Acknowledged,
}

impl ResentWindow {
    pub fn new(span: Duration) -> Arc<Self> {
        Self::with_room_for(span, BODIES_MAX)
    }

    fn with_room_for(span: Duration, bodies_max: usize) -> Arc<Self> {
        Arc::new(Self { span, bodies_max, bodies: Mutex::default() })
    }

    /// Asks whether this body was seen, and notes it.
    pub fn enter(self: &Arc<Self>, hash: BodyHash, now: Timestamp) -> Seen {
        let attempt =
            || Seen::First(Attempt { window: Arc::clone(self), hash, waiting: None, is_settled: false });
        if self.span.is_zero() {
            return attempt();
        }
        let mut bodies = self.bodies.lock();
        bodies.forget(now.minus(self.span), self.bodies_max);
        match bodies.known.get_mut(&hash).map(|known| &mut known.state) {
            Some(State::Acknowledged) => Seen::Acknowledged,
            Some(State::Open(waiting)) => {
                let (answer, receiver) = oneshot::channel();
                waiting.push(answer);
                Seen::OnItsWay(receiver)
            }
            None => {
                bodies.note(hash, now, State::Open(Vec::new()));
                attempt()
            }
        }
    }

    /// Notes a body that was acknowledged before this process began.
    pub fn remember(&self, hash: BodyHash, at: Timestamp) {
        if !self.span.is_zero() {
            let mut bodies = self.bodies.lock();
            bodies.note(hash, at, State::Acknowledged);
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

    fn settle(&self, hash: BodyHash, answer: Answer) {
        let mut bodies = self.bodies.lock();
        let waiting = match answer {
            Ok(()) => bodies
                .known
                .get_mut(&hash)
                .map(|known| std::mem::replace(&mut known.state, State::Acknowledged)),
            // Whoever sends it again has to be heard.
            Err(_) => bodies.known.remove(&hash).map(|known| known.state),
        };
        drop(bodies);
        if let Some(State::Open(waiting)) = waiting {
            // Those who left do not hear it.
            waiting.into_iter().for_each(|waiting| _ = waiting.send(answer));
        }
    }
}

impl Bodies {
    fn note(&mut self, hash: BodyHash, at: Timestamp, state: State) {
        if self.known.insert(hash, Known { at, state }).is_none_or(|before| before.at != at) {
            self.order.push_back((at, hash));
        }
    }

    /// What is older than `before`, and the oldest beyond the limit.
    fn forget(&mut self, before: Timestamp, bodies_max: usize) {
        while let Some((at, hash)) = self.order.front().copied() {
            if at >= before && self.order.len() <= bodies_max {
                break;
            }
            self.order.pop_front();
            // A body that failed and came again is in the order twice.
            if self.known.get(&hash).is_some_and(|known| known.at == at) {
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
            self.window.settle(self.hash, answer);
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
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(600);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_nanos(seconds * 1_000_000_000)
    }

    fn first(seen: Seen) -> Attempt {
        match seen {
            Seen::First(attempt) => attempt,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_body_that_was_acknowledged_is_known_until_the_window_has_passed() {
        let window = ResentWindow::new(SPAN);
        first(window.enter(BodyHash(1), at(0))).settle(Ok(()));
        assert!(matches!(window.enter(BodyHash(1), at(600)), Seen::Acknowledged));
        assert!(matches!(window.enter(BodyHash(2), at(600)), Seen::First(_)));
        first(window.enter(BodyHash(1), at(601))).settle(Ok(()));
        assert_eq!(window.len(), 1, "the second failed, the first came anew");
    }

    #[tokio::test]
    async fn whoever_sends_a_body_that_is_on_its_way_gets_its_answer() {
        let window = ResentWindow::new(SPAN);
        for (answer, is_known) in [(Ok(()), true), (Err(IngestError::JournalFull), false)] {
            let attempt = first(window.enter(BodyHash(1), at(0)));
            let Seen::OnItsWay(waiting) = window.enter(BodyHash(1), at(1)) else { panic!() };
            let Seen::OnItsWay(left) = window.enter(BodyHash(1), at(1)) else { panic!() };
            drop(left);
            attempt.settle(answer);
            assert_eq!(waiting.await, Ok(answer));
            assert_eq!(matches!(window.enter(BodyHash(1), at(2)), Seen::Acknowledged), is_known);
            window.settle(BodyHash(1), Err(IngestError::NotStored));
        }
    }

    #[test]
    fn a_body_that_failed_comes_as_if_for_the_first_time() {
        let window = ResentWindow::new(SPAN);
        drop(first(window.enter(BodyHash(1), at(0))));
        first(window.enter(BodyHash(1), at(300))).settle(Ok(()));
        assert!(matches!(window.enter(BodyHash(1), at(800)), Seen::Acknowledged), "counted from the second");
        assert!(matches!(window.enter(BodyHash(1), at(901)), Seen::First(_)));
    }

    #[test]
    fn a_window_of_no_length_knows_nobody() {
        let window = ResentWindow::new(Duration::ZERO);
        first(window.enter(BodyHash(1), at(0))).settle(Ok(()));
        window.remember(BodyHash(1), at(0));
        assert!(matches!(window.enter(BodyHash(1), at(0)), Seen::First(_)));
        assert!(window.is_empty());
    }

    #[test]
    fn the_oldest_are_forgotten_when_there_are_too_many() {
        let window = ResentWindow::with_room_for(SPAN, 3);
        for number in 0..5 {
            window.remember(BodyHash(number), at(0));
        }
        assert_eq!(window.len(), 3);
        assert!(matches!(window.enter(BodyHash(4), at(1)), Seen::Acknowledged));
        assert!(matches!(window.enter(BodyHash(1), at(1)), Seen::First(_)));
    }
}
