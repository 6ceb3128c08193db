//! Ports of the write path: the series catalogue, and the sink that brings accepted items into the store.

use std::fmt::Debug;

use crate::shared::{SeriesId, SeriesIdentity, WatchId};

use super::Accepted;

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

/// What becomes of a series that `find` did not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admission {
    pub entry: SeriesEntry,
    pub standing: Standing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Known under another wire form, and its row for the day is stored.
    Written,
    /// Known, but not on this day: its row has to be written.
    Known,
    /// Not known: its row has to be written, and it counts toward the tenant's limit.
    New,
}

/// The tenant may not have more series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tenant's series limit is reached")]
pub struct SeriesLimitReached;

/// Port: one decode thread's view of the catalogue.
pub trait SeriesLookup {
    /// Starts a request; entries that were not confirmed for a while are looked up afresh from now on.
    fn begin_request(&mut self);

    /// The series of a wire form, if its row for that day is in the store.
    fn find(&mut self, key: WireKey, day: i64) -> Option<SeriesEntry>;

    /// Admits a series that `find` did not know. `staged` counts those of the same request that were new.
    fn admit(
        &mut self,
        key: WireKey,
        identity: &SeriesIdentity,
        day: i64,
        staged: usize,
    ) -> Result<Admission, SeriesLimitReached>;
}

/// Port: what becomes of accepted items.
pub trait Sink: Debug + Send + Sync {
    /// Hands them over, without waiting.
    fn submit(&self, accepted: Accepted) -> Result<(), SinkRefusal>;
}

/// The sink takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SinkRefusal {
    #[error("the write queue is full, or the store does not answer")]
    Busy,
    #[error("the write path is shutting down")]
    Closed,
}
