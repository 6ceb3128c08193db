//! `Aggregation`: what is computed from the points of a bucket.

use std::borrow::Cow;
use std::time::Duration;

use super::{Bucket, Distribution, MetricDescription};

/// What is wanted of each bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Aggregation {
    Avg,
    Sum,
    Min,
    Max,
    Count,
    Last,
    /// Increase per second.
    Rate,
    Increase,
    /// The value below which a part of all observations lies.
    Quantile(Quantile),
    /// How many observations lie in each bucket of the distribution, for heat maps: no single number.
    Histogram,
}

/// A part of all observations, 0 to 1, in millionths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Quantile(u32);

impl Quantile {
    const ONE: u32 = 1_000_000;

    /// Up to six digits behind the point count.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie within 0 to 1"
    )]
    pub fn new(part: f64) -> Option<Self> {
        (0.0..=1.0).contains(&part).then(|| Self((part * f64::from(Self::ONE)).round() as u32))
    }

    const fn percent(percent: u32) -> Self {
        Self(percent * (Self::ONE / 100))
    }

    pub fn part(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE)
    }
}

/// A value in an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    Double(f64),
    /// An integer that no double can say.
    Integer(i64),
}

impl Number {
    /// The nearest double.
    #[expect(clippy::cast_precision_loss, reason = "the nearest is what is asked for")]
    pub const fn as_double(self) -> f64 {
        match self {
            Self::Double(value) => value,
            Self::Integer(value) => value as f64,
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the sum is checked to fit, and a rest comes with integers only"
    )]
    pub fn with_rest(value: f64, rest: i16) -> Self {
        match i64::try_from(value as i128 + i128::from(rest)) {
            Ok(exact) if rest != 0 => Self::Integer(exact),
            _ => Self::Double(value),
        }
    }
}

/// The metric has no such aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotComputable {
    #[error(
        "rate and increase need a monotonic or delta sum, or a distribution; this metric has levels (use avg, min, max or last)"
    )]
    Levels,
    #[error(
        "quantiles and histogram need a distribution (a histogram); the points of this metric are numbers (use avg, min or max)"
    )]
    Numbers,
    #[error(
        "the points of this metric are distributions, which have no last value (use count, sum, avg, rate, p99 or histogram)"
    )]
    Distributions,
    #[error(
        "the points of this metric are summaries: their quantiles cannot be put together, over time or over series (use count, sum, avg or rate; SQL reads the quantiles as sent from otel_metrics_summary)"
    )]
    Summaries,
}

impl Aggregation {
    /// All that have a name of one word.
    pub const NAMED: &'static [(&'static str, Self)] = &[
        ("avg", Self::Avg),
        ("sum", Self::Sum),
        ("min", Self::Min),
        ("max", Self::Max),
        ("count", Self::Count),
        ("last", Self::Last),
        ("rate", Self::Rate),
        ("increase", Self::Increase),
        ("p50", Self::Quantile(Quantile::percent(50))),
        ("p75", Self::Quantile(Quantile::percent(75))),
        ("p90", Self::Quantile(Quantile::percent(90))),
        ("p95", Self::Quantile(Quantile::percent(95))),
        ("p99", Self::Quantile(Quantile::percent(99))),
        ("histogram", Self::Histogram),
    ];

    /// As answers say it: `avg`, `p99`, `quantile=0.999`.
    pub fn name(self) -> Cow<'static, str> {
        let named = Self::NAMED.iter().find(|(_, named)| *named == self);
        match (named, self) {
            (Some((name, _)), _) => Cow::Borrowed(name),
            (None, Self::Quantile(quantile)) => Cow::Owned(format!("quantile={}", quantile.part())),
            (None, _) => Cow::Borrowed("unknown"),
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(name, _)| *name == text).map(|(_, aggregation)| *aggregation)
    }

    /// Whether a bucket without points means 0 of it.
    pub const fn is_zero_without_points(self) -> bool {
        matches!(self, Self::Sum | Self::Count | Self::Rate | Self::Increase)
    }

    pub fn check(self, metric: &MetricDescription) -> Result<(), NotComputable> {
        let summary = &*metric.kind == "summary";
        match (self, metric.has_numbers) {
            (Self::Quantile(_) | Self::Histogram, true) => Err(NotComputable::Numbers),
            (Self::Rate | Self::Increase, true) if !metric.accumulates() => Err(NotComputable::Levels),
            (Self::Quantile(_) | Self::Histogram | Self::Min | Self::Max, false) if summary => {
                Err(NotComputable::Summaries)
            }
            (Self::Last, false) => Err(NotComputable::Distributions),
            _ => Ok(()),
        }
    }

    /// The value of a bucket of a metric; absent where the bucket has points but none that says anything (a counter's first).
    pub fn of(self, metric: &MetricDescription, bucket: &Bucket, width: Duration) -> Option<Number> {
        match &bucket.distribution {
            Some(distribution) => self.of_distribution(bucket, distribution, width).map(Number::Double),
            None if metric.has_numbers => self.of_numbers(bucket, width),
            None => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn of_numbers(self, bucket: &Bucket, width: Duration) -> Option<Number> {
        let valued = bucket.valued > 0;
        let value = match self {
            Self::Last => {
                return (bucket.points > 0).then(|| Number::with_rest(bucket.last, bucket.last_rest));
            }
            Self::Count => Some(bucket.points as f64),
            Self::Avg => valued.then(|| bucket.total / bucket.valued as f64),
            Self::Min => valued.then_some(bucket.low),
            Self::Max => valued.then_some(bucket.high),
            Self::Sum | Self::Increase => valued.then_some(bucket.total),
            Self::Rate => valued.then(|| bucket.total / width.as_secs_f64()),
            Self::Quantile(_) | Self::Histogram => None,
        };
        value.map(Number::Double)
    }

    /// What is counted, added up and averaged are the observations, not the points that tell of them.
    #[expect(clippy::cast_precision_loss, reason = "beyond 2^53 observations the nearest double will do")]
    fn of_distribution(self, bucket: &Bucket, all: &Distribution, width: Duration) -> Option<f64> {
        let count = all.count as f64;
        match self {
            Self::Count | Self::Increase => Some(count),
            Self::Rate => Some(count / width.as_secs_f64()),
            Self::Sum => all.sum,
            Self::Avg => all.sum.filter(|_| all.count > 0).map(|sum| sum / count),
            Self::Min => Some(bucket.low).filter(|low| !low.is_nan()),
            Self::Max => Some(bucket.high).filter(|high| !high.is_nan()),
            Self::Quantile(quantile) => all.quantile(quantile.part()),
            Self::Last | Self::Histogram => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::querying::domain::{ExplicitBuckets, Shape};

    const MINUTE: Duration = Duration::from_secs(60);

    fn bucket() -> Bucket {
        Bucket { points: 4, valued: 3, total: 12.0, low: 1.0, high: 8.0, last: 7.0, ..Bucket::empty(0) }
    }

    fn of_metric(has_numbers: bool, bucket: &Bucket, names: &[&str]) -> Vec<Option<f64>> {
        let metric = MetricDescription { has_numbers, ..Default::default() };
        let value = |name: &&str| Aggregation::parse(name).unwrap().of(&metric, bucket, MINUTE);
        names.iter().map(value).map(|value| value.map(Number::as_double)).collect()
    }

    fn of(bucket: &Bucket, names: &[&str]) -> Vec<Option<f64>> {
        of_metric(bucket.distribution.is_none(), bucket, names)
    }

    #[test]
    fn every_aggregation_reads_the_same_bucket() {
        let names = ["avg", "sum", "min", "max", "count", "last", "rate", "increase"];
        let values = [4.0, 12.0, 1.0, 8.0, 4.0, 7.0, 0.2, 12.0].map(Some);
        assert_eq!(of(&bucket(), &names), values);
    }

    #[test]
    fn of_a_distribution_the_observations_count_not_the_points() {
        let buckets = ExplicitBuckets::new([1.0, 2.0].into(), [0, 60, 60].into()).unwrap();
        let all = Distribution { count: 120, sum: Some(240.0), shape: Shape::Explicit(buckets) };
        let bucket = Bucket { distribution: Some(std::sync::Arc::new(all)), ..bucket() };
        let names = ["avg", "sum", "min", "max", "count", "rate", "increase", "p50"];
        assert_eq!(of(&bucket, &names), [2.0, 240.0, 1.0, 8.0, 120.0, 2.0, 120.0, 2.0].map(Some));
    }

    #[test]
    fn a_counters_first_point_is_counted_but_says_nothing_of_its_increase() {
        let first = Bucket { valued: 0, total: 0.0, ..bucket() };
        assert_eq!(of(&first, &["count", "last"]), [Some(4.0), Some(7.0)]);
        assert_eq!(of(&first, &["avg", "sum", "rate", "increase"]), [None; 4]);
    }

    #[test]
    fn the_first_point_of_a_cumulative_distribution_is_no_observation() {
        let first = Bucket { points: 1, valued: 0, ..Bucket::empty(0) };
        assert_eq!(
            of_metric(false, &first, &["count", "sum", "avg", "min", "rate", "increase", "p50"]),
            [None; 7]
        );
    }

    #[test]
    fn the_last_integer_is_exact_also_where_no_double_can_say_it() {
        let last = |last, last_rest| {
            let metric = MetricDescription { has_numbers: true, ..Default::default() };
            Aggregation::Last.of(&metric, &Bucket { last, last_rest, ..bucket() }, MINUTE)
        };
        assert_eq!(last(9_007_199_254_740_992.0, 1), Some(Number::Integer(9_007_199_254_740_993)));
        assert_eq!(last(9_223_372_036_854_775_808.0, -1), Some(Number::Integer(i64::MAX)));
        assert_eq!(last(5.0, 0), Some(Number::Double(5.0)));
    }

    #[test]
    fn what_a_metric_cannot_say_is_refused_with_the_reason() {
        let check = |kind: &str, name: &str| {
            let has_numbers = ["gauge", "sum"].contains(&kind);
            let metric = MetricDescription { kind: kind.into(), has_numbers, ..Default::default() };
            Aggregation::parse(name).unwrap().check(&metric)
        };
        assert_eq!(check("gauge", "rate"), Err(NotComputable::Levels));
        assert_eq!(check("gauge", "p99"), Err(NotComputable::Numbers));
        assert_eq!(check("histogram", "last"), Err(NotComputable::Distributions));
        assert_eq!(check("summary", "p99"), Err(NotComputable::Summaries));
        for (kind, name) in
            [("gauge", "avg"), ("histogram", "p99"), ("summary", "avg"), ("histogram", "rate")]
        {
            assert_eq!(check(kind, name), Ok(()), "{name} of a {kind}");
        }
    }

    #[test]
    fn names_and_texts_agree() {
        for (name, aggregation) in Aggregation::NAMED {
            assert_eq!(aggregation.name(), *name);
        }
        assert_eq!(Aggregation::parse("median"), None);
        assert_eq!(Aggregation::Quantile(Quantile::new(0.999).unwrap()).name(), "quantile=0.999");
        assert_eq!(Aggregation::Quantile(Quantile::new(0.5).unwrap()).name(), "p50");
        assert_eq!([Quantile::new(1.5), Quantile::new(f64::NAN)], [None, None]);
    }
}
