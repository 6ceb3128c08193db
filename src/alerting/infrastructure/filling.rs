//! Reads the past for rules that are new, while the others are evaluated: one metric after the other, a bounded time in all.

use std::collections::btree_map;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use std::vec;

use tokio::time::{Instant, sleep_until, timeout_at};

use crate::alerting::application::past::{Past, PastUnavailable, REFILL_TIME_MAX, reaches, reaching_back};
use crate::alerting::domain::rule::AlertRule;
use crate::shared::{PastSeries, TenantId, Timestamp};

/// How long after a rule is in force its past is read: what came before it knows nothing of it, and is in the store by then
/// unless that lags.
const SETTLES: Duration = Duration::from_secs(1);

/// Where the past is read.
pub struct PastSource {
    pub past: Arc<dyn Past>,
    /// Those whose series rules without a tenant look at.
    pub tenants: Vec<TenantId>,
    pub lateness: Duration,
}

/// What is read.
pub enum Piece {
    Series(PastSeries),
    /// All, or as much as could be read.
    End,
}

/// Does so for one batch of rules at a time.
pub struct Filling {
    source: Option<PastSource>,
    work: Option<Work>,
}

type Reaches = btree_map::IntoIter<(TenantId, Box<str>), Duration>;
type Reading = Pin<Box<dyn Future<Output = Result<Vec<PastSeries>, PastUnavailable>> + Send>>;

struct Work {
    asked_at: Timestamp,
    from: Instant,
    until: Instant,
    reaches: Reaches,
    reading: Option<Reading>,
    found: vec::IntoIter<PastSeries>,
    series: usize,
}

impl Filling {
    /// Without a source, rules that are new go on at once.
    pub const fn new(source: Option<PastSource>) -> Self {
        Self { source, work: None }
    }

    pub const fn is_idle(&self) -> bool {
        self.work.is_none()
    }

    /// Reads for these rules, if there are any.
    pub fn begin(&mut self, rules: &[Arc<AlertRule>], now: Timestamp) {
        if rules.is_empty() {
            return;
        }
        let begun = Instant::now();
        let (reaches, from) = match &self.source {
            Some(source) => (reaches(rules, &source.tenants), begun + SETTLES),
            None => (btree_map::BTreeMap::new(), begun),
        };
        self.work = Some(Work {
            asked_at: now,
            from,
            until: from + REFILL_TIME_MAX,
            reaches: reaches.into_iter(),
            reading: None,
            found: Vec::new().into_iter(),
            series: 0,
        });
    }

    /// The next piece; never, while there is nothing to be read. Nothing is lost if nobody waits for it.
    pub async fn next(&mut self) -> Piece {
        let Some(work) = &mut self.work else { return pending().await };
        sleep_until(work.from).await;
        loop {
            if let Some(series) = work.found.next() {
                work.series += 1;
                return Piece::Series(series);
            }
            let Some(reading) = &mut work.reading else {
                work.reading = self.source.as_ref().and_then(|source| work.next_reading(source));
                if work.reading.is_some() {
                    continue;
                }
                tracing::info!(
                    series = work.series,
                    "the windows of new rules are filled with what is stored"
                );
                self.work = None;
                return Piece::End;
            };
            let found = timeout_at(work.until, reading).await;
            work.reading = None;
            match found {
                Ok(Ok(found)) => work.found = found.into_iter(),
                Ok(Err(error)) => tracing::warn!(%error, "windows of new rules begin empty"),
                Err(_) => {
                    tracing::warn!(
                        "the store takes too long to tell the past; windows of new rules begin empty"
                    );
                    work.reaches = Reaches::default();
                }
            }
        }
    }
}

impl Work {
    fn next_reading(&mut self, source: &PastSource) -> Option<Reading> {
        let ((tenant, metric), reach) = self.reaches.next()?;
        // The newest points may be newer than the moment at which the rules came.
        let (now, past) = (self.asked_at.plus(REFILL_TIME_MAX), Arc::clone(&source.past));
        let range = reaching_back(self.asked_at, now, reach, source.lateness)?;
        Some(Box::pin(async move { past.read(tenant, metric, range).await }))
    }
}
