//! `Dependency`: something that the node works with, and whether it answers: asked when somebody wants to know.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use schemars::JsonSchema;
use serde::Serialize;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::platform::lifecycle::Lifecycle;
use crate::platform::resilience::BreakerState;

/// What does not answer within this is called slow, so that the whole answer is there within 100 ms.
const PATIENCE: Duration = Duration::from_millis(80);
/// A probe that takes longer has failed.
const PROBE_TIME_MAX: Duration = Duration::from_secs(5);
/// Probes of one dependency at once. While so many hang, it is slow without being asked again.
const PROBES_MAX: usize = 4;

/// One look at a dependency. The error is for the log.
pub type Probe = Box<dyn Fn() -> ProbeFuture + Send + Sync>;

/// See [`Probe`].
pub type ProbeFuture = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What calls to the dependency are let through at the moment.
pub type ReadBreaker = Box<dyn Fn() -> BreakerState + Send + Sync>;

/// Something that the node works with.
pub struct Dependency {
    name: &'static str,
    kind: &'static str,
    probe: Probe,
    breaker: Option<ReadBreaker>,
    turns: Arc<Semaphore>,
}

impl Dependency {
    /// `kind` says which of its sorts it is: `embedded`.
    pub fn new(name: &'static str, kind: &'static str, probe: Probe) -> Self {
        Self { name, kind, probe, breaker: None, turns: Arc::new(Semaphore::new(PROBES_MAX)) }
    }

    #[must_use]
    pub fn with_breaker(mut self, breaker: ReadBreaker) -> Self {
        self.breaker = Some(breaker);
        self
    }

    /// Asks it, and waits no longer than [`PATIENCE`].
    pub(super) async fn look(&self, lifecycle: &Lifecycle) -> DependencyBody {
        let started = Instant::now();
        let status = self.ask(lifecycle).await;
        let breaker = self.breaker.as_ref().map(|state| match state() {
            BreakerState::Closed => "closed",
            BreakerState::Open => "open",
            BreakerState::HalfOpen => "halfOpen",
        });
        let latency_ms = started.elapsed().as_secs_f64() * 1e3;
        DependencyBody { name: self.name, kind: self.kind, status, latency_ms, breaker }
    }

    async fn ask(&self, lifecycle: &Lifecycle) -> DependencyStatus {
        let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() else { return DependencyStatus::Slow };
        let (tell, told) = oneshot::channel();
        let probe = (self.probe)();
        lifecycle.spawn_transient(async move {
            let _turn = turn;
            let outcome = timeout(PROBE_TIME_MAX, probe).await;
            // Nobody listens any more if it took too long.
            let _ = tell.send(outcome.unwrap_or_else(|_| Err("it does not answer".to_owned())));
        });
        match timeout(PATIENCE, told).await {
            Ok(Ok(Ok(()))) => DependencyStatus::Up,
            Ok(Ok(Err(error))) => {
                tracing::warn!(dependency = self.name, error, "a dependency is down");
                DependencyStatus::Down
            }
            Ok(Err(_)) => DependencyStatus::Down,
            Err(_) => DependencyStatus::Slow,
        }
    }
}

impl fmt::Debug for Dependency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dependency")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

/// What was found of a dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum DependencyStatus {
    Up,
    /// It did not answer in time.
    Slow,
    Down,
}

#[derive(Debug, JsonSchema, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DependencyBody {
    name: &'static str,
    /// Which of its sorts is in use: `embedded`.
    kind: &'static str,
    pub(super) status: DependencyStatus,
    /// How long it was waited for.
    latency_ms: f64,
    /// `closed`: calls pass; `open`: none does for the moment; `halfOpen`: one tries. Absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<&'static str>,
}

#[cfg(test)]
mod tests {
    use tokio::sync::Notify;

    use super::*;

    fn dependency(probe: fn() -> ProbeFuture) -> Dependency {
        Dependency::new("store", "embedded", Box::new(probe)).with_breaker(Box::new(|| BreakerState::Open))
    }

    #[tokio::test]
    async fn one_that_answers_is_up_one_that_refuses_is_down_and_one_that_hangs_is_slow() {
        let lifecycle = Lifecycle::default();
        let answers = dependency(|| Box::pin(async { Ok(()) })).look(&lifecycle).await;
        assert_eq!((answers.status, answers.breaker), (DependencyStatus::Up, Some("open")));
        let refuses = dependency(|| Box::pin(async { Err("no".to_owned()) })).look(&lifecycle).await;
        assert_eq!(refuses.status, DependencyStatus::Down);
        let hangs = dependency(|| Box::pin(std::future::pending())).look(&lifecycle).await;
        assert_eq!(hangs.status, DependencyStatus::Slow);
    }

    #[tokio::test]
    async fn one_that_hangs_is_not_asked_more_and_more_often_and_is_asked_again_when_it_answers() {
        let (lifecycle, answer) = (Lifecycle::default(), Arc::new(Notify::new()));
        let answers = Arc::clone(&answer);
        let probe: Probe = Box::new(move || {
            let answers = Arc::clone(&answers);
            Box::pin(async move {
                answers.notified().await;
                Ok(())
            })
        });
        let hangs = Dependency::new("store", "embedded", probe);
        for _ in 0..PROBES_MAX + 1 {
            assert_eq!(hangs.look(&lifecycle).await.status, DependencyStatus::Slow);
        }
        assert_eq!(hangs.turns.available_permits(), 0);
        answer.notify_waiters();
        lifecycle.wait().await;
        assert_eq!(hangs.turns.available_permits(), PROBES_MAX);
    }
}
