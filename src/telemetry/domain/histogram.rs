//! Histogram points with explicit bounds: which of them make sense
//! (opentelemetry-proto, `HistogramDataPoint`; otlp.md, "Metrics").

use crate::shared::Population;

use super::{PointFrame, Rejection};

/// What a sender said of one point: unchecked. The lists are gone through, never held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramDraft<C, B> {
    pub frame: PointFrame,
    pub population: Population,
    pub bucket_counts: C,
    pub bounds: B,
}

impl<C, B> HistogramDraft<C, B>
where
    C: Iterator<Item = u64> + Clone,
    B: Iterator<Item = f64> + Clone,
{
    /// A histogram may do without buckets. With them, there is one more than there are bounds, bounds increase, and the
    /// buckets hold what the count says.
    pub(super) fn check_buckets(&self) -> Result<(), Rejection> {
        let (buckets, bounds) = (self.bucket_counts.clone().count(), self.bounds.clone().count());
        if buckets == 0 && bounds == 0 {
            return Ok(());
        }
        if buckets != bounds + 1 {
            return Err(Rejection::BucketsAndBounds);
        }
        if !increase(self.bounds.clone()) {
            return Err(Rejection::BoundsOrder);
        }
        has_total(self.bucket_counts.clone(), self.population.count)
    }
}

fn increase(bounds: impl Iterator<Item = f64>) -> bool {
    let mut before = None;
    for bound in bounds {
        // A comparison with NaN is false.
        let follows = before.is_none_or(|before| before < bound);
        if bound.is_nan() || !follows {
            return false;
        }
        before = Some(bound);
    }
    true
}

/// Counts may be as large as they like: a sum that overflows is not the count.
pub(super) fn has_total(mut counts: impl Iterator<Item = u64>, count: u64) -> Result<(), Rejection> {
    let total = counts.try_fold(0_u64, u64::checked_add);
    if total == Some(count) { Ok(()) } else { Err(Rejection::CountMismatch) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(count: u64, bucket_counts: &[u64], bounds: &[f64]) -> Result<(), Rejection> {
        let draft = HistogramDraft {
            frame: PointFrame::default(),
            population: Population { count, ..Population::default() },
            bucket_counts: bucket_counts.iter().copied(),
            bounds: bounds.iter().copied(),
        };
        draft.check_buckets()
    }

    #[test]
    fn a_histogram_has_one_bucket_more_than_bounds_or_neither() {
        assert_eq!(check(7, &[], &[]), Ok(()));
        assert_eq!(check(7, &[7], &[]), Ok(()));
        assert_eq!(check(7, &[3, 4], &[0.5]), Ok(()));
        for (counts, bounds) in [
            (&[][..], &[0.5][..]),
            (&[7], &[0.5]),
            (&[3, 4], &[]),
            (&[3, 4, 0], &[0.5]),
            (&[3, 4], &[0.5, 1.0]),
        ] {
            assert_eq!(check(7, counts, bounds), Err(Rejection::BucketsAndBounds), "{counts:?} {bounds:?}");
        }
    }

    #[test]
    fn bounds_increase_and_are_numbers() {
        let infinities = [f64::NEG_INFINITY, -0.5, f64::INFINITY];
        assert_eq!(check(0, &[0; 4], &infinities), Ok(()));
        for bounds in
            [[1.0, 1.0], [2.0, 1.0], [f64::NAN, 1.0], [1.0, f64::NAN], [0.0, -0.0], [f64::INFINITY; 2]]
        {
            assert_eq!(check(0, &[0; 3], &bounds), Err(Rejection::BoundsOrder), "{bounds:?}");
        }
        assert_eq!(check(0, &[0; 2], &[f64::NAN]), Err(Rejection::BoundsOrder));
    }

    #[test]
    fn buckets_hold_what_the_count_says_also_where_their_sum_overflows() {
        assert_eq!(check(u64::MAX, &[u64::MAX, 0], &[0.5]), Ok(()));
        assert_eq!(check(8, &[3, 4], &[0.5]), Err(Rejection::CountMismatch));
        assert_eq!(check(1, &[u64::MAX, 2], &[0.5]), Err(Rejection::CountMismatch));
    }
}
