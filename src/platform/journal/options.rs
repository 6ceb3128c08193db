//! Sizes and bounds of a journal; each is checked once, when it is opened.

use std::time::Duration;

/// The longest frame that is ever read or written. What a file says beyond it is damage.
pub const FRAME_BYTES_MAX: u32 = 128 << 20;

/// A segment file longer than this is not one of ours.
pub const SEGMENT_BYTES_MAX: u64 = 1 << 30;

/// A group or a payload that takes more does not leave its buffer behind.
pub const KEPT_BUFFER_BYTES_MAX: usize = 4 << 20;

/// How much of each header a start gives back before its record is read.
pub const HEADER_BYTES_KEPT: usize = 2_048;

/// The smallest number of segments: two that hold records, one for marks, one in hand.
const SEGMENTS_MIN: u64 = 4;

/// How large the parts of a journal are, and how much it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Length of a segment file. It is written with zeros once, then used again and again.
    pub segment_bytes: u64,
    /// What all segment files together may take of the disk, spare ones included.
    pub bytes_max: u64,
    /// The end of each segment that only marks may use, so that batches are sealed and stored when records find no room.
    pub reserve_bytes: u64,
    /// A group begins at a multiple of this, so that no later write touches a disk block that holds what was acknowledged.
    pub block_bytes: u64,
    /// The longest record: header, account and payload together, the payload as it was handed over.
    pub record_bytes_max: u32,
    /// Records and marks that have not been released; each takes about 100 bytes of memory.
    pub records_max: usize,
    /// A group is written as soon as it has this many bytes ...
    pub group_bytes_max: usize,
    /// ... or its first record has waited this long.
    pub group_wait: Duration,
    /// Records that wait for the committer; one more is refused.
    pub queue_records_max: usize,
    /// How much of a coming segment is filled with zeros between two syncs, which those of the groups have to wait for.
    pub fill_bytes: u64,
    /// Whether a segment of which nothing is needed waits for [`Journal::allow_release`](super::Journal::allow_release) all the same:
    /// for callers who remember something of closed records, and have to write that down first.
    pub holds_segments: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            bytes_max: 10 << 30,
            reserve_bytes: 2 << 20,
            block_bytes: 4096,
            record_bytes_max: 32 << 20,
            records_max: 1 << 20,
            group_bytes_max: 1 << 20,
            group_wait: Duration::from_millis(2),
            queue_records_max: 4096,
            fill_bytes: 16 << 20,
            holds_segments: false,
        }
    }
}

/// Which bound cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OptionsError {
    #[error("a segment has at most {SEGMENT_BYTES_MAX} bytes and is a multiple of a block")]
    Segment,
    #[error("a block is a multiple of 8 bytes and holds a segment's header")]
    Block,
    #[error("a segment has to hold the longest record beside its reserve")]
    Record,
    #[error("the journal has to hold {SEGMENTS_MIN} segments")]
    Bytes,
}

impl Options {
    pub(super) fn check(&self) -> Result<(), OptionsError> {
        let block = self.block_bytes;
        if block < super::segment::HEADER_BYTES || !block.is_multiple_of(8) || block > SEGMENT_BYTES_MAX {
            return Err(OptionsError::Block);
        }
        if self.segment_bytes > SEGMENT_BYTES_MAX || !self.segment_bytes.is_multiple_of(block) {
            return Err(OptionsError::Segment);
        }
        let frame = super::frame::FRAME_HEAD_BYTES + u64::from(self.record_bytes_max) + block;
        let room = self.segment_bytes.saturating_sub(self.reserve_bytes).saturating_sub(block);
        if frame > room || frame > u64::from(FRAME_BYTES_MAX) {
            return Err(OptionsError::Record);
        }
        if self.segments_max() < SEGMENTS_MIN {
            return Err(OptionsError::Bytes);
        }
        Ok(())
    }

    /// How many segment files there may be, spare ones included.
    pub(super) fn segments_max(&self) -> u64 {
        self.bytes_max / self.segment_bytes.max(1)
    }
}
