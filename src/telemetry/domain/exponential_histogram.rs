//! Exponential histogram points: which of them make sense
//! (opentelemetry-proto, `ExponentialHistogramDataPoint`; otlp.md, "Metrics").

use crate::shared::{ExponentialShape, Population};

use super::histogram::has_total;
use super::{PointFrame, Rejection};

/// Scales whose bucket bounds are doubles. At the lowest one bucket holds all doubles above 1 and another all below; with
/// SDKs it is -11 or -10. At the highest the bounds next to 1 are the doubles next to 1: `2^(2^-52)` is `1 + 2^-52`,
/// rounded, and with a scale of 53 it would be 1. SDKs end at 20, where the indexes of all doubles fit into 32 bits.
pub const SCALE_MIN: i32 = -11;
pub const SCALE_MAX: i32 = 52;

/// What a sender said of one point: unchecked. The lists are gone through, never held.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ExponentialHistogramDraft<C> {
    pub frame: PointFrame,
    pub population: Population,
    pub shape: ExponentialShape,
    pub positive_counts: C,
    pub negative_counts: C,
}

impl<C: Iterator<Item = u64> + Clone> ExponentialHistogramDraft<C> {
    /// The scale has bounds that are doubles, indexes have 32 bits, and zero and the buckets hold what the count says.
    pub(super) fn check_buckets(&self) -> Result<(), Rejection> {
        let shape = &self.shape;
        if !(SCALE_MIN..=SCALE_MAX).contains(&shape.scale) {
            return Err(Rejection::ScaleRange);
        }
        let (positive, negative) = (self.positive_counts.clone(), self.negative_counts.clone());
        check_indexes(shape.positive_offset, positive.clone().count())?;
        check_indexes(shape.negative_offset, negative.clone().count())?;
        has_total(positive.chain(negative).chain([shape.zero_count]), self.population.count)
    }
}

/// The last bucket's upper bound has the index that follows its own.
fn check_indexes(offset: i32, buckets: usize) -> Result<(), Rejection> {
    let end = i32::try_from(buckets).ok().and_then(|buckets| offset.checked_add(buckets));
    end.map(drop).ok_or(Rejection::BucketIndex)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        count: u64,
        shape: ExponentialShape,
        positive: &[u64],
        negative: &[u64],
    ) -> Result<(), Rejection> {
        let draft = ExponentialHistogramDraft {
            frame: PointFrame::default(),
            population: Population { count, ..Population::default() },
            shape,
            positive_counts: positive.iter().copied(),
            negative_counts: negative.iter().copied(),
        };
        draft.check_buckets()
    }

    #[test]
    fn zero_and_both_sides_together_hold_what_the_count_says() {
        let shape = ExponentialShape { zero_count: 2, ..ExponentialShape::default() };
        assert_eq!(check(10, shape, &[1, 2], &[5]), Ok(()));
        assert_eq!(check(2, shape, &[], &[]), Ok(()));
        assert_eq!(check(9, shape, &[1, 2], &[5]), Err(Rejection::CountMismatch));
        assert_eq!(check(1, shape, &[u64::MAX], &[]), Err(Rejection::CountMismatch));
    }

    #[test]
    fn indexes_of_buckets_have_32_bits_on_both_sides() {
        for offset in [i32::MAX - 2, i32::MIN] {
            let shape = ExponentialShape { positive_offset: offset, ..ExponentialShape::default() };
            assert_eq!(check(0, shape, &[0, 0], &[]), Ok(()));
        }
        let positive = ExponentialShape { positive_offset: i32::MAX - 1, ..ExponentialShape::default() };
        assert_eq!(check(0, positive, &[0, 0], &[]), Err(Rejection::BucketIndex));
        assert_eq!(check(0, positive, &[], &[0, 0]), Ok(()));
        let negative = ExponentialShape { negative_offset: i32::MAX, ..ExponentialShape::default() };
        assert_eq!(check(0, negative, &[], &[0]), Err(Rejection::BucketIndex));
        assert_eq!(check(0, negative, &[0], &[]), Ok(()));
    }

    #[test]
    fn a_scale_is_accepted_while_its_bounds_are_distinct_doubles() {
        for scale in [SCALE_MIN, -10, 0, 20, SCALE_MAX] {
            assert_eq!(check(0, ExponentialShape { scale, ..ExponentialShape::default() }, &[], &[]), Ok(()));
        }
        for scale in [i32::MIN, SCALE_MIN - 1, SCALE_MAX + 1, i32::MAX] {
            let shape = ExponentialShape { scale, ..ExponentialShape::default() };
            assert_eq!(check(0, shape, &[], &[]), Err(Rejection::ScaleRange), "{scale}");
        }
        let base = |scale: i32| 2_f64.powf(2_f64.powi(-scale));
        assert!(base(SCALE_MAX) > 1.0);
        assert_eq!(base(SCALE_MAX + 1).to_bits(), 1_f64.to_bits());
    }
}
