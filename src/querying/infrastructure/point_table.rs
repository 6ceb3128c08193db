//! Where the points of a metric lie, and what is said to read them.

use std::borrow::Cow;

use crate::shared::Interval;
use crate::shared::time::{NANOS_PER_HOUR, NANOS_PER_SECOND};

/// Whether the starts of points are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Starts {
    Needed,
    /// No series is compared with the point before.
    Unneeded,
}

/// A table of points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointTable {
    Numbers,
    Histograms,
    ExponentialHistograms,
    Summaries,
    /// Numbers by five minutes and by the hour.
    FiveMinutes,
    Hours,
}

impl PointTable {
    /// By a metric's kind, as the store names it.
    pub fn of(kind: &str) -> Self {
        match kind {
            "histogram" => Self::Histograms,
            "exponential_histogram" => Self::ExponentialHistograms,
            "summary" => Self::Summaries,
            _ => Self::Numbers,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Numbers => "metric_samples",
            Self::Histograms => "metric_histograms",
            Self::ExponentialHistograms => "metric_exponential_histograms",
            Self::Summaries => "metric_summaries",
            Self::FiveMinutes => "metric_rollup_5m",
            Self::Hours => "metric_rollup_1h",
        }
    }

    /// The placeholder `{{series}}` is left.
    pub fn statement(self, starts: Starts) -> Cow<'static, str> {
        let text = match self {
            Self::FiveMinutes | Self::Hours => {
                let text = include_str!("../../../clickhouse/querying/rollup_points.sql");
                return text.replace("{{table}}", self.name()).into();
            }
            Self::Numbers => {
                let text = include_str!("../../../clickhouse/querying/number_points.sql");
                return text.replace("{{start}}", starts.column()).into();
            }
            Self::Histograms => include_str!("../../../clickhouse/querying/histogram_points.sql"),
            Self::ExponentialHistograms => {
                include_str!("../../../clickhouse/querying/exponential_histogram_points.sql")
            }
            Self::Summaries => include_str!("../../../clickhouse/querying/summary_points.sql"),
        };
        text.into()
    }

    /// The rollup that says of such intervals what points say, if there is one (`docs/rollups.md`).
    pub fn rollup_for(interval: Interval) -> Option<Self> {
        const MINUTES: i64 = 60 * NANOS_PER_SECOND;
        match interval.nanos() {
            width if width % NANOS_PER_HOUR == 0 => Some(Self::Hours),
            width if width < NANOS_PER_HOUR && width % (5 * MINUTES) == 0 => Some(Self::FiveMinutes),
            _ => None,
        }
    }

    /// Rows that are read at once: about 150 MB of them.
    pub const fn rows_max(self) -> usize {
        match self {
            Self::Numbers => 4_000_000,
            Self::FiveMinutes | Self::Hours => 2_000_000,
            Self::Summaries => 3_000_000,
            Self::Histograms | Self::ExponentialHistograms => 400_000,
        }
    }
}

impl Starts {
    const fn column(self) -> &'static str {
        match self {
            Self::Needed => "toUnixTimestamp64Nano(start_time) AS start,",
            Self::Unneeded => "",
        }
    }
}
