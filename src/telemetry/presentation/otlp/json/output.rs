//! `Output`: protobuf messages written front to back, though each has its length before its content.
//!
//! A message is given one byte for its length. Those that need more are noted, and one pass at the end moves everything to its
//! place: each byte is moved once, however deep the messages are nested.

use super::metered;
use crate::telemetry::presentation::otlp::meter::{Meter, MeterError};

/// Most bytes of a varint.
const VARINT_BYTES_MAX: usize = 10;

/// Wire types (protobuf encoding guide, "Message Structure").
#[derive(Debug, Clone, Copy)]
pub enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}

/// A message of 128 bytes or more, or one that is still open: where its length stands, and the length.
#[derive(Debug, Clone, Copy)]
struct Long {
    at: usize,
    length: usize,
}

/// A message that was begun. To be given back to [`Output::close`], the last one first.
#[derive(Debug)]
#[must_use]
pub struct Opened {
    at: usize,
    place: usize,
    extra: usize,
}

#[derive(Debug, Default)]
pub struct Output {
    bytes: Vec<u8>,
    /// In the order of the messages' beginnings.
    long: Vec<Long>,
    /// Bytes that lengths will take beyond the one that each has already.
    extra: usize,
}

impl Output {
    /// Empty again, with room for so many bytes.
    pub fn begin(&mut self, bytes_max: usize) {
        self.bytes.clear();
        self.bytes.reserve_exact(bytes_max);
        self.long.clear();
        self.extra = 0;
    }

    /// The finished message.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    #[cfg(test)]
    pub fn held_bytes(&self) -> usize {
        self.bytes.capacity() + self.long.capacity() * size_of::<Long>()
    }

    #[inline]
    pub fn tag(&mut self, number: u32, wire_type: WireType) {
        self.varint(u64::from(number) << 3 | wire_type as u64);
    }

    #[inline]
    pub fn varint(&mut self, value: u64) {
        match u8::try_from(value) {
            Ok(byte @ ..0x80) => self.bytes.push(byte),
            _ => {
                let (varint, length) = encoded(value);
                self.bytes.extend_from_slice(varint.get(..length).unwrap_or_default());
            }
        }
    }

    #[inline]
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes or a text, with their length.
    #[inline]
    pub fn sized(&mut self, bytes: &[u8]) {
        self.varint(bytes.len() as u64);
        self.raw(bytes);
    }

    /// Begins a message; its tag has been written.
    #[inline]
    pub fn open(&mut self, meter: &mut Meter<'_>) -> Result<Opened, MeterError> {
        let opened = Opened { at: self.bytes.len(), place: self.long.len(), extra: self.extra };
        metered::push(&mut self.long, Long { at: opened.at, length: 0 }, meter)?;
        self.bytes.push(0);
        Ok(opened)
    }

    /// Ends the message that was begun last.
    #[inline]
    pub fn close(&mut self, opened: &Opened) {
        let length = self.bytes.len() - opened.at - 1 + (self.extra - opened.extra);
        match u8::try_from(length) {
            // The messages within are shorter still, so its note is the last one.
            Ok(byte @ ..0x80) => {
                if let Some(placeholder) = self.bytes.get_mut(opened.at) {
                    *placeholder = byte;
                }
                self.long.pop();
            }
            _ => {
                if let Some(long) = self.long.get_mut(opened.place) {
                    long.length = length;
                }
                self.extra += encoded(length as u64).1 - 1;
            }
        }
    }

    /// Makes room for the lengths, from the last to the first.
    pub fn finish(&mut self) {
        let mut source_end = self.bytes.len();
        let mut target_end = source_end + self.extra;
        self.bytes.resize(target_end, 0);
        while let Some(Long { at, length }) = self.long.pop() {
            let content = at + 1..source_end;
            target_end -= content.len();
            self.bytes.copy_within(content, target_end);
            let (varint, varint_length) = encoded(length as u64);
            target_end -= varint_length;
            for (place, byte) in self.bytes.iter_mut().skip(target_end).zip(varint).take(varint_length) {
                *place = byte;
            }
            source_end = at;
        }
        self.extra = 0;
    }
}

/// A varint and how many bytes it has.
#[inline]
fn encoded(mut value: u64) -> ([u8; VARINT_BYTES_MAX], usize) {
    let mut bytes = [0; VARINT_BYTES_MAX];
    let mut length = 0;
    for byte in &mut bytes {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        length += 1;
        if value == 0 {
            *byte = low & 0x7f;
            break;
        }
        *byte = low | 0x80;
    }
    (bytes, length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_are_as_prost_writes_them() {
        let values = (0..64).flat_map(|shift| [(1_u64 << shift) - 1, 1 << shift]).chain([u64::MAX]);
        for value in values {
            let mut expected = Vec::new();
            prost::encoding::encode_varint(value, &mut expected);
            let mut output = Output::default();
            output.varint(value);
            assert_eq!(output.bytes(), expected, "{value}");
        }
    }

    /// Messages within messages with so many bytes in the innermost.
    fn nested(depth: usize, content: usize) -> Vec<u8> {
        (0..depth).fold(vec![7; content], |inner, _| {
            let mut outer = vec![0x0a];
            prost::encoding::encode_varint(inner.len() as u64, &mut outer);
            [outer, inner].concat()
        })
    }

    #[test]
    fn lengths_of_any_size_stand_before_their_messages() {
        let mut output = Output::default();
        for content in [0, 1, 100, 125, 126, 127, 128, 129, 16_380, 16_384, 70_000] {
            let (depth, mut expected) = (40, Vec::new());
            output.begin(0);
            for content in [content, 3, content] {
                let opened: Vec<_> = (0..depth)
                    .map(|_| {
                        output.tag(1, WireType::Bytes);
                        output.open(&mut Meter::unlimited()).unwrap()
                    })
                    .collect();
                output.raw(&vec![7; content]);
                opened.iter().rev().for_each(|opened| output.close(opened));
                expected.extend(nested(depth, content));
            }
            output.finish();
            assert!(output.bytes() == expected, "{content}");
        }
    }
}
