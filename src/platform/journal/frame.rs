//! Frames: one record or mark as bytes. See `docs/journal-format.md`.

use bytes::Bytes;

use crate::shared::Timestamp;

use super::bytes::{array, put, u32_at, u64_at};
use super::options::FRAME_BYTES_MAX;
use super::packing::packed;
use super::record::{
    ACCOUNT_BYTES_MAX, BatchNumber, BatchRange, Mark, Outcome, Payload, Record, Sequence, Stream,
};

pub(super) const FRAME_HEAD_BYTES: u64 = 56;
pub(super) const HEAD: usize = 56;
/// Frames begin at multiples of this.
pub(super) const FRAME_ALIGNMENT: u64 = 8;
const MAGIC: [u8; 4] = *b"TFr1";
/// LZ4 cannot make more of a byte than this, so no stated length is believed beyond it.
const LZ4_GROWTH_MAX: usize = 255;

const RECORD: u8 = 1;
const SEAL: u8 = 2;
const STORED: u8 = 3;
const DEAD_LETTERED: u8 = 4;
const RELEASED: u8 = 5;
const GAP: u8 = 6;

const AS_IS: u8 = 0;
const LZ4: u8 = 1;
const PACKED: u8 = 2;

/// Where a frame is written: what its bytes say about their surroundings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) stamp: u64,
    pub(super) sequence: u64,
    /// Everything below was written and synced before this: where this is found, they are lost if they are not.
    pub(super) on_disk_below: u64,
}

/// A frame that has no place yet.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    bytes: Vec<u8>,
    pub(super) content: Content,
}

#[derive(Debug, Clone)]
pub(super) enum Content {
    Record { stream: Stream, account: Box<[u8]>, received_at: Timestamp },
    Mark(Mark),
}

/// The record has a part that is longer than the format allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl Draft {
    /// Packs the payload, so that this is work for the caller's thread.
    pub(super) fn of_record(record: Record) -> Result<Self, TooLong> {
        let Record { stream, account, received_at, header, payload } = record;
        let plain_bytes = u32::try_from(payload.bytes().len()).map_err(|_| TooLong)?;
        if account.len() > ACCOUNT_BYTES_MAX {
            return Err(TooLong);
        }
        let parts = [&*account, &*header];
        let (packing, mut bytes) = match &payload {
            Payload::Packed(payload) => (PACKED, assembled(parts, payload)),
            Payload::Plain(payload) => packed(payload, |packed| match packed {
                Some(packed) => (LZ4, assembled(parts, packed)),
                None => (AS_IS, assembled(parts, payload)),
            }),
        };
        let length =
            u32::try_from(bytes.len()).ok().filter(|bytes| *bytes <= FRAME_BYTES_MAX).ok_or(TooLong)?;
        let header_bytes = u32::try_from(header.len()).map_err(|_| TooLong)?;
        let account_bytes = u8::try_from(account.len()).map_err(|_| TooLong)?;
        put(&mut bytes, 0, MAGIC);
        put(&mut bytes, 4, length.to_le_bytes());
        put(&mut bytes, 12, [RECORD, stream.0, packing, account_bytes]);
        put(&mut bytes, 40, received_at.nanos().to_le_bytes());
        put(&mut bytes, 48, header_bytes.to_le_bytes());
        put(&mut bytes, 52, plain_bytes.to_le_bytes());
        let content = Content::Record { stream, account: account.into(), received_at };
        Ok(Self { bytes, content })
    }

    pub(super) fn of_mark(mark: Mark) -> Self {
        let (kind, stream, words) = match mark {
            Mark::Seal(range) => (SEAL, range.stream.0, vec![range.first.0, range.last.0]),
            Mark::Closed(outcome, batch, range) => {
                let kind = match outcome {
                    Outcome::Stored => STORED,
                    Outcome::DeadLettered => DEAD_LETTERED,
                };
                (kind, range.stream.0, vec![range.first.0, range.last.0, batch.0])
            }
            Mark::Released(below) => (RELEASED, 0, vec![below.0]),
            Mark::Gap(first, last) => (GAP, 0, vec![first.0, last.0]),
        };
        let mut bytes = vec![0; HEAD];
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        let header_bytes = u32::try_from(bytes.len() - HEAD).unwrap_or_default();
        let length = u32::try_from(bytes.len()).unwrap_or_default();
        put(&mut bytes, 0, MAGIC);
        put(&mut bytes, 4, length.to_le_bytes());
        put(&mut bytes, 12, [kind, stream, AS_IS, 0]);
        put(&mut bytes, 48, header_bytes.to_le_bytes());
        Self { bytes, content: Content::Mark(mark) }
    }

    pub(super) fn is_record(&self) -> bool {
        matches!(self.content, Content::Record { .. })
    }

    /// Without the zeros up to the next frame.
    pub(super) fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn padded_length(&self) -> u64 {
        super::bytes::round_up(self.length(), FRAME_ALIGNMENT)
    }

    /// Appends the finished frame to the bytes of its group.
    pub(super) fn write(&self, place: Place, group: &mut Vec<u8>) {
        let at = group.len();
        group.extend_from_slice(&self.bytes);
        let Some(frame) = group.get_mut(at..) else { return };
        put(frame, 16, place.stamp.to_le_bytes());
        put(frame, 24, place.sequence.to_le_bytes());
        put(frame, 32, place.on_disk_below.to_le_bytes());
        if let Some(sum) = checksum(frame) {
            put(frame, 8, sum.to_le_bytes());
        }
        group.resize(group.len().next_multiple_of(8), 0);
    }
}

/// A frame whose head is still to be written.
fn assembled([account, header]: [&[u8]; 2], payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + account.len() + header.len() + payload.len());
    bytes.resize(HEAD, 0);
    for part in [account, header, payload] {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// Of everything but the checksum itself.
fn checksum(frame: &[u8]) -> Option<u32> {
    Some(crc32c::crc32c_append(crc32c::crc32c(frame.get(..8)?), frame.get(12..)?))
}

/// Stamps of other segments differ in about half of their 64 bits; a damaged one differs in a few.
const STAMP_BITS_DAMAGED_MAX: u32 = 8;

/// Whether a frame of this segment begins here, sound or not.
pub(super) fn begins_frame(bytes: &[u8], stamp: u64) -> bool {
    let Some(found) = u64_at(bytes, 16) else { return false };
    let is_marked = array(bytes, 0) == Some(MAGIC);
    found == stamp || is_marked && (found ^ stamp).count_ones() <= STAMP_BITS_DAMAGED_MAX
}

/// A frame whose checksum was found right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    bytes: &'a [u8],
    pub(super) sequence: u64,
    pub(super) on_disk_below: u64,
    kind: u8,
    pub(super) stream: Stream,
}

impl<'a> Frame<'a> {
    /// The frame at the beginning of `bytes`, if it is one of the segment with this stamp.
    pub(super) fn parse(bytes: &'a [u8], stamp: u64) -> Option<Self> {
        if array(bytes, 0) != Some(MAGIC) || u64_at(bytes, 16) != Some(stamp) {
            return None;
        }
        let length = u32_at(bytes, 4).filter(|length| *length <= FRAME_BYTES_MAX)?;
        let bytes = bytes.get(..usize::try_from(length).ok()?).filter(|frame| frame.len() >= HEAD)?;
        if checksum(bytes) != u32_at(bytes, 8) {
            return None;
        }
        let [kind, stream] = array(bytes, 12)?;
        let (sequence, on_disk_below) = (u64_at(bytes, 24)?, u64_at(bytes, 32)?);
        let frame = Self { bytes, sequence, on_disk_below, kind, stream: Stream(stream) };
        let is_whole = if kind == RECORD { frame.parts().is_some() } else { frame.mark().is_some() };
        is_whole.then_some(frame)
    }

    pub(super) fn length(&self) -> u64 {
        self.bytes.len() as u64
    }

    pub(super) fn received_at(&self) -> Timestamp {
        Timestamp::from_nanos(array(self.bytes, 40).map_or(0, i64::from_le_bytes))
    }

    pub(super) fn account(&self) -> &'a [u8] {
        self.parts().map_or(&[], |(account, _, _)| account)
    }

    /// The caller's own words.
    pub(super) fn header(&self) -> &'a [u8] {
        self.parts().map_or(&[], |(_, header, _)| header)
    }

    /// Account, header and payload as written.
    fn parts(&self) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let body = self.bytes.get(HEAD..)?;
        let account_bytes = usize::from(*self.bytes.get(15)?);
        let header_bytes = usize::try_from(u32_at(self.bytes, 48)?).ok()?;
        let (account, rest) = body.split_at_checked(account_bytes)?;
        let (header, payload) = rest.split_at_checked(header_bytes)?;
        Some((account, header, payload))
    }

    /// Absent for a record.
    pub(super) fn mark(&self) -> Option<Mark> {
        let (_, words, _) = self.parts()?;
        let word = |index: usize| u64_at(words, index * 8);
        let range = || {
            let (first, last) = (Sequence(word(0)?), Sequence(word(1)?));
            Some(BatchRange { stream: self.stream, first, last })
        };
        match self.kind {
            SEAL => Some(Mark::Seal(range()?)),
            STORED => Some(Mark::Closed(Outcome::Stored, BatchNumber(word(2)?), range()?)),
            DEAD_LETTERED => Some(Mark::Closed(Outcome::DeadLettered, BatchNumber(word(2)?), range()?)),
            RELEASED => Some(Mark::Released(Sequence(word(0)?))),
            GAP => Some(Mark::Gap(Sequence(word(0)?), Sequence(word(1)?))),
            _ => None,
        }
    }

    /// The record as it was handed over; absent for a mark and for a payload that cannot be unpacked.
    pub(super) fn record(&self) -> Option<Record> {
        let (account, header, payload) = self.parts()?;
        let payload = match *self.bytes.get(14)? {
            AS_IS => Payload::Plain(Bytes::copy_from_slice(payload)),
            PACKED => Payload::Packed(Bytes::copy_from_slice(payload)),
            LZ4 => Payload::Plain(self.unpack(payload)?.into()),
            _ => return None,
        };
        (self.kind == RECORD).then(|| Record {
            stream: self.stream,
            account: account.to_vec(),
            received_at: self.received_at(),
            header: header.to_vec(),
            payload,
        })
    }

    fn unpack(&self, packed: &[u8]) -> Option<Vec<u8>> {
        let plain_bytes = usize::try_from(u32_at(self.bytes, 52)?).ok()?;
        if plain_bytes > packed.len().saturating_mul(LZ4_GROWTH_MAX) {
            return None;
        }
        let plain = lz4_flex::block::decompress(packed, plain_bytes).ok()?;
        (plain.len() == plain_bytes).then_some(plain)
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "frames of tests are short")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLACE: Place = Place { stamp: 77, sequence: 5, on_disk_below: 4 };

    fn written(draft: &Draft) -> Vec<u8> {
        let mut bytes = Vec::new();
        draft.write(PLACE, &mut bytes);
        bytes
    }

    fn record(payload: Payload) -> Record {
        let (account, header) = (b"acme".to_vec(), b"json".to_vec());
        Record { stream: Stream(2), account, received_at: Timestamp::from_nanos(-3), header, payload }
    }

    fn range() -> BatchRange {
        BatchRange { stream: Stream(2), first: Sequence(1), last: Sequence(9) }
    }

    proptest! {
        #[test]
        fn a_record_is_read_as_it_was_handed_over(
            account in prop::collection::vec(any::<u8>(), 0..=255),
            header in prop::collection::vec(any::<u8>(), 0..40),
            payload in prop::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..2_000),
            packed: bool,
        ) {
            let payload = Bytes::from(payload);
            let payload = if packed { Payload::Packed(payload) } else { Payload::Plain(payload) };
            let record = Record { account, header, ..record(payload) };
            let bytes = written(&Draft::of_record(record.clone()).unwrap());
            let frame = Frame::parse(&bytes, PLACE.stamp).unwrap();
            prop_assert_eq!((frame.sequence, frame.on_disk_below, frame.mark()), (5, 4, None));
            prop_assert_eq!((frame.account(), frame.header()), (&*record.account, &*record.header));
            prop_assert_eq!(frame.record().unwrap(), record);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Frame::parse(&bytes, 0).is_none());
        }
    }

    #[test]
    fn marks_are_read_as_they_were_written() {
        let marks = [
            Mark::Seal(range()),
            Mark::Closed(Outcome::Stored, BatchNumber(7), range()),
            Mark::Closed(Outcome::DeadLettered, BatchNumber(7), range()),
            Mark::Released(Sequence(11)),
            Mark::Gap(Sequence(2), Sequence(3)),
        ];
        for mark in marks {
            let bytes = written(&Draft::of_mark(mark));
            let frame = Frame::parse(&bytes, PLACE.stamp).unwrap();
            assert_eq!((frame.mark(), frame.record()), (Some(mark), None));
        }
    }

    #[test]
    fn any_flipped_bit_of_a_frame_is_noticed() {
        let draft = Draft::of_record(record(Payload::Plain(Bytes::from_static(b"abc")))).unwrap();
        let whole = written(&draft);
        for at in 0..draft.length() as usize * 8 {
            let mut bytes = whole.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert!(Frame::parse(&bytes, PLACE.stamp).is_none(), "bit {at}");
        }
        for cut in 0..draft.length() as usize {
            assert!(Frame::parse(&whole[..cut], PLACE.stamp).is_none(), "{cut} bytes");
        }
    }

    #[test]
    fn a_frame_of_an_earlier_life_of_the_file_is_none() {
        let bytes = written(&Draft::of_mark(Mark::Seal(range())));
        assert!(Frame::parse(&bytes, PLACE.stamp + 1).is_none());
    }

    #[test]
    fn repetitive_payloads_are_packed_and_others_are_not_made_longer() {
        let zeros = Draft::of_record(record(Payload::Plain(vec![0; 10_000].into()))).unwrap();
        assert!(zeros.length() < 200);
        let packed = Draft::of_record(record(Payload::Packed(vec![0; 10_000].into()))).unwrap();
        assert_eq!(packed.length(), 56 + 8 + 10_000);
        let short = Draft::of_record(record(Payload::Plain(vec![1, 2, 3].into()))).unwrap();
        assert_eq!(short.length(), 56 + 8 + 3);
    }

    #[test]
    fn a_stated_length_beyond_what_lz4_can_reach_is_not_believed() {
        let draft = Draft::of_record(record(Payload::Plain(vec![0; 1_000].into()))).unwrap();
        let mut lying = draft;
        put(&mut lying.bytes, 52, u32::MAX.to_le_bytes());
        let bytes = written(&lying);
        assert!(Frame::parse(&bytes, PLACE.stamp).unwrap().record().is_none());
    }
}
