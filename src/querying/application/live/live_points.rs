//! Points of the metrics that a listener wants, out of the columns that were stored.

use std::ops::Range;

use crate::querying::domain::{Number, Watch};
use crate::shared::columns::FLAG_NO_RECORDED_VALUE;
use crate::shared::{MetricColumns, MetricKind, MetricRun, PointRow, Population};

use super::extract::Gathering;
use super::messages::{LivePoint, LiveValue, Message, Points};

/// Most points of one message.
const POINTS_MAX: usize = 500;

/// Adds them from the last to the first.
pub fn points(columns: &MetricColumns, watch: &Watch, found: &mut Gathering) {
    let wanted: Vec<MetricRun<'_>> = columns.runs().filter(|run| watch.wants_metric(run.metric)).collect();
    for run in wanted.iter().rev() {
        for rows in chunks(&run.rows).rev() {
            found.add(rows.len() as u64, || {
                let points = rows.filter_map(|row| point(columns, run.kind, row)).collect();
                Message::Points(Points { metric: run.metric.into(), kind: run.kind, points })
            });
        }
    }
}

fn chunks(rows: &Range<usize>) -> impl DoubleEndedIterator<Item = Range<usize>> {
    let (start, end) = (rows.start, rows.end);
    let count = rows.len().div_ceil(POINTS_MAX);
    (0..count).map(move |chunk| {
        let first = start + chunk * POINTS_MAX;
        first..end.min(first + POINTS_MAX)
    })
}

fn point(columns: &MetricColumns, kind: MetricKind, row: usize) -> Option<LivePoint> {
    match kind {
        MetricKind::Gauge | MetricKind::Sum { .. } => {
            let point = columns.numbers.row(row)?;
            let value = if point.integer {
                Number::with_rest(point.value, point.integer_rest)
            } else {
                Number::Double(point.value)
            };
            let value = LiveValue::Number(point.has_value().then_some(value));
            Some(LivePoint { series: point.series, time: point.time, value })
        }
        MetricKind::Histogram { .. } => {
            let (point, population) =
                (columns.histograms.points().row(row)?, columns.histograms.populations().get(row)?);
            Some(distribution(point, population))
        }
        MetricKind::ExponentialHistogram { .. } => {
            let histograms = &columns.exponential_histograms;
            Some(distribution(histograms.points().row(row)?, histograms.populations().get(row)?))
        }
        MetricKind::Summary => {
            let summaries = &columns.summaries;
            let (count, sum) = (*summaries.counts().get(row)?, *summaries.sums().get(row)?);
            let population = Population { count, sum: Some(sum), ..Population::default() };
            Some(distribution(summaries.points().row(row)?, &population))
        }
    }
}

fn distribution(point: PointRow, population: &Population) -> LivePoint {
    let value = match point.flags & FLAG_NO_RECORDED_VALUE {
        0 => LiveValue::Population { count: population.count, sum: population.sum },
        _ => LiveValue::Number(None),
    };
    LivePoint { series: point.series, time: point.time, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_messages() {
        let cut: Vec<Range<usize>> = chunks(&(7..1_010)).collect();
        assert_eq!(cut, [7..507, 507..1_007, 1_007..1_010]);
        assert_eq!(chunks(&(3..3)).count(), 0);
    }
}
