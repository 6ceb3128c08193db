//! `Insertion`: one block into one table, tried until there is a definite answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::platform::clickhouse::{Insert, Store, StoreError, StoreErrorKind};
use crate::platform::resilience::CircuitBreaker;
use crate::telemetry::application::IngestCounters;

use super::parts_pressure::PartsPressure;
use super::presence;
use super::stall::Stall;

/// First and longest pause between attempts.
const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How often a batch that passes a limit of the store is tried as it is: others may have used up the memory. About a minute.
const LIMIT_ATTEMPTS_MAX: u32 = 20;
/// How often a pause looks whether there is time left at all.
const PAUSE_STEP: Duration = Duration::from_millis(100);

/// What all inserters share towards the store.
#[derive(Debug)]
pub struct Insertion {
    pub store: Arc<dyn Store>,
    pub breaker: Arc<CircuitBreaker>,
    pub pressure: PartsPressure,
    pub stall: Arc<Stall>,
    pub counters: IngestCounters,
    /// Names this run of the process.
    pub run: Arc<str>,
    /// Cancelled when there is no more time to try again.
    pub give_up: CancellationToken,
}

/// What is known of a block before its first insert by this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum History {
    New,
    /// A process before this one may have begun to insert it.
    PerhapsTried,
}

/// Why a block is not in the store.
#[derive(Debug)]
pub enum InsertError {
    /// The process ends before the store answered.
    GivenUp,
    /// The store will never take it.
    Refused(StoreError),
}

impl Insertion {
    /// The same rows with the same token until the store took them or refused them for good. Rows that were tried before are
    /// looked for then: see `presence`.
    pub fn insert(&self, insert: &Insert<'_>, history: History) -> Result<(), InsertError> {
        let attempts = self.insert_until_answered(insert)?;
        if attempts > 1 || history == History::PerhapsTried {
            self.make_sure(insert)?;
        }
        Ok(())
    }

    /// Inserts what is not there under a token of its own, once.
    fn make_sure(&self, insert: &Insert<'_>) -> Result<(), InsertError> {
        let Insert { table, token, batch } = *insert;
        let rows = loop {
            match presence::missing(&*self.store, table, batch) {
                Ok(None) => return Ok(()),
                Ok(Some(rows)) => break rows,
                Err(error) => {
                    tracing::warn!(token, %error, "it cannot be told whether a block is in the store");
                    self.wait(RETRY_MAX)?;
                }
            }
        };
        let rest = token.strip_suffix(table).unwrap_or(token);
        let token = format!("{rest}again-{}/{table}", self.run);
        tracing::warn!(token, rows = rows.num_rows(), "the store knows a block's token and has not its rows");
        self.insert_until_answered(&Insert { table, token: &token, batch: &rows }).map(|_| ())
    }

    /// Returns how often it was tried.
    fn insert_until_answered(&self, insert: &Insert<'_>) -> Result<u32, InsertError> {
        let started = Instant::now();
        let mut stalled = None;
        let mut pause = RETRY_FIRST;
        for attempt in 1_u32.. {
            self.wait(self.pressure.pause(Instant::now()))?;
            match self.try_once(insert) {
                Attempt::Stored => return Ok(attempt),
                Attempt::Failed(error) if is_final(&error, attempt) => {
                    return Err(InsertError::Refused(error));
                }
                Attempt::Failed(error) => {
                    tracing::warn!(
                        token = insert.token,
                        %error,
                        retry_ms = pause.as_millis(),
                        "an insert failed and is tried again"
                    );
                    self.counters.insert_retried();
                    self.wait(pause)?;
                    pause = (pause * 2).min(RETRY_MAX);
                }
                // The breaker's own pause.
                Attempt::NotNow(until) => self.wait(until.saturating_duration_since(Instant::now()))?,
            }
            if started.elapsed() > Stall::AFTER {
                stalled.get_or_insert_with(|| self.stall.begin());
            }
        }
        Err(InsertError::GivenUp)
    }

    fn try_once(&self, insert: &Insert<'_>) -> Attempt {
        let permit = match self.breaker.try_begin(Instant::now()) {
            Ok(permit) => permit,
            // At least a little, so that nobody spins while somebody else probes.
            Err(open) => return Attempt::NotNow(open.until.max(Instant::now() + RETRY_FIRST)),
        };
        let began = Instant::now();
        match self.store.insert(insert) {
            Ok(()) => {
                self.counters.inserted(began.elapsed());
                permit.succeeded(Instant::now());
                Attempt::Stored
            }
            Err(error) => {
                match error.kind {
                    StoreErrorKind::Unavailable
                    | StoreErrorKind::Unprepared
                    | StoreErrorKind::Cancelled
                    | StoreErrorKind::Unknown => {
                        permit.failed(Instant::now());
                    }
                    // It answered: what is wrong is the batch.
                    StoreErrorKind::Limit
                    | StoreErrorKind::Refused
                    | StoreErrorKind::Value
                    | StoreErrorKind::Answer => permit.succeeded(Instant::now()),
                }
                Attempt::Failed(error)
            }
        }
    }

    /// Ends early, and with an error, when there is no more time.
    pub fn wait(&self, pause: Duration) -> Result<(), InsertError> {
        let until = Instant::now() + pause;
        loop {
            if self.give_up.is_cancelled() {
                return Err(InsertError::GivenUp);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::park_timeout(left.min(PAUSE_STEP));
        }
    }
}

enum Attempt {
    Stored,
    Failed(StoreError),
    NotNow(Instant),
}

/// What can pass is tried until it does; so is what nobody knows, since it may be stored already and must not be split. What is
/// too large for the store is tried for a while, then in pieces.
fn is_final(error: &StoreError, attempt: u32) -> bool {
    match error.kind {
        StoreErrorKind::Unavailable
        | StoreErrorKind::Unprepared
        | StoreErrorKind::Cancelled
        | StoreErrorKind::Unknown
        | StoreErrorKind::Answer => false,
        StoreErrorKind::Limit => attempt >= LIMIT_ATTEMPTS_MAX,
        StoreErrorKind::Refused | StoreErrorKind::Value => true,
    }
}
