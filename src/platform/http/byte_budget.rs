//! One number of bytes that all request bodies in flight share. Taken before a body is read; never waited for.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// There is no room for so many bytes now. A passing fault: the client may try again (503 with `Retry-After`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the memory set aside for requests is used up")]
pub struct BudgetExhausted;

/// A bounded number of bytes that shares are taken from. Cheap to clone; all clones are the same budget.
///
/// Invariant: the sum of all shares is [`used`](Self::used), and never more than [`bytes_max`](Self::bytes_max).
#[derive(Clone)]
pub struct ByteBudget {
    account: Arc<Account>,
}

struct Account {
    bytes_max: usize,
    used: AtomicUsize,
}

impl ByteBudget {
    pub fn new(bytes_max: usize) -> Self {
        Self { account: Arc::new(Account { bytes_max, used: AtomicUsize::new(0) }) }
    }

    /// Takes `bytes` (zero is fine), or nothing at all.
    pub fn try_reserve(&self, bytes: usize) -> Result<BudgetShare, BudgetExhausted> {
        self.account.take(bytes)?;
        Ok(BudgetShare { account: Arc::clone(&self.account), bytes })
    }

    /// Bytes that are taken now.
    pub fn used(&self) -> usize {
        self.account.used.load(Ordering::Relaxed)
    }

    pub fn bytes_max(&self) -> usize {
        self.account.bytes_max
    }
}

impl fmt::Debug for ByteBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ByteBudget")
            .field("bytes_max", &self.bytes_max())
            .field("used", &self.used())
            .finish()
    }
}

/// Bytes taken from a [`ByteBudget`]; given back when dropped. It travels with the memory that it stands for.
#[must_use = "a share that is dropped gives its bytes back"]
pub struct BudgetShare {
    account: Arc<Account>,
    bytes: usize,
}

impl BudgetShare {
    /// Takes so many bytes more; on failure the share stays as it was.
    pub fn grow(&mut self, bytes: usize) -> Result<(), BudgetExhausted> {
        self.account.take(bytes)?;
        self.bytes += bytes;
        Ok(())
    }

    /// Gives back what exceeds `bytes`; a share that is smaller stays as it is.
    pub fn shrink_to(&mut self, bytes: usize) {
        let excess = self.bytes.saturating_sub(bytes);
        self.account.give_back(excess);
        self.bytes -= excess;
    }

    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// All that there is in the budget that this is a share of.
    pub fn budget_bytes_max(&self) -> usize {
        self.account.bytes_max
    }
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        self.account.give_back(self.bytes);
    }
}

impl fmt::Debug for BudgetShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BudgetShare").field("bytes", &self.bytes).finish()
    }
}

/// Relaxed order is enough: the number guards no other memory.
impl Account {
    fn take(&self, bytes: usize) -> Result<(), BudgetExhausted> {
        let with = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= self.bytes_max);
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, with)
            .map(|_| ())
            .map_err(|_| BudgetExhausted)
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Reserve(usize),
        Grow(usize, usize),
        Shrink(usize, usize),
        Drop(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let bytes = prop_oneof![0_usize..60, Just(usize::MAX)];
        prop_oneof![
            bytes.clone().prop_map(Step::Reserve),
            (0_usize..8, bytes.clone()).prop_map(|(at, bytes)| Step::Grow(at, bytes)),
            (0_usize..8, bytes).prop_map(|(at, bytes)| Step::Shrink(at, bytes)),
            (0_usize..8).prop_map(Step::Drop),
        ]
    }

    proptest! {
        #[test]
        fn the_budget_agrees_with_a_plain_list_of_shares(steps in prop::collection::vec(step(), 0..60)) {
            const BYTES_MAX: usize = 100;
            let budget = ByteBudget::new(BYTES_MAX);
            let mut shares: Vec<(BudgetShare, usize)> = Vec::new();
            for step in steps {
                let used: usize = shares.iter().map(|(_, bytes)| bytes).sum();
                let fits = |bytes: usize| bytes <= BYTES_MAX - used;
                match step {
                    Step::Reserve(bytes) => match budget.try_reserve(bytes) {
                        Ok(share) => { prop_assert!(fits(bytes)); shares.push((share, bytes)); }
                        Err(BudgetExhausted) => prop_assert!(!fits(bytes)),
                    },
                    Step::Grow(at, bytes) => if let Some((share, model)) = shares.get_mut(at) {
                        prop_assert_eq!(share.grow(bytes).is_ok(), fits(bytes));
                        if fits(bytes) { *model += bytes; }
                    },
                    Step::Shrink(at, bytes) => if let Some((share, model)) = shares.get_mut(at) {
                        share.shrink_to(bytes);
                        *model = (*model).min(bytes);
                    },
                    Step::Drop(at) => if at < shares.len() { drop(shares.swap_remove(at)); },
                }
                for (share, model) in &shares {
                    prop_assert_eq!(share.bytes(), *model);
                }
                prop_assert_eq!(budget.used(), shares.iter().map(|(_, bytes)| bytes).sum::<usize>());
            }
            drop(shares);
            prop_assert_eq!(budget.used(), 0);
        }
    }

    #[test]
    fn threads_that_take_and_give_back_never_exceed_the_budget_and_leave_it_empty() {
        let budget = ByteBudget::new(1_000);
        thread::scope(|scope| {
            for seed in 0..4_usize {
                let budget = budget.clone();
                scope.spawn(move || {
                    for round in 0..5_000_usize {
                        let Ok(mut share) = budget.try_reserve((round * 7 + seed) % 500) else { continue };
                        assert!(budget.used() <= budget.bytes_max());
                        let _ = share.grow(round % 300);
                        share.shrink_to(round % 100);
                        assert!(budget.used() >= share.bytes());
                    }
                });
            }
        });
        assert_eq!(budget.used(), 0);
    }
}
