//! Where the points of a metric lie, and how rows become points.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_array::{ArrowPrimitiveType, ListArray, RecordBatch};

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Rows, StoreError};
use crate::querying::domain::{
    Distribution, DistributionPoint, ExplicitBuckets, ExponentialBuckets, NumberPoint, Point, RolledPoint,
    Shape,
};
use crate::shared::time::{NANOS_PER_HOUR, NANOS_PER_SECOND};
use crate::shared::{Interval, SeriesId};

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

    pub fn statement(self) -> Cow<'static, str> {
        let rollup = || {
            include_str!("../../../clickhouse/querying/rollup_points.sql").replace("{{table}}", self.name())
        };
        let text = match self {
            Self::FiveMinutes | Self::Hours => return rollup().into(),
            Self::Numbers => include_str!("../../../clickhouse/querying/number_points.sql"),
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

/// Points of one series, in order of time.
#[derive(Debug)]
pub struct Run<P> {
    pub series: SeriesId,
    pub points: Vec<P>,
}

/// Points as a table holds them.
pub trait StoredPoint: Point + Send + Sync + 'static {
    /// Whether a point says nothing without the one before it.
    const LOOKS_BACK: bool = true;

    /// All points of a batch, in its order.
    fn decode(table: PointTable, batch: &RecordBatch) -> Result<Vec<Self>, StoreError>;

    /// What it holds in memory.
    fn bytes(&self) -> usize;
}

/// Puts rows into runs, one per series. The store's threads hand over parts of the key's order, in any order of the parts.
pub fn runs<P: StoredPoint>(table: PointTable, rows: &Rows) -> Result<Vec<Run<P>>, StoreError> {
    let mut runs: Vec<Run<P>> = Vec::new();
    for batch in &rows.batches {
        let series = Columns(batch).counts("series_id")?;
        let mut points = P::decode(table, batch)?.into_iter();
        for run in series.values().chunk_by(|one, next| one == next) {
            let series = SeriesId(run.first().copied().unwrap_or_default());
            runs.push(Run { series, points: points.by_ref().take(run.len()).collect() });
        }
    }
    runs.sort_by_key(|run| run.series.0);
    runs.dedup_by(|next, kept| {
        let same = next.series == kept.series;
        if same {
            kept.points.append(&mut next.points);
        }
        same
    });
    for run in &mut runs {
        // What is in order already is only looked at.
        run.points.sort_by_key(Point::time);
    }
    Ok(runs)
}

impl StoredPoint for NumberPoint {
    fn decode(_: PointTable, batch: &RecordBatch) -> Result<Vec<Self>, StoreError> {
        let columns = Columns(batch);
        let (times, starts) = (columns.integers("at")?, columns.integers("start")?);
        let (values, rests) = (columns.doubles("value")?, columns.short_integers("integer_rest")?);
        let columns = times.values().iter().zip(starts.values()).zip(values.values()).zip(rests.values());
        let point = |(((time, start), value), rest): (((&i64, &i64), &f64), &i16)| Self {
            time: *time,
            start: *start,
            value: *value,
            rest: *rest,
        };
        Ok(columns.map(point).collect())
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl StoredPoint for RolledPoint {
    const LOOKS_BACK: bool = false;

    fn decode(_: PointTable, batch: &RecordBatch) -> Result<Vec<Self>, StoreError> {
        let columns = Columns(batch);
        let (times, last_times) = (columns.integers("at")?, columns.integers("last_at")?);
        let (points, valued) = (columns.counts("points_of")?, columns.counts("valued")?);
        let (totals, lows, highs) =
            (columns.doubles("total")?, columns.doubles("low")?, columns.doubles("high")?);
        let (lasts, rests) = (columns.doubles("last")?, columns.short_integers("last_rest")?);
        let point = |at| Self {
            time: times.value(at),
            points: points.value(at),
            valued: valued.value(at),
            total: totals.value(at),
            low: lows.value(at),
            high: highs.value(at),
            last: lasts.value(at),
            last_rest: rests.value(at),
            last_time: last_times.value(at),
        };
        Ok((0..batch.num_rows()).map(point).collect())
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

impl StoredPoint for DistributionPoint {
    fn decode(table: PointTable, batch: &RecordBatch) -> Result<Vec<Self>, StoreError> {
        let columns = Columns(batch);
        let (times, starts) = (columns.integers("at")?, columns.integers("start")?);
        let (counts, totals) = (columns.counts("observations")?, columns.doubles("total")?);
        let (lows, highs) = match table {
            PointTable::Histograms | PointTable::ExponentialHistograms => {
                (Some(columns.doubles("low")?), Some(columns.doubles("high")?))
            }
            _ => (None, None),
        };
        let shapes = shapes(table, columns, batch.num_rows())?;
        let or_nan = |of: Option<&arrow_array::Float64Array>, at| of.map_or(f64::NAN, |of| of.value(at));
        let point = |(at, shape)| Self {
            time: times.value(at),
            start: starts.value(at),
            low: or_nan(lows, at),
            high: or_nan(highs, at),
            observed: Distribution {
                count: counts.value(at),
                sum: Some(totals.value(at)).filter(|total| !total.is_nan()),
                shape,
            },
        };
        Ok(shapes.into_iter().enumerate().map(point).collect())
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.observed.shape.bytes()
    }
}

fn shapes(table: PointTable, columns: Columns<'_>, rows: usize) -> Result<Vec<Shape>, StoreError> {
    match table {
        PointTable::Histograms => explicit_shapes(columns, rows),
        PointTable::ExponentialHistograms => exponential_shapes(columns, rows),
        _ => Ok(vec![Shape::Unknown; rows]),
    }
}

fn explicit_shapes(columns: Columns<'_>, rows: usize) -> Result<Vec<Shape>, StoreError> {
    let (counts, bounds) = (columns.lists("bucket_counts")?, columns.lists("bounds")?);
    // Bounds hardly ever change from one point to the next.
    let mut shared: Arc<[f64]> = Arc::default();
    let shape = |at| {
        let bounds = row::<Float64Type>(bounds, at);
        if *shared != *bounds {
            shared = bounds.into();
        }
        let counts = row::<UInt64Type>(counts, at);
        ExplicitBuckets::new(Arc::clone(&shared), counts.into()).map_or(Shape::Unknown, Shape::Explicit)
    };
    Ok((0..rows).map(shape).collect())
}

fn exponential_shapes(columns: Columns<'_>, rows: usize) -> Result<Vec<Shape>, StoreError> {
    let scales = columns.integers("resolution")?;
    let (zeros, thresholds) = (columns.counts("zero_count")?, columns.doubles("zero_threshold")?);
    let (positive_from, positive) = (columns.integers("positive_from")?, columns.lists("positive_counts")?);
    let (negative_from, negative) = (columns.integers("negative_from")?, columns.lists("negative_counts")?);
    let narrow = |value: i64| i32::try_from(value).unwrap_or_default();
    let shape = |at| {
        Shape::Exponential(ExponentialBuckets::new(
            narrow(scales.value(at)),
            (zeros.value(at), thresholds.value(at)),
            (narrow(positive_from.value(at)), row::<UInt64Type>(positive, at)),
            (narrow(negative_from.value(at)), row::<UInt64Type>(negative, at)),
        ))
    };
    Ok((0..rows).map(shape).collect())
}

/// The values of a list, without a copy.
fn row<T: ArrowPrimitiveType>(lists: &ListArray, at: usize) -> &[T::Native] {
    let offsets = lists.value_offsets();
    let place = |at: usize| offsets.get(at).and_then(|offset| usize::try_from(*offset).ok());
    let values = lists.values().as_primitive_opt::<T>().map(|values| &**values.values());
    match (place(at), place(at + 1), values) {
        (Some(from), Some(to), Some(values)) => values.get(from..to).unwrap_or_default(),
        _ => &[],
    }
}
