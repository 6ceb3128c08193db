//! What a connection is doing and since when: the facts from which its deadline follows.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::watched_io::SocketWatch;
use super::{CloseReason, ConnectionLimits};

/// Noted by the socket, the request's body and the answer; read by whoever watches the deadline. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Activity {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// The socket takes no more bytes since then.
    write_blocked: Option<Instant>,
    last_body: LastBody,
}

/// What became of the last request's body.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum LastBody {
    Read,
    /// Not read to its end: the client may still be sending.
    Unread,
    /// Ended by the client or by an error in its framing.
    Broken,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// No request yet.
    Connected(Instant),
    /// Since the last answer.
    Idle(Instant),
    /// Since the first byte of a request that is not the connection's first.
    Head(Instant),
    /// A handler runs and has not seen the end of the body.
    Receiving { reading: Option<Reading> },
    /// A handler runs, or its answer is being sent; `ahead` if bytes of a further request came in by then.
    Answering { ahead: Ahead },
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Reading {
    began: Instant,
    /// Waits for a byte since then; absent while the handler is busy with what it has.
    waits: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Ahead {
    Nothing,
    Bytes,
}

impl Activity {
    pub(super) fn connected(now: Instant) -> Self {
        let state = State { phase: Phase::Connected(now), write_blocked: None, last_body: LastBody::Read };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// When the connection is to be closed if nothing happens until then, and why; absent while the server is at work.
    pub(super) fn deadline(&self, limits: &ConnectionLimits) -> Option<(Instant, CloseReason)> {
        let state = self.state.lock();
        let written =
            state.write_blocked.map(|since| (since + limits.write_stall_max, CloseReason::answer_unread));
        state.phase.deadline(limits).into_iter().chain(written).min_by_key(|(at, _)| *at)
    }

    /// Neither a request nor a part of one is there.
    pub(super) fn is_idle(&self) -> bool {
        let state = self.state.lock();
        matches!(state.phase, Phase::Connected(_) | Phase::Idle(_)) && state.write_blocked.is_none()
    }

    pub(super) fn last_body(&self) -> LastBody {
        self.state.lock().last_body
    }

    pub(super) fn request_began(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Receiving { reading: None };
        state.last_body = LastBody::Unread;
    }

    /// The handler wants more of the body and has to wait for it.
    pub(super) fn body_awaited(&self, now: Instant) {
        if let Phase::Receiving { reading } = &mut self.state.lock().phase {
            reading.get_or_insert(Reading { began: now, waits: None }).waits.get_or_insert(now);
        }
    }

    /// The handler got a part of the body.
    pub(super) fn body_arrived(&self) {
        if let Phase::Receiving { reading: Some(reading) } = &mut self.state.lock().phase {
            reading.waits = None;
        }
    }

    pub(super) fn body_ended(&self) {
        let mut state = self.state.lock();
        state.last_body = LastBody::Read;
        state.stop_receiving();
    }

    pub(super) fn body_broke(&self) {
        let mut state = self.state.lock();
        state.last_body = LastBody::Broken;
        state.stop_receiving();
    }

    pub(super) fn body_abandoned(&self) {
        self.state.lock().stop_receiving();
    }

    /// The answer's last byte was handed over (it may still have to be written).
    pub(super) fn answer_ended(&self, now: Instant) {
        let phase = &mut self.state.lock().phase;
        *phase = match phase {
            Phase::Answering { ahead: Ahead::Bytes } => Phase::Head(now),
            _ => Phase::Idle(now),
        };
    }
}

impl SocketWatch for Activity {
    fn bytes_read(&self, now: Instant) {
        let phase = &mut self.state.lock().phase;
        match phase {
            Phase::Idle(_) => *phase = Phase::Head(now),
            Phase::Receiving { reading: Some(Reading { waits: Some(since), .. }) } => *since = now,
            Phase::Answering { ahead } => *ahead = Ahead::Bytes,
            Phase::Connected(_) | Phase::Head(_) | Phase::Receiving { .. } => {}
        }
    }

    fn write_blocked(&self, now: Instant) {
        self.state.lock().write_blocked.get_or_insert(now);
    }

    fn bytes_written(&self) {
        self.state.lock().write_blocked = None;
    }
}

impl State {
    fn stop_receiving(&mut self) {
        if matches!(self.phase, Phase::Receiving { .. }) {
            self.phase = Phase::Answering { ahead: Ahead::Nothing };
        }
    }
}

impl Phase {
    fn deadline(self, limits: &ConnectionLimits) -> Option<(Instant, CloseReason)> {
        match self {
            Self::Connected(since) | Self::Head(since) => {
                Some((since + limits.head_time_max, CloseReason::head_timeout))
            }
            Self::Idle(since) => Some((since + limits.idle_time_max, CloseReason::idle_timeout)),
            Self::Receiving { reading: Some(Reading { began, waits: Some(waits) }) } => {
                let stalled = (waits + limits.body_stall_max, CloseReason::body_stalled);
                let slow = (began + limits.body_time_max, CloseReason::body_timeout);
                Some(if stalled.0 <= slow.0 { stalled } else { slow })
            }
            Self::Receiving { .. } | Self::Answering { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(start: Instant, activity: &Activity) -> Option<(u64, CloseReason)> {
        let limits = ConnectionLimits::default();
        activity.deadline(&limits).map(|(at, reason)| ((at - start).as_secs(), reason))
    }

    #[test]
    fn the_deadline_follows_what_the_connection_does() {
        let start = Instant::now();
        let at = |seconds: u32| start + SECOND * seconds;
        let activity = Activity::connected(start);
        activity.bytes_read(at(3));
        assert_eq!(after(start, &activity), Some((10, CloseReason::head_timeout)), "bytes win no time");
        activity.request_began();
        assert_eq!(after(start, &activity), None, "nobody waits for the body yet");
        activity.body_awaited(at(100));
        assert_eq!(after(start, &activity), Some((110, CloseReason::body_stalled)));
        activity.bytes_read(at(105));
        assert_eq!(after(start, &activity), Some((115, CloseReason::body_stalled)));
        activity.body_arrived();
        assert_eq!(after(start, &activity), None, "the handler is busy");
        activity.body_awaited(at(155));
        assert_eq!(after(start, &activity), Some((160, CloseReason::body_timeout)));
        activity.body_ended();
        assert_eq!(after(start, &activity), None, "the handler is at work");
        activity.write_blocked(at(200));
        activity.write_blocked(at(220));
        assert_eq!(after(start, &activity), Some((230, CloseReason::answer_unread)));
        activity.bytes_written();
        activity.answer_ended(at(300));
        assert_eq!(after(start, &activity), Some((420, CloseReason::idle_timeout)));
        activity.bytes_read(at(400));
        activity.bytes_read(at(405));
        assert_eq!(after(start, &activity), Some((410, CloseReason::head_timeout)));
    }

    #[test]
    fn a_further_request_that_came_early_has_its_time_counted_from_the_answer() {
        let start = Instant::now();
        let activity = Activity::connected(start);
        activity.request_began();
        activity.body_ended();
        activity.bytes_read(start);
        activity.answer_ended(start + SECOND);
        assert_eq!(after(start, &activity), Some((11, CloseReason::head_timeout)));
    }

    #[test]
    fn only_a_body_that_was_not_read_to_its_end_is_unread() {
        let activity = Activity::connected(Instant::now());
        assert!(activity.is_idle());
        activity.request_began();
        activity.body_abandoned();
        assert!(!activity.is_idle());
        assert_eq!(activity.last_body(), LastBody::Unread);
        activity.request_began();
        activity.body_ended();
        assert_eq!(activity.last_body(), LastBody::Read);
    }
}
