//! `SharedRates`: what tenants use here is told to the other nodes ten times a second, and what they use there is taken off here. So the
//! limits hold for all nodes together, a little later than on each, and no request waits for it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use crate::platform::redis::exchange::{Garbled, MessageNumber, Rest, Said, Subject};
use crate::shared::TenantId;
use crate::tenancy::application::{Consumed, Rates};

/// The form of a section.
const VERSION: u8 = 1;
/// Tenants of one message: of 89 bytes each at most.
const TENANTS_MAX: usize = 512;
/// What could not be told for so long is not told any more: meanwhile each node has limited by itself.
const TOLD_WITHIN: Duration = Duration::from_secs(1);

/// The rates of this node among others.
#[derive(Debug)]
pub struct SharedRates {
    rates: Arc<Rates>,
    untold: Mutex<Untold>,
}

#[derive(Debug, Default)]
struct Untold {
    tenants: HashMap<TenantId, Consumed>,
    asked: Option<Instant>,
}

impl SharedRates {
    pub fn new(rates: Arc<Rates>) -> Self {
        Self { rates, untold: Mutex::default() }
    }

    fn tell_at(&self, section: &mut Vec<u8>, now: Instant) -> Rest {
        let mut untold = self.untold.lock();
        let consumed = self.rates.take_consumed();
        let before = untold.asked.replace(now);
        if before.is_some_and(|before| now.saturating_duration_since(before) > TOLD_WITHIN) {
            untold.tenants.clear();
            return Rest::Nothing;
        }
        for (tenant, used) in consumed {
            let known = untold.tenants.entry(tenant).or_default();
            known.0.iter_mut().zip(used.0).for_each(|(known, used)| *known = known.saturating_add(used));
        }
        let told: Vec<TenantId> = untold.tenants.keys().take(TENANTS_MAX).cloned().collect();
        if !told.is_empty() {
            section.push(VERSION);
        }
        for tenant in told {
            let Some(Consumed(used)) = untold.tenants.remove(&tenant) else { continue };
            let name = tenant.as_str().as_bytes();
            section.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
            section.extend(name);
            section.extend(used.iter().flat_map(|used| used.to_le_bytes()));
        }
        if untold.tenants.is_empty() { Rest::Nothing } else { Rest::More }
    }
}

impl Subject for SharedRates {
    fn tell(&self, _: MessageNumber, section: &mut Vec<u8>) -> Rest {
        self.tell_at(section, Instant::now())
    }

    /// What was used before this node came is used up.
    fn hear(&self, section: &[u8], said: Said) -> Result<(), Garbled> {
        let [VERSION, rest @ ..] = section else { return Err(Garbled) };
        let (mut rest, now) = (rest, Instant::now());
        while !rest.is_empty() {
            let (tenant, consumed, further) = one(rest).ok_or(Garbled)?;
            if said == Said::Now {
                self.rates.consumed_elsewhere(&tenant, consumed, now);
            }
            rest = further;
        }
        Ok(())
    }
}

/// What a tenant used, and what follows.
fn one(bytes: &[u8]) -> Option<(TenantId, Consumed, &[u8])> {
    let (length, rest) = bytes.split_first()?;
    let (name, rest) = rest.split_at_checked(usize::from(*length))?;
    let tenant = TenantId::parse(std::str::from_utf8(name).ok()?).ok()?;
    let (used, rest) = rest.split_at_checked(24)?;
    let mut consumed = Consumed::default();
    let (numbers, _) = used.as_chunks::<8>();
    consumed.0.iter_mut().zip(numbers).for_each(|(used, bytes)| *used = u64::from_le_bytes(*bytes));
    Some((tenant, consumed, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenancy::application::{RateLimits, RateOf};
    use crate::tenancy::domain::Rate;

    fn node() -> (Arc<Rates>, SharedRates) {
        let limits =
            RateLimits { requests: Rate::per_second(10), bytes: Rate::per_second(1_000), items: None };
        let rates = Arc::new(Rates::new(limits).among_others());
        (Arc::clone(&rates), SharedRates::new(rates))
    }

    fn tenant(number: usize) -> TenantId {
        TenantId::parse(&format!("t{number}")).unwrap()
    }

    #[test]
    fn what_is_used_here_is_missing_there_however_many_tenants_there_are() {
        let ((here, telling), (there, hearing)) = (node(), node());
        let now = Instant::now();
        for number in 0..TENANTS_MAX + 3 {
            here.admit(&tenant(number), RateOf::Requests, 20, now).unwrap();
        }
        let mut sections = [Vec::new(), Vec::new(), Vec::new()];
        let rests = sections.each_mut().map(|section| telling.tell_at(section, now));
        assert_eq!(rests, [Rest::More, Rest::Nothing, Rest::Nothing]);
        assert!(sections[2].is_empty());
        hearing.hear(&sections[0], Said::Now).unwrap();
        hearing.hear(&sections[1], Said::Now).unwrap();
        let refused = |number| there.admit(&tenant(number), RateOf::Requests, 20, now).is_err();
        assert!((0..TENANTS_MAX + 3).all(refused));
        assert!(!refused(TENANTS_MAX + 3));
    }

    #[test]
    fn what_was_used_long_ago_counts_for_nobody() {
        let ((here, telling), (there, hearing)) = (node(), node());
        let now = Instant::now();
        let mut section = Vec::new();
        telling.tell_at(&mut section, now);
        here.admit(&tenant(1), RateOf::Requests, 20, now).unwrap();
        telling.tell_at(&mut section, now + TOLD_WITHIN * 2);
        assert!(section.is_empty());
        here.admit(&tenant(2), RateOf::Requests, 20, now).unwrap();
        telling.tell_at(&mut section, now + TOLD_WITHIN * 2);
        hearing.hear(&section, Said::Before).unwrap();
        assert_eq!(there.admit(&tenant(2), RateOf::Requests, 20, now), Ok(()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let ((here, telling), (_, hearing)) = (node(), node());
        here.admit(&tenant(1), RateOf::Requests, 20, Instant::now()).unwrap();
        let mut section = Vec::new();
        telling.tell_at(&mut section, Instant::now());
        for length in (0..section.len()).filter(|length| *length != 1) {
            assert_eq!(hearing.hear(&section[..length], Said::Now), Err(Garbled), "{length}");
        }
        assert_eq!(hearing.hear(&[VERSION, 1, b' '], Said::Now), Err(Garbled));
        assert_eq!(hearing.hear(&section, Said::Now), Ok(()));
    }
}
