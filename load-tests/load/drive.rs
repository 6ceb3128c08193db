//! Closed loop: each connection sends when it was answered. Open loop: requests are due on a schedule, and latency counts
//! from when a request was due, so a server that stalls cannot hide the requests that waited behind the stall.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::arguments::Arguments;
use crate::body::{Body, Moment};
use crate::client::Client;
use crate::payload::Payload;
use crate::tally::Tally;

/// After a failure a sender waits, so that a server which is down is not hammered.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(10);
/// So long after the end an open loop still sends what was due before it: a hiccup in the last moment is latency, not loss.
const GRACE: Duration = Duration::from_secs(1);

/// What a run was.
#[derive(Debug)]
pub struct Outcome {
    pub tally: Tally,
    pub elapsed: Duration,
    /// Requests that were due and never sent, in an open loop whose connections were all busy.
    pub unsent: u64,
}

/// What all senders share.
#[derive(Debug)]
struct Run {
    started: Instant,
    start_nanos: u64,
    ends: Instant,
    requests_max: u64,
    next: AtomicU64,
    schedule: Option<Schedule>,
}

#[derive(Debug)]
struct Schedule {
    period: Duration,
    /// A permit for each request that is due and not yet sent.
    due: Semaphore,
}

/// A request to be sent: its number and when its latency begins.
#[derive(Debug)]
struct Ticket {
    number: u64,
    begins: Instant,
}

pub async fn drive(arguments: &Arguments) -> Result<Outcome> {
    let start_nanos = wall_clock_nanos();
    let body = Body::new(arguments)?;
    let payload = Payload::new(body, arguments.compression, start_nanos)?;
    let run = Arc::new(Run::begin(arguments, start_nanos));
    let mut senders = JoinSet::new();
    for _ in 0..arguments.connections {
        let client = Client::new(arguments);
        senders.spawn(send(Arc::clone(&run), client, payload.clone()));
    }
    let pacer = run.schedule.is_some().then(|| {
        let run = Arc::clone(&run);
        thread::Builder::new().name("pacer".to_owned()).spawn(move || run.pace())
    });
    let tally = sum(senders).await?;
    let elapsed = run.started.elapsed();
    let paced =
        pacer.transpose()?.map(|thread| thread.join().ok().context("the pacer panicked")).transpose()?;
    let unsent = paced.map_or(0, |due| due.saturating_sub(tally.requests));
    Ok(Outcome { tally, elapsed, unsent })
}

async fn sum(mut senders: JoinSet<Result<Tally>>) -> Result<Tally> {
    let mut tally = Tally::new()?;
    while let Some(ended) = senders.join_next().await {
        tally.add(&ended??)?;
    }
    Ok(tally)
}

async fn send(run: Arc<Run>, mut client: Client, mut payload: Payload) -> Result<Tally> {
    let mut tally = Tally::new()?;
    let items = payload.items();
    while let Some(ticket) = run.ticket().await {
        let moment = Moment { now_nanos: run.now_nanos(), run_start_nanos: run.start_nanos };
        let outcome = client.post(payload.next(ticket.number, moment)).await;
        tally.count(items, outcome, ticket.begins.elapsed());
        if outcome.is_err() {
            tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
        }
    }
    Ok(tally)
}

impl Run {
    fn begin(arguments: &Arguments, start_nanos: u64) -> Self {
        let started = Instant::now();
        let schedule = arguments.period().map(|period| Schedule { period, due: Semaphore::new(0) });
        Self {
            started,
            start_nanos,
            ends: started + Duration::from_secs(arguments.seconds),
            requests_max: arguments.requests,
            next: AtomicU64::new(0),
            schedule,
        }
    }

    /// The next request to send, when it is due; none when the run is over.
    async fn ticket(&self) -> Option<Ticket> {
        if let Some(schedule) = &self.schedule {
            // The pacer closes the semaphore at the end.
            schedule.due.acquire().await.ok()?.forget();
        }
        if Instant::now() >= self.sends_until() {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.requests_max {
            return None;
        }
        let begins =
            self.schedule.as_ref().map_or_else(Instant::now, |schedule| self.due_at(schedule, number));
        Some(Ticket { number, begins })
    }

    fn sends_until(&self) -> Instant {
        if self.schedule.is_some() { self.ends + GRACE } else { self.ends }
    }

    fn due_at(&self, schedule: &Schedule, number: u64) -> Instant {
        let nanos = u64::try_from(schedule.period.as_nanos()).unwrap_or(u64::MAX).saturating_mul(number);
        self.started + Duration::from_nanos(nanos)
    }

    /// Makes requests due, until the end of the run; returns how many. A thread of its own sleeps more exactly than the
    /// runtime's timer, which counts in milliseconds.
    fn pace(&self) -> u64 {
        let Some(schedule) = &self.schedule else { return 0 };
        let mut released = 0;
        while released < self.requests_max {
            let due_at = self.due_at(schedule, released);
            if due_at >= self.ends {
                break;
            }
            thread::sleep(due_at.saturating_duration_since(Instant::now()));
            schedule.due.add_permits(1);
            released += 1;
        }
        // Whoever is still busy finds out by the clock, or by the count.
        while self.next.load(Ordering::Relaxed) < released && Instant::now() < self.sends_until() {
            thread::sleep(Duration::from_millis(1));
        }
        schedule.due.close();
        released
    }

    fn now_nanos(&self) -> u64 {
        self.start_nanos + u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[expect(clippy::disallowed_methods, reason = "items carry the time at which they are sent")]
fn wall_clock_nanos() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}
