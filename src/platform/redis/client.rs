//! `RedisClient`: operations that take their time limit, or none at all.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::{Client, ErrorKind, FromRedisValue, RedisError};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::connection::{self, RedisOptions, SetupError};
use super::counters::{Operation, Outcome, RedisCounters};
use crate::platform::resilience::{BreakerOptions, BreakerState, CircuitBreaker};

/// No operation is waited for longer.
pub const OPERATION_TIME_MAX: Duration = Duration::from_millis(50);
/// Redis is found again soon after it is back: probes cost nobody but background tasks anything.
const BREAKER_PAUSE_MAX: Duration = Duration::from_secs(2);

/// Whose time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Somebody waits for an answer: only while Redis is well.
    Request,
    /// Nobody waits: may also find out whether Redis is back.
    Background,
}

/// Why there is no answer. Nothing that Redis said is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("there is no connection")]
    Away,
    #[error("it failed repeatedly and is left alone for a while")]
    Skipped,
    #[error("it took too long")]
    Slow,
    #[error("Redis refused")]
    Refused,
    #[error("the connection broke, or the answer makes no sense")]
    Broken,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct RedisClient(Arc<Inner>);

struct Inner {
    opener: Client,
    prefix: String,
    live: RwLock<Option<Live>>,
    lost: Notify,
    breaker: CircuitBreaker,
    counters: RedisCounters,
    /// Whether it was said already that there is no connection.
    complained: std::sync::atomic::AtomicBool,
}

#[derive(Clone)]
struct Live {
    number: u64,
    connection: MultiplexedConnection,
}

impl fmt::Debug for RedisClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisClient").field("prefix", &self.0.prefix).finish_non_exhaustive()
    }
}

impl RedisClient {
    /// Does not connect yet: see [`Self::keep_connected`].
    pub fn new(options: &RedisOptions, counters: RedisCounters) -> Result<Self, SetupError> {
        let breaker = BreakerOptions { pause_max: BREAKER_PAUSE_MAX, ..BreakerOptions::default() };
        Ok(Self(Arc::new(Inner {
            opener: connection::opener(options)?,
            prefix: options.prefix.clone(),
            live: RwLock::new(None),
            lost: Notify::new(),
            breaker: CircuitBreaker::new(breaker, fastrand::Rng::new()),
            counters,
            complained: std::sync::atomic::AtomicBool::new(false),
        })))
    }

    /// Runs until it is told to stop.
    pub async fn keep_connected(self, stop: CancellationToken) {
        connection::keep(self, stop).await;
    }

    /// A name as this installation's key.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    pub fn breaker_state(&self) -> BreakerState {
        self.0.breaker.state()
    }

    pub async fn ping(&self) -> Result<(), CallError> {
        self.ask::<String>(Operation::Ping, Caller::Background, &redis::cmd("PING")).await.map(drop)
    }

    /// The values of keys, in their order; absent where there is none.
    pub async fn get(&self, keys: &[String], caller: Caller) -> Result<Vec<Option<Vec<u8>>>, CallError> {
        let command = redis::cmd("MGET").arg(keys).to_owned();
        let values: Vec<Option<Vec<u8>>> = self.ask(Operation::Get, caller, &command).await?;
        if values.len() == keys.len() { Ok(values) } else { Err(CallError::Broken) }
    }

    /// Keeps a value for so long.
    pub async fn set(&self, key: &str, value: &[u8], kept: Duration) -> Result<(), CallError> {
        let command = redis::cmd("SET").arg(key).arg(value).arg("EX").arg(kept.as_secs()).to_owned();
        self.ask::<()>(Operation::Set, Caller::Background, &command).await
    }

    pub async fn remove(&self, key: &str) -> Result<(), CallError> {
        let command = redis::cmd("DEL").arg(key).to_owned();
        self.ask::<u64>(Operation::Remove, Caller::Background, &command).await.map(drop)
    }

    /// One command, under the breaker and the time limit.
    pub(super) async fn ask<T: FromRedisValue>(
        &self,
        operation: Operation,
        caller: Caller,
        command: &redis::Cmd,
    ) -> Result<T, CallError> {
        let inner = &*self.0;
        let answered = self.try_ask(caller, command).await;
        inner.counters.count(
            operation,
            match &answered {
                Ok(_) => Outcome::Ok,
                Err(CallError::Away) => Outcome::Away,
                Err(CallError::Skipped) => Outcome::Skipped,
                Err(CallError::Slow) => Outcome::Slow,
                Err(CallError::Refused) => Outcome::Refused,
                Err(CallError::Broken) => Outcome::Broken,
            },
        );
        answered
    }

    async fn try_ask<T: FromRedisValue>(&self, caller: Caller, command: &redis::Cmd) -> Result<T, CallError> {
        let inner = &*self.0;
        let Some(mut live) = inner.live.read().clone() else { return Err(CallError::Away) };
        if caller == Caller::Request && inner.breaker.state() != BreakerState::Closed {
            return Err(CallError::Skipped);
        }
        let permit = inner.breaker.try_begin(Instant::now()).map_err(|_| CallError::Skipped)?;
        let asked = live.connection.req_packed_command(command);
        let answered = match tokio::time::timeout(OPERATION_TIME_MAX, asked).await {
            Err(_) => Err(CallError::Slow),
            Ok(answer) => answer
                .and_then(redis::Value::extract_error)
                .map_err(|error| failure(&error))
                .and_then(|value| redis::from_redis_value(value).map_err(|_| CallError::Broken)),
        };
        let now = Instant::now();
        match &answered {
            Ok(_) => permit.succeeded(now),
            Err(_) => permit.failed(now),
        }
        let hopeless = matches!(answered, Err(CallError::Broken));
        // What answers too late too often may be somebody who is not there any more.
        let given_up = answered.is_err() && inner.breaker.state() == BreakerState::Open;
        if hopeless || given_up {
            self.discard(live.number);
        }
        answered
    }

    pub(super) fn opener(&self) -> &Client {
        &self.0.opener
    }

    pub(super) fn put_connection(&self, connection: MultiplexedConnection) {
        let inner = &*self.0;
        inner.counters.came();
        inner.complained.store(false, std::sync::atomic::Ordering::Relaxed);
        *inner.live.write() = Some(Live { number: fastrand::u64(..), connection });
    }

    /// Returns when the connection was let go of.
    pub(super) async fn lost_connection(&self) {
        self.0.lost.notified().await;
    }

    /// Once until it is there again: it is tried every second.
    pub(super) fn cannot_connect(&self, error: &RedisError) {
        if !self.0.complained.swap(true, std::sync::atomic::Ordering::Relaxed) {
            tracing::warn!(kind = ?error.kind(), "Redis cannot be reached");
        }
    }

    fn discard(&self, number: u64) {
        let mut live = self.0.live.write();
        if live.as_ref().is_some_and(|live| live.number == number) {
            *live = None;
            self.0.counters.went();
            self.0.lost.notify_one();
        }
    }
}

/// Errors of the server leave the connection as it is; everything else ends it.
fn failure(error: &RedisError) -> CallError {
    match error.kind() {
        ErrorKind::Server(_) | ErrorKind::Extension => CallError::Refused,
        _ => CallError::Broken,
    }
}
