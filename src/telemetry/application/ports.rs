//! Ports of the write path: the series catalogue, and the sink that brings accepted points into the store.

use std::fmt::Debug;

use crate::shared::{SeriesId, SeriesIdentity, TenantId, WatchId};

use super::AcceptedMetrics;

/// Hash of everything that identifies a series *as it was sent* (one series may have several wire forms), tenant included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WireKey(pub u128);

/// What the catalogue knows of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeriesEntry {
    pub id: SeriesId,
    pub watch: WatchId,
}

/// A series (or a new day of one) that has to be written to the store with the points that brought it.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSeries {
    pub key: WireKey,
    pub entry: SeriesEntry,
    pub identity: SeriesIdentity,
    /// Days since the epoch of the point that brought it.
    pub day: i64,
    /// Time of that point, nanoseconds since the epoch.
    pub seen: i64,
}

/// The tenant may not have more series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tenant's series limit is reached")]
pub struct SeriesLimitReached;

/// Port: one decode thread's view of the catalogue.
pub trait SeriesLookup {
    /// Starts a request; entries that were not confirmed for a while are looked up afresh from now on.
    fn begin_request(&mut self);

    /// The series of a wire form, if the store has (or will certainly have) its row for that day.
    fn find(&mut self, key: WireKey, day: i64) -> Option<SeriesEntry>;

    /// Admits a series that `find` did not know. `staged` counts new series of the same request.
    fn admit(&mut self, identity: &SeriesIdentity, staged: usize) -> Result<SeriesEntry, SeriesLimitReached>;
}

/// Port: the catalogue that all threads share.
pub trait SeriesCatalogue: Debug + Send + Sync {
    /// Notes that the rows of these series are on their way to the store and will get there.
    fn commit(&self, tenant: &TenantId, series: &[NewSeries]);
}

/// Port: what becomes of accepted points.
pub trait MetricsSink: Debug + Send + Sync {
    /// Hands the points over, without waiting.
    fn submit(&self, accepted: AcceptedMetrics) -> Result<(), SinkRefusal>;
}

/// The sink takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SinkRefusal {
    #[error("the write queue is full")]
    Full,
    #[error("the write path is shutting down")]
    Closed,
}
