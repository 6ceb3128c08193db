//! What the store holds of what rules look at: windows are filled with it after a restart, and rules are tried on it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::evaluate::EvaluateRules;
use crate::alerting::domain::rule::{AlertRule, Measure, RuleSet, Source};
use crate::alerting::domain::rule_words::WatchedMetric;
use crate::shared::{PastRecord, PastSeries, RecordQuery, RecordSource, TenantId, TimeRange, Timestamp};

/// How long the past is read at a start, or for rules that are new; then they go on without the rest.
pub const REFILL_TIME_MAX: Duration = Duration::from_secs(10);

/// How long rules wait for what is on its way to the store; then they go on without it.
const LAG_MAX: Duration = Duration::from_secs(10);

/// Most records that are taken at once: a few milliseconds.
const RECORDS_AT_ONCE: usize = 10_000;

/// Why the past is not told.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    #[error("there is too much to be read: ask for a shorter time, or less of it")]
    TooMuch,
    #[error("the past cannot be read: {0}")]
    Unavailable(Box<str>),
}

pub type PastFuture<'a, T> = Pin<Box<dyn Future<Output = Result<Vec<T>, PastError>> + Send + 'a>>;

/// Port: what is stored.
pub trait Past: Send + Sync {
    /// The series of a metric.
    fn read(&self, tenant: TenantId, metric: Box<str>, range: TimeRange) -> PastFuture<'_, PastSeries>;

    /// Log records or spans, in order of time.
    fn records(&self, tenant: TenantId, query: RecordQuery) -> PastFuture<'_, PastRecord>;

    /// Returns when what was taken in before is stored.
    fn catches_up(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Waits for what was taken in before the rules looked at it: `settles`, so that what is being decoded is on its way, and then until
/// what is on its way is stored, at most [`LAG_MAX`].
pub async fn await_store(past: &dyn Past, settles: Duration) {
    sleep(settles).await;
    if timeout(LAG_MAX, past.catches_up()).await.is_err() {
        tracing::warn!("the store lags: windows of rules begin without what is on its way to it");
    }
}

/// What a rule looks at of the past of a tenant.
#[derive(Debug)]
pub enum Evidence {
    Series(Vec<PastSeries>),
    Records { tenant: TenantId, records: Vec<PastRecord> },
}

/// Reads what a rule needs to be evaluated over `range`, with `lateness` as configured: its windows are full at the start.
pub async fn evidence(
    rule: &AlertRule,
    tenant: TenantId,
    range: TimeRange,
    lateness: Duration,
    past: &dyn Past,
) -> Result<Evidence, PastError> {
    let window = rule.measure.window.duration();
    let wide = reaching_back(range.start(), range.end(), window, lateness).unwrap_or(range);
    match record_query(&rule.measure, wide) {
        Ok(query) => {
            let records = past.records(tenant.clone(), query).await?;
            Ok(Evidence::Records { tenant, records })
        }
        Err(metric) => Ok(Evidence::Series(past.read(tenant, metric.as_str().into(), wide).await?)),
    }
}

/// The records that a rule looks at, with the labels that it knows them by; or else its metric.
pub fn record_query(measure: &Measure, range: TimeRange) -> Result<RecordQuery, &WatchedMetric> {
    let source = match &measure.source {
        Source::Metric(metric) => return Err(metric),
        Source::Logs => RecordSource::Logs,
        Source::Spans => RecordSource::Spans,
    };
    let labels = measure.labels().into_iter().collect();
    Ok(RecordQuery { source, filter: measure.filter.clone(), labels, range })
}

/// Something that windows are filled with.
#[derive(Debug)]
pub enum Piece {
    Series(PastSeries),
    /// In order of time.
    Records {
        rule: Arc<AlertRule>,
        tenant: TenantId,
        records: Vec<PastRecord>,
    },
}

/// Something to be read to fill windows.
#[derive(Debug)]
pub enum Wish {
    /// A metric, as far back as the longest of the windows that look at it.
    Metric {
        tenant: TenantId,
        metric: Box<str>,
        reach: Duration,
    },
    Records {
        rule: Arc<AlertRule>,
        tenant: TenantId,
    },
}

/// What fills the windows of rules; of those without a tenant for each of `tenants`.
pub fn wishes(rules: &[Arc<AlertRule>], tenants: &[TenantId]) -> Vec<Wish> {
    let mut reaches: BTreeMap<(&TenantId, &str), Duration> = BTreeMap::new();
    let mut records = Vec::new();
    for rule in rules.iter().filter(|rule| rule.is_enabled()) {
        for tenant in rule.tenant.as_ref().map_or(tenants, std::slice::from_ref) {
            match rule.measure.source.metric() {
                Some(metric) => {
                    let reach = reaches.entry((tenant, metric.as_str())).or_default();
                    *reach = (*reach).max(rule.measure.window.duration());
                }
                None => records.push(Wish::Records { rule: Arc::clone(rule), tenant: tenant.clone() }),
            }
        }
    }
    let metrics = reaches.into_iter().map(|((tenant, metric), reach)| Wish::Metric {
        tenant: tenant.clone(),
        metric: metric.into(),
        reach,
    });
    metrics.chain(records).collect()
}

impl Wish {
    /// Reads what windows that end at `at` need, and what is newer up to `end`.
    pub async fn read(
        self,
        past: &dyn Past,
        at: Timestamp,
        end: Timestamp,
        lateness: Duration,
    ) -> Result<Vec<Piece>, PastError> {
        let range = |reach| reaching_back(at, end, reach, lateness);
        match self {
            Self::Metric { tenant, metric, reach } => {
                let Some(range) = range(reach) else { return Ok(Vec::new()) };
                let found = past.read(tenant, metric, range).await?;
                Ok(found.into_iter().map(Piece::Series).collect())
            }
            Self::Records { rule, tenant } => {
                let range = range(rule.measure.window.duration());
                let query = range.and_then(|range| record_query(&rule.measure, range).ok());
                let Some(query) = query else { return Ok(Vec::new()) };
                let mut found = past.records(tenant.clone(), query).await?;
                let mut pieces = Vec::new();
                while !found.is_empty() {
                    let rest = found.split_off(found.len().min(RECORDS_AT_ONCE));
                    let records = std::mem::replace(&mut found, rest);
                    pieces.push(Piece::Records { rule: Arc::clone(&rule), tenant: tenant.clone(), records });
                }
                Ok(pieces)
            }
        }
    }
}

/// What has to be read of the past to evaluate a rule from `start` to `end`: windows are full at the start, and counters have
/// something to compare with. Absent if it is empty.
pub fn reaching_back(
    start: Timestamp,
    end: Timestamp,
    window: Duration,
    lateness: Duration,
) -> Option<TimeRange> {
    // What an open pane may hold beside the window.
    TimeRange::new(start.minus(window + lateness * 2), end)
}

/// Fills the windows of the rules with what is stored, up to `now`.
pub async fn refill(
    evaluate: &mut EvaluateRules,
    rules: &RuleSet,
    tenants: &[TenantId],
    past: &dyn Past,
    lateness: Duration,
    now: Timestamp,
) {
    let mut pieces = 0_usize;
    for wish in wishes(rules.rules(), tenants) {
        match wish.read(past, now, now, lateness).await {
            Ok(found) => {
                pieces += found.len();
                found.into_iter().for_each(|piece| evaluate.refill(piece, now));
            }
            Err(error) => tracing::warn!(%error, "windows of rules begin empty"),
        }
    }
    tracing::info!(pieces, "the windows of the rules are filled with what is stored");
}
