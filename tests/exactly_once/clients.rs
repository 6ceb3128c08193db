//! Clients as SDKs are: each sends one request after the other, and the same bytes again until they are acknowledged.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use telemetryflow::shared::Signal;

use super::requests::Numbers;
use super::{Listeners, Outcome, Request, Sender};
use crate::support::Server;

/// Two per signal.
const CLIENTS: usize = 6;
/// Between two requests of a client, so that the load stays the same on fast machines.
const PACE: Duration = Duration::from_millis(10);
/// Before the same bytes are sent again.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// A request that is not acknowledged within this time never will be.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(120);

/// A request that was acknowledged.
#[derive(Debug, Clone)]
pub struct Sent {
    pub signal: Signal,
    pub items: Range<u64>,
    /// How often its bytes were sent.
    pub attempts: u32,
}

/// Where the server is, for as long as there is one.
#[derive(Debug, Default)]
struct Address {
    current: Mutex<Option<Listeners>>,
    changed: Condvar,
}

impl Address {
    fn set(&self, address: Option<Listeners>) {
        *self.current.lock().expect("the address") = address;
        self.changed.notify_all();
    }

    /// Waits for one until the deadline.
    fn get(&self, deadline: Instant) -> Option<Listeners> {
        let left = deadline.saturating_duration_since(Instant::now());
        let current = self.current.lock().expect("the address");
        let waited = self.changed.wait_timeout_while(current, left, |current| current.is_none());
        *waited.expect("the address").0
    }
}

/// What the clients share.
#[derive(Debug, Default)]
struct Shared {
    address: Address,
    numbers: Numbers,
    stop: AtomicBool,
    acknowledged: AtomicU64,
    refused: AtomicU64,
    unanswered: AtomicU64,
}

/// Clients that send until they are told to finish.
#[derive(Debug)]
pub struct Clients {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<Sent>>>,
}

impl Clients {
    /// They wait for an address first, and for each answer at most for `patience`.
    pub fn start(patience: Duration) -> Self {
        Self::start_numbered(patience, 1)
    }

    /// The same, with items that are numbered from `first` on.
    pub fn start_numbered(patience: Duration, first: u64) -> Self {
        let shared = Arc::new(Shared { numbers: Numbers::beginning_at(first), ..Shared::default() });
        let client = |index: usize| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.send_until_stopped(index, patience))
        };
        let threads = (0..CLIENTS).map(client).collect();
        Self { shared, threads }
    }

    /// Where the server is from now on.
    pub fn send_to(&self, server: &Server) {
        self.shared.address.set(Some(Listeners::of(server)));
    }

    /// There is no server: its port may soon be somebody else's.
    pub fn hold(&self) {
        self.shared.address.set(None);
    }

    /// Requests that were acknowledged so far.
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::SeqCst)
    }

    /// Answers so far that were not 200.
    pub fn refused(&self) -> u64 {
        self.shared.refused.load(Ordering::SeqCst)
    }

    /// Requests so far whose answer did not come in time, or at all.
    pub fn unanswered(&self) -> u64 {
        self.shared.unanswered.load(Ordering::SeqCst)
    }

    /// Returns when everything that was sent is acknowledged.
    pub fn finish(&mut self) -> Vec<Sent> {
        self.shared.stop.store(true, Ordering::SeqCst);
        let sent = self.threads.drain(..).map(|thread| thread.join().expect("a client that succeeds"));
        sent.flatten().collect()
    }

    /// As [`Request::with_text`], with numbers that the clients do not use.
    pub fn request_with_text(&self, signal: Signal, text: &str) -> Request {
        Request::with_text(signal, &self.shared.numbers, text)
    }
}

impl Shared {
    fn send_until_stopped(&self, index: usize, patience: Duration) -> Vec<Sent> {
        let mut sender = Sender::new(patience);
        let mut sent = Vec::new();
        for signal in Signal::ALL.into_iter().cycle().skip(index) {
            if self.stop.load(Ordering::SeqCst) {
                break;
            }
            let request = Request::new(signal, &self.numbers);
            let attempts = self.send_until_taken(&mut sender, &request);
            self.acknowledged.fetch_add(1, Ordering::SeqCst);
            sent.push(Sent { signal, items: request.items, attempts });
            thread::sleep(PACE);
        }
        sent
    }

    /// How often it had to be sent.
    fn send_until_taken(&self, sender: &mut Sender, request: &Request) -> u32 {
        let deadline = Instant::now() + ACKNOWLEDGED_WITHIN;
        let mut attempts = 0;
        loop {
            let address = self.address.get(deadline).expect("a server");
            let outcome = sender.send(address, request);
            attempts += u32::from(outcome != Outcome::Nobody);
            match outcome {
                Outcome::Taken => return attempts,
                Outcome::Refused { status: 429 | 503, .. } => _ = self.refused.fetch_add(1, Ordering::SeqCst),
                Outcome::Refused { status, text, .. } => panic!("{status}: {text}"),
                Outcome::Unanswered => _ = self.unanswered.fetch_add(1, Ordering::SeqCst),
                Outcome::Nobody => {}
            }
            assert!(
                Instant::now() < deadline,
                "{:?} {:?} is never acknowledged",
                request.signal,
                request.items
            );
            thread::sleep(RETRY_PAUSE);
        }
    }
}
