//! `Pane`: the newest points of one metric.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use tokio::sync::OnceCell;

use crate::querying::domain::{
    BucketQuery, Distribution, DistributionPoint, ExplicitBuckets, ExponentialBuckets, Fold, GroupSeries,
    NEAR, NumberPoint, Shape, look_back,
};
use crate::shared::{
    Interval, MetricColumns, MetricRun, PointColumns, Population, SeriesId, TimeRange, Timestamp,
};

use super::super::bucket_reader::FoldError;
use super::super::point_table::PointTable;
use super::super::runs::{Runs, SeriesRows};
use super::super::series_groups::SeriesGroups;
use super::super::stored_points::StoredPoint;
use super::changes::{Changes, Version};
use super::track::{Tracks, fold_tracks};

/// Up to so many bytes a pane is folded where it is asked for: some 30,000 points, a millisecond.
const FOLDED_INLINE_MAX: usize = 1 << 20;
/// Up to so many series what came of late is.
const REFOLDED_INLINE_MAX: usize = 2_000;

/// Bit 0 of flags: the series has a gap here (opentelemetry-proto, `DataPointFlags`).
const NO_VALUE: u32 = 1;

static PANES: AtomicU64 = AtomicU64::new(0);

/// Which pane, of all that there ever were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PaneId(u64);

/// What buckets were folded out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pane: PaneId,
    version: Version,
    pub range: TimeRange,
}

/// Buckets of the part of a range that begins with `from`; before it nothing changed.
#[derive(Debug)]
pub struct Refolded {
    pub seen: Seen,
    pub from: Timestamp,
    pub groups: Vec<GroupSeries>,
}

/// Points of all series of a metric from some time on.
#[derive(Debug)]
pub struct Pane {
    id: PaneId,
    table: PointTable,
    kept: RwLock<Kept>,
    /// Whether the store's points from the floor on are in it.
    loaded: OnceCell<Loading>,
    /// Whether the last points before the floor are, of counters that are compared with them.
    looked_back: [OnceCell<Loading>; LookBack::ALL.len()],
    last_used: AtomicI64,
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// What came of loading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loading {
    Complete,
    /// The metric has too many points to be kept.
    TooLarge,
}

/// How far before its floor a pane has to know the last point of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LookBack {
    /// Intervals shorter than an hour.
    Near,
    /// Beyond [`Self::Near`], for intervals from an hour on.
    Far,
}

impl LookBack {
    pub const ALL: [Self; 2] = [Self::Near, Self::Far];

    /// What is read for it, if an interval needs it.
    pub fn range(self, floor: Timestamp, interval: Interval) -> Option<TimeRange> {
        match self {
            Self::Near => TimeRange::new(floor.minus(NEAR), floor),
            Self::Far => TimeRange::new(floor.minus(look_back(interval)), floor.minus(NEAR)),
        }
    }
}

/// Points by series.
#[derive(Debug)]
pub struct Kept {
    /// All points from here on are there.
    floor: i64,
    changes: Changes,
    numbers: Tracks<NumberPoint>,
    distributions: Tracks<DistributionPoint>,
}

impl Pane {
    pub fn new(table: PointTable, floor: Timestamp, bytes_max: usize) -> Self {
        let kept = Kept {
            floor: floor.nanos(),
            changes: Changes::default(),
            numbers: Tracks::default(),
            distributions: Tracks::default(),
        };
        Self {
            id: PaneId(PANES.fetch_add(1, Ordering::Relaxed)),
            table,
            kept: RwLock::new(kept),
            loaded: OnceCell::new(),
            looked_back: Default::default(),
            last_used: AtomicI64::new(0),
            bytes: AtomicUsize::new(0),
            bytes_max,
        }
    }

    pub const fn table(&self) -> PointTable {
        self.table
    }

    pub const fn loaded(&self) -> &OnceCell<Loading> {
        &self.loaded
    }

    pub const fn looked_back(&self, back: LookBack) -> &OnceCell<Loading> {
        match (back, &self.looked_back) {
            (LookBack::Near, [near, _]) => near,
            (LookBack::Far, [_, far]) => far,
        }
    }

    /// The last points before the floor are there that counters are compared with in such intervals.
    pub fn looked_back_for(&self, interval: Interval) {
        let floor = self.floor();
        for back in LookBack::ALL.into_iter().filter(|back| back.range(floor, interval).is_some()) {
            // Nobody looks back before the pane is loaded.
            _ = self.looked_back(back).set(Loading::Complete);
        }
    }

    pub fn used(&self, now: Timestamp) {
        self.last_used.store(now.nanos(), Ordering::Relaxed);
    }

    pub fn last_used(&self) -> Timestamp {
        Timestamp::from_nanos(self.last_used.load(Ordering::Relaxed))
    }

    pub fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// All points from here on are in the pane.
    pub fn floor(&self) -> Timestamp {
        Timestamp::from_nanos(self.kept.read().unwrap_or_else(PoisonError::into_inner).floor)
    }

    fn change(&self, change: impl FnOnce(&mut Kept) -> (usize, usize)) {
        if self.loaded.get() == Some(&Loading::TooLarge) {
            return;
        }
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let (added, gone) = change(&mut kept);
        self.bytes.fetch_add(added, Ordering::Relaxed);
        self.bytes.fetch_sub(gone.min(self.bytes()), Ordering::Relaxed);
    }

    /// Takes in the points of a batch.
    pub fn take(&self, columns: &MetricColumns, run: &MetricRun<'_>) {
        if PointTable::of(run.kind.name()) == self.table {
            self.change(|kept| {
                kept.changes.touch(run.first_time.nanos(), run.last_time.nanos());
                (kept.take(self.table, columns, run), 0)
            });
        }
    }

    /// Takes in points from the store. Says whether there is room for more.
    pub fn take_stored<P: StoredPoint + KeptPoint>(&self, runs: &Runs<'_, P>) -> bool {
        self.put_stored(|tracks: &mut Tracks<P>, floor| {
            let put = |series: SeriesRows<'_, '_, P>| {
                let track = tracks.entry(series.id()).or_default();
                series.points().map(|point| track.put_stored(point, floor)).sum::<usize>()
            };
            runs.series().map(put).sum()
        });
        self.bytes() <= self.bytes_max
    }

    /// Takes in the last points that the store has of series before the floor.
    pub fn take_last<P: StoredPoint + KeptPoint>(&self, points: impl Iterator<Item = (SeriesId, P)>) {
        self.put_stored(|tracks, floor| {
            points.map(|(series, point)| tracks.entry(series).or_default().put_stored(point, floor)).sum()
        });
    }

    fn put_stored<P: KeptPoint>(&self, put: impl FnOnce(&mut Tracks<P>, i64) -> usize) {
        self.change(|kept| {
            let floor = kept.floor;
            kept.changes.touch_all();
            (put(P::tracks(kept), floor), 0)
        });
    }

    /// Lets go of everything: the metric has too many points.
    pub fn give_up(&self) {
        self.change(|kept| {
            (kept.numbers, kept.distributions) = (Tracks::default(), Tracks::default());
            (0, self.bytes())
        });
    }

    /// Lets go of everything, and answers nothing from here on: to be called before it gets no more batches. Who has it still would else
    /// take what it lacks for all that there is.
    pub fn retire(&self) {
        self.cut(Timestamp::LATEST);
    }

    /// Lets go of points that are older.
    pub fn cut(&self, floor: Timestamp) {
        let floor = floor.nanos();
        self.change(|kept| {
            if floor <= kept.floor {
                return (0, 0);
            }
            kept.floor = floor;
            kept.changes.cut(floor);
            let numbers: usize = kept.numbers.values_mut().map(|track| track.cut(floor)).sum();
            let others: usize = kept.distributions.values_mut().map(|track| track.cut(floor)).sum();
            (0, numbers + others)
        });
    }

    /// The buckets of a query's range, unless it begins before the floor; of one that was folded before, those that may have
    /// changed since.
    pub fn fold(
        &self,
        query: &BucketQuery,
        before: Option<Seen>,
        groups: &SeriesGroups,
        buckets_max: usize,
    ) -> Result<Refolded, FoldError> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if kept.floor > query.range.start().nanos() {
            return Err(FoldError::Gone);
        }
        let seen = Seen { pane: self.id, version: kept.changes.now(), range: query.range };
        let known = before.filter(|before| self.goes_on(query, before));
        let from = known.map_or(query.range.start(), |known| kept.unchanged_until(query, &known));
        let Some(changed) = TimeRange::new(from, query.range.end()) else {
            return Ok(Refolded { seen, from, groups: Vec::new() });
        };
        let mut fold = Fold::new(changed, query.interval, groups.labels().len(), buckets_max);
        fold_tracks(&kept.numbers, &mut fold, changed, groups)?;
        fold_tracks(&kept.distributions, &mut fold, changed, groups)?;
        drop(kept);
        Ok(Refolded { seen, from, groups: fold.finish(groups.labels()) })
    }

    fn goes_on(&self, query: &BucketQuery, before: &Seen) -> bool {
        before.pane == self.id && before.range.start() == query.range.start()
    }

    /// Whether a fold takes well below a millisecond.
    pub fn is_quick(&self, query: &BucketQuery, before: Option<Seen>) -> bool {
        let few_series = || {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            kept.numbers.len() + kept.distributions.len() <= REFOLDED_INLINE_MAX
        };
        self.bytes() <= FOLDED_INLINE_MAX
            || (before.is_some_and(|before| self.goes_on(query, &before)) && few_series())
    }
}

impl Kept {
    /// Up to where the buckets of a range are those that were seen before: the start of a bucket, or of the range.
    fn unchanged_until(&self, query: &BucketQuery, before: &Seen) -> Timestamp {
        let (start, ends) = (query.range.start(), before.range.end().min(query.range.end()));
        let changed = self.changes.earliest(before.version).map_or(ends, Timestamp::from_nanos);
        query.interval.floor(changed.min(ends).max(start)).max(start)
    }
}

/// Which of the maps holds points of a kind.
pub trait KeptPoint: Sized {
    fn tracks(kept: &mut Kept) -> &mut Tracks<Self>;
}

impl KeptPoint for NumberPoint {
    fn tracks(kept: &mut Kept) -> &mut Tracks<Self> {
        &mut kept.numbers
    }
}

impl KeptPoint for DistributionPoint {
    fn tracks(kept: &mut Kept) -> &mut Tracks<Self> {
        &mut kept.distributions
    }
}

impl Kept {
    /// Returns how many bytes were added.
    fn take(&mut self, table: PointTable, columns: &MetricColumns, run: &MetricRun<'_>) -> usize {
        let floor = self.floor;
        let rows = run.rows.clone();
        match table {
            PointTable::Numbers => {
                let numbers = &columns.numbers;
                let rows = rows.filter_map(|at| numbers.row(at)).filter(|row| row.flags & NO_VALUE == 0);
                rows.map(|row| {
                    let (time, start) = (row.time.nanos(), row.start.nanos());
                    let point = NumberPoint { time, start, value: row.value, rest: row.integer_rest };
                    self.numbers.entry(row.series).or_default().put(point, floor)
                })
                .sum()
            }
            PointTable::Histograms => self.take_distributions(columns.histograms.points(), rows, |at| {
                (columns.histograms.populations().get(at).copied(), explicit(columns, at))
            }),
            PointTable::ExponentialHistograms => {
                self.take_distributions(columns.exponential_histograms.points(), rows, |at| {
                    (columns.exponential_histograms.populations().get(at).copied(), exponential(columns, at))
                })
            }
            PointTable::FiveMinutes | PointTable::Hours => 0,
            PointTable::Summaries => self.take_distributions(columns.summaries.points(), rows, |at| {
                let count = columns.summaries.counts().get(at).copied().unwrap_or_default();
                let sum = columns.summaries.sums().get(at).copied();
                (Some(Population { count, sum, min: None, max: None }), Shape::Unknown)
            }),
        }
    }

    fn take_distributions(
        &mut self,
        points: &PointColumns,
        rows: std::ops::Range<usize>,
        of: impl Fn(usize) -> (Option<Population>, Shape),
    ) -> usize {
        let mut added = 0;
        for at in rows {
            let Some(row) = points.row(at).filter(|row| row.flags & NO_VALUE == 0) else { continue };
            let (population, shape) = of(at);
            let population = population.unwrap_or_default();
            let sum = population.sum.filter(|sum| !sum.is_nan());
            let point = DistributionPoint {
                time: row.time.nanos(),
                start: row.start.nanos(),
                low: population.min.unwrap_or(f64::NAN),
                high: population.max.unwrap_or(f64::NAN),
                observed: Distribution { count: population.count, sum, shape },
            };
            added += self.distributions.entry(row.series).or_default().put(point, self.floor);
        }
        added
    }
}

fn explicit(columns: &MetricColumns, at: usize) -> Shape {
    let counts = columns.histograms.bucket_counts().get(at).unwrap_or_default();
    let bounds = columns.histograms.bounds().get(at).unwrap_or_default();
    ExplicitBuckets::new(bounds.into(), counts.into()).map_or(Shape::Unknown, Shape::Explicit)
}

fn exponential(columns: &MetricColumns, at: usize) -> Shape {
    let histograms = &columns.exponential_histograms;
    let shape = histograms.shapes().get(at).copied().unwrap_or_default();
    Shape::Exponential(ExponentialBuckets::new(
        shape.scale,
        (shape.zero_count, shape.zero_threshold),
        (shape.positive_offset, histograms.positive_counts().get(at).unwrap_or_default()),
        (shape.negative_offset, histograms.negative_counts().get(at).unwrap_or_default()),
    ))
}
