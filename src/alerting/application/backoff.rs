//! How fast messages go out, and how long a failed one waits.

use std::time::Duration;

/// The pauses of a channel's worker.
#[derive(Debug, Clone, Copy)]
pub struct Pacing {
    /// Between two requests to one address: Slack takes one message per second.
    pub message_gap: Duration,
    pub backoff_first: Duration,
    pub backoff_max: Duration,
    /// How long unsent messages are still tried when the process stops.
    pub farewell: Duration,
}

impl Default for Pacing {
    fn default() -> Self {
        Self {
            message_gap: Duration::from_secs(1),
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(60),
            farewell: Duration::from_secs(5),
        }
    }
}

/// Exponential backoff with full jitter: a random part of a bound that doubles with each failure in a row.
#[derive(Debug)]
pub struct Backoff {
    pacing: Pacing,
    random: fastrand::Rng,
    failures: u32,
}

impl Backoff {
    pub fn new(pacing: Pacing, random: fastrand::Rng) -> Self {
        Self { pacing, random, failures: 0 }
    }

    /// A message was taken, or given up.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// The pause after one more failure.
    pub fn next_pause(&mut self) -> Duration {
        let doubled = self.pacing.backoff_first.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        doubled.min(self.pacing.backoff_max).mul_f64(self.random.f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_stay_below_a_bound_that_doubles_up_to_a_limit() {
        let mut backoff = Backoff::new(Pacing::default(), fastrand::Rng::with_seed(7));
        for bound in [1, 2, 4, 8, 16, 32, 60, 60] {
            assert!(backoff.next_pause() < Duration::from_secs(bound));
        }
        for _ in 0..100 {
            assert!(backoff.next_pause() < Duration::from_secs(60));
        }
        backoff.reset();
        assert!(backoff.next_pause() < Duration::from_secs(1));
    }
}
