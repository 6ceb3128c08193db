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
    /// What was let through here and other nodes were not told of; absent where there are no others.
    untold: Option<Mutex<HashMap<TenantId, Consumed>>>,
}

/// What a tenant used of each of its rates, by [`RateOf::position`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Consumed(pub [u64; 3]);

const ALL: [RateOf; 3] = [RateOf::Requests, RateOf::Bytes, RateOf::Items];

/// By [`RateOf::position`]; absent is as good as full.
type Buckets = [Option<Bucket>; 3];

#[derive(Debug, Default)]
struct Tenants {
    buckets: HashMap<TenantId, Buckets>,
    swept: Option<Instant>,
}

impl Rates {
    pub fn new(limits: RateLimits) -> Self {
        Self { limits: RwLock::new(limits), tenants: Mutex::default(), untold: None }
    }

    /// Remembers what it lets through, for other nodes.
    #[must_use]
    pub fn among_others(mut self) -> Self {
        self.untold = Some(Mutex::default());
        self
    }

    /// What was let through since it was asked last.
    pub fn take_consumed(&self) -> HashMap<TenantId, Consumed> {
        self.untold.as_ref().map(|untold| std::mem::take(&mut *untold.lock())).unwrap_or_default()
    }

    /// What another node let through counts as if it had been let through here.
    pub fn consumed_elsewhere(&self, tenant: &TenantId, consumed: Consumed, now: Instant) {
        let limits = *self.limits.read();
        let mut tenants = self.tenants.lock();
        tenants.sweep(&limits, now);
        for (of, amount) in ALL.into_iter().zip(consumed.0).filter(|(_, amount)| *amount > 0) {
            if let Some((rate, bucket)) = limits.rate(of).zip(tenants.bucket(tenant, of, now)) {
                bucket.owe(rate, amount, now);
            }
        }
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
        let Some(bucket) = tenants.bucket(tenant, of, now) else { return Ok(()) };
        let taken = bucket.take(rate, amount, now);
        drop(tenants);
        taken.map_err(|retry_after| RateExceeded { of, retry_after })?;
        self.note(tenant, of, amount);
        Ok(())
    }

    fn note(&self, tenant: &TenantId, of: RateOf, amount: u64) {
        let Some(untold) = &self.untold else { return };
        let mut untold = untold.lock();
        if !untold.contains_key(tenant) {
            untold.insert(tenant.clone(), Consumed::default());
        }
        if let Some(used) = untold.get_mut(tenant).and_then(|used| used.0.get_mut(of.position())) {
            *used = used.saturating_add(amount);
        }
    }
}

impl Tenants {
    fn bucket(&mut self, tenant: &TenantId, of: RateOf, now: Instant) -> Option<&mut Bucket> {
        if !self.buckets.contains_key(tenant) {
            self.buckets.insert(tenant.clone(), Buckets::default());
        }
        let buckets = self.buckets.get_mut(tenant)?;
        Some(buckets.get_mut(of.position())?.get_or_insert_with(|| Bucket::full(now)))
    }

    /// Forgets whoever has used nothing: that changes no answer.
    fn sweep(&mut self, limits: &RateLimits, now: Instant) {
        let swept = *self.swept.get_or_insert(now);
        if now.saturating_duration_since(swept) < SWEEP_INTERVAL {
            return;
        }
        self.swept = Some(now);
        self.buckets.retain(|_, buckets| {
            ALL.into_iter().any(|of| {
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
    fn what_one_node_lets_through_the_other_one_has_not() {
        let (here, there) = (rates().among_others(), rates());
        let (shop, now) = (tenant("shop"), Instant::now());
        here.admit(&shop, RateOf::Requests, 1, now).unwrap();
        here.admit(&shop, RateOf::Bytes, 700, now).unwrap();
        assert!(here.admit(&shop, RateOf::Bytes, 2_000, now).is_err(), "what is refused is not used");
        let consumed = here.take_consumed();
        assert_eq!(consumed.get(&shop), Some(&Consumed([1, 700, 0])));
        consumed.iter().for_each(|(tenant, consumed)| there.consumed_elsewhere(tenant, *consumed, now));
        assert!(there.admit(&shop, RateOf::Bytes, 1_301, now).is_err());
        assert_eq!(there.admit(&shop, RateOf::Bytes, 1_300, now), Ok(()));
        assert_eq!(there.admit(&tenant("other"), RateOf::Bytes, 2_000, now), Ok(()));
        assert!(here.take_consumed().is_empty() && there.take_consumed().is_empty());
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
