//! The cache's promise: nothing old after the event, nothing read twice without need.

use std::sync::atomic::AtomicUsize;

use tokio::sync::Notify;

use super::*;
use crate::querying::domain::{GroupBy, MetricDescription};
use crate::shared::{
    DomainEvent, Interval, LabelFilter, MetricKind, MetricsIngested, NumberColumns, NumberRow, SeriesId,
    TenantId, Timestamp, WatchId,
};

const HOUR: i64 = 3_600_000_000_000;

/// Answers with the number of the reading; may be held up on the way, or fail.
#[derive(Debug, Default)]
struct Source {
    reads: AtomicUsize,
    failures_left: AtomicUsize,
    held: AtomicBool,
    began: Notify,
    go_on: Notify,
}

impl MetricReader for Arc<Source> {
    async fn buckets(&self, _: &BucketQuery, _: CacheUse) -> Result<Read<MetricBuckets>, ReadError> {
        let number = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        if self.held.load(Ordering::SeqCst) {
            self.began.notify_one();
            self.go_on.notified().await;
        }
        let fails = |left: usize| left.checked_sub(1);
        if self.failures_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails).is_ok() {
            return Err(ReadError::Unavailable);
        }
        let description = MetricDescription::default();
        let answer = Arc::new(MetricBuckets { description, groups: Vec::new(), rows_read: number as u64 });
        Ok(Read { answer, cache: CacheStatus::Bypass })
    }

    async fn catalogue(&self, _: &CatalogueQuery, _: CacheUse) -> Result<Read<CataloguePage>, ReadError> {
        let number = self.reads.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = Arc::new(CataloguePage { metrics: Vec::new(), more: false, rows_read: number as u64 });
        Ok(Read { answer, cache: CacheStatus::Bypass })
    }
}

struct Scene {
    source: Arc<Source>,
    generations: Arc<Generations>,
    cached: Arc<CachedReader<Arc<Source>>>,
}

fn scene() -> Scene {
    let (source, generations) = (Arc::new(Source::default()), Arc::new(Generations::default()));
    let cached =
        CachedReader::new(Arc::clone(&source), Arc::clone(&generations), 1 << 20, CacheCounters::default());
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
        let mut columns = NumberColumns::new(TenantId::unnamed());
        columns.begin_run("m", MetricKind::Gauge);
        columns.push(NumberRow {
            series: SeriesId(1),
            watch: WatchId::NONE,
            time: Timestamp::from_nanos(hour * HOUR + HOUR / 2),
            start: Timestamp::EPOCH,
            value: 1.0,
            integer_rest: 0,
            integer: false,
            flags: 0,
        });
        let event = MetricsIngested { columns: vec![columns.into()] };
        self.generations.observe(&DomainEvent::MetricsIngested(Arc::new(event)));
    }

    /// The number of the reading that the answer came from, and its status.
    async fn ask(&self, hour: i64) -> (u64, CacheStatus) {
        let read = self.cached.buckets(&query(hour), CacheUse::Auto).await.unwrap();
        (read.answer.rows_read, read.cache)
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
    assert_eq!(scene.ask(100).await, (3, CacheStatus::Miss), "counters read before their range");
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
    assert_eq!((read.answer.rows_read, read.cache), (2, CacheStatus::Bypass));
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
    assert_eq!((first, second), ((1, CacheStatus::Miss), (1, CacheStatus::Hit)));
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
