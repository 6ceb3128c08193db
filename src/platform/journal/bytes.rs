//! Fixed-width little-endian fields of the journal's formats, read without trusting that they are there.

/// The `N` bytes at `at`, if they are there.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array(bytes, at).map(u64::from_le_bytes)
}

/// Writes `field` over the bytes at `at`. What would pass the end is left out.
pub(super) fn put<const N: usize>(bytes: &mut [u8], at: usize, field: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|rest| rest.first_chunk_mut()) {
        *place = field;
    }
}

/// `length` rounded up to a multiple of `unit`.
pub(super) fn round_up(length: u64, unit: u64) -> u64 {
    length.next_multiple_of(unit.max(1))
}
