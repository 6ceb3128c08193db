//! Buckets between explicit bounds.

use std::sync::Arc;

use super::{Cell, Within};

/// Counts between bounds: one more than there are bounds, and the bounds ascend.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplicitBuckets {
    bounds: Arc<[f64]>,
    counts: Box<[u64]>,
}

impl ExplicitBuckets {
    /// Absent if the counts do not fit the bounds, or these do not ascend.
    pub fn new(bounds: Arc<[f64]>, counts: Box<[u64]>) -> Option<Self> {
        let ascend = bounds.windows(2).all(|pair| pair.first() < pair.last());
        (ascend && counts.len() == bounds.len() + 1).then_some(Self { bounds, counts })
    }

    pub fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// One more than there are bounds.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Where bounds differ, those stay that both have: counts remain exact, at a lower resolution.
    pub(super) fn add(&mut self, other: &Self) {
        if self.bounds == other.bounds {
            for (own, other) in self.counts.iter_mut().zip(&other.counts) {
                *own = own.saturating_add(*other);
            }
            return;
        }
        let common: Arc<[f64]> =
            self.bounds.iter().copied().filter(|bound| other.bounds.contains(bound)).collect();
        let other = other.counts_between(&common);
        let counts =
            self.counts_between(&common).iter().zip(&other).map(|(a, b)| a.saturating_add(*b)).collect();
        *self = Self { bounds: common, counts };
    }

    /// Counts between bounds that are all among its own.
    fn counts_between(&self, bounds: &[f64]) -> Vec<u64> {
        let mut merged = vec![0_u64; bounds.len() + 1];
        let mut at = 0;
        for (own, count) in self.counts.iter().enumerate() {
            if let Some(place) = merged.get_mut(at) {
                *place = place.saturating_add(*count);
            }
            if self.bounds.get(own).is_some_and(|bound| bounds.get(at) == Some(bound)) {
                at += 1;
            }
        }
        merged
    }

    pub(super) fn since(&self, earlier: &Self) -> Option<Self> {
        if self.bounds != earlier.bounds {
            return None;
        }
        let pairs = self.counts.iter().zip(&earlier.counts);
        let counts = pairs.map(|(now, then)| now.checked_sub(*then)).collect::<Option<_>>()?;
        Some(Self { bounds: Arc::clone(&self.bounds), counts })
    }

    /// The lowest bucket begins at 0 if its end is above it (as in Prometheus' `histogram_quantile`), else it is open.
    pub(super) fn cell(&self, number: usize) -> Option<Cell> {
        let count = *self.counts.get(number)?;
        let high = self.bounds.get(number).copied().unwrap_or(f64::INFINITY);
        let low = match number.checked_sub(1) {
            Some(before) => *self.bounds.get(before)?,
            None if self.bounds.first().is_some_and(|bound| *bound > 0.0) => 0.0,
            None => f64::NEG_INFINITY,
        };
        Some(Cell { low, high, count, within: Within::Linear })
    }

    pub(super) fn bytes(&self) -> usize {
        // The bounds are shared by the points of a series, mostly.
        self.counts.len() * 8
    }
}
