//! `AggregationKind`: how the points of a window become one value, and which series that suits.

use std::borrow::Cow;

use crate::shared::MetricKind;

/// How the points of a window become one value.
///
/// Cumulative counters are read through their increase. Of histograms `avg`, `sum`, `min` and `max` speak of the observed
/// values, `count`, `increase` and `rate` of how many there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AggregationKind {
    Avg,
    Max,
    Min,
    Sum,
    Count,
    /// The newest point, of a counter as it stands.
    Last,
    /// What was added within the window, per second.
    Rate,
    /// What was added within the window.
    Increase,
    /// The value below which a part of what was observed lies.
    Quantile(Percentile),
    /// The part of spans that ended with an error, 0 to 1.
    ErrorRatio,
}

/// A rank of 0.001 to 99.999 percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile(u32);

impl Percentile {
    const PER_PERCENT: f64 = 1_000.0;

    /// `99` or `99.9`, with at most three decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.') && text.len() <= 6;
        let percent: f64 = text.parse().ok().filter(|_| plain)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100,000")]
        let rank = (percent.clamp(0.0, 100.0) * Self::PER_PERCENT).round() as u32;
        (1..100_000).contains(&rank).then_some(Self(rank))
    }

    /// 0 to 1.
    pub fn part(self) -> f64 {
        f64::from(self.0) / Self::PER_PERCENT / 100.0
    }
}

impl AggregationKind {
    const NAMED: [(&'static str, Self); 9] = [
        ("avg", Self::Avg),
        ("max", Self::Max),
        ("min", Self::Min),
        ("sum", Self::Sum),
        ("count", Self::Count),
        ("last", Self::Last),
        ("rate", Self::Rate),
        ("increase", Self::Increase),
        ("error_ratio", Self::ErrorRatio),
    ];

    /// One of the names, or a percentile like `p99` or `p99.9`.
    pub fn parse(text: &str) -> Option<Self> {
        let named = Self::NAMED.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind);
        named.or_else(|| Percentile::parse(text.strip_prefix('p')?).map(Self::Quantile))
    }

    pub fn name(self) -> Cow<'static, str> {
        match self {
            Self::Quantile(rank) => format!("p{}", f64::from(rank.0) / Percentile::PER_PERCENT).into(),
            other => Self::NAMED.iter().find(|(_, kind)| *kind == other).map_or("", |(name, _)| *name).into(),
        }
    }

    /// Whether points of such series have what is asked for.
    pub const fn suits(self, kind: MetricKind) -> bool {
        match (self, kind) {
            (_, MetricKind::Summary)
            | (Self::ErrorRatio, _)
            | (Self::Rate | Self::Increase, MetricKind::Gauge)
            | (Self::Quantile(_), MetricKind::Gauge | MetricKind::Sum { .. })
            | (Self::Last, MetricKind::Histogram { .. } | MetricKind::ExponentialHistogram { .. }) => false,
            (
                _,
                MetricKind::Gauge
                | MetricKind::Sum { .. }
                | MetricKind::Histogram { .. }
                | MetricKind::ExponentialHistogram { .. },
            ) => true,
        }
    }

    /// Whether log records have what is asked for: they count, and nothing else.
    pub const fn suits_logs(self) -> bool {
        matches!(self, Self::Count | Self::Rate | Self::Increase)
    }

    /// Whether spans have what is asked for. Their values are their durations.
    pub const fn suits_spans(self) -> bool {
        !matches!(self, Self::Last)
    }

    /// Whether its values cannot be below zero, whatever is measured.
    pub const fn is_a_count(self) -> bool {
        matches!(self, Self::Count)
    }

    /// Whether it asks how a counter stands, not what it adds.
    pub const fn is_a_level(self) -> bool {
        matches!(self, Self::Last)
    }

    /// Whether it grows as a window fills.
    pub const fn grows(self) -> bool {
        matches!(self, Self::Count | Self::Sum | Self::Rate | Self::Increase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared::Temporality;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in [
            "avg",
            "max",
            "min",
            "sum",
            "count",
            "last",
            "rate",
            "increase",
            "p50",
            "p99",
            "p99.9",
            "error_ratio",
        ] {
            assert_eq!(AggregationKind::parse(name).unwrap().name(), name);
        }
        for wrong in ["", "p", "p0", "p100", "p-1", "p1e1", "p99.99999", "median", "AVG", "pNaN"] {
            assert_eq!(AggregationKind::parse(wrong), None, "{wrong}");
        }
        let AggregationKind::Quantile(rank) = AggregationKind::parse("p99.9").unwrap() else {
            panic!("a rank")
        };
        assert!((rank.part() - 0.999).abs() < 1e-12);
    }

    #[test]
    fn an_aggregation_is_asked_only_of_what_has_it() {
        let histogram = MetricKind::Histogram { temporality: Temporality::Delta };
        let suits = |name: &str, kind| AggregationKind::parse(name).unwrap().suits(kind);
        assert!(suits("p99", histogram) && !suits("p99", MetricKind::Gauge));
        assert!(suits("avg", histogram) && !suits("last", histogram) && !suits("rate", MetricKind::Gauge));
        assert!(!suits("avg", MetricKind::Summary));
    }
}
