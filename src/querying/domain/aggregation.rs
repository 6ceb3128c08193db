//! `Aggregation`: what is computed from the points of a bucket.

use std::time::Duration;

use super::{Bucket, MetricDescription};

/// One number per bucket.
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
    fn with_rest(value: f64, rest: i16) -> Self {
        match i64::try_from(value as i128 + i128::from(rest)) {
            Ok(exact) if rest != 0 => Self::Integer(exact),
            _ => Self::Double(value),
        }
    }
}

/// The metric has no such aggregation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotComputable {
    #[error(
        "rate and increase need a monotonic or delta sum; this metric has levels (use avg, min, max or last)"
    )]
    Levels,
    #[error(
        "this metric is of the kind {kind}: its points are distributions, of which this version computes nothing yet (they are stored; read them with SQL from otel_metrics_{kind})"
    )]
    Distributions { kind: Box<str> },
}

impl Aggregation {
    pub const ALL: &'static [Self] =
        &[Self::Avg, Self::Sum, Self::Min, Self::Max, Self::Count, Self::Last, Self::Rate, Self::Increase];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Avg => "avg",
            Self::Sum => "sum",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::Last => "last",
            Self::Rate => "rate",
            Self::Increase => "increase",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|aggregation| aggregation.name() == text)
    }

    pub fn check(self, metric: &MetricDescription) -> Result<(), NotComputable> {
        match self {
            _ if !metric.has_numbers => Err(NotComputable::Distributions { kind: metric.kind.clone() }),
            Self::Rate | Self::Increase if !metric.accumulates() => Err(NotComputable::Levels),
            _ => Ok(()),
        }
    }

    /// The value of a bucket; absent where the bucket has points but none that says anything (a counter's first).
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn of(self, bucket: &Bucket, width: Duration) -> Option<Number> {
        let valued = bucket.valued > 0;
        let value = match self {
            Self::Last => return Some(Number::with_rest(bucket.last, bucket.last_rest)),
            Self::Count => Some(bucket.points as f64),
            Self::Avg => valued.then(|| bucket.total / bucket.valued as f64),
            Self::Min => valued.then_some(bucket.low),
            Self::Max => valued.then_some(bucket.high),
            Self::Sum | Self::Increase => valued.then_some(bucket.total),
            Self::Rate => valued.then(|| bucket.total / width.as_secs_f64()),
        };
        value.map(Number::Double)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUCKET: Bucket =
        Bucket { index: 0, points: 4, valued: 3, total: 12.0, low: 1.0, high: 8.0, last: 7.0, last_rest: 0 };

    #[test]
    fn every_aggregation_reads_the_same_bucket() {
        let of =
            |aggregation: Aggregation| aggregation.of(&BUCKET, Duration::from_secs(60)).unwrap().as_double();
        let values: Vec<f64> = Aggregation::ALL.iter().copied().map(of).collect();
        assert_eq!(values, vec![4.0, 12.0, 1.0, 8.0, 4.0, 7.0, 0.2, 12.0]);
    }

    #[test]
    fn a_counters_first_point_is_counted_but_says_nothing_of_its_increase() {
        let first = Bucket { valued: 0, total: 0.0, ..BUCKET };
        let of =
            |aggregation: Aggregation| aggregation.of(&first, Duration::from_secs(60)).map(Number::as_double);
        assert_eq!((of(Aggregation::Count), of(Aggregation::Last)), (Some(4.0), Some(7.0)));
        for silent in [Aggregation::Avg, Aggregation::Sum, Aggregation::Rate, Aggregation::Increase] {
            assert_eq!(of(silent), None);
        }
    }

    #[test]
    fn the_last_integer_is_exact_also_where_no_double_can_say_it() {
        let last = |last, last_rest| {
            Aggregation::Last.of(&Bucket { last, last_rest, ..BUCKET }, Duration::from_secs(1))
        };
        assert_eq!(last(9_007_199_254_740_992.0, 1), Some(Number::Integer(9_007_199_254_740_993)));
        assert_eq!(last(9_223_372_036_854_775_808.0, -1), Some(Number::Integer(i64::MAX)));
        assert_eq!(last(5.0, 0), Some(Number::Double(5.0)));
    }

    #[test]
    fn what_a_metric_cannot_say_is_refused_with_the_reason() {
        let gauge = MetricDescription { kind: "gauge".into(), has_numbers: true, ..Default::default() };
        assert_eq!(Aggregation::Rate.check(&gauge), Err(NotComputable::Levels));
        assert_eq!(Aggregation::Avg.check(&gauge), Ok(()));
        let kind: Box<str> = "histogram".into();
        let histogram =
            MetricDescription { kind: kind.clone(), temporality: "delta".into(), ..Default::default() };
        for aggregation in Aggregation::ALL {
            let refused = Err(NotComputable::Distributions { kind: kind.clone() });
            assert_eq!(aggregation.check(&histogram), refused);
        }
    }

    #[test]
    fn names_and_texts_agree() {
        for aggregation in Aggregation::ALL {
            assert_eq!(Aggregation::parse(aggregation.name()), Some(*aggregation));
        }
        assert_eq!(Aggregation::parse("median"), None);
    }
}
