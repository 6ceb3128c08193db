//! Ports of the write path: the series catalogue, and the sink that brings accepted items into the store.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use crate::shared::{SeriesId, SeriesIdentity, Signal, TenantId, Timestamp, WatchId};

use super::{Accepted, Crowding, Payload};

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
pub trait SeriesLookup: Send {
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
    /// Whether there is a chance that items of this tenant are taken.
    fn admit(&self, tenant: &TenantId) -> Result<(), SinkRefusal>;

    /// Whether items that were handed over had better become fewer.
    fn crowding(&self) -> Arc<Crowding>;

    /// Hands them over, without waiting. What they pend on hears the rest.
    fn submit(&self, accepted: Accepted) -> Result<(), SinkRefusal>;
}

/// The sink takes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SinkRefusal {
    #[error("the write queue is full, or the store does not answer")]
    Busy,
    #[error("the write path is shutting down")]
    Closed,
    #[error("the journal is full")]
    JournalFull,
    #[error("the journal's disk has no space")]
    NoSpace,
    #[error("the journal failed")]
    JournalFailed,
    #[error("the tenant holds more of the journal than its share")]
    OverShare { retry_after: Duration },
}

/// Port: reads a request again that was journaled, into the items that were acknowledged. One per thread.
pub trait Replay: Send {
    /// Absent if the journal's words cannot be read: they were damaged, or a newer version wrote them.
    fn replay(&mut self, body: &JournaledBody<'_>) -> Option<Payload>;
}

/// A body as the journal kept it.
#[derive(Debug, Clone, Copy)]
pub struct JournaledBody<'a> {
    pub tenant: &'a TenantId,
    pub signal: Signal,
    pub received_at: Timestamp,
    /// As [`ReceivedBody::form`](super::ReceivedBody).
    pub form: &'a [u8],
    pub bytes: &'a [u8],
}
