//! Reads the past for rules that are new, while the others are evaluated: one thing after the other, a bounded time in all.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use crate::alerting::application::past::{
    Past, PastError, Piece, REFILL_TIME_MAX, Wish, await_store, wishes,
};
use crate::alerting::domain::rule::AlertRule;
use crate::shared::{TenantId, Timestamp};

/// How long it waits.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// At least so long after a rule is in force its past is read: what came before it knows nothing of it, and is to be in the store
    /// by then.
    pub settles: Duration,
    /// How long is read then.
    pub reads_max: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self { settles: Duration::from_secs(1), reads_max: REFILL_TIME_MAX }
    }
}

/// Where the past is read.
pub struct PastSource {
    pub past: Arc<dyn Past>,
    /// Those whose series rules without a tenant look at.
    pub tenants: Vec<TenantId>,
    pub lateness: Duration,
    /// At least so long is waited before it is read at the start; absent where nothing that was taken in before is on its way.
    pub settles: Option<Duration>,
    /// Told of when it was read at the start.
    pub filled: Arc<Notify>,
}

/// What is read.
pub enum Reading {
    Piece(Piece),
    /// All was read, or as much as could be.
    End,
}

/// Reads for one batch of rules at a time.
pub struct Filling {
    source: Option<PastSource>,
    pace: Pace,
    work: Option<Work>,
}

type Stored = Pin<Box<dyn Future<Output = ()> + Send>>;
type Answer = Pin<Box<dyn Future<Output = Result<Vec<Piece>, PastError>> + Send>>;

struct Work {
    asked_at: Timestamp,
    stage: Stage,
    wishes: vec::IntoIter<Wish>,
    asked: Option<Answer>,
    found: vec::IntoIter<Piece>,
    pieces: usize,
}

enum Stage {
    /// Until all that is to be read is stored.
    Awaits(Stored),
    Reads {
        until: Instant,
    },
}

impl Filling {
    /// Without a source, rules that are new go on at once.
    pub const fn new(source: Option<PastSource>, pace: Pace) -> Self {
        Self { source, pace, work: None }
    }

    pub const fn is_idle(&self) -> bool {
        self.work.is_none()
    }

    /// Reads for these rules, if there are any.
    pub fn begin(&mut self, rules: &[Arc<AlertRule>], now: Timestamp) {
        if rules.is_empty() {
            return;
        }
        let wishes = self.source.as_ref().map(|source| wishes(rules, &source.tenants)).unwrap_or_default();
        let settles = self.pace.settles;
        let stage = match &self.source {
            Some(source) => {
                let past = Arc::clone(&source.past);
                Stage::Awaits(Box::pin(async move { await_store(&*past, settles).await }))
            }
            None => Stage::Reads { until: Instant::now() },
        };
        self.work = Some(Work {
            asked_at: now,
            stage,
            wishes: wishes.into_iter(),
            asked: None,
            found: Vec::new().into_iter(),
            pieces: 0,
        });
    }

    /// What is read next; nothing ever, while there is nothing to be read. Nothing is lost if nobody waits for it.
    pub async fn next(&mut self) -> Reading {
        let Some(work) = &mut self.work else { return pending().await };
        let until = match &mut work.stage {
            Stage::Awaits(stored) => {
                stored.await;
                let until = Instant::now() + self.pace.reads_max;
                work.stage = Stage::Reads { until };
                until
            }
            Stage::Reads { until } => *until,
        };
        loop {
            if let Some(piece) = work.found.next() {
                work.pieces += 1;
                return Reading::Piece(piece);
            }
            if work.asked.is_none() {
                work.asked = self.source.as_ref().and_then(|source| work.ask(source));
            }
            let Some(asked) = &mut work.asked else {
                tracing::info!(
                    pieces = work.pieces,
                    "the windows of new rules are filled with what is stored"
                );
                self.work = None;
                return Reading::End;
            };
            let answer = timeout_at(until, asked).await;
            work.asked = None;
            match answer {
                Ok(Ok(found)) => work.found = found.into_iter(),
                Ok(Err(error)) => tracing::warn!(%error, "windows of new rules begin empty"),
                Err(_) => {
                    tracing::warn!(
                        "the store takes too long to tell the past; windows of new rules begin empty"
                    );
                    work.wishes = Vec::new().into_iter();
                }
            }
        }
    }
}

impl Work {
    fn ask(&mut self, source: &PastSource) -> Option<Answer> {
        let wish = self.wishes.next()?;
        // The newest may be newer than the moment at which the rules came.
        let (at, end) = (self.asked_at, self.asked_at.plus(REFILL_TIME_MAX));
        let (past, lateness) = (Arc::clone(&source.past), source.lateness);
        Some(Box::pin(async move { wish.read(&*past, at, end, lateness).await }))
    }
}

#[cfg(test)]
mod tests;
