//! Turns sealed batches into Arrow blocks, one per table.

mod distributions;
mod exemplars;
mod gather;
mod samples;
mod series;
mod texts;

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;

use crate::shared::MetricColumns;
use crate::telemetry::application::NewSeries;

pub use distributions::{exponential_histograms, histograms, summaries};
pub use exemplars::exemplars;
pub use samples::samples;
pub use series::series;

pub const SAMPLES_TABLE: &str = "telemetryflow.metric_samples";
pub const SERIES_TABLE: &str = "telemetryflow.metric_series";
pub const HISTOGRAMS_TABLE: &str = "telemetryflow.metric_histograms";
pub const EXPONENTIAL_HISTOGRAMS_TABLE: &str = "telemetryflow.metric_exponential_histograms";
pub const SUMMARIES_TABLE: &str = "telemetryflow.metric_summaries";
pub const EXEMPLARS_TABLE: &str = "telemetryflow.metric_exemplars";

/// A block, and the table that it is for.
pub type TableBlock = (&'static str, RecordBatch);

/// The blocks of a batch, without those that would be empty. To be inserted in this order: series first, so that a point is
/// never visible without its series; then exemplars, so that a point is never without its own.
pub fn metrics(requests: &[MetricColumns], new_series: &[NewSeries]) -> Result<Vec<TableBlock>, ArrowError> {
    let blocks = [
        (SERIES_TABLE, series(new_series)?),
        (EXEMPLARS_TABLE, exemplars(requests)?),
        (SAMPLES_TABLE, samples(requests)?),
        (HISTOGRAMS_TABLE, histograms(requests)?),
        (EXPONENTIAL_HISTOGRAMS_TABLE, exponential_histograms(requests)?),
        (SUMMARIES_TABLE, summaries(requests)?),
    ];
    Ok(blocks.into_iter().filter(|(_, block)| block.num_rows() > 0).collect())
}

#[cfg(test)]
mod tests;
