//! What is read for new rules, of a store that answers, one that does not, and one that cannot.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::*;
use crate::alerting::application::past::PastFuture;
use crate::alerting::domain::fixtures::{rule, rule_with, second, series};
use crate::alerting::domain::rule::Source;
use crate::shared::{PastRecord, PastSeries, RecordQuery, TimeRange};

const QUICK: Pace = Pace { settles: Duration::from_millis(5), reads_max: Duration::from_millis(50) };

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mood {
    Answers,
    Hangs,
    Fails,
}

struct Store {
    mood: Mood,
    /// What is on its way to it is there once this is closed.
    lag: Semaphore,
    asked: Mutex<Vec<String>>,
}

impl Store {
    fn answer<T: Send + 'static>(&self, what: String, found: Vec<T>) -> PastFuture<'_, T> {
        self.asked.lock().push(what);
        let mood = self.mood;
        Box::pin(async move {
            match mood {
                Mood::Answers => Ok(found),
                Mood::Hangs => std::future::pending().await,
                Mood::Fails => Err(PastError::Unavailable("it is away".into())),
            }
        })
    }
}

fn span(range: TimeRange) -> String {
    format!("{}..{}", range.start().nanos() / 1_000_000_000, range.end().nanos() / 1_000_000_000)
}

impl Past for Store {
    fn read(&self, tenant: TenantId, metric: Box<str>, range: TimeRange) -> PastFuture<'_, PastSeries> {
        let found = PastSeries { series: series(&[]), points: Vec::new() };
        self.answer(format!("{metric} of {tenant} {}", span(range)), vec![found])
    }

    fn records(&self, tenant: TenantId, query: RecordQuery) -> PastFuture<'_, PastRecord> {
        let record = PastRecord { time: second(1), labels: Arc::default(), duration: None };
        let what = format!("{:?} of {tenant} {} with {:?}", query.source, span(query.range), query.labels);
        self.answer(what, vec![record; 10_001])
    }

    fn catches_up(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            _ = self.lag.acquire().await;
        })
    }
}

fn filling(mood: Mood) -> (Filling, Arc<Store>) {
    let (filling, store) = lagging(mood);
    store.lag.close();
    (filling, store)
}

fn lagging(mood: Mood) -> (Filling, Arc<Store>) {
    let store = Arc::new(Store { mood, lag: Semaphore::new(0), asked: Mutex::default() });
    let tenants = ["one", "two"].map(|tenant| TenantId::parse(tenant).unwrap()).into();
    let past = Arc::clone(&store) as Arc<dyn Past>;
    let source = PastSource {
        past,
        tenants,
        lateness: Duration::from_secs(30),
        settles: None,
        filled: Arc::default(),
    };
    (Filling::new(Some(source), QUICK), store)
}

fn rules() -> Vec<Arc<AlertRule>> {
    let tenant = TenantId::parse("two").ok();
    let mut logs = AlertRule { tenant: tenant.clone(), ..rule_with("logs", "count > 5", &["host"]) };
    logs.measure.source = Source::Logs;
    let long = AlertRule { tenant, ..rule("max > 5", "5m") };
    [rule_with("short", "max > 5", &[]), long, logs].map(Arc::new).into()
}

#[tokio::test]
async fn each_metric_is_read_once_as_far_back_as_its_longest_window_and_records_for_each_rule() {
    let (mut filling, store) = filling(Mood::Answers);
    filling.begin(&rules(), second(1_000));
    assert!(!filling.is_idle());
    let mut pieces = Vec::new();
    loop {
        // Whoever looks elsewhere meanwhile misses nothing.
        let read = match filling.next().now_or_never() {
            Some(read) => read,
            None => filling.next().await,
        };
        if matches!(read, Reading::End) {
            break;
        }
        pieces.push(read);
    }
    assert!(filling.is_idle());
    let asked = ["m of one 880..1010", "m of two 640..1010", "Logs of two 880..1010 with [\"host\"]"];
    assert_eq!(*store.asked.lock(), asked);
    let size = |read: &Reading| match read {
        Reading::Piece(Piece::Records { records, .. }) => records.len(),
        Reading::Piece(Piece::Series(_)) | Reading::End => 1,
    };
    assert_eq!(pieces.iter().map(size).collect::<Vec<_>>(), [1, 1, 10_000, 1]);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_given_up_after_a_while_and_one_that_cannot_at_once() {
    for (mood, asked) in [(Mood::Hangs, 1), (Mood::Fails, 3)] {
        let (mut filling, store) = filling(mood);
        let begun = Instant::now();
        filling.begin(&rules(), second(1_000));
        assert!(matches!(filling.next().await, Reading::End));
        let waited = if mood == Mood::Hangs { QUICK.settles + QUICK.reads_max } else { QUICK.settles };
        assert!(begun.elapsed() >= waited);
        assert_eq!(store.asked.lock().len(), asked);
    }
}

#[tokio::test]
async fn nothing_is_read_before_what_is_on_its_way_to_the_store_is_there() {
    let (mut filling, store) = lagging(Mood::Answers);
    filling.begin(&rules(), second(1_000));
    let early = tokio::time::timeout(QUICK.settles * 4, filling.next()).await;
    assert!(early.is_err() && store.asked.lock().is_empty());
    store.lag.close();
    assert!(matches!(filling.next().await, Reading::Piece(_)));
    assert!(!store.asked.lock().is_empty());
}

#[tokio::test]
async fn without_a_store_rules_that_are_new_go_on_at_once() {
    let mut filling = Filling::new(None, Pace::default());
    assert!(filling.next().now_or_never().is_none(), "there is nothing to do");
    filling.begin(&rules(), second(1_000));
    assert!(matches!(filling.next().await, Reading::End));
}
