//! `HeatMap`: how many observations lie between which values, over time.

use super::{Bucket, Distribution, Shape};

/// Counts in cells that are the same for all steps of time.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// Lower and upper end of each cell, ascending; the first and the last may be infinite.
    pub cells: Vec<(f64, f64)>,
    /// A count per cell for each step; absent where nothing was sent.
    pub counts: Vec<Option<Vec<u64>>>,
}

impl HeatMap {
    /// Over `steps` steps, the first of which has the index `first`.
    pub fn new<'a>(buckets: impl Iterator<Item = &'a Bucket> + Clone, first: i64, steps: usize) -> Self {
        let Some(all) = total(buckets.clone()) else {
            return Self { cells: Vec::new(), counts: vec![None; steps] };
        };
        let cells: Vec<(f64, f64)> = all.shape.cells().iter().map(|cell| (cell.low, cell.high)).collect();
        // Subtracted from itself, it is the shape alone: what is added to it takes its bounds or its scale.
        let nothing = all.since(&all);
        let mut counts = vec![None; steps];
        for bucket in buckets {
            let place = usize::try_from(bucket.index - first).ok().and_then(|at| counts.get_mut(at));
            if let (Some(place), Some(own), Some(nothing)) = (place, &bucket.distribution, &nothing) {
                let mut aligned = nothing.clone();
                aligned.add(own);
                *place = Some(row(&cells, &aligned.shape));
            }
        }
        Self { cells, counts }
    }
}

fn total<'a>(buckets: impl Iterator<Item = &'a Bucket>) -> Option<Distribution> {
    buckets.filter_map(|bucket| bucket.distribution.as_deref()).fold(None, |all, one| match all {
        None => Some(one.clone()),
        Some(mut all) => {
            all.add(one);
            Some(all)
        }
    })
}

/// Sparse shapes leave out cells without observations.
fn row(cells: &[(f64, f64)], shape: &Shape) -> Vec<u64> {
    let mut row = vec![0; cells.len()];
    let mut at = 0;
    for cell in shape.cells() {
        // Both ends of the zero bucket depend on what else there is: without values of a sign it ends at zero. It never
        // reaches beyond the one of all, and all other cells are the same.
        let Some(found) = cells.iter().skip(at).position(|(_, high)| cell.high <= *high) else { continue };
        at += found;
        if let Some(place) = row.get_mut(at) {
            *place = cell.count;
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::domain::{ExplicitBuckets, ExponentialBuckets};

    fn bucket(index: i64, shape: Shape) -> Bucket {
        let distribution = Some(std::sync::Arc::new(Distribution { count: 1, sum: None, shape }));
        Bucket { points: 1, distribution, ..Bucket::empty(index) }
    }

    fn explicit(bounds: &[f64], counts: &[u64]) -> Shape {
        Shape::Explicit(ExplicitBuckets::new(bounds.into(), counts.into()).unwrap())
    }

    #[test]
    fn all_steps_have_the_cells_that_all_know() {
        let buckets =
            [bucket(5, explicit(&[1.0, 2.0], &[1, 2, 3])), bucket(7, explicit(&[2.0, 3.0], &[4, 5, 6]))];
        let map = HeatMap::new(buckets.iter(), 5, 3);
        assert_eq!(map.cells, [(0.0, 2.0), (2.0, f64::INFINITY)]);
        assert_eq!(map.counts, [Some(vec![3, 3]), None, Some(vec![4, 11])]);
    }

    #[test]
    fn cells_without_observations_in_a_step_are_zero() {
        let exponential = |offset, counts: &[u64]| {
            Shape::Exponential(ExponentialBuckets::new(0, (0, 0.0), (offset, counts), (0, &[])))
        };
        let buckets = [bucket(0, exponential(0, &[1, 2])), bucket(1, exponential(2, &[3]))];
        let map = HeatMap::new(buckets.iter(), 0, 2);
        assert_eq!(map.cells, [(1.0, 2.0), (2.0, 4.0), (4.0, 8.0)]);
        assert_eq!(map.counts, [Some(vec![1, 2, 0]), Some(vec![0, 0, 3])]);
    }

    #[test]
    fn what_is_zero_is_counted_also_in_a_step_that_has_nothing_else() {
        let near_zero = |zero_count, negative: &[u64], positive: &[u64]| {
            let (positive, negative) = ((0, positive), (0, negative));
            Shape::Exponential(ExponentialBuckets::new(0, (zero_count, 1.0), positive, negative))
        };
        let buckets = [
            bucket(0, near_zero(1, &[2], &[3])),
            bucket(1, near_zero(4, &[], &[])),
            bucket(2, near_zero(5, &[6], &[])),
        ];
        let map = HeatMap::new(buckets.iter(), 0, 3);
        assert_eq!(map.cells, [(-2.0, -1.0), (-1.0, 1.0), (1.0, 2.0)]);
        assert_eq!(map.counts, [Some(vec![2, 1, 3]), Some(vec![0, 4, 0]), Some(vec![6, 5, 0])]);
    }

    #[test]
    fn without_buckets_there_are_no_cells() {
        let map = HeatMap::new([bucket(0, Shape::Unknown)].iter(), 0, 1);
        assert_eq!((map.cells.len(), map.counts), (0, vec![Some(Vec::new())]));
    }
}
