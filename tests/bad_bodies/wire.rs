//! OTLP messages put together byte by byte, so that they can be what no library writes.

use prost::encoding::encode_varint;
use telemetryflow::shared::Signal;

use crate::support::otlp::ten_minutes_ago;

/// A length-delimited field.
pub fn field(number: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 8);
    encode_varint(u64::from(number << 3 | 2), &mut bytes);
    encode_varint(content.len() as u64, &mut bytes);
    bytes.extend(content);
    bytes
}

/// A field of eight bytes.
pub fn fixed64(number: u32, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_varint(u64::from(number << 3 | 1), &mut bytes);
    bytes.extend(value.to_le_bytes());
    bytes
}

/// So many empty messages in the fields of a number.
pub fn empty(number: u32, count: usize) -> Vec<u8> {
    field(number, b"").repeat(count)
}

/// A `KeyValue` whose value is an `AnyValue` in bytes.
pub fn key_value(key: &[u8], any_value: &[u8]) -> Vec<u8> {
    [field(1, key), field(2, any_value)].concat()
}

/// A `KeyValue` of two texts.
pub fn text(key: &[u8], value: &[u8]) -> Vec<u8> {
    key_value(key, &field(1, value))
}

/// `AnyValue { array_value { values: ... } }`, from the inside out.
pub fn nested_array(depth: usize) -> Vec<u8> {
    nested(depth, &[0x2a, 0x0a])
}

/// `AnyValue { kvlist_value { values { value: ... } } }`, from the inside out.
pub fn nested_map(depth: usize) -> Vec<u8> {
    nested(depth, &[0x32, 0x0a, 0x12])
}

/// Messages whose tags are given, again and again. Written back to front, so that no level is copied.
fn nested(depth: usize, tags: &[u8]) -> Vec<u8> {
    let mut reversed: Vec<u8> = Vec::new();
    for tag in (0..depth).flat_map(|_| tags.iter().rev()) {
        let mut header = vec![*tag];
        encode_varint(reversed.len() as u64, &mut header);
        reversed.extend(header.iter().rev());
    }
    reversed.reverse();
    reversed
}

/// What carries the items of a signal, and where their attributes are.
pub trait Shape {
    /// A valid item, and what is added to it.
    fn item(self, added: &[u8]) -> Vec<u8>;
    /// Field number of an item's attributes.
    fn attributes(self) -> u32;
    /// A scope's message around items.
    fn scope(self, items: &[Vec<u8>]) -> Vec<u8>;
    /// A request around items, with attributes of the resource.
    fn request(self, resource: &[u8], items: &[Vec<u8>]) -> Vec<u8>;
}

impl Shape for Signal {
    fn item(self, added: &[u8]) -> Vec<u8> {
        let time = ten_minutes_ago();
        let own = match self {
            Self::Metrics => [fixed64(3, time), fixed64(6, 1)].concat(),
            Self::Logs => fixed64(1, time),
            Self::Traces => {
                [field(1, &[7; 16]), field(2, &[7; 8]), fixed64(7, time), fixed64(8, time + 1)].concat()
            }
        };
        [&own[..], added].concat()
    }

    fn attributes(self) -> u32 {
        match self {
            Self::Metrics => 7,
            Self::Logs => 6,
            Self::Traces => 9,
        }
    }

    fn scope(self, items: &[Vec<u8>]) -> Vec<u8> {
        match self {
            Self::Metrics => {
                let points: Vec<u8> = items.iter().flat_map(|item| field(1, item)).collect();
                field(2, &[field(1, b"bad"), field(5, &points)].concat())
            }
            Self::Logs | Self::Traces => items.iter().flat_map(|item| field(2, item)).collect(),
        }
    }

    fn request(self, resource: &[u8], items: &[Vec<u8>]) -> Vec<u8> {
        field(1, &[field(1, resource), field(2, &self.scope(items))].concat())
    }
}

/// A request with one metric whose data is in the field `kind`, around the bytes of one point.
pub fn metric_of(kind: u32, point: &[u8]) -> Vec<u8> {
    let data = [field(1, point), vec![0x10, 1]].concat();
    field(1, &field(2, &field(2, &[field(1, b"bad"), field(kind, &data)].concat())))
}

pub const HISTOGRAM: u32 = 9;
pub const EXPONENTIAL_HISTOGRAM: u32 = 10;
pub const SUMMARY: u32 = 11;
