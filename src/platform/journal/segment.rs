//! Segment files: their names, the header in their first block, and who a journal is.

use std::sync::Arc;

use super::bytes::{array, put, u32_at, u64_at};
use super::file_system::JournalFile;

/// The format that is written. Readers know this one and all before it; see `docs/journal-format.md`.
pub const FORMAT_VERSION: u32 = 1;

/// What of the first block is used; the rest is zero.
pub(super) const HEADER_BYTES: u64 = 72;
const HEADER_LENGTH: usize = 72;
const HEADER_MAGIC: [u8; 8] = *b"TFJSEGM\n";

const IDENTITY_LENGTH: usize = 48;
const IDENTITY_MAGIC: [u8; 8] = *b"TFJIDEN\n";

/// The file that says whose folder this is; every segment's header repeats it.
pub(super) const IDENTITY: &str = "identity";
/// A file that is not finished; removed at the next start.
pub(super) const UNFINISHED: &str = ".tmp";
/// A file that is filled and holds nothing.
pub(super) const SPARE: &str = ".free";
const IN_USE: &str = ".seg";

/// Which journal this is. Part of the token by which the store knows an insert again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JournalId(pub(super) u64);

impl JournalId {
    pub fn get(self) -> u64 {
        self.0
    }
}

/// A journal's name and the secret that makes its frames unforgeable: a payload cannot hold a frame that is taken for
/// a real one, because the stamp of its segment cannot be known outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: JournalId,
    pub(super) key: [u8; 16],
}

impl Identity {
    /// The mark of every frame of the segment with this epoch; those of its file's earlier lives bear others.
    pub(super) fn stamp(&self, epoch: u64) -> u64 {
        let mut text = [0; 24];
        put(&mut text, 0, self.key);
        put(&mut text, 16, epoch.to_le_bytes());
        xxhash_rust::xxh3::xxh3_64(&text)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; IDENTITY_LENGTH];
        put(&mut bytes, 0, IDENTITY_MAGIC);
        put(&mut bytes, 8, FORMAT_VERSION.to_le_bytes());
        put(&mut bytes, 16, self.id.0.to_le_bytes());
        put(&mut bytes, 24, self.key);
        sign(&mut bytes);
        bytes
    }
}

/// What the first bytes of a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read<T> {
    Good(T),
    /// Sound, but of a format that is not known here.
    Newer(u32),
    Damaged,
}

pub(super) fn read_identity(bytes: &[u8]) -> Read<Identity> {
    let fields = || Some(Identity { id: JournalId(u64_at(bytes, 16)?), key: array(bytes, 24)? });
    read(bytes, IDENTITY_MAGIC, IDENTITY_LENGTH, fields)
}

/// The header of a segment file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) identity: Identity,
    /// Counts the lives of segment files; none is given twice.
    pub(super) epoch: u64,
    /// No frame in this or a later segment has a lower sequence number, and none that counts in an earlier one has a
    /// higher.
    pub(super) first_sequence: u64,
    /// Everything below had been released.
    pub(super) live_from: u64,
    /// Everything below had been written and synced, so that it is lost if it is not found.
    pub(super) on_disk_below: u64,
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_LENGTH];
        put(&mut bytes, 0, HEADER_MAGIC);
        put(&mut bytes, 8, FORMAT_VERSION.to_le_bytes());
        put(&mut bytes, 16, self.identity.id.0.to_le_bytes());
        put(&mut bytes, 24, self.identity.key);
        put(&mut bytes, 40, self.epoch.to_le_bytes());
        put(&mut bytes, 48, self.first_sequence.to_le_bytes());
        put(&mut bytes, 56, self.live_from.to_le_bytes());
        put(&mut bytes, 64, self.on_disk_below.to_le_bytes());
        sign(&mut bytes);
        bytes
    }
}

pub(super) fn read_header(bytes: &[u8]) -> Read<SegmentHeader> {
    let fields = || {
        Some(SegmentHeader {
            identity: Identity { id: JournalId(u64_at(bytes, 16)?), key: array(bytes, 24)? },
            epoch: u64_at(bytes, 40)?,
            first_sequence: u64_at(bytes, 48)?,
            live_from: u64_at(bytes, 56)?,
            on_disk_below: u64_at(bytes, 64)?,
        })
    };
    read(bytes, HEADER_MAGIC, HEADER_LENGTH, fields)
}

/// Magic, version and checksum stand at the same places in every version, so that a newer file is told from a damaged one.
fn read<T>(bytes: &[u8], magic: [u8; 8], length: usize, fields: impl Fn() -> Option<T>) -> Read<T> {
    let (Some(version), Some(sum)) = (u32_at(bytes, 8), u32_at(bytes, 12)) else { return Read::Damaged };
    if array(bytes, 0) != Some(magic) || checksum(bytes, length) != Some(sum) {
        return Read::Damaged;
    }
    match version {
        0 => Read::Damaged,
        1..=FORMAT_VERSION => fields().map_or(Read::Damaged, Read::Good),
        newer => Read::Newer(newer),
    }
}

fn checksum(bytes: &[u8], length: usize) -> Option<u32> {
    Some(crc32c::crc32c_append(crc32c::crc32c(bytes.get(..12)?), bytes.get(16..length)?))
}

fn sign(bytes: &mut [u8]) {
    if let Some(sum) = checksum(bytes, bytes.len()) {
        put(bytes, 12, sum.to_le_bytes());
    }
}

/// The name of the segment with this epoch.
pub(super) fn segment_name(epoch: u64) -> String {
    format!("{epoch:016x}{IN_USE}")
}

/// The epoch in the name of a segment, if it is the name of one.
pub(super) fn epoch_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(IN_USE)?;
    let epoch = u64::from_str_radix(digits, 16).ok()?;
    (segment_name(epoch) == name).then_some(epoch)
}

pub(super) fn is_segment(name: &str) -> bool {
    name.ends_with(IN_USE)
}

/// A segment file that is in use.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) epoch: u64,
    pub(super) first_sequence: u64,
    pub(super) file: Arc<dyn JournalFile>,
    /// Writing or syncing failed: what a later sync of this file says is not believed, so it is not used again.
    pub(super) has_failed: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> SegmentHeader {
        let identity = Identity { id: JournalId(7), key: [9; 16] };
        SegmentHeader { identity, epoch: 3, first_sequence: 40, live_from: 12, on_disk_below: 39 }
    }

    #[test]
    fn a_header_is_read_as_it_was_written() {
        assert_eq!(read_header(&header().encode()), Read::Good(header()));
        let identity = header().identity;
        assert_eq!(read_identity(&identity.encode()), Read::Good(identity));
    }

    #[test]
    fn any_flipped_bit_of_a_header_is_noticed() {
        for at in 0..HEADER_LENGTH * 8 {
            let mut bytes = header().encode();
            bytes[at / 8] ^= 1 << (at % 8);
            assert_eq!(read_header(&bytes), Read::Damaged, "bit {at}");
        }
        assert_eq!(read_header(&header().encode()[..HEADER_LENGTH - 1]), Read::Damaged);
    }

    #[test]
    fn a_newer_version_is_told_from_damage() {
        let mut bytes = header().encode();
        put(&mut bytes, 8, (FORMAT_VERSION + 1).to_le_bytes());
        assert_eq!(read_header(&bytes), Read::Damaged);
        sign(&mut bytes);
        assert_eq!(read_header(&bytes), Read::Newer(FORMAT_VERSION + 1));
    }

    #[test]
    fn only_the_exact_name_of_a_segment_gives_an_epoch() {
        assert_eq!(epoch_of(&segment_name(255)), Some(255));
        for name in ["ff.seg", "00000000000000FF.seg", "00000000000000ff.seg.1", "x.seg", "lock"] {
            assert_eq!(epoch_of(name), None, "{name}");
        }
    }

    #[test]
    fn every_life_of_a_file_has_a_stamp_of_its_own() {
        let one = header().identity;
        let other = Identity { key: [8; 16], ..one };
        assert_ne!(one.stamp(1), one.stamp(2));
        assert_ne!(one.stamp(1), other.stamp(1));
    }
}
