//! The cache's promise: nothing old after the event, nothing read twice without need.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::super::bucket_reader::{FoldError, ReadGroups};
use super::super::panes::{Loading, Pane};
use super::*;
use crate::querying::domain::{Bucket, GroupBy, GroupSeries, MetricDescription};
use crate::shared::fixtures::numbers_ingested;
use crate::shared::{Interval, LabelFilter, MetricKind, TenantId, TimeRange, Timestamp};

const HOUR: i64 = 3_600_000_000_000;

/// Every bucket holds the number of the reading that it came from; readings may be held up on the way, or fail.
#[derive(Debug, Default)]
struct Source {
    reads: AtomicUsize,
    failures_left: AtomicUsize,
    held: AtomicBool,
    began: Notify,
    go_on: Notify,
}

impl BucketSource for Arc<Source> {
    async fn description(&self, _: &TenantId, _: &str) -> Result<MetricDescription, ReadError> {
        Ok(MetricDescription { kind: "gauge".into(), has_numbers: true, ..Default::default() })
    }

    async fn groups(&self, _: &GroupsQuery, _: TimeRange) -> Result<SeriesGroups, ReadError> {
        Ok(SeriesGroups::default())
    }

    async fn fold(
        &self,
        query: &BucketQuery,
        _: &MetricDescription,
        _: &Arc<SeriesGroups>,
    ) -> Result<ReadGroups, FoldError> {
        let number = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        if self.held.load(Ordering::SeqCst) {
            self.began.notify_one();
            self.go_on.notified().await;
        }
        let fails = |left: usize| left.checked_sub(1);
        if self.failures_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(FoldError::Read(ReadError::Unavailable));
        }
        let bucket = |index| Bucket { points: number as u64, ..Bucket::empty(index) };
        let buckets = merge::indices(query, query.range).map(bucket).collect();
        Ok(ReadGroups { groups: vec![GroupSeries { labels: Vec::new(), buckets }], rows_read: 1 })
    }

    async fn fold_and_load(
        &self,
        query: &BucketQuery,
        groups: &Arc<SeriesGroups>,
        _: &Arc<Pane>,
    ) -> Result<(ReadGroups, Loading), FoldError> {
        let read = self.fold(query, &MetricDescription::default(), groups).await?;
        Ok((read, Loading::TooLarge))
    }

    async fn load_pane(&self, _: &BucketQuery, _: TimeRange, _: &Arc<Pane>) -> Result<Loading, ReadError> {
        Ok(Loading::TooLarge)
    }

    async fn sample_interval(
        &self,
        _: &TenantId,
        _: &str,
        _: &MetricDescription,
        _: Timestamp,
    ) -> Result<Option<Duration>, ReadError> {
        Ok(None)
    }

    async fn page(&self, _: &CatalogueQuery) -> Result<CataloguePage, ReadError> {
        let number = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(CataloguePage { metrics: Vec::new(), more: false, rows_read: number as u64 })
    }

    fn buckets_max(&self) -> usize {
        1_000
    }
}

/// Long after the hours of the tests, so that nothing is new.
#[derive(Debug)]
struct Later;

impl Clock for Later {
    fn now(&self) -> Timestamp {
        Timestamp::from_nanos(1_000 * HOUR)
    }
}

struct Scene {
    source: Arc<Source>,
    generations: Arc<Generations>,
    cached: Arc<CachedReader<Arc<Source>>>,
}

fn scene() -> Scene {
    let (source, generations) = (Arc::new(Source::default()), Arc::new(Generations::default()));
    let cached = CachedReader::new(
        Arc::clone(&source),
        Arc::clone(&generations),
        Some(Arc::new(Panes::new(0, Arc::new(Later)))),
        Arc::new(Later),
        1 << 20,
        CacheCounters::default(),
    );
    Scene { source, generations, cached: Arc::new(cached) }
}

fn query(hour: i64) -> BucketQuery {
    let at = |hour: i64| Timestamp::from_nanos(hour * HOUR);
    BucketQuery {
        tenant: TenantId::unnamed(),
        metric: "m".into(),
        range: TimeRange::new(at(hour), at(hour + 1)).unwrap(),
        interval: Interval::parse("5m").unwrap(),
        filter: LabelFilter::default(),
        group_by: GroupBy::default(),
    }
}

impl Scene {
    fn ingest(&self, hour: i64) {
        self.ingest_at(hour * HOUR + HOUR / 2);
    }

    fn ingest_at(&self, nanos: i64) {
        let at = Timestamp::from_nanos(nanos);
        self.generations.observe(&numbers_ingested("m", MetricKind::Gauge, [at]));
    }

    /// The numbers of the readings that the answer's first and last bucket came from, and its status.
    async fn ask_over(&self, query: BucketQuery) -> ((u64, u64), CacheStatus) {
        let read = self.cached.buckets(&query, CacheUse::Auto).await.unwrap();
        let buckets: Vec<&Bucket> = read.answer.groups[0].buckets().collect();
        assert_eq!(buckets.len() as u64, query.range.buckets(query.interval));
        ((buckets[0].points, buckets.last().unwrap().points), read.cache)
    }

    async fn ask(&self, hour: i64) -> (u64, CacheStatus) {
        let ((number, _), status) = self.ask_over(query(hour)).await;
        (number, status)
    }
}

#[tokio::test]
async fn the_same_question_is_read_once_until_its_range_changes() {
    let scene = scene();
    scene.ingest(90);
    assert_eq!(scene.ask(100).await, (1, CacheStatus::Miss));
    assert_eq!(scene.ask(100).await, (1, CacheStatus::Hit));
    scene.ingest(103);
    assert_eq!(scene.ask(100).await, (1, CacheStatus::Hit), "another hour changed");
    scene.ingest(100);
    assert_eq!(scene.ask(100).await, (2, CacheStatus::Miss));
    assert_eq!(scene.ask(100).await, (2, CacheStatus::Hit));
    scene.ingest(99);
    assert_eq!(scene.ask(100).await, (2, CacheStatus::Hit), "too long before to matter");
    scene.ingest_at(100 * HOUR - HOUR / 6);
    assert_eq!(scene.ask(100).await, (3, CacheStatus::Miss), "counters are compared with points before");
}

#[tokio::test]
async fn the_catalogue_is_read_again_when_anything_of_the_tenant_came() {
    let scene = scene();
    let query = CatalogueQuery {
        tenant: TenantId::unnamed(),
        search: "".into(),
        service: "".into(),
        after: "".into(),
        limit: 10,
    };
    for (expected, ingest) in [(1, false), (1, true), (2, false), (2, false)] {
        let read = scene.cached.catalogue(&query, CacheUse::Auto).await.unwrap();
        assert_eq!(read.answer.rows_read, expected);
        if ingest {
            scene.ingest(7);
        }
    }
}

#[tokio::test]
async fn bypass_reads_anew() {
    let scene = scene();
    scene.ask(100).await;
    let read = scene.cached.buckets(&query(100), CacheUse::Bypass).await.unwrap();
    let points = read.answer.groups[0].buckets().next().map(|bucket| bucket.points);
    assert_eq!((points, read.cache), (Some(2), CacheStatus::Bypass));
}

#[tokio::test]
async fn a_failure_is_told_and_not_kept() {
    let scene = scene();
    scene.source.failures_left.store(1, Ordering::SeqCst);
    let failed = scene.cached.buckets(&query(100), CacheUse::Auto).await;
    assert_eq!(failed.unwrap_err(), ReadError::Unavailable);
    assert_eq!(scene.ask(100).await, (2, CacheStatus::Miss));
}

#[tokio::test]
async fn identical_questions_on_their_way_are_read_once() {
    let scene = scene();
    scene.source.held.store(true, Ordering::SeqCst);
    let release = async {
        scene.source.began.notified().await;
        // Both questions are on their way by now: join polls them in order.
        scene.source.go_on.notify_one();
    };
    let (first, second, ()) = tokio::join!(scene.ask(100), scene.ask(100), release);
    assert_eq!((first.0, second.0), (1, 1));
    assert_eq!(scene.source.reads.load(Ordering::SeqCst), 1);
}

/// Scenario: a query is on its way; data arrives and is acknowledged; the same question is asked again.
/// Guarantees: the second answer is not the one that was read before the data.
#[tokio::test]
async fn whoever_asks_after_new_data_is_not_given_a_reading_that_began_before() {
    let scene = scene();
    scene.source.held.store(true, Ordering::SeqCst);
    let later = async {
        scene.source.began.notified().await;
        scene.ingest(100);
        scene.source.held.store(false, Ordering::SeqCst);
        let ask = scene.ask(100);
        let release = async { scene.source.go_on.notify_one() };
        tokio::join!(ask, release).0
    };
    let (first, second) = tokio::join!(scene.ask(100), later);
    assert_eq!(first, (1, CacheStatus::Miss));
    assert_eq!(second, (2, CacheStatus::Miss));
}

#[tokio::test]
async fn ranges_that_overlap_share_what_was_read() {
    let scene = scene();
    let over = |first: i64, end: i64| {
        let at = |minutes: i64| Timestamp::from_nanos(minutes * HOUR / 60);
        let interval = Interval::parse("1m").unwrap();
        BucketQuery { interval, ..query(0).over(TimeRange::new(at(first), at(end)).unwrap()) }
    };
    assert_eq!(scene.ask_over(over(6_010, 6_070)).await, ((1, 1), CacheStatus::Miss));
    assert_eq!(scene.ask_over(over(6_020, 6_070)).await, ((1, 1), CacheStatus::Hit));
    assert_eq!(scene.ask_over(over(6_020, 6_080)).await, ((1, 2), CacheStatus::Miss), "the rest of a chunk");
    assert_eq!(scene.ask_over(over(6_060, 6_080)).await, ((2, 2), CacheStatus::Hit));
    assert_eq!(scene.ask_over(over(6_020, 6_200)).await, ((1, 3), CacheStatus::Miss));
    assert_eq!(scene.source.reads.load(Ordering::SeqCst), 3, "what is missing is read at once");
}
