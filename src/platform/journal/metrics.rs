//! What the journal tells about itself.

use std::time::Duration;

use crate::shared::Timestamp;

/// Upper bounds of the buckets of sync times, in milliseconds; one more bucket holds what is slower.
pub const SYNC_BUCKETS_MS: [u64; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 512, 2_048];

/// How long `fdatasync` took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncTimes {
    pub count: u64,
    pub total: Duration,
    /// By [`SYNC_BUCKETS_MS`], not cumulative.
    pub buckets: [u64; SYNC_BUCKETS_MS.len() + 1],
}

impl SyncTimes {
    pub(super) fn add(&mut self, took: Duration) {
        self.count += 1;
        self.total += took;
        let bucket = SYNC_BUCKETS_MS.iter().take_while(|bound| took > Duration::from_millis(**bound)).count();
        if let Some(bucket) = self.buckets.get_mut(bucket) {
            *bucket += 1;
        }
    }
}

/// What a start found. Numbers count records and marks alike, except where said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RecoveryCounts {
    /// Sound ones.
    pub found: u64,
    /// Had been on disk and are gone or damaged.
    pub lost: u64,
    /// Missing from the group that was being written when the process died.
    pub torn: u64,
    /// Begun behind the last sound one, and cut.
    pub cut: u64,
    /// Pieces of segments that were copied into quarantine.
    pub quarantined: u64,
    /// Files that were moved into quarantine: of another journal, twice there, or without anything sound.
    pub set_aside: u64,
    /// What could not be copied or moved there.
    pub quarantine_failures: u64,
}

/// The journal at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measures {
    /// Records that are not closed.
    pub records: u64,
    /// Their bytes as written.
    pub record_bytes: u64,
    /// Segments in use, in bytes of disk: what is held against [`Measures::bytes_max`].
    pub live_bytes: u64,
    /// Segments of which nothing is needed but the caller's leave to release them.
    pub held_segments: u64,
    /// Segments in use and spare ones.
    pub disk_bytes: u64,
    pub bytes_max: u64,
    /// When the oldest of the records was received.
    pub oldest: Option<Timestamp>,
    pub syncs: SyncTimes,
    /// Batches sealed since the journal was opened.
    pub seals: u64,
    /// Files that were left because writing or syncing failed.
    pub sync_failures: u64,
    /// A record that comes now finds no room.
    pub is_full: bool,
    /// It failed twice and takes nothing any more: the node is not ready.
    pub is_failed: bool,
    pub recovery: RecoveryCounts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_is_counted_in_the_bucket_of_its_bound() {
        let mut times = SyncTimes::default();
        for ms in [1, 2, 3, 3_000] {
            times.add(Duration::from_millis(ms));
        }
        assert_eq!((times.count, times.total), (4, Duration::from_millis(3_006)));
        assert_eq!(times.buckets, [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}
