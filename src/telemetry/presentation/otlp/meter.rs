//! `Meter`: charges what a request becomes in memory to its share of the budget, step by step, before it is allocated.

use crate::platform::http::BudgetShare;

/// What one request may take in all, in bytes: offsets in Arrow's columns have 31 bits.
const REQUEST_BYTES_MAX: usize = i32::MAX.unsigned_abs() as usize;
/// Least number of bytes that is asked for at a time.
const STEP_BYTES: usize = 64 * 1_024;

/// Why there is no memory for the rest of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MeterError {
    /// Passing: others hold it just now.
    #[error("the server holds as much as it may, try again")]
    Exhausted,
    /// Permanent: the request alone needs more than there is.
    #[error("the request takes more memory than [ingest] budget_bytes allows, or more than 2 GiB")]
    TooMuch,
}

/// Counts down what was granted; asks for more when it is used up.
#[derive(Debug)]
pub struct Meter<'s> {
    share: Option<&'s mut BudgetShare>,
    left: usize,
    used: usize,
}

impl<'s> Meter<'s> {
    /// The share may cover other things already (the body): what is used comes on top.
    pub fn new(share: &'s mut BudgetShare) -> Self {
        Self { share: Some(share), left: 0, used: 0 }
    }

    /// For measurements and tests, where nobody else needs memory.
    pub const fn unlimited() -> Self {
        Self { share: None, left: usize::MAX, used: 0 }
    }

    /// Bytes that were taken so far.
    pub const fn used(&self) -> usize {
        self.used
    }

    /// To be called before so many bytes are allocated.
    #[inline]
    pub fn take(&mut self, bytes: usize) -> Result<(), MeterError> {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => self.refill(bytes)?,
        }
        self.used = self.used.saturating_add(bytes);
        Ok(())
    }

    /// Asks for half as much again as was used, so that a large request asks rarely; for what is needed if that is too much.
    #[cold]
    fn refill(&mut self, bytes: usize) -> Result<(), MeterError> {
        let Some(share) = self.share.as_deref_mut() else { return Ok(()) };
        if self.used.saturating_add(bytes) > REQUEST_BYTES_MAX {
            return Err(MeterError::TooMuch);
        }
        let missing = bytes - self.left;
        let comfortable = missing.saturating_add((self.used / 2).max(STEP_BYTES));
        for step in [comfortable, missing] {
            if share.grow(step).is_ok() {
                self.left = self.left.saturating_add(step) - bytes;
                return Ok(());
            }
        }
        let needed = share.bytes().saturating_add(missing);
        Err(if needed > share.budget_bytes_max() { MeterError::TooMuch } else { MeterError::Exhausted })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::http::ByteBudget;

    #[test]
    fn memory_is_granted_in_steps_and_counted_exactly() {
        let budget = ByteBudget::new(1 << 20);
        let mut share = budget.try_reserve(1_000).unwrap();
        let mut meter = Meter::new(&mut share);
        for _ in 0..100 {
            meter.take(10).unwrap();
        }
        assert_eq!((meter.used(), budget.used()), (1_000, 1_000 + 10 + STEP_BYTES));
    }

    #[test]
    fn what_others_hold_is_a_passing_fault_and_what_nobody_could_have_is_not() {
        let budget = ByteBudget::new(100_000);
        let others = budget.try_reserve(60_000).unwrap();
        let mut share = budget.try_reserve(0).unwrap();
        let mut meter = Meter::new(&mut share);
        meter.take(40_000).unwrap();
        assert_eq!(meter.take(1), Err(MeterError::Exhausted));
        assert_eq!(meter.take(60_001), Err(MeterError::TooMuch));
        drop(others);
        meter.take(60_000).unwrap();
        assert_eq!((meter.used(), budget.used()), (100_000, 100_000));
    }

    #[test]
    fn the_rest_of_an_earlier_step_counts_where_only_what_is_missing_is_granted() {
        let budget = ByteBudget::new(STEP_BYTES + 1_000);
        let mut share = budget.try_reserve(0).unwrap();
        let mut meter = Meter::new(&mut share);
        meter.take(10).unwrap();
        meter.take(STEP_BYTES + 500).unwrap();
        assert_eq!((meter.used(), budget.used()), (STEP_BYTES + 510, STEP_BYTES + 510));
        meter.take(490).unwrap();
        assert_eq!(meter.take(1), Err(MeterError::TooMuch));
    }

    #[test]
    fn without_a_budget_everything_is_granted() {
        let mut meter = Meter::unlimited();
        meter.take(usize::MAX).unwrap();
        meter.take(1).unwrap();
    }
}
