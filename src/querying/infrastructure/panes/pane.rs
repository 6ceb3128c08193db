//! `Pane`: the newest points of one metric.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::sync::{PoisonError, RwLock};

use tokio::sync::OnceCell;

use crate::querying::application::ReadError;
use crate::querying::domain::{
    BucketQuery, Distribution, DistributionPoint, ExplicitBuckets, ExponentialBuckets, Fold, GroupSeries,
    NumberPoint, Shape, TooManyBuckets, look_back,
};
use crate::shared::{MetricColumns, MetricRun, PointColumns, Population, SeriesId, Timestamp};

use super::super::bucket_reader::FoldError;
use super::super::point_table::PointTable;
use super::super::runs::Runs;
use super::super::series_groups::{Place, SeriesGroups};
use super::super::stored_points::StoredPoint;

/// Bit 0 of flags: the series has a gap here (opentelemetry-proto, `DataPointFlags`).
const NO_VALUE: u32 = 1;

/// Points of all series of a metric from some time on.
#[derive(Debug)]
pub struct Pane {
    table: PointTable,
    kept: RwLock<Kept>,
    /// Whether the store's points are in it.
    loaded: OnceCell<Loading>,
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

/// Points by series.
#[derive(Debug)]
pub struct Kept {
    /// All points from here on are there.
    floor: i64,
    numbers: Tracks<NumberPoint>,
    distributions: Tracks<DistributionPoint>,
}

type Tracks<P> = HashMap<SeriesId, Track<P>, ahash::RandomState>;

/// The points of a series in order of time, and the newest one before the floor.
#[derive(Debug)]
struct Track<P> {
    before: Option<P>,
    points: Vec<P>,
}

impl<P> Default for Track<P> {
    fn default() -> Self {
        Self { before: None, points: Vec::new() }
    }
}

impl<P: StoredPoint> Track<P> {
    /// Of points with the same time the later one counts. Returns how many bytes were added.
    fn put(&mut self, point: P, floor: i64) -> usize {
        let time = point.time();
        if time < floor {
            if self.before.as_ref().is_none_or(|before| before.time() <= time) {
                self.before = Some(point);
            }
            return 0;
        }
        let bytes = point.bytes();
        if self.points.last().is_none_or(|last| last.time() < time) {
            self.points.push(point);
            return bytes;
        }
        match self.points.binary_search_by_key(&time, P::time) {
            Ok(at) => {
                if let Some(place) = self.points.get_mut(at) {
                    *place = point;
                }
                0
            }
            Err(at) => {
                self.points.insert(at, point);
                bytes
            }
        }
    }

    /// As [`Self::put`], but of points with the same time the one that is there already counts: it is at least as new.
    fn put_stored(&mut self, point: P, floor: i64) -> usize {
        let known = self.points.binary_search_by_key(&point.time(), P::time).is_ok();
        if known { 0 } else { self.put(point, floor) }
    }

    /// Returns how many bytes went.
    fn cut(&mut self, floor: i64) -> usize {
        let older = self.points.partition_point(|point| point.time() < floor);
        let gone: usize = self.points.iter().take(older).map(P::bytes).sum();
        if let Some(last) = self.points.drain(..older).next_back() {
            self.before = Some(last);
        }
        gone
    }

    /// What a query sees of the series; absent if that is nothing, and then nobody may know the series.
    fn seen(&self, query: &BucketQuery) -> Option<(Option<P>, &[P])> {
        let from = query.range.start().minus(look_back(query.interval)).nanos();
        let start = self.points.partition_point(|point| point.time() < from);
        let end = self.points.partition_point(|point| point.time() < query.range.end().nanos());
        let points = self.points.get(start..end).filter(|points| !points.is_empty())?;
        Some((if start == 0 { self.before.clone() } else { None }, points))
    }
}

fn fold_tracks<P: StoredPoint>(
    tracks: &Tracks<P>,
    fold: &mut Fold,
    query: &BucketQuery,
    groups: &SeriesGroups,
) -> Result<(), FoldError> {
    for (series, track) in tracks {
        let Some((mut before, points)) = track.seen(query) else { continue };
        if let Place::Group { number, meaning } = groups.place(*series).ok_or(FoldError::NewSeries)? {
            fold.add(number, meaning, &mut before, points.iter().cloned())
                .map_err(|TooManyBuckets| FoldError::Read(ReadError::TooLarge))?;
        }
    }
    Ok(())
}

impl Pane {
    pub fn new(table: PointTable, floor: Timestamp, bytes_max: usize) -> Self {
        let kept =
            Kept { floor: floor.nanos(), numbers: Tracks::default(), distributions: Tracks::default() };
        Self {
            table,
            kept: RwLock::new(kept),
            loaded: OnceCell::new(),
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
            self.change(|kept| (kept.take(self.table, columns, run), 0));
        }
    }

    /// Takes in points from the store. Says whether there is room for more.
    pub fn take_stored<P: StoredPoint + KeptPoint>(&self, runs: &Runs<'_, P>) -> bool {
        self.change(|kept| {
            let floor = kept.floor;
            let tracks = P::tracks(kept);
            let mut added = 0;
            for series in runs.series() {
                let track = tracks.entry(series.id()).or_default();
                added += series.points().map(|point| track.put_stored(point, floor)).sum::<usize>();
            }
            (added, 0)
        });
        self.bytes() <= self.bytes_max
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
            let numbers: usize = kept.numbers.values_mut().map(|track| track.cut(floor)).sum();
            let others: usize = kept.distributions.values_mut().map(|track| track.cut(floor)).sum();
            (0, numbers + others)
        });
    }

    /// The buckets of a query's range, unless it begins before the floor.
    pub fn fold(
        &self,
        query: &BucketQuery,
        groups: &SeriesGroups,
        buckets_max: usize,
    ) -> Result<Vec<GroupSeries>, FoldError> {
        let mut fold = Fold::new(query.range, query.interval, groups.labels().len(), buckets_max);
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        if kept.floor > query.range.start().nanos() {
            return Err(FoldError::Gone);
        }
        fold_tracks(&kept.numbers, &mut fold, query, groups)?;
        fold_tracks(&kept.distributions, &mut fold, query, groups)?;
        drop(kept);
        Ok(fold.finish(groups.labels()))
    }
}

/// Which of the maps holds points of a kind.
pub trait KeptPoint: Sized {
    #[expect(private_interfaces, reason = "the maps are the pane's own")]
    fn tracks(kept: &mut Kept) -> &mut Tracks<Self>;
}

impl KeptPoint for NumberPoint {
    #[expect(private_interfaces, reason = "the maps are the pane's own")]
    fn tracks(kept: &mut Kept) -> &mut Tracks<Self> {
        &mut kept.numbers
    }
}

impl KeptPoint for DistributionPoint {
    #[expect(private_interfaces, reason = "the maps are the pane's own")]
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
