//! Which part of a metric can be read from its rollups instead of its points.

use super::{TenantId, TimeRange};

/// Port: somebody who knows how far points are rolled up (telemetry), for those who read (querying). Cheap to ask.
///
/// The tables `metric_rollup_5m` and `metric_rollup_1h` are covered alike. Of 5 minutes are what look back 15 minutes for a counter's
/// previous point, of 1 hour what look back an hour; `docs/rollups.md` has the rules.
pub trait RollupCoverage: Send + Sync {
    /// The whole hours within the range whose rows in both tables say what the points say that are visible now: in order, none
    /// touching another. They may become fewer at any time, when late points become visible; an answer that was begun before is as
    /// old as that.
    fn covered(&self, tenant: &TenantId, metric: &str, range: TimeRange) -> Vec<TimeRange>;
}

/// Nothing is rolled up.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoRollups;

impl RollupCoverage for NoRollups {
    fn covered(&self, _: &TenantId, _: &str, _: TimeRange) -> Vec<TimeRange> {
        Vec::new()
    }
}
