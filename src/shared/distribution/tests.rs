//! Quantiles, and what becomes of buckets that differ.

use super::*;

fn explicit(bounds: &[f64], counts: &[u64]) -> Distribution {
    let buckets = ExplicitBuckets::new(bounds.into(), counts.into()).unwrap();
    Distribution { count: counts.iter().sum(), sum: Some(1.0), shape: Shape::Explicit(buckets) }
}

fn exponential(scale: i32, offset: i32, counts: &[u64]) -> Distribution {
    let buckets = ExponentialBuckets::new(scale, (0, 0.0), (offset, counts), (0, &[]));
    Distribution { count: counts.iter().sum(), sum: None, shape: Shape::Exponential(buckets) }
}

fn counts(distribution: &Distribution) -> Vec<u64> {
    distribution.shape.cells().iter().map(|cell| cell.count).collect()
}

#[test]
fn a_quantile_lies_within_its_bucket_in_proportion() {
    let one = explicit(&[10.0, 20.0], &[10, 10, 0]);
    assert_eq!(one.quantile(0.5), Some(10.0));
    assert_eq!(one.quantile(0.75), Some(15.0));
    assert_eq!(one.quantile(0.25), Some(5.0), "the lowest bucket begins at 0");
    assert_eq!(one.quantile(1.0), Some(20.0));
}

#[test]
fn an_open_bucket_answers_with_its_finite_bound() {
    assert_eq!(explicit(&[10.0], &[1, 99]).quantile(0.99), Some(10.0));
    assert_eq!(explicit(&[-5.0], &[99, 1]).quantile(0.1), Some(-5.0));
    assert_eq!(explicit(&[], &[7]).quantile(0.5), None, "a single bucket says nothing");
}

#[test]
fn without_observations_or_buckets_there_is_no_quantile() {
    assert_eq!(explicit(&[10.0], &[0, 0]).quantile(0.5), None);
    let unknown = Distribution { count: 5, sum: None, shape: Shape::Unknown };
    assert_eq!(unknown.quantile(0.5), None);
}

#[test]
fn histograms_with_other_bounds_meet_at_those_that_both_have() {
    let mut one = explicit(&[1.0, 2.0, 4.0], &[1, 2, 3, 4]);
    one.add(&explicit(&[2.0, 3.0, 4.0], &[10, 20, 30, 40]));
    assert_eq!(counts(&one), [1 + 2 + 10, 3 + 20 + 30, 4 + 40]);
    assert_eq!(one.count, 110);
    let mut apart = explicit(&[1.0], &[1, 2]);
    apart.add(&explicit(&[2.0], &[3, 4]));
    assert_eq!(counts(&apart), [10]);
}

#[test]
fn what_came_since_an_earlier_point_is_the_difference_unless_a_count_fell() {
    let earlier = explicit(&[1.0], &[1, 2]);
    assert_eq!(counts(&explicit(&[1.0], &[5, 2]).since(&earlier).unwrap()), [4, 0]);
    assert_eq!(explicit(&[1.0], &[5, 1]).since(&earlier), None);
    assert_eq!(explicit(&[3.0], &[5, 5]).since(&earlier), None);
}

#[test]
fn exponential_histograms_meet_at_the_lower_scale() {
    let mut one = exponential(1, 0, &[1, 2, 3, 4]);
    one.add(&exponential(0, 0, &[10, 20]));
    assert_eq!(counts(&one), [13, 27]);
    assert_eq!(one.quantile(0.0), Some(1.0));
    assert_eq!(one.quantile(1.0), Some(4.0));
}

#[test]
fn negative_indices_are_rounded_down_when_the_scale_is_lowered() {
    let mut one = exponential(1, -3, &[1, 2, 4]);
    one.add(&exponential(0, 0, &[]));
    let lows: Vec<(f64, u64)> = one.shape.cells().iter().map(|cell| (cell.low, cell.count)).collect();
    assert_eq!(lows, [(0.25, 1), (0.5, 6)]);
}

#[test]
fn a_cumulative_series_may_lower_its_scale_between_two_points() {
    let now = exponential(0, 0, &[9, 9]);
    assert_eq!(counts(&now.since(&exponential(1, 0, &[1, 2, 3, 4])).unwrap()), [6, 2]);
    assert_eq!(now.since(&exponential(0, 5, &[1])), None);
}

#[test]
fn exponential_quantiles_lie_within_their_bucket_by_logarithm() {
    let one = exponential(0, 0, &[4]);
    assert!((one.quantile(0.5).unwrap() - std::f64::consts::SQRT_2).abs() < 1e-12);
    let buckets = ExponentialBuckets::new(0, (2, 0.0), (0, &[]), (0, &[2]));
    let negative = Distribution { count: 4, sum: None, shape: Shape::Exponential(buckets) };
    assert_eq!(negative.quantile(0.0), Some(-2.0));
    assert_eq!(negative.quantile(1.0), Some(0.0));
}

#[test]
fn more_buckets_than_are_kept_halve_the_resolution() {
    let many = exponential(10, 0, &[1; 1_000]);
    assert_eq!(counts(&many).len(), 250);
    assert_eq!(counts(&many).iter().sum::<u64>(), 1_000);
}

#[test]
fn a_wider_zero_bucket_takes_in_what_lies_below_it() {
    let mut one = exponential(0, 0, &[1, 1]);
    let wide = ExponentialBuckets::new(0, (3, 2.0), (2, &[5]), (0, &[]));
    one.add(&Distribution { count: 8, sum: None, shape: Shape::Exponential(wide) });
    assert_eq!(counts(&one), [4, 1, 5]);
}

#[test]
fn offsets_and_scales_at_their_ends_do_no_harm() {
    let mut one = exponential(20, i32::MAX, &[1, 1]);
    one.add(&exponential(-10, i32::MIN, &[1, 1]));
    assert!(one.quantile(0.5).is_some());
    assert_eq!(one.count, 4);
}
