//! `StoredPoint`: how the rows of an answer become points, one at a time, straight off its columns.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, UInt64Type};
use arrow_array::{
    ArrowPrimitiveType, BooleanArray, Float64Array, Int64Array, ListArray, RecordBatch, UInt64Array,
};

use crate::platform::clickhouse::StoreError;
use crate::platform::clickhouse::rows::{Columns, within};
use crate::querying::domain::{
    Distribution, DistributionPoint, ExplicitBuckets, ExponentialBuckets, NumberPoint, Point, RolledPoint,
    Shape,
};

use super::point_table::PointTable;

/// A point as a row says it.
#[derive(Debug, Clone)]
pub struct Row<P> {
    pub point: P,
    /// It says that there is no value here; a point of the same time may have been stored before it.
    pub is_gap: bool,
}

/// Points as a table holds them.
pub trait StoredPoint: Point + Send + Sync + 'static {
    /// Whether a point says nothing without the one before it.
    const LOOKS_BACK: bool = true;

    /// The columns of a batch.
    type Columns<'a>;

    fn columns(table: PointTable, batch: &RecordBatch) -> Result<Self::Columns<'_>, StoreError>;

    /// Rows of a batch, in their order.
    fn rows<'c, 'a: 'c>(
        columns: &'c Self::Columns<'a>,
        rows: Range<usize>,
    ) -> impl Iterator<Item = Row<Self>>;

    /// What it holds in memory.
    fn bytes(&self) -> usize;
}

/// Columns of gauges and sums.
#[derive(Debug)]
pub struct NumberColumns<'a> {
    times: &'a [i64],
    /// Absent where nobody needs them.
    starts: Option<&'a [i64]>,
    values: &'a [f64],
    rests: &'a [i16],
    /// Absent where there are none.
    gaps: Option<&'a BooleanArray>,
}

impl StoredPoint for NumberPoint {
    type Columns<'a> = NumberColumns<'a>;

    fn columns(_: PointTable, batch: &RecordBatch) -> Result<NumberColumns<'_>, StoreError> {
        let columns = Columns(batch);
        let gaps = columns.flags("is_gap")?;
        let starts = columns.has("start").then(|| columns.integers("start")).transpose()?;
        Ok(NumberColumns {
            times: columns.integers("at")?.values(),
            starts: starts.map(|starts| &**starts.values()),
            values: columns.doubles("value")?.values(),
            rests: columns.short_integers("integer_rest")?.values(),
            gaps: (gaps.true_count() > 0).then_some(gaps),
        })
    }

    fn rows<'c, 'a: 'c>(
        columns: &'c NumberColumns<'a>,
        rows: Range<usize>,
    ) -> impl Iterator<Item = Row<Self>> {
        let times = columns.times.get(rows.clone()).unwrap_or_default();
        let values = columns.values.get(rows.clone()).unwrap_or_default();
        let rests = columns.rests.get(rows.clone()).unwrap_or_default();
        let starts = columns.starts.and_then(|starts| starts.get(rows.clone())).unwrap_or_default();
        times.iter().zip(values).zip(rests).enumerate().map(move |(at, ((time, value), rest))| Row {
            point: Self {
                time: *time,
                start: starts.get(at).copied().unwrap_or_default(),
                value: *value,
                rest: *rest,
            },
            is_gap: columns.gaps.is_some_and(|gaps| gaps.value(rows.start + at)),
        })
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// Columns of a rollup.
#[derive(Debug)]
pub struct RolledColumns<'a> {
    times: &'a [i64],
    last_times: &'a Int64Array,
    points: &'a UInt64Array,
    valued: &'a UInt64Array,
    /// Total, lowest, highest, last.
    values: [&'a Float64Array; 4],
    last_rests: &'a [i16],
}

impl StoredPoint for RolledPoint {
    const LOOKS_BACK: bool = false;

    type Columns<'a> = RolledColumns<'a>;

    fn columns(_: PointTable, batch: &RecordBatch) -> Result<RolledColumns<'_>, StoreError> {
        let columns = Columns(batch);
        let [total, low, high, last] = ["total", "low", "high", "last"].map(|name| columns.doubles(name));
        Ok(RolledColumns {
            times: columns.integers("at")?.values(),
            last_times: columns.integers("last_at")?,
            points: columns.counts("points_of")?,
            valued: columns.counts("valued")?,
            values: [total?, low?, high?, last?],
            last_rests: columns.short_integers("last_rest")?.values(),
        })
    }

    fn rows<'c, 'a: 'c>(
        columns: &'c RolledColumns<'a>,
        rows: Range<usize>,
    ) -> impl Iterator<Item = Row<Self>> {
        let from = rows.start;
        let times = columns.times.get(rows.clone()).unwrap_or_default();
        let rests = columns.last_rests.get(rows).unwrap_or_default();
        times.iter().zip(rests).enumerate().map(move |(at, (time, rest))| {
            let at = from + at;
            let [total, low, high, last] = columns.values.map(|values| values.value(at));
            let (points, valued) = (columns.points.value(at), columns.valued.value(at));
            let last_time = columns.last_times.value(at);
            let point =
                Self { time: *time, points, valued, total, low, high, last, last_rest: *rest, last_time };
            Row { point, is_gap: false }
        })
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }
}

/// Columns of histograms and summaries.
#[derive(Debug)]
pub struct DistributionColumns<'a> {
    times: &'a [i64],
    starts: &'a Int64Array,
    counts: &'a UInt64Array,
    totals: &'a Float64Array,
    /// Lowest and highest, where the table has them.
    ends: Option<[&'a Float64Array; 2]>,
    shapes: ShapeColumns<'a>,
}

#[derive(Debug)]
enum ShapeColumns<'a> {
    None,
    Explicit {
        counts: &'a ListArray,
        bounds: &'a ListArray,
        /// Bounds hardly ever change from one point to the next.
        shared: RefCell<Arc<[f64]>>,
    },
    Exponential {
        scales: &'a Int64Array,
        zeros: &'a UInt64Array,
        thresholds: &'a Float64Array,
        positive: (&'a Int64Array, &'a ListArray),
        negative: (&'a Int64Array, &'a ListArray),
    },
}

impl StoredPoint for DistributionPoint {
    type Columns<'a> = DistributionColumns<'a>;

    fn columns(table: PointTable, batch: &RecordBatch) -> Result<DistributionColumns<'_>, StoreError> {
        let columns = Columns(batch);
        let ends = match table {
            PointTable::Histograms | PointTable::ExponentialHistograms => {
                Some([columns.doubles("low")?, columns.doubles("high")?])
            }
            _ => None,
        };
        Ok(DistributionColumns {
            times: columns.integers("at")?.values(),
            starts: columns.integers("start")?,
            counts: columns.counts("observations")?,
            totals: columns.doubles("total")?,
            ends,
            shapes: ShapeColumns::of(table, columns)?,
        })
    }

    fn rows<'c, 'a: 'c>(
        columns: &'c DistributionColumns<'a>,
        rows: Range<usize>,
    ) -> impl Iterator<Item = Row<Self>> {
        let from = rows.start;
        let times = columns.times.get(rows).unwrap_or_default();
        times.iter().enumerate().map(move |(at, time)| {
            let at = from + at;
            let [low, high] = columns.ends.map_or([f64::NAN; 2], |ends| ends.map(|of| of.value(at)));
            let observed = Distribution {
                count: columns.counts.value(at),
                sum: Some(columns.totals.value(at)).filter(|total| !total.is_nan()),
                shape: columns.shapes.at(at),
            };
            let point = Self { time: *time, start: columns.starts.value(at), low, high, observed };
            Row { point, is_gap: false }
        })
    }

    fn bytes(&self) -> usize {
        size_of::<Self>() + self.observed.shape.bytes()
    }
}

impl<'a> ShapeColumns<'a> {
    fn of(table: PointTable, columns: Columns<'a>) -> Result<Self, StoreError> {
        Ok(match table {
            PointTable::Histograms => Self::Explicit {
                counts: columns.lists("bucket_counts")?,
                bounds: columns.lists("bounds")?,
                shared: RefCell::default(),
            },
            PointTable::ExponentialHistograms => Self::Exponential {
                scales: columns.integers("resolution")?,
                zeros: columns.counts("zero_count")?,
                thresholds: columns.doubles("zero_threshold")?,
                positive: (columns.integers("positive_from")?, columns.lists("positive_counts")?),
                negative: (columns.integers("negative_from")?, columns.lists("negative_counts")?),
            },
            _ => Self::None,
        })
    }

    fn at(&self, at: usize) -> Shape {
        let narrow = |value: i64| i32::try_from(value).unwrap_or_default();
        match self {
            Self::None => Shape::Unknown,
            Self::Explicit { counts, bounds, shared } => {
                let mut shared = shared.borrow_mut();
                let bounds = list::<Float64Type>(bounds, at);
                if **shared != *bounds {
                    *shared = bounds.into();
                }
                let counts = list::<UInt64Type>(counts, at);
                ExplicitBuckets::new(Arc::clone(&shared), counts.into())
                    .map_or(Shape::Unknown, Shape::Explicit)
            }
            Self::Exponential { scales, zeros, thresholds, positive, negative } => {
                Shape::Exponential(ExponentialBuckets::new(
                    narrow(scales.value(at)),
                    (zeros.value(at), thresholds.value(at)),
                    (narrow(positive.0.value(at)), list::<UInt64Type>(positive.1, at)),
                    (narrow(negative.0.value(at)), list::<UInt64Type>(negative.1, at)),
                ))
            }
        }
    }
}

/// The values of a list, without a copy.
fn list<T: ArrowPrimitiveType>(lists: &ListArray, at: usize) -> &[T::Native] {
    let values = lists.values().as_primitive_opt::<T>().map(|values| &**values.values());
    values.and_then(|values| values.get(within(lists.value_offsets(), at))).unwrap_or_default()
}
