//! `PartsPressure`: inserts slow down while merges fall behind, long before the engine delays or refuses them itself.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::platform::clickhouse::rows::Columns;
use crate::platform::clickhouse::{Select, Store, StoreError};

const PARTS_MAX: &str = include_str!("../../../clickhouse/telemetry/parts_max.sql");

/// Below so many parts in a partition nothing is done. ClickHouse keeps a busy partition well below it.
const PARTS_EASY: u32 = 150;
/// From here on the pause is longest. ClickHouse itself delays inserts from 1,000 parts on and refuses them from 3,000 on
/// (`parts_to_delay_insert`, `parts_to_throw_insert`; our tables leave them as they are).
const PARTS_HARD: u32 = 300;
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// The engine is asked no more often.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// What there is to see of it on `/metrics`.
#[derive(Debug, Clone, Default)]
pub struct PartsMetrics {
    parts_max: Gauge,
    paused_ms: Counter,
}

impl PartsMetrics {
    pub fn register(registry: &mut Registry) -> Self {
        let own = Self::default();
        let registry = registry.sub_registry_with_prefix("store");
        registry.register("parts_max", "Active parts of the partition with the most", own.parts_max.clone());
        registry.register(
            "parts_paused_milliseconds",
            "Time that inserts were held back because of many parts",
            own.paused_ms.clone(),
        );
        own
    }
}

/// Says how long to wait before an insert. Threads share it by reference.
#[derive(Debug)]
pub struct PartsPressure {
    store: Arc<dyn Store>,
    metrics: PartsMetrics,
    last: Mutex<Last>,
    /// Held by whoever asks: where queries keep all connections busy, one inserter waits for its turn, and not all.
    asking: Mutex<()>,
}

#[derive(Debug, Default)]
struct Last {
    asked: Option<Instant>,
    pause: Duration,
}

impl PartsPressure {
    pub fn new(store: Arc<dyn Store>, metrics: PartsMetrics) -> Self {
        Self { store, metrics, last: Mutex::default(), asking: Mutex::default() }
    }

    /// How long whoever is about to insert should wait first; counted as waited. Asks the engine if nobody has within the last
    /// second, and so may block as long as a short query; meanwhile the others go by the last answer.
    pub fn pause(&self, now: Instant) -> Duration {
        let pause = match self.asking.try_lock() {
            Some(_asking) if self.is_my_turn(now) => self.ask(),
            _ => self.last.lock().pause,
        };
        self.metrics.paused_ms.inc_by(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        pause
    }

    fn is_my_turn(&self, now: Instant) -> bool {
        let mut last = self.last.lock();
        let is_due = last.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= ASKED_EVERY);
        if is_due {
            last.asked = Some(now);
        }
        is_due
    }

    fn ask(&self) -> Duration {
        let pause = match parts_max(&*self.store) {
            Ok(parts) => {
                self.metrics.parts_max.set(i64::try_from(parts).unwrap_or(i64::MAX));
                pause_at(parts)
            }
            // Whoever inserts will meet the fault, and knows what to do about it.
            Err(error) => {
                tracing::debug!(%error, "the number of parts is not known");
                Duration::ZERO
            }
        };
        self.last.lock().pause = pause;
        pause
    }
}

fn parts_max(store: &dyn Store) -> Result<u64, StoreError> {
    let rows = store.select(&Select::new(PARTS_MAX, &[]))?;
    // Without tables, or without a store, there are no parts.
    let Some(batch) = rows.batches.first() else { return Ok(0) };
    Ok(Columns(batch).counts("parts")?.iter().flatten().next().unwrap_or_default())
}

/// None below [`PARTS_EASY`], then growing evenly to [`PAUSE_MAX`] at [`PARTS_HARD`].
fn pause_at(parts: u64) -> Duration {
    const STEPS: u32 = PARTS_HARD - PARTS_EASY;
    let steps = u32::try_from(parts).unwrap_or(u32::MAX).saturating_sub(PARTS_EASY);
    PAUSE_MAX * steps.min(STEPS) / STEPS
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use arrow_array::{ArrayRef, RecordBatch, UInt64Array};

    use super::*;
    use crate::platform::clickhouse::{Insert, Rows, StoreErrorKind};

    #[test]
    fn the_pause_grows_evenly_between_two_numbers_of_parts() {
        for (parts, millis) in [
            (0, 0),
            (149, 0),
            (150, 0),
            (165, 100),
            (225, 500),
            (299, 993),
            (300, 1_000),
            (301, 1_000),
            (u64::MAX, 1_000),
        ] {
            assert_eq!(pause_at(parts).as_millis(), millis, "{parts}");
        }
    }

    /// Answers a number of parts, or fails at `u64::MAX`, and counts how often it was asked.
    #[derive(Debug, Default)]
    struct Scripted {
        parts: AtomicU64,
        asked: AtomicU64,
    }

    impl Store for Scripted {
        fn execute(&self, _: &str) -> Result<(), StoreError> {
            Ok(())
        }

        fn select(&self, _: &Select<'_>) -> Result<Rows, StoreError> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let parts = match self.parts.load(Ordering::SeqCst) {
                u64::MAX => return Err(StoreError::new(StoreErrorKind::Unavailable, "no connection")),
                parts => Arc::new(UInt64Array::from(vec![parts])) as ArrayRef,
            };
            Ok(Rows { batches: vec![RecordBatch::try_from_iter([("parts", parts)]).unwrap()], rows_read: 1 })
        }

        fn derive(&self, _: &Select<'_>) -> Result<(), StoreError> {
            Ok(())
        }

        fn insert(&self, _: &Insert<'_>) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[test]
    fn the_engine_is_asked_once_a_second_and_what_is_waited_is_counted() {
        let store = Arc::new(Scripted::default());
        let metrics = PartsMetrics::default();
        let pressure = PartsPressure::new(Arc::clone(&store) as _, metrics.clone());
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        for (parts, at, pause, asked) in [
            (165, 0, 100, 1),
            (300, 999, 100, 1),
            (300, 1_000, 1_000, 2),
            (0, 1_500, 1_000, 2),
            (0, 2_000, 0, 3),
            (300, 3_000, 1_000, 4),
            // What is not known holds nobody up.
            (u64::MAX, 4_000, 0, 5),
            (u64::MAX, 4_500, 0, 5),
        ] {
            store.parts.store(parts, Ordering::SeqCst);
            assert_eq!(pressure.pause(after(at)).as_millis(), pause, "at {at} ms");
            assert_eq!(store.asked.load(Ordering::SeqCst), asked, "at {at} ms");
        }
        assert_eq!((metrics.parts_max.get(), metrics.paused_ms.get()), (300, 3_200));
    }

    /// Answers each question only when it is told to.
    #[derive(Debug)]
    struct Slow {
        asked: crossbeam_channel::Sender<()>,
        answer: crossbeam_channel::Receiver<()>,
    }

    impl Store for Slow {
        fn execute(&self, _: &str) -> Result<(), StoreError> {
            Ok(())
        }

        fn select(&self, _: &Select<'_>) -> Result<Rows, StoreError> {
            self.asked.send(()).unwrap();
            self.answer.recv().unwrap();
            Ok(Rows::default())
        }

        fn derive(&self, _: &Select<'_>) -> Result<(), StoreError> {
            Ok(())
        }

        fn insert(&self, _: &Insert<'_>) -> Result<(), StoreError> {
            Ok(())
        }
    }

    #[test]
    fn while_one_waits_for_the_engine_the_others_do_not() {
        let (asked, was_asked) = crossbeam_channel::bounded(2);
        let (tell, answer) = crossbeam_channel::bounded(2);
        let pressure = PartsPressure::new(Arc::new(Slow { asked, answer }), PartsMetrics::default());
        let start = Instant::now();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| pressure.pause(start));
            was_asked.recv().unwrap();
            assert_eq!(pressure.pause(start + Duration::from_secs(60)), Duration::ZERO);
            assert!(was_asked.is_empty(), "nobody else asks");
            tell.send(()).unwrap();
            first.join().unwrap();
        });
        tell.send(()).unwrap();
        pressure.pause(start + Duration::from_secs(60));
        assert_eq!(was_asked.len(), 1, "who comes afterwards does");
    }
}
