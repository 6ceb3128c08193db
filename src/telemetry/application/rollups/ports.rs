//! Port: whoever keeps points and their rollups.

use std::future::Future;

use crate::shared::TenantId;
use crate::telemetry::domain::Hour;

use super::shares::Share;

/// A metric of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricOf {
    pub tenant: TenantId,
    pub metric: Box<str>,
}

/// How many points are to be read to roll up an hour of a metric.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricPoints {
    pub of: MetricOf,
    pub points: u64,
}

/// A count of what was stored: what comes later has a greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block(pub i64);

/// A day that has points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Day {
    /// Since the epoch.
    pub number: i64,
    /// What was stored last of it.
    pub newest: Block,
}

/// Why points could not be rolled up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RollupError {
    #[error("the store is not available")]
    Unavailable,
    #[error("the points of one share pass a limit of the store on time or memory")]
    TooLarge,
    #[error("the store refuses the statement")]
    Refused,
}

type Answer<T> = Result<T, RollupError>;

/// Points, and what is made of them.
pub trait Rollups: Send + Sync {
    /// The days that have points, in any order.
    fn days(&self) -> impl Future<Output = Answer<Vec<Day>>> + Send;

    /// The hours that were calculated as a whole, and what was stored last before.
    fn recorded(&self, from: Hour) -> impl Future<Output = Answer<Vec<(Hour, Block)>>> + Send;

    fn record(&self, hour: Hour, before: Block) -> impl Future<Output = Answer<()>> + Send;

    /// Metrics that have points in the hour, in order of tenant and name, behind one of them; at most `limit`.
    fn metrics(
        &self,
        hour: Hour,
        after: Option<&MetricOf>,
        limit: usize,
    ) -> impl Future<Output = Answer<Vec<MetricPoints>>> + Send;

    /// As [`Self::metrics`], of these, as far as they have points.
    fn points_of(
        &self,
        hour: Hour,
        metrics: &[MetricOf],
    ) -> impl Future<Output = Answer<Vec<MetricPoints>>> + Send;

    /// Writes the rows of a share in both tables; what was there of the hour is replaced.
    fn calculate(&self, hour: Hour, share: &Share) -> impl Future<Output = Answer<()>> + Send;
}
