//! `Canceller`: ends queries that nobody waits for, on a thread and a connection of its own.
//!
//! The engine ends a query with its next block: 10 to 150 ms after it was asked (aggregations and sorts over billions of
//! rows; one long expression over one block is finished first).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::super::{CancelToken, parameters};
use super::ffi::Connection;

const KILL_QUERY: &str = include_str!("../../../../clickhouse/platform/kill_query.sql");

/// How soon a query that goes on is asked again, since it may not have begun when it was asked first; then twice that, and so
/// on to the longest.
const ASK_AGAIN: Duration = Duration::from_millis(20);
const ASK_AGAIN_MAX: Duration = Duration::from_secs(1);

/// Knows the queries that run and can be cancelled: no more than there are connections.
#[derive(Debug)]
pub struct Canceller {
    running: Arc<Running>,
    thread: Option<JoinHandle<()>>,
    marks: AtomicU64,
}

#[derive(Debug, Default)]
struct Running {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    queries: Vec<(u64, CancelToken)>,
    closing: Option<Closing>,
}

/// The store is going away.
#[derive(Debug, Clone, Copy)]
struct Closing;

impl Canceller {
    pub fn start(connection: Connection) -> std::io::Result<Self> {
        let running = Arc::<Running>::default();
        let watched = Arc::clone(&running);
        let thread = thread::Builder::new().name("query canceller".to_owned());
        let thread = Some(thread.spawn(move || watched.kill_what_is_cancelled(connection))?);
        Ok(Self { running, thread, marks: AtomicU64::new(0) })
    }

    /// Runs a query, whose text has to begin with the mark that it is given.
    pub fn watch<T>(&self, cancel: &CancelToken, query: impl FnOnce(&str) -> T) -> T {
        let number = self.marks.fetch_add(1, Ordering::Relaxed);
        self.running.state.lock().queries.push((number, cancel.clone()));
        let watched = Watched { running: &self.running, number };
        let running = Arc::clone(&self.running);
        cancel.on_cancel(move || running.notice());
        let done = query(&mark(number));
        drop(watched);
        done
    }
}

/// No number is a part of another one, and no text from outside stands at the beginning of a statement.
fn mark(number: u64) -> String {
    format!("/* query {number} */ ")
}

impl Running {
    /// The lock makes sure that the thread does not look away just now.
    fn notice(&self) {
        let _looking = self.state.lock();
        self.changed.notify_one();
    }

    fn kill_what_is_cancelled(&self, mut connection: Connection) {
        let mut pause = ASK_AGAIN;
        let mut state = self.state.lock();
        while state.closing.is_none() {
            let cancelled: Vec<u64> = state.cancelled().collect();
            if cancelled.is_empty() {
                pause = ASK_AGAIN;
                self.changed.wait(&mut state);
                continue;
            }
            drop(state);
            for number in cancelled {
                let bound = [parameters::text("mark", &mark(number))];
                if let Err(refusal) = connection.query(KILL_QUERY, "Null", &bound) {
                    tracing::warn!(reason = refusal.0, "a query cannot be cancelled; it ends by itself");
                }
            }
            state = self.state.lock();
            if state.closing.is_none() && state.cancelled().next().is_some() {
                self.changed.wait_for(&mut state, pause);
                pause = ASK_AGAIN_MAX.min(pause * 2);
            }
        }
    }
}

impl State {
    fn cancelled(&self) -> impl Iterator<Item = u64> {
        self.queries.iter().filter(|(_, token)| token.is_cancelled()).map(|(number, _)| *number)
    }
}

/// A query that runs; forgotten also when the work with it panics.
struct Watched<'a> {
    running: &'a Running,
    number: u64,
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.running.state.lock().queries.retain(|(number, _)| *number != self.number);
    }
}

impl Drop for Canceller {
    fn drop(&mut self) {
        self.running.state.lock().closing = Some(Closing);
        self.running.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
