//! What the store holds of the past of a metric: windows are filled with it after a restart, and rules are tried on it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::evaluate::EvaluateRules;
use crate::alerting::domain::rule::{AlertRule, RuleSet};
use crate::shared::{PastSeries, TenantId, TimeRange, Timestamp};

/// How long a start, or rules that are new, wait for the past; then they go on without the rest.
pub const REFILL_TIME_MAX: Duration = Duration::from_secs(10);

/// The store cannot be asked, or holds too much of it.
#[derive(Debug, thiserror::Error)]
#[error("the past of a metric cannot be read: {0}")]
pub struct PastUnavailable(pub Box<str>);

pub type PastFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<PastSeries>, PastUnavailable>> + Send + 'a>>;

/// Port: the past of a metric.
pub trait Past: Send + Sync {
    fn read(&self, tenant: TenantId, metric: Box<str>, range: TimeRange) -> PastFuture<'_>;
}

/// Which metrics of which tenants fill windows, and how far back the longest of them reaches.
pub fn reaches(rules: &[Arc<AlertRule>], tenants: &[TenantId]) -> BTreeMap<(TenantId, Box<str>), Duration> {
    let mut reaches: BTreeMap<(TenantId, Box<str>), Duration> = BTreeMap::new();
    for rule in rules.iter().filter(|rule| rule.is_enabled()) {
        let Some(metric) = rule.measure.source.metric() else { continue };
        let of = rule.tenant.as_ref().map_or(tenants, std::slice::from_ref);
        for tenant in of {
            let reach = reaches.entry((tenant.clone(), metric.as_str().into())).or_default();
            *reach = (*reach).max(rule.measure.window.duration());
        }
    }
    reaches
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
    let reaches = reaches(rules.rules(), tenants);
    let (mut series, mut points) = (0_usize, 0_usize);
    for ((tenant, metric), reach) in reaches {
        let Some(range) = reaching_back(now, now, reach, lateness) else { continue };
        match past.read(tenant.clone(), metric.clone(), range).await {
            Ok(found) => {
                for PastSeries { series: identity, points: past } in found {
                    series += 1;
                    points += past.len();
                    evaluate.refill(&identity, past, now);
                }
            }
            Err(error) => {
                tracing::warn!(%tenant, %metric, %error, "windows of rules begin empty");
            }
        }
    }
    tracing::info!(series, points, "the windows of the rules are filled with what is stored");
}
