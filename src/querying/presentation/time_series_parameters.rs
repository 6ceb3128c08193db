//! The query string of a metric over time.

use std::time::Duration;

use crate::platform::http::Problem;
use crate::querying::application::TimeSeriesQuery;
use crate::querying::domain::{Aggregation, BucketQuery, Fill, Order, OrderBy, Quantile, Ranking};
use crate::shared::nearest::nearest;
use crate::shared::{Interval, TenantId, Timestamp};

use super::QueryBounds;
use super::formats::Format;
use super::parameters::{
    CACHE, CURSOR, END, FILTER, GROUP_BY, INTERVAL, INTERVAL_DEFAULT, LIMIT, METRIC_NAME, Names, Parameters,
    SERVICE_NAME, START, wrong,
};

pub(super) const AGGREGATION: Names = &["aggregation"];
pub(super) const QUANTILE: Names = &["quantile"];
pub(super) const FILL: Names = &["fill"];
pub(super) const ORDER_BY: Names = &["orderBy"];
pub(super) const MAX_DATA_POINTS: Names = &["maxDataPoints"];
pub(super) const FORMAT: Names = &["format"];

pub(super) const OF_TIME_SERIES: &[Names] = &[
    METRIC_NAME,
    SERVICE_NAME,
    START,
    END,
    INTERVAL,
    MAX_DATA_POINTS,
    AGGREGATION,
    QUANTILE,
    GROUP_BY,
    FILTER,
    FILL,
    LIMIT,
    ORDER_BY,
    CURSOR,
    FORMAT,
    CACHE,
];

pub(super) const SERIES_DEFAULT: usize = 50;
pub(super) const POINTS_DEFAULT: usize = 300;
/// The value of `interval` that leaves it to the server.
const AUTO: &str = "auto";
/// What an interval that was left to the server follows from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IntervalFrom {
    /// It was asked for, or is the default.
    Asked,
    /// The range and `maxDataPoints`.
    DataPoints,
    /// How often the metric is sent.
    Samples,
}

impl IntervalFrom {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::DataPoints => "maxDataPoints",
            Self::Samples => "sampleInterval",
        }
    }
}

impl Parameters {
    /// The metric whose sample interval has to be known, since `interval=auto`.
    pub fn auto_interval_of(&self) -> Option<Box<str>> {
        let auto = self.one(INTERVAL).ok().flatten() == Some(AUTO);
        auto.then(|| self.one(METRIC_NAME).ok().flatten().unwrap_or_default().into())
    }

    /// `sample_interval` is how often the metric is sent, for `interval=auto`.
    pub fn time_series(
        &self,
        tenant: TenantId,
        bounds: QueryBounds,
        now: Timestamp,
        sample_interval: Option<Duration>,
    ) -> Result<(TimeSeriesQuery, IntervalFrom), Problem> {
        self.only(OF_TIME_SERIES)?;
        let metric = self.text(METRIC_NAME)?;
        if metric.is_empty() {
            return Err(wrong(METRIC_NAME, "empty"));
        }
        let (interval, from) = self.interval_or_auto(bounds, now, sample_interval)?;
        let range = self.range(interval, now)?;
        self.bounded(range, interval, bounds.points_max)?;
        let aggregation = self.aggregation()?;
        let query = TimeSeriesQuery {
            buckets: BucketQuery {
                tenant,
                metric,
                range,
                interval,
                filter: self.filter()?,
                group_by: self.group_by()?,
            },
            aggregation,
            ranking: self.ranking(bounds)?,
            fill: self.fill(aggregation)?,
            cache: self.cache()?,
        };
        Ok((query, from))
    }

    fn interval_or_auto(
        &self,
        bounds: QueryBounds,
        now: Timestamp,
        sample_interval: Option<Duration>,
    ) -> Result<(Interval, IntervalFrom), Problem> {
        let points_max = usize::try_from(bounds.points_max).unwrap_or(usize::MAX);
        let points = self.count(MAX_DATA_POINTS, POINTS_DEFAULT, points_max)?;
        let text = self.one(INTERVAL)?.unwrap_or(INTERVAL_DEFAULT);
        if text != AUTO {
            if self.one(MAX_DATA_POINTS)?.is_some() {
                return Err(wrong(MAX_DATA_POINTS, "only with interval=auto"));
            }
            let interval = Interval::parse(text).map_err(|error| {
                wrong(INTERVAL, error.to_string()).with_allowed(["auto", "15s", "5m", "1h"])
            })?;
            return Ok((interval, IntervalFrom::Asked));
        }
        let range = self.exact_range(now)?;
        let points = u32::try_from(points).unwrap_or(u32::MAX);
        let least = range.end().since(range.start()) / points;
        let sampled = sample_interval.filter(|sampled| *sampled > least);
        let from = if sampled.is_some() { IntervalFrom::Samples } else { IntervalFrom::DataPoints };
        // Points never come quite on time: 60.02 s is a minute.
        let wanted = sampled.map_or(least, |sampled| least.max(sampled.mul_f64(0.95)));
        Ok((Interval::readable(wanted), from))
    }

    fn aggregation(&self) -> Result<Aggregation, Problem> {
        let text = self.one(AGGREGATION)?;
        if let Some(part) = self.one(QUANTILE)? {
            if text.is_some_and(|text| text != "quantile") {
                return Err(wrong(QUANTILE, "only without aggregation, or with aggregation=quantile"));
            }
            let quantile = part.parse().ok().and_then(Quantile::new);
            return quantile
                .map(Aggregation::Quantile)
                .ok_or_else(|| wrong(QUANTILE, "expected a number from 0 to 1"));
        }
        let Some(text) = text else { return Ok(Aggregation::Avg) };
        let names = || Aggregation::NAMED.iter().map(|(name, _)| *name);
        Aggregation::parse(text).ok_or_else(|| {
            let problem = wrong(AGGREGATION, "unknown aggregation").with_allowed(names());
            match nearest(text, names()) {
                _ if text == "quantile" => problem.with_near(["quantile=0.999"]),
                Some(near) => problem.with_near([near]),
                None => problem,
            }
        })
    }

    fn fill(&self, aggregation: Aggregation) -> Result<Fill, Problem> {
        let fill = self.named(FILL, Fill::NAMED)?.unwrap_or_default();
        if fill == Fill::Zero && !aggregation.is_zero_without_points() {
            let reason =
                format!("no points do not mean 0 of {}: use null, previous or none", aggregation.name());
            return Err(wrong(FILL, reason));
        }
        Ok(fill)
    }

    /// Only JSON can say a heat map.
    pub fn format(&self, aggregation: Aggregation) -> Result<Format, Problem> {
        let format = self.named(FORMAT, Format::NAMED)?.unwrap_or_default();
        if aggregation == Aggregation::Histogram && format != Format::Json {
            return Err(wrong(FORMAT, "a histogram has no rows: use json"));
        }
        Ok(format)
    }

    fn ranking(&self, bounds: QueryBounds) -> Result<Ranking, Problem> {
        let text = self.one(ORDER_BY)?.unwrap_or("-max");
        let (name, descending) = text.strip_prefix('-').map_or((text, false), |name| (name, true));
        let by =
            OrderBy::NAMED.iter().find(|(known, _)| *known == name).map(|(_, by)| *by).ok_or_else(|| {
                let allowed = OrderBy::NAMED.iter().map(|(known, _)| *known);
                wrong(ORDER_BY, "unknown order; a minus in front means the highest first")
                    .with_allowed(allowed)
            })?;
        let skip = match self.one(CURSOR)? {
            None => 0,
            Some(text) => text.parse().map_err(|_| wrong(CURSOR, "not a cursor of an answer's `next`"))?,
        };
        let limit = self.count(LIMIT, SERIES_DEFAULT, bounds.series_max)?;
        Ok(Ranking { order: Order { by, descending }, skip, limit })
    }
}

#[cfg(test)]
mod tests;
