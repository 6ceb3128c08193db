//! `Rates`: how fast each tenant may send. Tenants do not share anything here, so one that sends too much costs only itself.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use super::super::domain::{Bucket, Rate};
use crate::shared::TenantId;

/// After so long, tenants that have used nothing lately are forgotten.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// What is counted per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateOf {
    Requests,
    /// As received.
    Bytes,
    /// Points, log records, spans; also those that are rejected.
    Items,
}

impl RateOf {
    const fn position(self) -> usize {
        match self {
            Self::Requests => 0,
            Self::Bytes => 1,
            Self::Items => 2,
        }
    }

    /// In words, for answers.
    const fn text(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Bytes => "bytes",
            Self::Items => "items",
        }
    }

    /// Stable name, for counters.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "rate_requests",
            Self::Bytes => "rate_bytes",
            Self::Items => "rate_items",
        }
    }
}

/// What one tenant may send per second; absent: without limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct RateLimits {
    pub requests: Option<Rate>,
    pub bytes: Option<Rate>,
    pub items: Option<Rate>,
}

impl RateLimits {
    const fn rate(&self, of: RateOf) -> Option<Rate> {
        match of {
            RateOf::Requests => self.requests,
            RateOf::Bytes => self.bytes,
            RateOf::Items => self.items,
        }
    }
}

/// The tenant has sent too much lately. The same request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tenant sends more {} per second than [limits] allows; try again later", of.text())]
pub struct RateExceeded {
    pub of: RateOf,
    /// Then there is room again, if nobody else of the tenant takes it.
    pub retry_after: Duration,
}

/// What every tenant has used lately.
#[derive(Debug)]
pub struct Rates {
    limits: RwLock<RateLimits>,
    tenants: Mutex<Tenants>,
}

/// By [`RateOf::position`]; absent is as good as full.
type Buckets = [Option<Bucket>; 3];

#[derive(Debug, Default)]
struct Tenants {
    buckets: HashMap<TenantId, Buckets>,
    swept: Option<Instant>,
}

impl Rates {
    pub fn new(limits: RateLimits) -> Self {
        Self { limits: RwLock::new(limits), tenants: Mutex::default() }
    }

    /// From now on. What was used lately stays used.
    pub fn replace(&self, limits: RateLimits) {
        *self.limits.write() = limits;
    }

    /// Takes so much of what a tenant may send, or says when it can be taken.
    pub fn admit(
        &self,
        tenant: &TenantId,
        of: RateOf,
        amount: u64,
        now: Instant,
    ) -> Result<(), RateExceeded> {
        let limits = *self.limits.read();
        let Some(rate) = limits.rate(of) else { return Ok(()) };
        let mut tenants = self.tenants.lock();
        tenants.sweep(&limits, now);
        if !tenants.buckets.contains_key(tenant) {
            tenants.buckets.insert(tenant.clone(), Buckets::default());
        }
        let bucket = tenants.buckets.get_mut(tenant).and_then(|buckets| buckets.get_mut(of.position()));
        let Some(bucket) = bucket else { return Ok(()) };
        let taken = bucket.get_or_insert_with(|| Bucket::full(now)).take(rate, amount, now);
        taken.map_err(|retry_after| RateExceeded { of, retry_after })
    }
}

impl Tenants {
    /// Forgets whoever has used nothing: that changes no answer.
    fn sweep(&mut self, limits: &RateLimits, now: Instant) {
        let swept = *self.swept.get_or_insert(now);
        if now.saturating_duration_since(swept) < SWEEP_INTERVAL {
            return;
        }
        self.swept = Some(now);
        self.buckets.retain(|_, buckets| {
            [RateOf::Requests, RateOf::Bytes, RateOf::Items].into_iter().any(|of| {
                let bucket = buckets.get(of.position()).copied().flatten();
                bucket.zip(limits.rate(of)).is_some_and(|(bucket, rate)| !bucket.is_full(rate, now))
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::parse(name).unwrap()
    }

    fn rates() -> Rates {
        Rates::new(RateLimits { requests: Rate::per_second(1), bytes: Rate::per_second(1_000), items: None })
    }

    #[test]
    fn new_limits_count_what_was_used_before() {
        let (rates, now) = (rates(), Instant::now());
        for _ in 0..2 {
            rates.admit(&tenant("a"), RateOf::Requests, 1, now).unwrap();
        }
        assert!(rates.admit(&tenant("a"), RateOf::Requests, 1, now).is_err());
        rates.replace(RateLimits { requests: Rate::per_second(2), ..RateLimits::default() });
        for _ in 0..2 {
            rates.admit(&tenant("a"), RateOf::Requests, 1, now).unwrap();
        }
        assert!(rates.admit(&tenant("a"), RateOf::Requests, 1, now).is_err());
    }

    #[test]
    fn a_tenant_over_its_rate_is_told_when_to_come_back_and_no_other_hears_of_it() {
        let (rates, now) = (rates(), Instant::now());
        let [loud, quiet] = ["loud", "quiet"].map(tenant);
        let refused = RateExceeded { of: RateOf::Requests, retry_after: Duration::from_secs(1) };
        for expected in [Ok(()), Ok(()), Err(refused), Err(refused)] {
            assert_eq!(rates.admit(&loud, RateOf::Requests, 1, now), expected);
        }
        assert_eq!(rates.admit(&quiet, RateOf::Requests, 1, now), Ok(()));
        assert_eq!(rates.admit(&loud, RateOf::Bytes, 2_000, now), Ok(()), "each of its rates is its own");
        assert!(rates.admit(&loud, RateOf::Bytes, 1, now).is_err());
        assert_eq!(rates.admit(&loud, RateOf::Requests, 1, now + refused.retry_after), Ok(()));
    }

    #[test]
    fn without_a_limit_everything_passes_and_nothing_is_remembered() {
        let rates = Rates::new(RateLimits::default());
        for of in [RateOf::Requests, RateOf::Bytes, RateOf::Items] {
            assert_eq!(rates.admit(&tenant("shop"), of, u64::MAX, Instant::now()), Ok(()));
        }
        assert_eq!(rates.tenants.lock().buckets.len(), 0);
    }

    #[test]
    fn who_has_used_nothing_lately_is_forgotten_and_who_still_owes_is_not() {
        let (rates, start) = (rates(), Instant::now());
        assert_eq!(rates.admit(&tenant("idle"), RateOf::Bytes, 2_000, start), Ok(()));
        assert_eq!(rates.admit(&tenant("owes"), RateOf::Bytes, 120_000, start), Ok(()));
        let later = start + SWEEP_INTERVAL;
        assert_eq!(rates.admit(&tenant("new"), RateOf::Bytes, 1, later), Ok(()));
        assert_eq!(rates.tenants.lock().buckets.len(), 2);
        assert!(rates.admit(&tenant("owes"), RateOf::Bytes, 1, later).is_err());
    }

    #[test]
    fn what_is_said_names_what_there_was_too_much_of() {
        let exceeded = RateExceeded { of: RateOf::Items, retry_after: Duration::ZERO };
        let expected = "the tenant sends more items per second than [limits] allows; try again later";
        assert_eq!(exceeded.to_string(), expected);
    }
}
