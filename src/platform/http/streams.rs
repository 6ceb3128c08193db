//! What an HTTP/2 connection is doing and since when: the facts from which its deadline follows.
//!
//! Streams run in tasks of their own, so whoever watches the deadline is woken when it comes nearer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::task::Waker;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::watched_io::SocketWatch;
use super::{CloseReason, ConnectionLimits};

/// Noted by the socket and by the streams; read by whoever watches the deadline. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    last_read: Instant,
    /// The socket takes no more bytes since then.
    write_blocked: Option<Instant>,
    /// Answers of which a part is ready and cannot be sent: since when, and the stream's number.
    answers_waiting: BTreeSet<(Instant, u64)>,
    streams_begun: u64,
    watcher: Option<Waker>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// No request yet.
    Connected(Instant),
    /// Since the last stream ended.
    Idle(Instant),
    /// So many streams are open.
    Open(usize),
}

impl Streams {
    pub(super) fn connected(now: Instant) -> Self {
        let state = State {
            phase: Phase::Connected(now),
            last_read: now,
            write_blocked: None,
            answers_waiting: BTreeSet::new(),
            streams_begun: 0,
            watcher: None,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// When the connection is to be closed if nothing happens until then, and why; absent while the server is at work.
    /// Bytes alone win no time: they may be pings. `farewell`: when the client was asked to leave.
    pub(super) fn deadline(
        &self,
        limits: &ConnectionLimits,
        farewell: Option<Instant>,
        watcher: &Waker,
    ) -> Option<(Instant, CloseReason)> {
        let mut state = self.state.lock();
        if !state.watcher.as_ref().is_some_and(|known| known.will_wake(watcher)) {
            state.watcher = Some(watcher.clone());
        }
        let unused = match (state.phase, farewell) {
            (Phase::Connected(since), None) => {
                Some((since + limits.head_time_max, CloseReason::head_timeout))
            }
            (Phase::Idle(since), None) => Some((since + limits.idle_time_max, CloseReason::idle_timeout)),
            (Phase::Connected(since) | Phase::Idle(since), Some(asked)) => {
                Some((since.max(asked) + limits.linger_time_max, CloseReason::stopped))
            }
            (Phase::Open(_), _) => None,
        };
        let unsent = state.answers_waiting.first().map(|(since, _)| *since);
        let unread = [state.write_blocked, unsent].into_iter().flatten().min();
        let unread = unread.map(|since| (since + limits.write_stall_max, CloseReason::answer_unread));
        unused.into_iter().chain(unread).min_by_key(|(at, _)| *at)
    }

    /// No request has come yet.
    pub(super) fn is_unused(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Connected(_))
    }

    /// No stream is open.
    pub(super) fn is_idle(&self) -> bool {
        !matches!(self.state.lock().phase, Phase::Open(_))
    }

    /// When the last bytes came in, of whatever kind.
    pub(super) fn last_read(&self) -> Instant {
        self.state.lock().last_read
    }

    pub(super) fn begin(&self) -> OpenStream {
        let mut state = self.state.lock();
        state.phase = match state.phase {
            Phase::Open(streams) => Phase::Open(streams + 1),
            Phase::Connected(_) | Phase::Idle(_) => Phase::Open(1),
        };
        state.streams_begun += 1;
        OpenStream { number: state.streams_begun, waits: None, streams: self.clone() }
    }
}

impl State {
    fn end_stream(&mut self, now: Instant) {
        self.phase = match self.phase {
            Phase::Open(streams @ 2..) => Phase::Open(streams - 1),
            _ => Phase::Idle(now),
        };
        if matches!(self.phase, Phase::Idle(_)) {
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(watcher) = self.watcher.take() {
            watcher.wake();
        }
    }
}

impl SocketWatch for Streams {
    fn bytes_read(&self, now: Instant) {
        self.state.lock().last_read = now;
    }

    fn write_blocked(&self, now: Instant) {
        self.state.lock().write_blocked.get_or_insert(now);
    }

    fn bytes_written(&self) {
        self.state.lock().write_blocked = None;
    }
}

/// A request in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream {
    number: u64,
    waits: Option<Instant>,
    streams: Streams,
}

impl OpenStream {
    /// A part of the answer is ready; the client has to make room for it.
    pub(super) fn answer_waits(&mut self, now: Instant) {
        self.answer_taken();
        self.waits = Some(now);
        let mut state = self.streams.state.lock();
        state.answers_waiting.insert((now, self.number));
        if state.answers_waiting.len() == 1 {
            state.wake();
        }
    }

    /// What was ready has been taken.
    pub(super) fn answer_taken(&mut self) {
        if let Some(since) = self.waits.take() {
            self.streams.state.lock().answers_waiting.remove(&(since, self.number));
        }
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.answer_taken();
        self.streams.state.lock().end_stream(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;
    use std::time::Duration;

    use super::*;

    #[derive(Default)]
    struct Wakes(AtomicUsize);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn after(start: Instant, streams: &Streams, farewell: Option<Instant>) -> Option<(u64, CloseReason)> {
        let deadline = streams.deadline(&ConnectionLimits::default(), farewell, Waker::noop());
        deadline.map(|(at, reason)| ((at - start).as_secs(), reason))
    }

    #[test]
    fn the_deadline_follows_what_the_connection_does() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let streams = Streams::connected(start);
        assert!(streams.is_unused() && streams.is_idle());
        streams.bytes_read(at(3));
        assert_eq!(after(start, &streams, None), Some((10, CloseReason::head_timeout)), "bytes win no time");
        let (first, mut second) = (streams.begin(), streams.begin());
        assert!(!streams.is_unused() && !streams.is_idle());
        assert_eq!(after(start, &streams, None), None, "handlers are at work");
        drop(first);
        assert_eq!(after(start, &streams, None), None, "one of them still is");
        second.answer_waits(at(5));
        assert_eq!(after(start, &streams, None), Some((35, CloseReason::answer_unread)));
        second.answer_taken();
        assert_eq!(after(start, &streams, None), None);
        second.answer_waits(at(7));
        drop(second);
        assert!(streams.is_idle());
        assert_eq!(after(start, &streams, None), Some((120, CloseReason::idle_timeout)), "since just now");
        assert_eq!(after(start, &streams, Some(at(20))), Some((25, CloseReason::stopped)));
        streams.write_blocked(at(10));
        streams.write_blocked(at(20));
        assert_eq!(after(start, &streams, None), Some((40, CloseReason::answer_unread)));
        streams.bytes_written();
        assert_eq!(after(start, &streams, None), Some((120, CloseReason::idle_timeout)));
    }

    #[test]
    fn whoever_watches_is_woken_when_the_deadline_comes_nearer() {
        let wakes = Arc::new(Wakes::default());
        let waker = Waker::from(Arc::clone(&wakes));
        let streams = Streams::connected(Instant::now());
        let woken = || {
            streams.deadline(&ConnectionLimits::default(), None, &waker);
            wakes.0.load(Ordering::SeqCst)
        };
        let (first, mut second) = (streams.begin(), streams.begin());
        assert_eq!(woken(), 0);
        drop(first);
        assert_eq!(woken(), 0, "another stream is open");
        second.answer_waits(Instant::now());
        assert_eq!(woken(), 1);
        drop(second);
        assert_eq!(woken(), 2);
    }
}
