//! Takes in the points that are distributions: histograms, exponential histograms and summaries.

use crate::shared::columns::{ExponentialHistogramColumns, HistogramColumns, SummaryColumns};
use crate::shared::{ExponentialShape, PointRow, Population, ValueAtQuantile};
use crate::telemetry::application::{SeriesEntry, SeriesLookup};
use crate::telemetry::domain::AdmittedFrame;

use super::intake::{MetricsIntake, PointError};
use super::points::{ExponentialHistogramPoint, HistogramPoint, SummaryPoint};
use super::walker::Around;

impl<C: SeriesLookup> MetricsIntake<'_, '_, C> {
    pub(super) fn take_histogram(
        &mut self,
        around: &Around<'_>,
        point: &HistogramPoint<'_>,
    ) -> Result<(), PointError> {
        let draft = point.draft();
        let frame = around.metric.admit_histogram(&draft, self.window, &mut self.decoded.findings)?;
        let series = self.series_of(around, point.attributes, frame.time)?;
        let numbers = point.bucket_counts.len() + point.bounds.len();
        self.charge(HistogramColumns::ROW_BYTES + numbers * size_of::<u64>())?;
        let columns = &mut self.decoded.columns.histograms;
        if frame.ends_series() {
            columns.push(row(series, frame), Population::default(), [], []);
        } else {
            columns.push(row(series, frame), point.population, draft.bucket_counts, draft.bounds);
        }
        self.take_exemplars(around, point.exemplars, series.id, frame.time)?;
        Ok(())
    }

    pub(super) fn take_exponential_histogram(
        &mut self,
        around: &Around<'_>,
        point: &ExponentialHistogramPoint<'_>,
    ) -> Result<(), PointError> {
        let draft = point.draft();
        let findings = &mut self.decoded.findings;
        let frame = around.metric.admit_exponential_histogram(&draft, self.window, findings)?;
        let series = self.series_of(around, point.attributes, frame.time)?;
        let numbers = point.positive_counts.len() + point.negative_counts.len();
        self.charge(ExponentialHistogramColumns::ROW_BYTES + numbers * size_of::<u64>())?;
        let columns = &mut self.decoded.columns.exponential_histograms;
        let row = row(series, frame);
        if frame.ends_series() {
            columns.push(row, Population::default(), ExponentialShape::default(), [], []);
        } else {
            columns.push(row, point.population, point.shape, draft.positive_counts, draft.negative_counts);
        }
        self.take_exemplars(around, point.exemplars, series.id, frame.time)?;
        Ok(())
    }

    pub(super) fn take_summary(
        &mut self,
        around: &Around<'_>,
        point: &SummaryPoint<'_>,
    ) -> Result<(), PointError> {
        let draft = point.draft();
        let frame = around.metric.admit_summary(&draft, self.window, &mut self.decoded.findings)?;
        let series = self.series_of(around, point.attributes, frame.time)?;
        self.charge(SummaryColumns::ROW_BYTES + point.quantiles.len() * size_of::<ValueAtQuantile>())?;
        let columns = &mut self.decoded.columns.summaries;
        if frame.ends_series() {
            columns.push(row(series, frame), 0, 0.0, []);
        } else {
            columns.push(row(series, frame), point.count, point.sum, draft.quantiles);
        }
        Ok(())
    }
}

const fn row(series: SeriesEntry, frame: AdmittedFrame) -> PointRow {
    PointRow {
        series: series.id,
        watch: series.watch,
        time: frame.time,
        start: frame.start,
        flags: frame.flags,
    }
}
