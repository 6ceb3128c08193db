//! `Rate` and `Bucket`: so much per second, with bursts of two seconds' worth.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// Seconds' worth that an unused bucket holds.
const BURST_SECONDS: u128 = 2;
/// What others took is waited for up to so many bursts.
const OWED_BURSTS_MAX: u128 = 5;

/// How much may be taken per second, in the long run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(NonZeroU64);

impl Rate {
    /// `None` for zero, which is no limit.
    pub fn per_second(amount: u64) -> Option<Self> {
        NonZeroU64::new(amount).map(Self)
    }

    const fn amount(self) -> u128 {
        self.0.get() as u128
    }

    /// What an unused bucket holds, in billionths.
    const fn burst(self) -> u128 {
        self.amount() * BURST_SECONDS * NANOS_PER_SECOND
    }
}

/// What may be taken at the moment. It fills at its rate until it is full.
///
/// Whatever is larger than the bucket can be taken when the bucket is full, and not at all otherwise; what it takes too much is
/// filled up first. So nothing is refused for ever, and in the long run no more passes than the rate.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    /// What is missing to a full bucket at `at`, in billionths, so that nothing has to be rounded.
    missing: u128,
    at: Instant,
}

impl Bucket {
    pub const fn full(now: Instant) -> Self {
        Self { missing: 0, at: now }
    }

    /// Takes all of an amount or nothing. If it cannot be taken now: how long until it can, if nobody else takes anything.
    pub fn take(&mut self, rate: Rate, amount: u64, now: Instant) -> Result<(), Duration> {
        if amount == 0 {
            return Ok(());
        }
        self.fill(rate, now);
        let wanted = u128::from(amount) * NANOS_PER_SECOND;
        let after = self.missing + wanted.min(rate.burst());
        let short = after.saturating_sub(rate.burst());
        if short > 0 {
            return Err(nanos(short.div_ceil(rate.amount())));
        }
        self.missing += wanted;
        Ok(())
    }

    /// Takes what somebody else was allowed to take already, also if there is not so much.
    pub fn owe(&mut self, rate: Rate, amount: u64, now: Instant) {
        self.fill(rate, now);
        let most = self.missing.max(rate.burst() * OWED_BURSTS_MAX);
        self.missing = (self.missing + u128::from(amount) * NANOS_PER_SECOND).min(most);
    }

    /// A full bucket tells nothing: a new one is as good.
    pub fn is_full(&self, rate: Rate, now: Instant) -> bool {
        let mut later = *self;
        later.fill(rate, now);
        later.missing == 0
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        // Threads may tell their times out of order.
        let elapsed = now.saturating_duration_since(self.at);
        self.missing = self.missing.saturating_sub(rate.amount() * elapsed.as_nanos());
        self.at = self.at.max(now);
    }
}

fn nanos(count: u128) -> Duration {
    Duration::from_nanos(u64::try_from(count).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(amount: u64) -> Rate {
        Rate::per_second(amount).unwrap()
    }

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn two_seconds_worth_pass_at_once_and_then_so_much_per_second() {
        let (start, ten) = (Instant::now(), rate(10));
        let mut bucket = Bucket::full(start);
        (0..20).for_each(|_| assert_eq!(bucket.take(ten, 1, start), Ok(())));
        assert_eq!(bucket.take(ten, 1, start), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(ten, 5, start), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(ten, 5, start + Duration::from_millis(500)), Ok(()));
        let later = start + seconds(3_600);
        assert!(bucket.is_full(ten, later));
        assert_eq!(bucket.take(ten, 20, later), Ok(()));
        assert!(bucket.take(ten, 1, later).is_err(), "what is not used does not add up");
    }

    #[test]
    fn what_others_took_is_missing_and_at_most_ten_seconds_of_it_are_waited_for() {
        let (start, ten) = (Instant::now(), rate(10));
        let mut bucket = Bucket::full(start);
        bucket.owe(ten, 15, start);
        assert_eq!(bucket.take(ten, 6, start), Err(Duration::from_millis(100)));
        assert_eq!(bucket.take(ten, 5, start), Ok(()));
        bucket.owe(ten, u64::MAX, start);
        assert!(bucket.take(ten, 1, start + seconds(8)).is_err());
        assert_eq!(bucket.take(ten, 1, start + seconds(9)), Ok(()));
    }

    #[test]
    fn what_is_larger_than_a_burst_passes_when_nothing_was_used_and_is_waited_for_afterwards() {
        let (start, ten) = (Instant::now(), rate(10));
        let mut bucket = Bucket::full(start);
        assert_eq!(bucket.take(ten, 1_000, start), Ok(()));
        assert_eq!(bucket.take(ten, 1, start), Err(Duration::from_millis(98_100)));
        assert_eq!(bucket.take(ten, 1_000, start), Err(seconds(100)));
        assert_eq!(bucket.take(ten, 0, start), Ok(()), "nothing is always there");
        assert!(bucket.take(ten, 1_000, start + seconds(99)).is_err());
        assert_eq!(bucket.take(ten, 1_000, start + seconds(100)), Ok(()));
    }

    #[test]
    fn the_largest_numbers_are_no_trouble() {
        let start = Instant::now();
        let mut bucket = Bucket::full(start);
        assert_eq!(bucket.take(rate(1), u64::MAX, start), Ok(()));
        assert_eq!(bucket.take(rate(1), u64::MAX, start), Err(Duration::from_nanos(u64::MAX)));
        let mut bucket = Bucket::full(start);
        assert_eq!(bucket.take(rate(u64::MAX), u64::MAX, start), Ok(()));
        assert_eq!(bucket.take(rate(u64::MAX), u64::MAX, start), Ok(()));
        assert_eq!(bucket.take(rate(u64::MAX), 1, start), Err(Duration::from_nanos(1)));
    }

    #[test]
    fn a_time_that_lies_before_the_last_one_gives_nothing_and_takes_nothing() {
        let (start, ten) = (Instant::now(), rate(10));
        let later = start + seconds(10);
        let mut bucket = Bucket::full(later);
        assert_eq!(bucket.take(ten, 20, later), Ok(()));
        assert!(bucket.take(ten, 1, start).is_err());
        assert_eq!(bucket.take(ten, 10, later + seconds(1)), Ok(()));
    }

    proptest! {
        /// Between any two amounts that passed there was never more than the rate and one burst allow; who waits as long as
        /// told gets through, and not sooner.
        #[test]
        fn no_more_passes_than_the_rate_and_whoever_waits_gets_through(
            per_second in 1..10_000_u64,
            steps in prop::collection::vec((0..3_000_u64, prop_oneof![0..100_u64, 0..100_000_u64]), 1..60),
        ) {
            let (rate, mut now) = (rate(per_second), Instant::now());
            let mut bucket = Bucket::full(now);
            let mut passed: Vec<(Instant, u128)> = Vec::new();
            for (gap, amount) in steps {
                now += Duration::from_millis(gap);
                if let Err(wait) = bucket.take(rate, amount, now) {
                    let mut early = bucket;
                    prop_assert!(early.take(rate, amount, now + wait - Duration::from_nanos(1)).is_err());
                    now += wait;
                    prop_assert_eq!(bucket.take(rate, amount, now), Ok(()));
                }
                passed.push((now, u128::from(amount)));
            }
            for (first, (from, _)) in passed.iter().enumerate() {
                let mut sum = 0;
                for (until, amount) in &passed[first..] {
                    let now_needed = (amount * NANOS_PER_SECOND).min(rate.burst());
                    let allowed = rate.burst() + rate.amount() * (*until - *from).as_nanos();
                    prop_assert!(sum * NANOS_PER_SECOND + now_needed <= allowed || *amount == 0);
                    sum += amount;
                }
            }
        }
    }
}
