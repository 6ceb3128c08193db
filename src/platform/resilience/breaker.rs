//! `CircuitBreaker`: calls to a dependency that fails stop for a while, then one call at a time tries whether it is back.
//!
//! It neither sleeps nor reads a clock: who calls says what time it is, and the random numbers come with the breaker.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// When a breaker opens, and how long it stays open.
#[derive(Debug, Clone, Copy)]
pub struct BreakerOptions {
    /// It opens when so many ...
    pub failing: usize,
    /// ... of the last so many calls failed ...
    pub calls: usize,
    /// ... and these ended within so long,
    pub window: Duration,
    /// or when so many calls in a row failed, however long that took.
    pub in_a_row: usize,
    /// Until the first probe; doubled with each probe that fails ...
    pub pause_first: Duration,
    /// ... up to this. Of a pause a random part is taken, from half of it to all of it.
    pub pause_max: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self {
            failing: 10,
            calls: 20,
            window: Duration::from_secs(10),
            in_a_row: 5,
            pause_first: Duration::from_millis(500),
            pause_max: Duration::from_secs(5),
        }
    }
}

/// What a breaker does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// All pass.
    Closed,
    /// None passes, until its pause is over and somebody asks.
    Open,
    /// One passes, and its outcome decides.
    HalfOpen,
}

/// The call must not be made now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it failed repeatedly and is left alone for a while")]
pub struct Open {
    /// Before this moment asking again is in vain.
    pub until: Instant,
}

/// Guards the calls to one dependency. Threads share it by reference.
#[derive(Debug)]
pub struct CircuitBreaker {
    options: BreakerOptions,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    state: State,
    /// Counts changes of the state, so that the outcome of a call from before the last one is not taken for news.
    era: u64,
    /// Probes that failed since it was closed.
    failed_probes: u32,
    random: fastrand::Rng,
}

#[derive(Debug)]
enum State {
    Closed(Outcomes),
    Open { until: Instant },
    HalfOpen { is_probing: bool },
}

/// The last calls that ended: when, and whether they failed. Never more than `BreakerOptions::calls`.
#[derive(Debug, Default)]
struct Outcomes {
    last: VecDeque<(Instant, bool)>,
    failed_in_a_row: usize,
}

impl CircuitBreaker {
    /// Closed.
    pub fn new(options: BreakerOptions, random: fastrand::Rng) -> Self {
        let state = State::Closed(Outcomes::default());
        Self { options, inner: Mutex::new(Inner { state, era: 0, failed_probes: 0, random }) }
    }

    /// Asks for leave to make one call. Its outcome is told by way of the permit.
    pub fn try_begin(&self, now: Instant) -> Result<Permit<'_>, Open> {
        let mut inner = self.inner.lock();
        match &mut inner.state {
            State::Closed(_) => {}
            State::Open { until } if now < *until => return Err(Open { until: *until }),
            State::Open { .. } => inner.enter(State::HalfOpen { is_probing: true }),
            // Nobody knows when the probe ends; the shortest pause keeps those who wait from spinning.
            State::HalfOpen { is_probing: true } => {
                return Err(Open { until: now + self.options.pause_first });
            }
            State::HalfOpen { is_probing } => *is_probing = true,
        }
        Ok(Permit { breaker: self, era: inner.era, is_settled: false })
    }

    /// What it does with calls at the moment.
    pub fn state(&self) -> BreakerState {
        match self.inner.lock().state {
            State::Closed(_) => BreakerState::Closed,
            State::Open { .. } => BreakerState::Open,
            State::HalfOpen { .. } => BreakerState::HalfOpen,
        }
    }

    fn settle(&self, era: u64, now: Instant, outcome: Outcome) {
        let options = &self.options;
        let mut inner = self.inner.lock();
        if inner.era != era {
            return;
        }
        match (&mut inner.state, outcome) {
            (State::Closed(outcomes), Outcome::Succeeded) => outcomes.note(now, false, options),
            (State::Closed(outcomes), Outcome::Failed) => {
                outcomes.note(now, true, options);
                // Looked at after failures only: a call that succeeds never opens a breaker.
                if outcomes.are_too_bad(now, options) {
                    inner.open(now, options);
                }
            }
            (State::HalfOpen { .. }, Outcome::Succeeded) => {
                inner.failed_probes = 0;
                inner.enter(State::Closed(Outcomes::default()));
            }
            (State::HalfOpen { .. }, Outcome::Failed) => {
                inner.failed_probes = inner.failed_probes.saturating_add(1);
                inner.open(now, options);
            }
            // There are no permits of this era.
            (State::Open { .. }, _) => {}
        }
    }

    fn abandon(&self, era: u64) {
        let mut inner = self.inner.lock();
        if inner.era == era
            && let State::HalfOpen { is_probing } = &mut inner.state
        {
            *is_probing = false;
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Succeeded,
    Failed,
}

impl Inner {
    fn enter(&mut self, state: State) {
        self.state = state;
        self.era += 1;
    }

    fn open(&mut self, now: Instant, options: &BreakerOptions) {
        let doubled = options.pause_first.saturating_mul(2_u32.saturating_pow(self.failed_probes));
        let pause = doubled.min(options.pause_max).mul_f64(0.5 + self.random.f64() / 2.0);
        self.enter(State::Open { until: now + pause });
    }
}

impl Outcomes {
    fn note(&mut self, now: Instant, has_failed: bool, options: &BreakerOptions) {
        self.last.push_back((now, has_failed));
        if self.last.len() > options.calls {
            self.last.pop_front();
        }
        self.failed_in_a_row = if has_failed { self.failed_in_a_row + 1 } else { 0 };
    }

    fn are_too_bad(&self, now: Instant, options: &BreakerOptions) -> bool {
        let failing = self.last.iter().filter(|(_, has_failed)| *has_failed).count();
        let is_full = self.last.len() >= options.calls;
        let is_recent = self.last.front().is_some_and(|(first, _)| {
            // Threads may tell their times out of order.
            now.saturating_duration_since(*first) <= options.window
        });
        self.failed_in_a_row >= options.in_a_row || (is_full && is_recent && failing >= options.failing)
    }
}

/// Leave for one call. Dropped untold, the call counts neither way, and a probe's place is free again.
#[derive(Debug)]
#[must_use = "tell how the call went"]
pub struct Permit<'a> {
    breaker: &'a CircuitBreaker,
    era: u64,
    is_settled: bool,
}

impl Permit<'_> {
    /// The dependency did its part, also if what it said is not what one wished.
    pub fn succeeded(mut self, now: Instant) {
        self.is_settled = true;
        self.breaker.settle(self.era, now, Outcome::Succeeded);
    }

    /// The dependency did not do its part.
    pub fn failed(mut self, now: Instant) {
        self.is_settled = true;
        self.breaker.settle(self.era, now, Outcome::Failed);
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.breaker.abandon(self.era);
        }
    }
}

#[cfg(test)]
mod tests;
